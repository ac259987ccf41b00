/// The service that Convey.WebApi's answers were recorded with (tests/vectors/http), as an author would write it here: the same endpoints,
/// members and failures.

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <mamey/application.hpp>
#include <mamey/core/json.hpp>
#include <mamey/web/problem.hpp>

namespace {

using namespace mamey;

enum class Colour { red = 0, dark_blue = 1, green = 7 };
enum class Rights { none = 0, read = 1, write = 2 };

// What .NET begins with
const timestamp first_moment = *parse_timestamp("0001-01-01T00:00:00Z");
constexpr std::chrono::sys_days first_day = std::chrono::year(1) / 1 / 1;

struct Line {
  std::optional<std::string> sku;
  int quantity = 1;
};

/// One member of every kind; texts and lists may be null, as every reference there.
struct All {
  uuid guid;
  std::optional<uuid> guid_n;
  std::optional<std::string> text;
  int int_ = 0;
  std::optional<int> int_n;
  std::int64_t long_ = 0;
  std::int16_t short_ = 0;
  std::uint8_t byte = 0;
  std::uint32_t uint = 0;
  decimal decimal_;
  double double_ = 0;
  bool bool_ = false;
  std::optional<bool> bool_n;
  timestamp date = first_moment;
  offset_timestamp offset{first_moment, {}};
  ticks span{};
  std::chrono::sys_days day = first_day;
  ticks clock{};  // TimeOnly there
  Colour colour = Colour::red;
  std::optional<Colour> colour_n;
  Rights rights = Rights::none;
  std::optional<std::vector<std::optional<std::string>>> texts;
  std::optional<std::vector<int>> ints;
  std::optional<std::map<std::string, int>> counts;
  std::optional<Line> line;
  std::optional<std::vector<std::optional<Line>>> lines;
  std::optional<std::string> bytes;  // byte[] there: base64
  std::optional<json::raw> any;
  std::optional<std::string> uri;
  static constexpr auto rules() { return field<&All::guid>.may_be_nil(); }
};

struct Thing {
  uuid id;
  std::optional<std::string> name;
  int quantity = 0;
  decimal price;
  Colour colour = Colour::red;
  timestamp created_at = *parse_timestamp("2026-11-30T08:05:03Z");
};

/// Endpoints are many and the things few: no store.
class Things {
 public:
  Things() {
    put({.id = *uuid::parse("11111111-1111-1111-1111-111111111111"),
         .name = "one",
         .quantity = 1,
         .price = *decimal::parse("20.50"),
         .colour = Colour::dark_blue});
  }

  bool put(Thing thing) {
    const std::lock_guard lock(guard_);
    return things_.emplace(thing.id, thing).second;
  }
  std::optional<Thing> find(const uuid& id) const {
    const std::lock_guard lock(guard_);
    const auto found = things_.find(id);
    return found == things_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<Thing> list() const {
    const std::lock_guard lock(guard_);
    std::vector<Thing> all;
    for (const auto& [id, thing] : things_) all.push_back(thing);
    return all;
  }

 private:
  mutable std::mutex guard_;
  std::map<uuid, Thing> things_;
};

// Queries

struct GetThing {
  using result = std::optional<Thing>;
  uuid id;
};
struct GetText {
  using result = std::string;
};
struct GetNumber {
  using result = int;
};
struct GetList {
  using result = std::vector<Thing>;
};
struct GetFailing {
  using result = std::optional<Thing>;
  std::string kind;
};
struct BrowseThings {
  using result = page<Thing>;
  std::optional<std::string> name;
  std::optional<Colour> colour;
  mamey::paging paging;
};
struct Ask {
  using result = All;
  uuid id;
  std::optional<std::string> text;
  int int_ = 0;
  std::optional<int> int_n;
  decimal decimal_;
  double double_ = 0;
  bool bool_ = false;
  std::optional<bool> bool_n;
  timestamp date = first_moment;
  ticks span{};
  Colour colour = Colour::red;
  std::optional<Colour> colour_n;
  std::vector<std::string> texts;
  std::vector<int> ints;
  Line line;
  std::optional<uuid> guid_n;
  std::chrono::sys_days day = first_day;
  static constexpr auto rules() { return field<&Ask::id>.may_be_nil(); }
};

}  // namespace

template <>
struct mamey::wire_names<All> {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"int_", "int"}, {"long_", "long"}, {"short_", "short"}, {"decimal_", "decimal"}, {"double_", "double"}, {"bool_", "bool"}};
};
template <>
struct mamey::wire_names<Ask> {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"int_", "int"}, {"decimal_", "decimal"}, {"double_", "double"}, {"bool_", "bool"}};
};

