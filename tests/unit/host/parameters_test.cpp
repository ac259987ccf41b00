// The table of docs/host.md, "What a function may ask for": each cell is tried.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/application.hpp>
#include <mamey/feature/configuration_changes.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/running_application.hpp>
#include <mamey/http/client.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/persistence/sqlite/feature.hpp>
#include <mamey/runtime/runtime.hpp>

namespace parameters {

struct Order : mamey::aggregate<mamey::uuid, int> {
  using aggregate::aggregate;
};
struct OrderDto {
  mamey::uuid id;
};
struct LoanOptions {
  int most_days = 14;
};
struct Pricing {};
struct Basket {};  // scoped

template <class T>
struct Command {
  int number = 0;
};
template <class T>
struct Query {
  using result = int;
  int number = 0;
};
template <class T>
struct Happened {
  static constexpr mamey::message_options message{.name = "Happened"};
  int number = 0;
};
template <class T>
struct Checked {
  int number = 0;
  static void check(const Checked&, mamey::violations&, T&) {}
};

template <class T>
struct command_handler {
  void handle(const Command<T>&, T&) {}
};
template <class T>
struct query_handler {
  int handle(const Query<T>&, T&) { return 1; }
};
template <class T>
struct event_handler {
  void handle(const Happened<T>&, T&) {}
};
template <class T>
struct checked_handler {
  void handle(const Checked<T>&) {}
};

template <class T>
struct singleton {
  explicit singleton(T&) {}
};
template <class T>
struct behaviour : mamey::behaviour {
  explicit behaviour(T&) {}
  void around(const mamey::invocation&, const std::function<void()>& next) override { next(); }
};
template <class T>
void work(T&) {}
/// What the handler has, its scoped service has.
template <class T>
struct helper {
  explicit helper(T&) {}
};
template <class T>
struct Helped {
  int number = 0;
};
template <class T>
struct helped_handler {
  void handle(const Helped<T>&, helper<T>&) {}
};

}  // namespace parameters

