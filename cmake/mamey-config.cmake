# find_package(mamey [COMPONENTS host …]): targets mamey::host, mamey::core, …; a component is a folder of mamey/.
if(CMAKE_VERSION VERSION_LESS 3.25)
  set(mamey_FOUND FALSE)
  set(mamey_NOT_FOUND_MESSAGE "mamey needs CMake 3.25 or newer")
  return()
endif()

# The static libraries link these; the list is the one mamey itself was built with.
include(${CMAKE_CURRENT_LIST_DIR}/mamey-dependencies.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/mamey-targets.cmake)

foreach(component ${mamey_FIND_COMPONENTS})
  if(TARGET mamey::${component})
    set(mamey_${component}_FOUND TRUE)
  endif()
endforeach()
include(FindPackageHandleStandardArgs)
set(mamey_CONFIG ${CMAKE_CURRENT_LIST_FILE})
find_package_handle_standard_args(mamey CONFIG_MODE HANDLE_COMPONENTS)
