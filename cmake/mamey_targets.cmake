# mamey_library(NAME [SOURCES …] [DEPENDS mamey targets…] [LINKS private outside libraries…])
#   One folder, one target: folder `cqrs` is `mamey_cqrs`, alias and export name `mamey::cqrs`.
add_library(mamey_options INTERFACE)
add_library(mamey::options ALIAS mamey_options)
set_target_properties(mamey_options PROPERTIES EXPORT_NAME options)
target_compile_features(mamey_options INTERFACE cxx_std_20)
# A designated initialiser that leaves members at their defaults is the idiom of options and messages.
target_compile_options(mamey_options INTERFACE -Wno-missing-field-initializers)
target_include_directories(mamey_options INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
install(TARGETS mamey_options EXPORT mamey-targets)

# How our own code is compiled; never exported.
add_library(mamey_own_code INTERFACE)
# The last option once more, unlike the first so that CMake keeps it: for clang the later word wins, and -Wextra is a later one.
target_compile_options(mamey_own_code INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fstack-clash-protection
                                                "SHELL:-Wno-missing-field-initializers")
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # With optimisation this compiler sees what is not there: overlaps in `"text" + string` (GCC bug 105651), and uninitialised members in the
  # clean-up of designated initialisers. Clang and the sanitizers look for the real ones.
  target_compile_options(mamey_own_code INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  # The standard library of g++ 12 uses a deprecated function of its own in stable_sort; g++ looks for ours. The form keeps it behind -Wall.
  target_compile_options(mamey_own_code INTERFACE "SHELL:-Wno-deprecated-declarations")
endif()
if(MAMEY_SANITIZE)
  # Not `vptr`: it looks at memory through a pipe, and some tests leave the process no descriptor for one.
  target_compile_options(mamey_own_code INTERFACE -fsanitize=${MAMEY_SANITIZE} -fno-sanitize=vptr -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(mamey_options INTERFACE $<BUILD_INTERFACE:-fsanitize=${MAMEY_SANITIZE}>)
endif()

function(mamey_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;LINKS" ${ARGN})
  set(target mamey_${name})
  add_library(${target} STATIC ${arg_SOURCES})
  add_library(mamey::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(${target} PUBLIC mamey_options ${arg_DEPENDS} PRIVATE $<BUILD_INTERFACE:mamey_own_code> ${arg_LINKS})
  install(TARGETS ${target} EXPORT mamey-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

# mamey_test(NAME [SINGLE_ENTRY] SOURCES … DEPENDS … [LABELS …] [TIMEOUT …]): a GoogleTest executable, one ctest entry a test case; with
#   SINGLE_ENTRY one for all, where they share a server that is dear to start. TIMEOUT, in seconds, ends what hangs; a machine that is only busy must never
#   meet it: several times what the entry takes with four processes spinning beside it, and well below the 90 minutes that a whole run may take.
function(mamey_test name)
  cmake_parse_arguments(arg "SINGLE_ENTRY" "TIMEOUT" "SOURCES;DEPENDS;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 600)
  endif()
  add_executable(${name} ${arg_SOURCES} ${PROJECT_SOURCE_DIR}/tests/support/process_locale.cpp)
  list(LENGTH arg_SOURCES sources)
  if(sources GREATER 3)  # fewer do not pay for it
    target_precompile_headers(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/precompiled.hpp)
  endif()
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS} mamey_own_code GTest::gtest GTest::gtest_main)
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)  # what is tested is built as it is shipped; a test itself gains nothing by more
  foreach(label ${arg_LABELS})  # `tests_unit` builds what `ctest -L unit` runs
    if(NOT TARGET tests_${label})
      add_custom_target(tests_${label})
    endif()
    add_dependencies(tests_${label} ${name})
  endforeach()
  if("unit" IN_LIST arg_LABELS)
    set_property(GLOBAL APPEND PROPERTY mamey_unit_tests ${name})
  endif()
  if(arg_SINGLE_ENTRY)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT})
    return()
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT})
endfunction()
