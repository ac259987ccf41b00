#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include <mamey/application.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/running_application.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/shutdown.hpp>
#include <tests/support/memory_store.hpp>

namespace {

using namespace mamey;

struct BookDto {
  std::string id;
  std::string title;
};
struct AddBook {
  std::string id, title;
};
struct GetBook {
  using result = BookDto;
  std::string id;
};
struct BookAdded {
  std::string id;
};

void add_book(const AddBook& command, read_models<BookDto>& books, publisher& messages) {
  books.put({command.id, command.title});
  messages.publish(BookAdded{command.id});
}
BookDto get_book(const GetBook& query, read_models<BookDto>& books) { return books.get(query.id); }

struct statistics_of_books {
  explicit statistics_of_books(database& db) : db_(db) {}
  database& db_;
};
struct front_desk {
  explicit front_desk(statistics_of_books& books) : books_(books) {}
  statistics_of_books& books_;
};

void by_database(const AddBook&, database&) {}
void by_transaction(const AddBook&, transaction&) {}
void by_service(const AddBook&, front_desk&) {}

/// An application whose store keeps documents and messages, and offers no SQL.
class without_sql : public ::testing::Test {
 protected:
  /// The refusal of the start; empty: it started, and `work` was done.
  std::string run(application what, const std::function<void(pipeline&)>& work = [](pipeline&) {}) {
    simulated_runtime time;
    auto definition = std::move(what).release();
    definition->use_store({.name = "memory", .feature = "the test"}, [&time](const environment&) -> std::unique_ptr<store> {
      return std::make_unique<mamey::testing::memory_store>(
          [&time] { return std::chrono::nanoseconds(time.loop().wall_now().time_since_epoch()); });
    });
    running_application running(std::move(definition), {.system_loop = &time.loop(), .workers = {&time.loop()}});
    std::string refusal;
    time.run([&] {
      try {
        running.prepare();
      } catch (const error& reason) {
        refusal = reason.code() + ": " + reason.reason();
        return;
      }
      running.consume();
      running.start();
      work(running.handlers());
      shutdown_plan plan;
      running.plan_shutdown(plan);
      plan.run([](std::string_view, const std::string&) {});
    });
    return refusal;
  }

  static application library(module with) { return application("library").add(messaging()).add(std::move(with)); }
};

TEST_F(without_sql, documents_and_messages_work) {
  const auto refusal = run(library(module("library").commands<add_book>().queries<get_book>()), [](pipeline& handlers) {
    handlers.send(AddBook{"b1", "Emma"});
    EXPECT_EQ(handlers.ask(GetBook{"b1"}).title, "Emma");
  });
  EXPECT_EQ(refusal, "");
}

TEST_F(without_sql, a_handler_that_asks_for_sql_is_refused_at_the_start) {
  const std::string ending =
      ", but the store memory of application library offers no SQL; use repositories or read models there, or add a store with SQL, e.g. "
      ".add(mamey::sqlite())";
  EXPECT_EQ(run(library(module("library").commands<by_database>())), "no_sql: by_database asks for a database" + ending);
  EXPECT_EQ(run(library(module("library").commands<by_transaction>())), "no_sql: by_transaction asks for a database" + ending);
}

TEST_F(without_sql, a_handler_that_asks_for_it_through_services_is_refused_with_the_chain) {
  const auto refusal = run(library(module("library").commands<by_service>().services(
      [](services& into) { into.add<front_desk>(lifetime::scoped).add<statistics_of_books>(lifetime::scoped); })));
  EXPECT_NE(refusal.find("no_sql: by_service asks for "), refusal.npos) << refusal;
  EXPECT_NE(refusal.find("front_desk, which needs "), refusal.npos) << refusal;
  EXPECT_NE(refusal.find("statistics_of_books, which needs " + std::string(type_key_of<database>.name) +
                         ", but the store memory of application library offers no SQL"),
            refusal.npos)
      << refusal;
}

}  // namespace
