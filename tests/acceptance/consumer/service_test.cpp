#include <gtest/gtest.h>

#include <mamey/application.hpp>
#include <mamey/testing/harness.hpp>

struct Open {
  std::string name;
};
void open(const Open&) {}

TEST(service, opens) {
  mamey::testing::harness tested{mamey::module("doors").commands<open>().post<Open>("/doors/{name}")};

  EXPECT_EQ(tested.post("/doors/front").status, 200);
}

TEST(service, has_its_page_without_a_file_on_a_disk) {
  mamey::testing::harness tested{mamey::module("doors").commands<open>().post<Open>("/doors/{name}")};

  EXPECT_EQ(tested.get("/docs").status, 200);
  EXPECT_NE(tested.get("/docs/swagger-ui.css").body.find(".swagger-ui"), std::string::npos);
  EXPECT_NE(tested.get("/docs/swagger-ui-bundle.js").body.find("SwaggerUIBundle"), std::string::npos);
}
