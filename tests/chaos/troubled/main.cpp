/// A service that misbehaves as told: POST /things commits a row and publishes ThingAdded, whose handlers write a row a run that committed. What a thing's deed says, or what
/// POST /mood/{mood} said last, is what they do first. TROUBLED_AS in the environment makes it another service (`twoHandlers`) or a later version (`newer`).

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include <mamey/application.hpp>
#include <mamey/messaging/rabbitmq/feature.hpp>
#include <mamey/persistence/postgres/feature.hpp>
#include <mamey/runtime/fiber.hpp>

namespace {

enum class Deed { ordinary, dawdle, fail, refuse, abort };
enum class Mood { asTold, calm, failing, refusing };

struct Temper {
  std::atomic<Mood> mood{Mood::asTold};
};

struct ThingAdded {
  static constexpr mamey::message_options message{.exchange = "things"};
  mamey::uuid id;
  Deed deed = Deed::ordinary;
  std::string note;
};

namespace newer {
struct ThingAdded {
  static constexpr mamey::message_options message{.exchange = "things", .version = 2, .min_version = 2};
  mamey::uuid id;
  std::string colour;
};
}  // namespace newer

struct AddThing {
  mamey::uuid id;
  Deed deed = Deed::ordinary;
  std::string note;
};

struct SetMood {
  Mood mood = Mood::asTold;
};
struct Told {
  Mood mood = Mood::asTold;
};

void perform(Deed deed, Mood mood) {
  if (mood == Mood::calm) return;
  if (mood == Mood::failing || deed == Deed::fail) throw std::runtime_error("as asked");
  if (mood == Mood::refusing || deed == Deed::refuse) throw mamey::domain_error("refused", "as asked");
  if (deed == Deed::abort) std::abort();
  if (deed == Deed::dawdle) mamey::sleep_for(std::chrono::milliseconds(100));
}

void write_down(mamey::database& rows, std::string_view handler, const mamey::uuid& thing) {
  rows.execute({"insert into handled (handler, thing) values (?, ?::uuid)", {std::string(handler), to_string(thing)}, {}});
}

template <class Added>
void add_thing(const AddThing& command, mamey::database& rows, mamey::publisher& messages) {
  rows.execute({"insert into things (id) values (?::uuid)", {to_string(command.id)}, {}});
  if constexpr (requires(Added event) { event.colour; })
    messages.publish(Added{command.id, "green"});
  else
    messages.publish(Added{command.id, command.deed, command.note});
}

void book_thing(const ThingAdded& event, mamey::database& rows, Temper& temper) {
  perform(event.deed, temper.mood);
  write_down(rows, "book_thing", event.id);
}

void count_thing(const ThingAdded& event, mamey::database& rows) { write_down(rows, "count_thing", event.id); }

namespace newer {  // the same handler, a release later
void book_thing(const ThingAdded& event, mamey::database& rows) { write_down(rows, "book_thing " + event.colour, event.id); }
}  // namespace newer

mamey::module things(std::string_view as) {
  auto part = mamey::module("things").services([](mamey::services& into) { into.add<Temper>(); });
  if (as == "newer") part = std::move(part).commands<add_thing<newer::ThingAdded>>().events<newer::book_thing>();
  if (as != "newer") part = std::move(part).commands<add_thing<ThingAdded>>().events<book_thing>();
  if (as == "twoHandlers") part = std::move(part).events<count_thing>();
  return std::move(part)
      .post<AddThing>("/things", mamey::created("/things/{id}"))
      .post("/mood/{mood}", [](const SetMood& asked, Temper& temper) {
        temper.mood = asked.mood;
        return Told{asked.mood};
      });
}

}  // namespace

int main(int argc, char** argv) {
  const char* as = std::getenv("TROUBLED_AS");
  return mamey::application("troubled")
      .add(mamey::postgres(
          {{1, "things", "create table things (id uuid primary key); create table handled (handler text not null, thing uuid not null)"}}))
      .add(mamey::rabbitmq())
      .add(mamey::messaging())
      .add(things(as ? as : ""))
      .run(argc, argv);
}
