# Every outside library, once, with its reason. scripts/setup installs the same list, and Swagger UI, the page /docs (mamey/web/CMakeLists.txt).
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS context)  # context: fiber switches
find_package(simdjson REQUIRED)                       # reading JSON
find_package(spdlog REQUIRED)                         # log sinks and their background queue
find_package(SQLite3 REQUIRED)                        # the embedded store
find_package(PkgConfig REQUIRED)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)   # patterns in validation rules: linear time, no recursion
find_package(OpenSSL REQUIRED)                        # random bytes, hashes; TLS
find_package(ZLIB REQUIRED)                           # bodies of messages that other libraries packed with gzip; the page /docs for clients without it
find_package(PostgreSQL)                               # libpq, PostgreSQL's client: pipelines and TLS; without it persistence/postgres is left out
# Time zones of the system's database (g++ 12 has none). The library brings neither a CMake package nor a .pc file.
find_library(MAMEY_CCTZ_LIBRARY cctz REQUIRED)
find_path(MAMEY_CCTZ_INCLUDE cctz/time_zone.h REQUIRED)
mark_as_advanced(MAMEY_CCTZ_LIBRARY MAMEY_CCTZ_INCLUDE)
if(NOT TARGET cctz::cctz)
  add_library(cctz::cctz UNKNOWN IMPORTED)
  set_target_properties(cctz::cctz PROPERTIES IMPORTED_LOCATION ${MAMEY_CCTZ_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${MAMEY_CCTZ_INCLUDE})
endif()