namespace {

using namespace mamey;
using namespace parameters;

/// Empty when the application can be composed; otherwise why it is refused.
std::string refusal_of(module&& part) {
  static runtime loops{{.threads = 1}};
  auto what = application("library")
                  .add(sqlite())
                  .add(messaging())
                  .add(module("common").options<LoanOptions>("loans").services(
                      [](services& add) { add.add<Pricing>().add<Basket>(lifetime::scoped); }))
                  .add(std::move(part));
  try {
    running_application composed(std::move(what).release(),
                                 {.runtime = &loops, .system_loop = &loops.system_loop(), .workers = {&loops.loop(0)}});
  } catch (const std::exception& refused) {
    return refused.what();
  }
  return {};
}

/// What must hold of every sentence: it says who asked for what, and where that can be had.
void expect_helpful(const std::string& said) {
  const bool helps = said.find("let a handler") != std::string::npos || said.find("let the handler") != std::string::npos ||
                     said.find("ask for mamey::dispatcher&") != std::string::npos;
  EXPECT_TRUE(helps) << said;
}

/// One sentence for several forms of a function: all are accepted, or all are refused.
std::string verdict(const std::vector<std::string>& said) {
  std::size_t refused = 0;
  for (const auto& each : said) {
    if (each.empty()) continue;
    ++refused;
    expect_helpful(each);
  }
  return refused == 0 ? "yes" : refused == said.size() ? "no" : "in part: " + said.front() + " | " + said.back();
}

template <class T>
std::string for_command() {
  return verdict(
      {refusal_of(module("m").commands<command_handler<T>>().template post<Command<T>>("/command")),
       refusal_of(module("m").post("/post", [](const Command<T>&, T&) {})),
       refusal_of(module("m").del("/delete", [](const Command<T>&, T&) {})),
       refusal_of(module("m").commands<helped_handler<T>>().services([](services& add) { add.add<helper<T>>(lifetime::scoped); }))});
}
template <class T>
std::string for_query() {
  if constexpr (detail::may_be_asked_by_a_reader<std::remove_const_t<T>>)
    return verdict({refusal_of(module("m").queries<query_handler<T>>().template get<Query<T>>("/query")),
                    refusal_of(module("m").get("/get", [](const Command<T>&, T&) {}))});
  else
    return "no";
}
template <class T>
std::string for_event() {
  if constexpr (detail::may_be_asked_by_an_event<std::remove_const_t<T>>)
    return verdict({refusal_of(module("m").events<event_handler<T>>()), refusal_of(module("m").domain_events<event_handler<T>>())});
  else
    return "no";
}
template <class T>
std::string for_check() {
  return verdict({refusal_of(module("m").commands<checked_handler<T>>())});
}
template <class T>
std::string elsewhere() {
  return verdict({refusal_of(module("m").services([](services& add) { add.add<singleton<T>>(); })),
                  refusal_of(module("m").behaviour<parameters::behaviour<T>>()), refusal_of(module("m").background<&work<T>>("work"))});
}
template <class T>
std::string for_initializer() {
  return verdict({refusal_of(module("m").services([](services& add) { add.add_initializer("begin", [](T&) {}); }))});
}

using row = std::vector<std::string>;

template <class T>
row tried() {
  return {for_command<T>(), for_query<T>(), for_event<T>(), for_check<T>(), for_initializer<T>(), elsewhere<T>()};
}

std::map<std::string, row> all_tried() {
  return {
      {"repository<Order>&", tried<repository<Order>>()},
      {"read_models<OrderDto>&", tried<read_models<OrderDto>>()},
      {"database&", tried<database>()},
      {"transaction&", tried<transaction>()},
      {"publisher&", tried<publisher>()},
      {"delayed_messages&", tried<delayed_messages>()},
      {"dispatcher&", tried<dispatcher>()},
      {"http::client&", tried<http::client>()},
      {"const configuration&", tried<const configuration>()},
      {"configuration_changes&", tried<configuration_changes>()},
      {"const LoanOptions&", tried<const LoanOptions>()},
      {"metrics::registry&", tried<metrics::registry>()},
      {"health::registry&", tried<health::registry>()},
      {"const logger&", tried<const logger>()},
      {"const principal&", tried<const principal>()},
      {"const request_headers&", tried<const request_headers>()},
      {"answer_headers&", tried<answer_headers>()},
      {"Pricing&", tried<Pricing>()},
      {"Basket&", tried<Basket>()},
  };
}

/// The rows of the table below the heading, by their parameters; one row may have several.
std::map<std::string, row> documented() {
  std::ifstream file(MAMEY_DOCS "/host.md");
  std::map<std::string, row> found;
  std::string line;
  while (std::getline(file, line) && line != "## What a function may ask for") {}
  while (std::getline(file, line) && !line.starts_with("## ")) {
    if (!line.starts_with("| `")) continue;
    row cells;
    std::istringstream parts(line.substr(1));
    for (std::string cell; std::getline(parts, cell, '|');) {
      const auto begin = cell.find_first_not_of(' ');
      cells.push_back(begin == std::string::npos ? std::string() : cell.substr(begin, cell.find_last_not_of(' ') - begin + 1));
    }
    auto names = cells.at(0);
    for (auto open = names.find('`'); open != std::string::npos; open = names.find('`')) {
      const auto close = names.find('`', open + 1);
      found[names.substr(open + 1, close - open - 1)] = row(cells.begin() + 1, cells.begin() + 7);
      names.erase(0, close + 1);
    }
  }
  return found;
}

TEST(parameters, the_table_of_the_guide_is_what_the_start_and_the_compiler_accept) {
  const auto expected = documented();
  const auto actual = all_tried();
  for (const auto& [parameter, cells] : expected) {
    const auto found = actual.find(parameter);
    ASSERT_NE(found, actual.end()) << parameter << " of docs/host.md is not tried here";
    EXPECT_EQ(cells, found->second) << parameter << ": command, query, event, check, initializer, elsewhere";
  }
  for (const auto& [parameter, cells] : actual) EXPECT_TRUE(expected.contains(parameter)) << parameter << " is missing in docs/host.md";
}

}  // namespace
