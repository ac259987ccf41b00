# `cmake --install` and what find_package(mamey) reads there. The libraries themselves are installed by mamey_library.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/mamey)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/mamey DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(EXPORT mamey-targets NAMESPACE mamey:: DESTINATION ${package_dir})

write_basic_package_version_file(${PROJECT_BINARY_DIR}/mamey-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_SOURCE_DIR}/cmake/mamey-config.cmake ${PROJECT_BINARY_DIR}/mamey-config-version.cmake DESTINATION ${package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/cmake/dependencies.cmake DESTINATION ${package_dir} RENAME mamey-dependencies.cmake)
