/// A service whose handlers misbehave on demand, for the tests of bad days. Its messages abort the process, throw what is no exception, or are ordinary.

#include <chrono>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>

#include <poll.h>

#include <mamey/application.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/persistence/sqlite/feature.hpp>
#include <mamey/runtime/fiber.hpp>

namespace {

const mamey::logger log("trouble");

enum class Deed { ordinary, abort, throw_int };

struct Thing {
  mamey::uuid id;
  std::string note;
  int times = 0;  // its event was handled
};

// What happens to things: as a message of the bus, and as a command sent to oneself for later
struct ThingAdded {
  static constexpr mamey::message_options message{.exchange = "trouble"};
  mamey::uuid id;
  Deed deed = Deed::ordinary;
};
struct FinishThing {
  mamey::uuid id;
  Deed deed = Deed::ordinary;
};

struct AddThing {
  mamey::uuid id;
  std::string note;
  Deed deed = Deed::ordinary;
  std::optional<int> after_milliseconds;
};
struct GetThing {
  using result = std::optional<Thing>;
  mamey::uuid id;
};

struct Throw {
  std::string what;
};
struct Sleep {
  int milliseconds = 0;
};
struct Block {
  int milliseconds = 0;
};
struct Fill {
  int bytes = 0;
};
struct Tell {
  int lines = 0;
};
struct Text {
  std::string text;
};

struct Tick {};

void perform(Deed deed) {
  if (deed == Deed::abort) std::abort();
  if (deed == Deed::throw_int) throw 42;  // NOLINT: that is the point
}

void count(const mamey::uuid& id, mamey::read_models<Thing>& things) {
  auto thing = things.find(id).value();
  ++thing.times;
  things.put(thing);
}

void add_thing(const AddThing& command, mamey::read_models<Thing>& things, mamey::publisher& messages) {
  things.put({.id = command.id, .note = command.note});
  if (command.after_milliseconds)
    messages.send_later(FinishThing{command.id, command.deed}, std::chrono::milliseconds(*command.after_milliseconds));
  else
    messages.publish(ThingAdded{command.id, command.deed});
}

void on_thing_added(const ThingAdded& event, mamey::read_models<Thing>& things) {
  perform(event.deed);
  count(event.id, things);
}

void finish_thing(const FinishThing& command, mamey::read_models<Thing>& things) {
  perform(command.deed);
  count(command.id, things);
}

void tick(const Tick&) {}

std::optional<Thing> get_thing(const GetThing& query, mamey::read_models<Thing>& things) { return things.find(query.id); }

Text throw_something(const Throw& asked) {
  if (asked.what == "int") throw 42;                        // NOLINT
  if (asked.what == "text") throw "the password is xyzzy";  // NOLINT
  throw std::runtime_error("the password is xyzzy");
}

Text sleep_through(const Sleep& asked) {
  mamey::sleep_for(std::chrono::milliseconds(asked.milliseconds));
  return {"awake"};
}

/// What a handler must not do: nothing else on its loop runs meanwhile.
Text block_the_loop(const Block& asked) {
  ::poll(nullptr, 0, asked.milliseconds);
  return {"unblocked"};
}

Text tell(const Tell& asked) {
  for (int line = 1; line <= asked.lines; ++line) log.info("line {line} of {lines}", line, asked.lines);
  return {"told"};
}

Text fill(const Fill& asked) { return {std::string(static_cast<std::size_t>(asked.bytes), 'x')}; }

}  // namespace

int main(int argc, char** argv) {
  return mamey::application("trouble")
      .add(mamey::sqlite())
      .add(mamey::messaging())
      .add(mamey::module("trouble")
               .commands<add_thing, finish_thing, tick>()
               .every(std::chrono::hours(24), mamey::send<Tick>())
               .queries<get_thing>()
               .events<on_thing_added>()
               .post<AddThing>("/things", mamey::created("/things/{id}"))
               .get<GetThing>("/things/{id}"))
      .get("/throw/{what}", [](const Throw& asked) { return throw_something(asked); })
      .get("/sleep/{milliseconds}", [](const Sleep& asked) { return sleep_through(asked); })
      .get("/block/{milliseconds}", [](const Block& asked) { return block_the_loop(asked); })
      .get("/tell/{lines}", [](const Tell& asked) { return tell(asked); })
      .get("/fill/{bytes}", [](const Fill& asked) { return fill(asked); })
      .run(argc, argv);
}
