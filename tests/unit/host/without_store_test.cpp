#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>

#include <mamey/application.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/running_application.hpp>
#include <mamey/messaging/store.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/shutdown.hpp>
#include <tests/support/memory_queues.hpp>

#include "../observability/log_capture.hpp"

namespace {

using namespace mamey;

struct Greet {
  static constexpr message_options message{.exchange = "hall"};
  std::string name;
};
struct Greeted {
  static constexpr message_options message{.exchange = "hall"};
  std::string name;
};
struct Announce {
  static constexpr message_options message{.exchange = "hall"};
  std::string name;
};
struct Later {
  std::string name;
};

int greetings = 0;
std::string heard, announced;

void greet(const Greet& command, publisher& messages) {
  ++greetings;
  messages.publish(Greeted{command.name});
  if (command.name == "king") messages.send(Announce{command.name});
  if (command.name == "nobody") throw domain_error("nobody", "nobody is greeted");
}
void later(const Later& command, publisher& messages) { messages.send_later(Later{command.name}, std::chrono::hours(1)); }
void on_greeted(const Greeted& event) {
  if (event.name == "nil") throw domain_error("nil", "nobody of that name");
  heard += event.name;
}
void announce(const Announce& command) { announced = command.name; }
void store_it(const Later&, database&) {}

class without_store : public ::testing::Test {
 protected:
  without_store() {
    greetings = 0;
    heard.clear();
    announced.clear();
  }

  void run(application what, const std::function<void(pipeline&)>& work, bool over_queues = false) {
    simulated_runtime time;
    mamey::testing::memory_queues* kept = nullptr;
    auto definition = std::move(what).release();
    if (over_queues) {
      definition->offer_queues("the test", [&](const environment&) {
        auto made = std::make_unique<mamey::testing::memory_queues>();
        kept = made.get();
        return made;
      });
    }
    running_application running(std::move(definition), {.system_loop = &time.loop(), .workers = {&time.loop()}});
    time.run([&] {
      running.prepare();
      running.consume();
      running.start();
      EXPECT_EQ(kept != nullptr, over_queues);
      work(running.handlers());
      sleep_for(std::chrono::seconds(5));
      auto request = http::request::make(http_method::get, "/metrics");
      http::response response;
      running.requests().handle(request, response);
      metrics_ = response.body();
      shutdown_plan plan;
      running.plan_shutdown(plan);
      plan.run([](std::string_view, const std::string&) {});
    });
  }

  std::string metrics_;  // at its end

  static application hall() {
    return application("hall")
        .add(messaging())
        .add(module("hall").commands<greet, announce, later>().subscribes<Greet, Announce>().events<on_greeted>());
  }
};

TEST_F(without_store, messages_go_straight_to_the_transport_when_the_handler_has_succeeded) {
  for (const bool over_queues : {false, true}) {
    heard.clear();
    announced.clear();
    run(
        hall(),
        [](pipeline& handlers) {
          handlers.send(Greet{"ann"});
          handlers.send(Greet{"king"});
          EXPECT_THROW(handlers.send(Greet{"nobody"}), domain_error);
        },
        over_queues);
    EXPECT_TRUE(heard == "annking" || heard == "kingann") << heard << over_queues << ": no order was asked for";
    EXPECT_EQ(announced, "king") << over_queues;
  }
}

TEST_F(without_store, a_command_that_nobody_takes_is_an_error_of_its_sender) {
  const auto sender = [] { return application("hall").add(messaging()).add(module("hall").commands<greet>()); };
  for (const bool over_queues : {false, true}) {
    run(
        sender(),
        [](pipeline& handlers) {
          EXPECT_NO_THROW(handlers.send(Greet{"ann"})) << "an event may find nobody";
          EXPECT_THROW(handlers.send(Greet{"king"}), unavailable);
        },
        over_queues);
  }
}

TEST_F(without_store, the_start_says_what_is_missing) {
  const log_capture capture;
  run(hall(), [](pipeline&) {});
  const auto all = capture.records();
  EXPECT_TRUE(std::ranges::any_of(all, [](const auto& each) {
    return each.level == log_level::warning && each.message.find("hall has no store") != std::string::npos &&
           each.message.find("without an inbox") != std::string::npos;
  }));
}

TEST_F(without_store, a_message_that_fails_for_good_is_counted_as_lost) {
  run(hall(), [](pipeline& handlers) { handlers.send(Greet{"nil"}); });
  EXPECT_NE(metrics_.find("mamey_messages_lost_total{subscription=\"Greeted\"} 1\n"), std::string::npos) << metrics_;
  EXPECT_EQ(heard, "");
}

TEST_F(without_store, what_needs_one_is_refused) {
  run(hall(), [](pipeline& handlers) { EXPECT_THROW(handlers.send(Later{"ann"}), internal_error); });
  const auto refusal = [this](application what) {
    try {
      run(std::move(what), [](pipeline&) {});
    } catch (const error& reason) {
      return reason.reason();
    }
    return std::string("started");
  };
  EXPECT_NE(refusal(application("hall").add(module("hall").commands<store_it>()))
                .find("store_it asks for a database, but application hall has no store"),
            std::string::npos);
  EXPECT_NE(refusal(application("hall").add(module("hall").commands<greet>()))
                .find("greet asks for a publisher, but application hall has no messaging"),
            std::string::npos);
}

TEST(stores, of_two_features_are_refused_naming_both) {
  auto definition = application("hall").release();
  const auto open = [](const environment&) { return std::unique_ptr<store>(); };
  definition->use_store({.name = "sqlite", .feature = "mamey::sqlite()"}, open);
  try {
    definition->use_store({.name = "postgres", .feature = "mamey::postgres()"}, open);
    FAIL() << "taken";
  } catch (const error& reason) {
    EXPECT_NE(reason.reason().find("sqlite"), std::string::npos) << reason.reason();
    EXPECT_NE(reason.reason().find("postgres"), std::string::npos) << reason.reason();
  }
}

}  // namespace
