#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <mamey/application.hpp>
#include <mamey/testing/harness.hpp>

namespace {

struct Named {
  std::string n = "-";
};

mamey::application with_long_patterns() {
  return mamey::application("names")
      .get("/a/rather/long/pattern/{n}", [](const Named& named) { return named; })
      .get("/another/rather/long/pattern/{n}", [](const Named& named) { return named; })
      .add(mamey::module("clinic").post("/clinic::of/the/other/kind/{n}", [](const Named& named) { return named; }));
}

TEST(in_place_names, an_endpoint_written_in_place_is_called_by_its_pattern_for_as_long_as_it_serves) {
  mamey::testing::harness names{with_long_patterns()};
  std::vector<std::string> others;  // takes what composing has freed
  for (int i = 0; i < 200; ++i) others.emplace_back(static_cast<std::size_t>(16 + i % 64), 'x');

  EXPECT_EQ(names.get("/a/rather/long/pattern/7").status, 200);
  EXPECT_EQ(names.get("/another/rather/long/pattern/7").status, 200);
  EXPECT_EQ(names.get("/another/rather/long/pattern/8").status, 200);
  EXPECT_EQ(names.post("/clinic::of/the/other/kind/9").status, 200);

  const auto page = names.get("/metrics").body;
  for (const auto* line : {R"(mamey_handled_total{handler="/a/rather/long/pattern/{n}",outcome="ok"} 1)",
                           R"(mamey_handled_total{handler="/another/rather/long/pattern/{n}",outcome="ok"} 2)",
                           R"(mamey_handled_total{handler="/clinic::of/the/other/kind/{n}",outcome="ok"} 1)"}) {
    EXPECT_NE(page.find(line), std::string::npos) << line << " is not on\n" << page;
  }
}

TEST(in_place_names, metrics_name_the_module_as_controller_and_nothing_outside_of_modules) {
  mamey::testing::harness names{with_long_patterns()};
  EXPECT_EQ(names.get("/a/rather/long/pattern/7").status, 200);
  EXPECT_EQ(names.post("/clinic::of/the/other/kind/9").status, 200);
  EXPECT_EQ(names.get("/ping").status, 200);
  const auto page = names.get("/metrics").body;
  for (const auto* line : {R"(http_requests_received_total{code="200",method="GET",controller="",action="Named"} 1)",
                           R"(http_requests_received_total{code="200",method="POST",controller="clinic",action="Named"} 1)",
                           R"(http_requests_received_total{code="200",method="GET",controller="",action="/ping"} 1)"}) {
    EXPECT_NE(page.find(line), std::string::npos) << line << " is not on\n" << page;
  }
}

TEST(in_place_names, a_complaint_names_the_application_where_no_module_is) {
  try {
    mamey::testing::harness names{mamey::application("names").get("/{other}", [](const Named& named) { return named; })};
    (void)names.get("/ping");
    ADD_FAILURE() << "a parameter that fills nothing was taken";
  } catch (const mamey::error& refused) {
    EXPECT_EQ(std::string(refused.what()).find("module"), std::string::npos) << refused.what();
    EXPECT_NE(std::string(refused.what()).find("GET /{other} (the application) has the parameter {other}"), std::string::npos)
        << refused.what();
  }
}

}  // namespace
