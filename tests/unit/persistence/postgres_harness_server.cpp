// The harness's namespace is another `mamey::testing` than that of the tests' own support: the two do not meet in one file.

#include "../../support/postgres_server.hpp"

namespace harness_on_postgres {

std::string connection_string() { return mamey::testing::postgres_server::shared().connection_string(); }
std::string make_schema() {
  auto name = mamey::testing::postgres_server::fresh_name();
  mamey::testing::postgres_server::shared().execute("create schema " + name);
  return name;
}
std::string value(const std::string& sql) { return mamey::testing::postgres_server::shared().execute(sql).at(0).at(0); }
void drop_schema(const std::string& name) {
  mamey::testing::postgres_server::shared().execute("set client_min_messages = error; drop schema if exists " + name + " cascade");
}

}  // namespace harness_on_postgres
