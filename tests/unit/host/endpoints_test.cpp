// What an author binds to routes: endpoints in place for every verb, Locations, headers and cookies, the user, checks with options, PATCH.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <mamey/application.hpp>
#include <mamey/core/json.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/running_application.hpp>
#include <mamey/persistence/sqlite/feature.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/shutdown.hpp>
#include <mamey/testing/harness.hpp>
#include <mamey/web/server.hpp>

namespace endpoints {

struct Thing {
  std::string id;
  std::string name = "-";
};
struct Made {
  std::int64_t number = 0;
  std::string name;
};

}  // namespace endpoints

namespace {

using namespace mamey;
using namespace endpoints;
using namespace std::chrono_literals;
using mamey::testing::harness;

std::string what_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& thrown) {
    return thrown.what();
  }
  return "nothing was thrown";
}

// -- in place ---------------------------------------------------------------------------------------------------------------

TEST(in_place, every_verb_has_its_endpoint_in_a_module_and_in_an_application) {
  const auto name_of_it = [](const Thing& thing) { return Thing{thing.id, thing.name + "!"}; };
  harness tested{
      application("things")
          .get("/a/{id}", name_of_it)
          .post("/a/{id}", name_of_it, created("/a/{id}"))
          .put("/a/{id}", name_of_it)
          .patch("/a/{id}", name_of_it, accepted())
          .del(
              "/a/{id}", [](const Thing&) {}, no_content())
          .add(module("m").put("/m/{id}", name_of_it, created("/m/{name}")).patch("/m/{id}", name_of_it).del("/m/{id}", name_of_it))};

  EXPECT_EQ(tested.get("/a/1").body, R"({"id":"1","name":"-!"})");
  const auto posted = tested.post("/a/1", R"({"name":"x"})");
  EXPECT_EQ(std::pair(posted.status, posted.location), std::pair(201, std::string("/a/1")));
  EXPECT_EQ(tested.put("/a/1", R"({"name":"x"})").body, R"({"id":"1","name":"x!"})");
  EXPECT_EQ(tested.patch("/a/1", R"({"name":"x"})").status, 202);
  EXPECT_EQ(tested.del("/a/1").status, 204);
  EXPECT_EQ(tested.put("/m/1", R"({"name":"x"})").location, "/m/x%21");
  EXPECT_EQ(tested.patch("/m/1", R"({"name":"x"})").status, 200);
  EXPECT_EQ(tested.del("/m/1").body, R"({"id":"1","name":"-!"})");
}

TEST(in_place, two_void_ones_with_one_message_type_start_and_are_told_apart) {
  std::string called;
  harness tested{application("things")
                     .add(messaging())
                     .post("/open/{id}", [&](const Thing& thing) { called += "open " + thing.id + " "; })
                     .post("/close/{id}", [&](const Thing& thing) { called += "close " + thing.id; })
                     .add(module("m").del("/open/{id}", [](const Thing&) {}))};

  EXPECT_EQ(tested.post("/open/1").status, 200);
  EXPECT_EQ(tested.post("/close/2").status, 200);
  EXPECT_EQ(called, "open 1 close 2");
}

/// Sends a request and leaves without waiting for its answer.
void ask_and_leave(std::uint16_t port, const std::string& request, const std::function<bool()>& came) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) throw std::runtime_error("cannot connect");
  if (::send(socket, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size())) throw std::runtime_error("cannot send");
  for (int i = 0; i < 5'000 && !came(); ++i) sleep_for(1ms);
  ::close(socket);
}