namespace {

[[noreturn]] void fail(const std::string& kind) {
  if (kind == "domain") throw domain_error("thing_bad", "żółw & <b>");
  if (kind == "conflict") throw conflict("conflict", "it exists");
  if (kind == "nobody") throw web::http_error(406, "nobody", "nobody takes it");
  throw std::runtime_error(kind);
}

std::optional<Thing> get_thing(const GetThing& query, Things& things) { return things.find(query.id); }
std::string get_text(const GetText&) { return "a \"text\""; }
int get_number(const GetNumber&) { return 0; }
std::vector<Thing> get_list(const GetList&) { return {}; }
std::optional<Thing> get_failing(const GetFailing& query) { fail(query.kind); }

page<Thing> browse_things(const BrowseThings& query, Things& things) {
  if (query.name == "nothing") return {};
  auto all = things.list();
  std::erase_if(
      all, [&](const Thing& each) { return (query.name && each.name != query.name) || (query.colour && each.colour != *query.colour); });
  const auto total = static_cast<std::int64_t>(all.size());
  const auto begin = std::min(query.paging.offset(), total), end = std::min(begin + query.paging.size(), total);
  return page<Thing>::of({all.begin() + begin, all.begin() + end}, query.paging, total);
}

All ask(const Ask& query) {
  All all{.guid = query.id, .guid_n = query.guid_n, .text = query.text, .int_ = query.int_, .int_n = query.int_n};
  all.decimal_ = query.decimal_;
  all.double_ = query.double_;
  all.bool_ = query.bool_;
  all.bool_n = query.bool_n;
  all.date = query.date;
  all.span = query.span;
  all.day = query.day;
  all.colour = query.colour;
  all.colour_n = query.colour_n;
  if (!query.texts.empty()) all.texts.emplace(query.texts.begin(), query.texts.end());
  if (!query.ints.empty()) all.ints = query.ints;
  if (query.line.sku) all.line = query.line;
  return all;
}

// Commands

struct CreateThing {
  uuid id;
  std::optional<std::string> name;
  int quantity = 0;
  decimal price;
  Colour colour = Colour::red;
  static constexpr auto rules() { return field<&CreateThing::id>.generated(); }
};
struct CreateWithData {
  uuid id;
  std::optional<std::string> name;
  int quantity = 0;
  decimal price;
  Colour colour = Colour::red;
  static constexpr auto rules() { return field<&CreateWithData::id>.generated(); }
};
struct Created {
  uuid id;
};
struct UpdateThing {
  uuid id;
  std::optional<std::string> name;
  int quantity = 0;
  Colour colour = Colour::red;
};
struct Touch {
  uuid id;
  int number = 0;
  std::optional<std::string> text;
  static constexpr auto rules() { return field<&Touch::id>.may_be_nil(); }
};
struct TouchNumber {
  uuid id;
  int number = 0;
  std::optional<std::string> text;
};
struct Fail {
  std::string kind;
};
struct Checked {
  std::string name;
  int quantity = 0;
  std::optional<std::string> email;
  static constexpr auto rules() {
    return all(field<&Checked::name>.required(), field<&Checked::quantity>.at_least(1).at_most(10),
               field<&Checked::email>.pattern(".+@.+"));
  }
};
struct DeleteThing {
  uuid id;
  std::optional<std::string> reason;
  bool force = false;
};
struct EchoThing {
  uuid id;
  std::optional<std::string> reason;
  bool force = false;
};

void add(const CreateThing& command, Things& things) {
  if (command.name == "bad") throw domain_error("thing_bad", "the thing is bad");
  if (!things.put({.id = command.id, .name = command.name, .quantity = command.quantity, .price = command.price, .colour = command.colour}))
    throw conflict("conflict", "it exists");
}

void create_thing(const CreateThing& command, Things& things) { add(command, things); }
Created create_with_data(const CreateWithData& command, Things& things) {
  add({command.id, command.name, command.quantity, command.price, command.colour}, things);
  return {command.id};
}
UpdateThing update_thing(const UpdateThing& command) { return command; }
All echo_all(const All& command) { return command; }
void touch(const Touch&) {}
TouchNumber touch_number(const TouchNumber& command) { return command; }
void fail_command(const Fail& command) { fail(command.kind); }
void checked(const Checked&) {}
void delete_thing(const DeleteThing&) {}
EchoThing echo_thing(const EchoThing& command) { return command; }

module things() {
  return module("things")
      .services([](services& into) { into.add<Things>(); })
      .queries<get_thing, get_text, get_number, get_list, get_failing, browse_things, ask>()
      .commands<create_thing, create_with_data, update_thing, echo_all, touch, touch_number, fail_command, checked, delete_thing,
                echo_thing>()
      .get<GetThing>("/things/{id}")
      .get<GetThing>("/guids/{id:guid}")
      .get<GetThing>("/after/{id}")
      .get("/before/{id}", [](const GetThing&) -> std::optional<Thing> { throw conflict("conflict", "it exists"); })
      .get<BrowseThings>("/things")
      .get<Ask>("/ask/{id?}")
      .get<GetText>("/text")
      .get<GetNumber>("/number")
      .get<GetList>("/list")
      .get<GetFailing>("/failing")
      .post<CreateThing>("/things", created("things/{id}"))
      .post<CreateWithData>("/created-data", created("things/{id}"))
      .post<CreateThing>("/created-nowhere", {.status = 201})
      .post<CreateThing>("/accepted", accepted())
      .post<All>("/all")
      .post<Touch>("/touch")
      .post<Touch>("/before")
      .post<Fail>("/fail")
      .post<Checked>("/checked")
      .put<UpdateThing>("/things/{id}")
      .put<Touch>("/touch/{id}")
      .put<TouchNumber>("/touch/{id}/{number}")
      .del<DeleteThing>("/things/{id}", no_content())
      .del<EchoThing>("/echo/{id}")
      .del<DeleteThing>("/plain/{id}");
}

}  // namespace

int main(int argc, char** argv) { return application("things").setting("app:name", "Wire Service").add(things()).run(argc, argv); }
