#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include <mamey/application.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/running_application.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/shutdown.hpp>

namespace {

using namespace mamey;

struct Knock {
  static constexpr message_options message{.exchange = "door"};
  std::string name;
};
struct Knocked {
  static constexpr message_options message{.exchange = "door"};
  std::string name;
};

/// What one message notes down for itself.
struct notepad {
  static inline int open = 0, most_open = 0;
  std::string text;
  notepad() { most_open = std::max(most_open, ++open); }
  ~notepad() { --open; }
};
struct scribe {
  notepad& pad;
  void note(const std::string& text) { pad.text += text; }
};

std::set<const notepad*> pads;
std::multiset<std::string> texts;

void knock(const Knock& command, publisher& messages) { messages.publish(Knocked{command.name}); }
void on_knocked(const Knocked& event, notepad& own, scribe& writer) {
  own.text += event.name;
  sleep_for(std::chrono::seconds(1));  // the others come meanwhile
  writer.note("!");
  pads.insert(&own);
  texts.insert(own.text);
}

TEST(concurrent_messages, have_scoped_services_of_their_own) {
  simulated_runtime time;
  auto what = application("door")
                  .add(messaging())
                  .add(module("door")
                           .services([](services& into) { into.add<notepad>(lifetime::scoped).add<scribe>(lifetime::scoped); })
                           .commands<knock>()
                           .events<on_knocked>());
  running_application running(std::move(what).release(), {.system_loop = &time.loop(), .workers = {&time.loop()}});
  time.run([&] {
    running.prepare();
    running.consume();
    running.start();
    for (const auto* name : {"ann", "bob", "eve"}) running.handlers().send(Knock{name});
    sleep_for(std::chrono::seconds(5));
    EXPECT_EQ(notepad::most_open, 3) << "all at the same time";
    EXPECT_EQ(pads.size(), 3U);
    EXPECT_EQ(texts, (std::multiset<std::string>{"ann!", "bob!", "eve!"})) << "one object a message, the same for all that ask in it";
    EXPECT_EQ(notepad::open, 0) << "gone with their messages";
    shutdown_plan plan;
    running.plan_shutdown(plan);
    plan.run([](std::string_view, const std::string&) {});
  });
}

}  // namespace