TEST(in_place, a_client_that_leaves_a_get_cancels_it_and_no_other_verb) {
  std::atomic<int> began = 0, cancelled_gets = 0, cancelled_puts = 0, ended_puts = 0;
  const auto wait = [&](std::atomic<int>& counted, std::chrono::milliseconds span) {
    ++began;
    try {
      sleep_for(span);
    } catch (const cancelled&) {
      ++counted;
      throw;
    }
  };
  runtime loops{{.threads = 1}};
  auto what = application("things")
                  .get("/slow/{id}", [&](const Thing&) { return wait(cancelled_gets, 1h), Made{}; })
                  .put("/slow/{id}", [&](const Thing&) {
                    wait(cancelled_puts, 300ms);
                    ++ended_puts;
                  });
  running_application running(
      std::move(what).release(),
      {.runtime = &loops, .system_loop = &loops.system_loop(), .workers = {&loops.loop(0)}, .urls = {"http://127.0.0.1:0"}});
  loops.run([&] {
    running.prepare();
    running.consume();
    running.start();
  });
  const auto port = running.addresses().at(0).port;
  ask_and_leave(port, "GET /slow/1 HTTP/1.1\r\nHost: x\r\n\r\n", [&] { return began == 1; });
  ask_and_leave(port, "PUT /slow/1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                [&] { return began == 2; });
  for (int i = 0; i < 5'000 && (cancelled_gets == 0 || ended_puts == 0); ++i) sleep_for(1ms);

  EXPECT_EQ(cancelled_gets, 1);
  EXPECT_EQ(cancelled_puts, 0);
  EXPECT_EQ(ended_puts, 1);
  shutdown_plan plan;
  running.plan_shutdown(plan);
  loops.run([&] { plan.run([](std::string_view, const std::string&) {}); });
}

// -- Location ---------------------------------------------------------------------------------------------------------------

TEST(location, takes_members_of_the_result_first_and_then_of_the_message) {
  harness tested{application("things")
                     .post(
                         "/made/{id}", [](const Thing& thing) { return Made{42, thing.name}; }, created("/things/{id}/{number}"))
                     .post(
                         "/maybe/{id}",
                         [](const Thing& thing) { return thing.name == "x" ? std::optional(Thing{"other", ""}) : std::nullopt; },
                         created("/things/{id}"))
                     .post(
                         "/number", [](const Thing&) { return std::int64_t{7}; }, created("/things/{}"))
                     .post(
                         "/uuid", [](const Thing&) { return mamey::uuid::parse("0197f2a4-6f6d-7c7e-8f0a-3c1d2e3f4a5b").value(); },
                         created("/things/{}"))
                     .post(
                         "/text", [](const Thing&) { return std::string("a b"); }, created("/things/{}"))
                     .post("/nothing/{id}", [](const Thing&) {}, created("/things/{id}"))};

  EXPECT_EQ(tested.post("/made/a", R"({"name":"x"})").location, "/things/a/42");
  EXPECT_EQ(tested.post("/maybe/a", R"({"name":"x"})").location, "/things/other");
  EXPECT_EQ(tested.post("/maybe/a", R"({"name":"y"})").status, 404);
  EXPECT_EQ(tested.post("/number", R"({"id":"1"})").location, "/things/7");
  EXPECT_EQ(tested.post("/uuid", R"({"id":"1"})").location, "/things/0197f2a4-6f6d-7c7e-8f0a-3c1d2e3f4a5b");
  EXPECT_EQ(tested.post("/text", R"({"id":"1"})").location, "/things/a%20b");
  EXPECT_EQ(tested.post("/nothing/5").location, "/things/5");
}

TEST(location, that_names_neither_is_refused_at_the_start) {
  const auto refused = [](std::string location) {
    return what_of([&] {
      harness tested{application("things").post("/made/{id}", [](const Thing&) { return Made{}; }, created(std::move(location)))};
      tested.advance({});
    });
  };
  EXPECT_NE(refused("/things/{nubmer}").find("names {nubmer}, which is no member of Thing, nor of its result: did you mean number?"),
            std::string::npos)
      << refused("/things/{nubmer}");
  EXPECT_NE(refused("/things/{}").find("names {}, which is no member of Thing"), std::string::npos) << refused("/things/{}");
}

// -- headers and cookies ----------------------------------------------------------------------------------------------------

struct Change {
  static constexpr int conflict_retries = 1;
  std::string id;
};
struct GetChange {
  using result = std::string;
  std::string id;
};
std::atomic<int> attempts = 0;
void change(const Change& command, const request_headers& request, answer_headers& answer) {
  if (request.find("if-match").value_or("\"1\"") != "\"1\"") throw domain_error("stale", "somebody changed {} meanwhile", command.id);
  answer.add("X-Attempt", std::to_string(++attempts));
  if (command.id == "contended" && attempts == 1) throw concurrency_conflict("changed", "another was first");
  answer.set("ETag", "\"2\"");
  answer.set_cookie({.name = "seen", .value = std::string(request.cookie("seen").value_or("never")), .max_age = 1h});
  answer.set_cookie({.name = "theme", .value = "dark", .secure = false, .http_only = false, .site = answer_cookie::same_site::strict});
}
std::string get_change(const GetChange&, const request_headers& request, answer_headers& answer) {
  answer.set("Content-Type", "text/csv");
  return "a," + std::string(request.cookie("b").value_or("-"));
}
module changes() {
  return module("changes")
      .commands<change>()
      .queries<get_change>()
      .patch<Change>("/changes/{id}", no_content())
      .get<GetChange>("/changes/{id}");
}
std::vector<std::string> all_of(const mamey::testing::http_answer& answer, std::string_view name) {
  std::vector<std::string> found;
  for (const auto& [each, value] : answer.headers) {
    if (each == name) found.push_back(value);
  }
  return found;
}

TEST(exchange_headers, are_parameters_of_handlers_that_endpoints_call) {
  harness tested{changes()};
  attempts = 0;

  const auto answer = tested.patch("/changes/contended", "{}", {{"If-Match", "\"1\""}, {"Cookie", "other=1; seen=today"}});

  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.header("etag"), "\"2\"");
  EXPECT_EQ(all_of(answer, "X-Attempt"), std::vector<std::string>{"2"}) << "the first attempt left nothing";
  EXPECT_EQ(all_of(answer, "Set-Cookie"), (std::vector<std::string>{"seen=today; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax",
                                                                    "theme=dark; Path=/; SameSite=Strict"}));
  const auto refused = tested.patch("/changes/1", "{}", {{"If-Match", "\"0\""}});
  EXPECT_EQ(refused.status, 400);
  EXPECT_FALSE(refused.header("etag"));
  const auto shown = tested.get("/changes/1", {{"Cookie", "bb=0;b=2"}});
  EXPECT_EQ(std::pair(shown.content_type, shown.body), std::pair(std::string("text/csv"), std::string("a,2")));
}

TEST(exchange_headers, are_empty_and_dropped_where_code_sends_the_message) {
  harness tested{changes()};
  EXPECT_NO_THROW(tested.send(Change{"1"}));
  EXPECT_EQ(tested.ask(GetChange{"1"}), "a,-");
}

TEST(exchange_headers, can_be_made_by_a_test_and_refuse_what_cannot_be_sent) {
  answer_headers answer;
  attempts = 0;
  change({"1"}, request_headers{{"If-Match", "\"1\""}, {"cookie", "seen=now"}}, answer);
  EXPECT_EQ(answer.find("etag"), "\"2\"");
  EXPECT_EQ(answer.find("set-cookie").value_or("").substr(0, 8), "seen=now");
  EXPECT_THROW(answer.set("X", "a\r\nb"), std::invalid_argument);
  EXPECT_THROW(answer.set("Content-Length", "1"), std::invalid_argument);
  EXPECT_THROW(answer.set_cookie({.name = "a b"}), std::invalid_argument);
  EXPECT_THROW(answer.set_cookie({.name = "a", .value = "b; Domain=elsewhere"}), std::invalid_argument);
  EXPECT_THROW(answer.set_cookie({.name = "a", .value = "b", .path = "/; Secure"}), std::invalid_argument);
  EXPECT_THROW(answer.set_cookie({.name = "a", .secure = false, .site = answer_cookie::same_site::none}), std::invalid_argument);
}

TEST(exchange_headers, of_a_handler_without_an_endpoint_are_refused_at_the_start) {
  const auto said = what_of([] {
    harness tested{module("changes").commands<change>()};
    tested.advance({});
  });
  EXPECT_NE(said.find("change asks for " + std::string(type_key_of<request_headers>.name) +
                      ", but no endpoint leads to Change: bind it with .get, .post"),
            std::string::npos)
      << said;
}

// -- the user ---------------------------------------------------------------------------------------------------------------

struct Greeting {
  std::string text;
};

TEST(the_user, is_a_parameter_that_refuses_anonymous_callers) {
  harness tested{application("things").get("/me/{id}", [](const Thing&, const principal& user) { return Greeting{"Hello, " + user.id}; })};
  EXPECT_EQ(tested.get("/me/1").status, 401);
  tested.act_as(principal{.id = "ann"});
  EXPECT_EQ(tested.get("/me/1").body, R"({"text":"Hello, ann"})");
}

TEST(the_user, of_an_endpoint_is_in_its_document) {
  harness tested{
      application("things").get("/me/{id}", [](const Thing&, const principal&) { return Greeting{}; }).get("/you/{id}", [](const Thing&) {
        return Greeting{};
      })};
  tested.set("swagger:includeSecurity", "false");
  const auto document = tested.get("/openapi.json").body;
  const auto me = document.find("/me/{id}"), you = document.find("/you/{id}");
  ASSERT_LT(me, you);
  EXPECT_NE(document.substr(me, you - me).find("\"401\""), std::string::npos) << document;
  EXPECT_EQ(document.substr(you).find("\"401\""), std::string::npos) << document;
}

// -- a check with services --------------------------------------------------------------------------------------------------

struct LoanOptions {
  int most_days = 14;
  static constexpr auto rules() { return field<&LoanOptions::most_days>.at_least(1); }
};
struct Borrow {
  std::string book;
  int days = 1;
  static constexpr auto rules() { return all(field<&Borrow::book>.not_empty(), field<&Borrow::days>.at_least(1)); }
  static void check(const Borrow& borrow, violations& found, const LoanOptions& options) {
    if (borrow.days > options.most_days) found.add("days", "too_long", "must be at most " + std::to_string(options.most_days));
  }
};
int borrowed = 0;
void borrow(const Borrow& command) { borrowed += command.days; }
module loans() { return module("loans").commands<borrow>().options<LoanOptions>("loans").post<Borrow>("/loans").subscribes<Borrow>(); }

TEST(a_check, may_ask_for_options_and_services) {
  harness tested{loans()};
  tested.set("loans:mostDays", "20");
  borrowed = 0;

  EXPECT_EQ(tested.post("/loans", R"({"book":"b","days":20})").status, 200);
  const auto refused = tested.post("/loans", R"({"book":"b","days":21})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find(R"({"path":"days","code":"too_long","message":"must be at most 20"})"), std::string::npos) << refused.body;
  const auto short_of = tested.post("/loans", R"({"book":"","days":21})");
  EXPECT_NE(short_of.body.find("\"book\""), std::string::npos);
  EXPECT_EQ(short_of.body.find("too_long"), std::string::npos) << "after the rules of the members";
  EXPECT_THROW(tested.send(Borrow{"b", 21}), validation_error);
  tested.receive(Borrow{"b", 21}, "message-1");
  ASSERT_EQ(tested.failed().size(), 1U) << "over the bus, too";
  EXPECT_EQ(tested.failed().at(0).attempts, 1) << "no retry cures it";
  EXPECT_EQ(borrowed, 20);
}

struct Uncheckable {
  std::string book;
  static void check(const Uncheckable&, violations&, database&) {}
};
struct Inner {
  int days = 1;
  static void check(const Inner&, violations&, const LoanOptions&) {}
};
struct Outer {
  std::vector<Inner> parts;
};

TEST(a_check, that_nobody_could_call_is_refused_at_the_start) {
  const auto said = [](auto part) {
    return what_of([&] {
      harness tested{std::move(part)};
      tested.advance({});
    });
  };
  const auto placed = said(module("m").post("/a", [](const Uncheckable&) {}));
  EXPECT_NE(placed.find("the check of Uncheckable needs " + std::string(type_key_of<database>.name) + ", which needs " +
                        std::string(type_key_of<unit_of_work>.name) +
                        ", which is there only "
                        "while a handler runs: let the handler find out"),
            std::string::npos)
      << placed;
  const auto inner = said(module("m").options<LoanOptions>("loans").post("/a", [](const Outer&) {}));
  EXPECT_NE(inner.find("Inner stands inside of Outer: only the check of a message may ask for them"), std::string::npos) << inner;
  const auto missing = said(module("m").post("/a", [](const Borrow&) {}));
  EXPECT_NE(missing.find("the check of Borrow needs"), std::string::npos) << missing;
  EXPECT_NE(missing.find("LoanOptions, which nobody added"), std::string::npos) << missing;
}

// -- what services lead to --------------------------------------------------------------------------------------------------

struct Note {
  std::string id;
  std::string text;
};
struct Noted {
  std::string id;
};
struct PageState {
  std::string text;
};
class Page : public aggregate<std::string, PageState> {
  using aggregate::aggregate;

 public:
  static Page write(const std::string& id) {
    Page page(id);
    page.raise(Noted{id});
    return page;
  }
};
class Notebook {
 public:
  Notebook(read_models<Note>& notes, transaction& open) : notes_(notes), open_(open) {}
  void write(const std::string& id) {
    notes_.put({id, "written"});
    open_.execute({.text = "create table if not exists counted (n integer)"});
    open_.execute({.text = "insert into counted values (1)"});
  }

 private:
  read_models<Note>& notes_;
  transaction& open_;
};

TEST(a_scoped_service, may_ask_for_what_its_handler_may_ask_for) {
  harness tested{application("notes")
                     .add(sqlite())
                     .add(messaging())
                     .add(module("m")
                              .post("/notes/{id}", [](const Thing& thing, Notebook& notebook) { notebook.write(thing.id); })
                              .services([](services& add) { add.add<Notebook>(lifetime::scoped); }))};
  EXPECT_EQ(tested.post("/notes/1").status, 200) << tested.post("/notes/2").body;
}

void count_noted(const Noted&, transaction& open) { open.execute({.text = "create table if not exists noted (n integer)"}); }

TEST(a_handler_of_a_domain_event, may_ask_for_a_transaction_that_the_raising_handler_did_not_ask_for) {
  harness tested{application("notes")
                     .add(sqlite())
                     .add(messaging())
                     .add(module("m").domain_events<count_noted>().post(
                         "/pages/{id}", [](const Thing& thing, repository<Page>& pages) { pages.add(Page::write(thing.id)); }))};
  EXPECT_EQ(tested.post("/pages/1").status, 200) << tested.post("/pages/2").body;
}

// -- absent and null --------------------------------------------------------------------------------------------------------

struct ChangeReader {
  std::string reader_id;
  std::optional<std::string> name;                     // absent or null: it stays
  std::optional<std::optional<std::string>> nickname;  // absent: it stays; null: it is removed
  static constexpr auto rules() { return field<&ChangeReader::nickname>.length(2, 5); }
};
std::string shown(const ChangeReader& command) {
  return !command.nickname ? "stays" : !*command.nickname ? "removed" : "is " + **command.nickname;
}

TEST(a_patch, tells_absent_from_null) {
  harness tested{application("readers").patch("/readers/{readerId}", [](const ChangeReader& command) { return shown(command); })};

  EXPECT_EQ(tested.patch("/readers/1", R"({})").body, "stays");
  EXPECT_EQ(tested.patch("/readers/1", R"({"name":null})").body, "stays");
  EXPECT_EQ(tested.patch("/readers/1", R"({"nickname":null})").body, "removed");
  EXPECT_EQ(tested.patch("/readers/1", R"({"nickname":"Ada"})").body, "is Ada");
  EXPECT_EQ(tested.patch("/readers/1?nickname=Bob", R"({"nickname":null})").body, "is Bob");
  EXPECT_EQ(tested.patch("/readers/1", R"({"nickname":null})", {{"Content-Type", "application/merge-patch+json"}}).body, "removed");
  EXPECT_EQ(tested.patch("/readers/1", R"({"nickname":"A"})").status, 400);
  EXPECT_EQ(tested.patch("/readers/1", R"({"nickname":7})").status, 400);
  const auto document = tested.get("/openapi.json").body;
  EXPECT_NE(document.find(R"("nickname":{"type":["string","null"],"maxLength":5,"minLength":2})"), std::string::npos) << document;
}

TEST(a_patch, keeps_the_difference_when_it_is_written_and_read_again) {
  for (const auto& each : {ChangeReader{.reader_id = "1"}, ChangeReader{.reader_id = "1", .nickname = std::optional<std::string>()},
                           ChangeReader{.reader_id = "1", .nickname = "Ada"}}) {
    const auto text = json::to_string(each);
    ChangeReader again;
    EXPECT_TRUE(json::read(text, model_of<ChangeReader>(), &again).empty()) << text;
    EXPECT_EQ(shown(again), shown(each)) << text;
  }
  EXPECT_EQ(json::to_string(ChangeReader{.reader_id = "1"}), R"({"readerId":"1","name":null})");
}

}  // namespace
