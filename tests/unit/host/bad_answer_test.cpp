/// What a client hears when another service refuses a call of ours: nothing of what the other has said, least of all its 404.
#include <gtest/gtest.h>

#include <string>

#include <mamey/application.hpp>
#include <mamey/http/client.hpp>
#include <mamey/testing/harness.hpp>

namespace {

struct Priced {
  int status = 0;
};

mamey::application asking() {
  return mamey::application("orders").get("/prices/{status}", [](const Priced& asked) {
    mamey::http::throw_unless_ok({.status = asked.status, .body = R"({"code":"no_price","reason":"none at 10.1.2.3"})"},
                                 "http://pricing.internal/prices");
    return asked;
  });
}

TEST(bad_answers, of_another_service_are_502_without_its_code_and_words) {
  mamey::testing::harness orders{asking()};
  for (const auto* status : {"400", "401", "403", "404", "409", "422", "500"}) {
    const auto heard = orders.get(std::string("/prices/") + status);
    EXPECT_EQ(heard.status, 502) << status;
    EXPECT_NE(heard.body.find(R"("code":"bad_answer")"), std::string::npos) << heard.body;
    for (const auto* word : {"no_price", "10.1.2.3", "internal"}) EXPECT_EQ(heard.body.find(word), std::string::npos) << heard.body;
  }
  EXPECT_EQ(orders.get("/prices/200").status, 200);
  for (const auto* status : {"429", "502", "503"}) EXPECT_EQ(orders.get(std::string("/prices/") + status).status, 503) << status;
  EXPECT_EQ(orders.get("/prices/504").status, 504);
}

TEST(bad_answers, tell_the_caller_in_this_program_what_was_answered) {
  try {
    mamey::http::throw_unless_ok({.status = 404, .body = R"({"code":"no_price","reason":"there is none"})"}, "pricing");
    ADD_FAILURE() << "a 404 is no answer";
  } catch (const mamey::http::bad_answer& refused) {
    EXPECT_EQ(refused.status(), 404);
    EXPECT_EQ(refused.code(), "no_price");
    EXPECT_NE(refused.reason().find("there is none"), std::string::npos);
  }
}

}  // namespace
