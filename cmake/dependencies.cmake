# Every outside library, once, with its reason. scripts/setup installs the same list.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS context)  # context: fiber switches; Beast (header-only): HTTP/1.1 parser
find_package(simdjson REQUIRED)                       # reading JSON
find_package(spdlog REQUIRED)                         # log sinks and their background queue
find_package(SQLite3 REQUIRED)                        # the embedded store
find_package(PkgConfig REQUIRED)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)   # patterns in validation rules: linear time, no recursion
find_package(OpenSSL REQUIRED)                        # random bytes, hashes; TLS
find_package(PostgreSQL)                               # libpq, PostgreSQL's client: pipelines and TLS; without it persistence/postgres is left out
