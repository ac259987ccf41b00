#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/core/error.hpp>
#include <mamey/host/detail/management_listener.hpp>
#include <mamey/host/detail/settings.hpp>

namespace mamey::testing {
namespace {

/// Why management may not listen there while the service listens at `service`; empty when it may.
std::string refusal(const std::string& management, const std::string& service) {
  configuration values;
  values.set("management:urls:0", management, "the test");
  try {
    check_management_urls({.urls = {management}}, {.urls = {"http://127.0.0.1:4000", service}}, values);
  } catch (const configuration_error& refused) {
    return refused.reason();
  }
  return {};
}

TEST(management_listener, an_address_of_the_service_is_refused_with_its_place) {
  EXPECT_EQ(refusal("http://127.0.0.1:5000", "http://*:5000"),
            "the test: management:urls:0: http://127.0.0.1:5000 is where the service listens (http://*:5000): give management an "
            "address of its own, or remove the setting to have it there, "
            "guarded");
  using pairs = std::vector<std::pair<const char*, const char*>>;
  for (const auto& [management, service] : pairs{{"http://*:5000", "http://127.0.0.1:5000"},
                                                 {"http://0.0.0.0:5000", "http://10.0.0.7:5000"},
                                                 {"http://[::]:5000", "http://127.0.0.1:5000"},
                                                 {"http://localhost:5000", "http://127.0.0.1:5000"},
                                                 {"http://+:5000", "https://[::1]:5000"},
                                                 {"https://10.0.0.7:5000", "http://10.0.0.7:5000"},
                                                 {"http://unix:/run/a.sock", "http://unix:/run/a.sock"},
                                                 {"http://10.0.0.7", "http://*:80"}})
    EXPECT_NE(refusal(management, service).find("is where the service listens"), std::string::npos) << management << " beside " << service;
  for (const auto& [management, service] : pairs{{"http://*:9001", "http://*:5000"},
                                                 {"http://127.0.0.1:5000", "http://10.0.0.7:5000"},
                                                 {"http://[::1]:5000", "http://127.0.0.1:5000"},
                                                 {"http://127.0.0.1:0", "http://127.0.0.1:0"},
                                                 {"http://*:0", "http://*:5000"},
                                                 {"http://unix:/run/a.sock", "http://unix:/run/b.sock"},
                                                 {"http://unix:/run/a.sock", "http://*:80"}})
    EXPECT_EQ(refusal(management, service), "") << management << " beside " << service;
}

TEST(management_listener, what_is_no_address_is_refused_with_its_place) {
  for (const auto* wrong : {"http://", "ftp://127.0.0.1:9001", "http://127.0.0.1:70000", "http://unix:m.sock", "http://unix:/run/"}) {
    EXPECT_EQ(refusal(wrong, "http://*:5000").find("the test: management:urls:0: cannot listen on \"" + std::string(wrong) + "\": "), 0U)
        << refusal(wrong, "http://*:5000");
  }
}

TEST(management_listener, its_bounds_have_ranges) {
  const auto refused = [](const char* key, const char* value) -> std::string {
    configuration values;
    values.set(std::string("management:") + key, value, "the test");
    try {
      read_settings("orders", values);
    } catch (const configuration_error& wrong) {
      return wrong.reason();
    }
    return {};
  };
  EXPECT_EQ(refused("socketMode", "rw"),
            "the test: management:socketMode: expected permissions in octal, 0000 to 0777, such as 0660, or nothing, got \"rw\"");
  for (const auto* wrong : {"0888", "1777", "00660", "-660", "0x1f", "660 "}) EXPECT_NE(refused("socketMode", wrong), "") << wrong;
  for (const auto* right : {"0660", "600", "0", ""}) EXPECT_EQ(refused("socketMode", right), "") << right;
  EXPECT_NE(refused("maxConnections", "0").find("management:maxConnections: expected 1 to"), std::string::npos)
      << refused("maxConnections", "0");
  EXPECT_NE(refused("maxInFlight", "0").find("management:maxInFlight: expected 1 to"), std::string::npos);
  EXPECT_NE(refused("requestTimeout", "-00:00:01").find("management:requestTimeout"), std::string::npos);
}

}  // namespace
}  // namespace mamey::testing
