// How much of an answer is kept is bounded while it comes.

#include <fstream>

#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>

#include "postgres_fixture.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;

namespace {

constexpr int bound = 1 << 20;

struct kilobytes {
  std::int64_t peak = 0, kept = 0;
};

/// What this process was resident with at most while `work` ran, and is still, above what it had before.
template <class Work>
kilobytes memory_of(const Work& work) {
  const auto read = [](const std::string& key) {
    std::ifstream file("/proc/self/status");
    std::string word;
    while (file >> word && word != key) {}
    std::int64_t kilobytes = 0;
    file >> kilobytes;
    return kilobytes;
  };
  std::ofstream("/proc/self/clear_refs") << 5;  // the peak begins anew
  const auto before = read("VmRSS:");
  work();
  return {.peak = read("VmHWM:") - before, .kept = read("VmRSS:") - before};
}

const std::pair too_large{error_kind::internal, std::string("result_too_large")};

}  // namespace

class postgres_answer_size : public postgres_fixture {
 protected:
  postgres_answer_size() {
    options_.read_connections = 1;
    options_.query_bytes = bound;
  }
  auto refused(const std::string& sql) {
    return refusal([&] { db().query({.text = sql}, [](const sql_row&) { FAIL() << "no row is shown"; }); });
  }

  /// One read among forty on the one connection is refused for its size, and the others get their answers.
  kilobytes memory_of_a_refused_answer_among_others(const std::string& large) {
    runtime loops({.threads = 1});
    return memory_of([&] {
      loops.run([&] {
        with_scope([&](task_scope& scope) {
          for (int i = 0; i < 40; ++i) {
            scope.spawn("reads", [&, i] {
              if (i == 7)
                EXPECT_EQ(refused(large), too_large);
              else
                EXPECT_EQ(value("select ?::bigint", {std::int64_t{i}}), sql_value(std::int64_t{i}));
            });
          }
        });
      });
    });
  }

  const std::string many_rows = "select repeat('x', 1000) from generate_series(1, 200000)";  // 200 MB
  const std::string one_row = "select repeat('x', 200000000)";
};

TEST_F(postgres_answer_size, an_answer_beyond_the_bound_is_dropped_while_it_comes_and_its_neighbours_get_theirs) {
  db();
  const auto opened = [&] { return db().statistics().opened; };
  value("select 1");
  const auto before = opened();
  const auto memory = memory_of_a_refused_answer_among_others(many_rows);
  EXPECT_LT(memory.peak, 32 * 1024);
  EXPECT_EQ(opened(), before) << "the connection stays";
}

TEST_F(postgres_answer_size, one_row_beyond_the_bound_is_given_up_and_who_reads_beside_it_is_answered) {
  value("select 1");
  const auto memory = memory_of_a_refused_answer_among_others(one_row);
  // The peak is not ours to bound: libpq reads on while the server keeps up.
  EXPECT_LT(memory.kept, 32 * 1024);
}

TEST_F(postgres_answer_size, an_answer_just_below_the_bound_arrives_whole) {
  int rows = 0;
  db().query({.text = "select n, case when n % 3 > 0 then repeat('x', 100) end as t from generate_series(1, 5000) n"},
             [&](const sql_row& row) {
               ++rows;
               EXPECT_EQ(std::vector(row.names.begin(), row.names.end()), (std::vector<std::string>{"n", "t"}));
               EXPECT_EQ(row.values.at(0), sql_value(std::int64_t{rows}));
               EXPECT_EQ(row.values.at(1), rows % 3 > 0 ? sql_value(std::string(100, 'x')) : sql_value());
             });
  EXPECT_EQ(rows, 5000);
  EXPECT_EQ(std::get<std::string>(value("select repeat('x', 900000)")).size(), 900'000U);
}

TEST_F(postgres_answer_size, a_refusal_behind_the_first_rows_is_the_answer) {
  EXPECT_EQ(refusal_kind([&] { value("select 1 / (n - 1000) from generate_series(1, 2000) n"); }), error_kind::conflict);
  EXPECT_EQ(value("select 1"), sql_value(std::int64_t{1}));
}

TEST_F(postgres_answer_size, a_transaction_goes_on_behind_an_answer_that_was_too_large) {
  insert("p1");
  auto unit = db().begin({}, 30s);
  EXPECT_EQ(refusal([&] { unit->query({.text = many_rows}, [](const sql_row&) {}); }), too_large);
  EXPECT_EQ(unit->execute({.text = "update parts set amount = 5 where id = 'p1' returning repeat('x', 2000000)"}), 1)
      << "nobody looks at its rows";
  unit->commit({});
  EXPECT_EQ(amount_of("p1"), 5);
}

}  // namespace mamey::testing
