// Conditions on declared members, and writes of all rows that meet one: every store answers as a plain predicate over the rows does.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <random>
#include <set>

#include <mamey/core/decimal.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/domain/repository.hpp>

#include "../support/soak.hpp"
#include "condition_conformance.hpp"
#include "mapping_conformance.hpp"

namespace mamey::testing {
namespace {

using strings = std::vector<std::string>;

/// A condition, what it means, and the conditions that it is made of.
template <class Row>
struct asked {
  std::string text;
  member_condition<Row> condition;
  std::function<bool(const Row&)> fits;
  std::vector<asked> parts = {};
};

template <class Row>
class library {
 public:
  explicit library(std::uint64_t seed) : dice_(seed) {}

  Row row(int number) {
    Row made;
    made.id = "b" + std::to_string(100 + number);
    fill(made);
    return made;
  }

  asked<Row> condition(int depth = 3) {
    const auto how = depth == 0 ? 0 : below(5);
    if (how < 2) return leaf();
    if (how == 2) {
      auto part = condition(depth - 1);
      return {.text = "!(" + part.text + ")",
              .condition = !part.condition,
              .fits = [fits = part.fits](const Row& row) { return !fits(row); },
              .parts = {part}};
    }
    auto left = condition(depth - 1), right = condition(depth - 1);
    if (how == 3)
      return {.text = "(" + left.text + " && " + right.text + ")",
              .condition = left.condition && right.condition,
              .fits = [a = left.fits, b = right.fits](const Row& row) { return a(row) && b(row); },
              .parts = {left, right}};
    return {.text = "(" + left.text + " || " + right.text + ")",
            .condition = left.condition || right.condition,
            .fits = [a = left.fits, b = right.fits](const Row& row) { return a(row) || b(row); },
            .parts = {left, right}};
  }

  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(dice_); }

 private:
  template <class T>
  T one_of(std::initializer_list<T> all) {
    return *(all.begin() + static_cast<std::ptrdiff_t>(below(all.size())));
  }

  std::string text() {
    return one_of<const char*>({"", "a", "ab", "aB", "a%", "a_", "a\\", "b", "B", "żółć", "żó", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf",
                                "\xee\x80\x80", "10", "9", "'"});
  }
  decimal number() {
    return *decimal::parse(
        one_of<const char*>({"-100", "-20.5", "-20.50", "-3", "0", "0.00", "1.5", "1.50", "9", "10", "10.0", "100.25", "99999999.99"}));
  }
  timestamp time() {
    return timestamp(std::chrono::seconds(1'767'323'045)) +
           one_of<std::chrono::microseconds>(
               {{}, std::chrono::microseconds(1), std::chrono::microseconds(250'000), std::chrono::seconds(1), std::chrono::days(-9000)});
  }
  void fill(Row& made) {
    made.title = text();
    if (below(3) > 0) made.note = text();
    made.pages = one_of({-3, 0, 1, 2, 10, std::numeric_limits<int>::max()});
    if (below(3) > 0) made.sold = one_of<std::int64_t>({-1, 0, 2, 5'000'000'000});
    made.weight = one_of({-1.5, 0.0, 0.1, 2.0, 1e17});
    made.lent = below(2) == 0;
    made.kind = static_cast<genre>(below(3));
    if (below(3) > 0) made.other = static_cast<genre>(below(3));
    made.price = number();
    if (below(3) > 0) made.was = number();
    made.at = time();
    if (below(3) > 0) made.seen = std::chrono::system_clock::time_point(time().time_since_epoch());
    made.day = std::chrono::sys_days(std::chrono::days(20'000 + static_cast<int>(below(3))));
    made.owner = *uuid::parse("0198c0de-0000-7000-8000-0000000000" + std::string(one_of<const char*>({"0a", "0b", "f0"})));
    if constexpr (requires { made.wait; }) made.wait = one_of<ticks>({ticks(0), ticks(-5), ticks(10'000'000), std::chrono::hours(30)});
  }

  /// The value of a member, where there is one.
  template <class Held>
  static std::optional<Held> held(const Held& value) {
    return value;
  }
  template <class Held>
  static std::optional<Held> held(const std::optional<Held>& value) {
    return value;
  }

  template <auto Member>
  asked<Row> compare(const char* name) {
    Row other;
    fill(other);
    using plain = detail::compared_with<Member>;
    using held_type = typename detail::member_parts<Member>::value;
    const auto value = held(other.*Member).value_or(plain{});
    fill(other);
    const auto second = held(other.*Member).value_or(plain{});
    const auto make = [&](const std::string& how, const member_condition<Row>& condition, std::function<bool(const plain&)> fits) {
      const auto shown = [](const plain& each) { return json::to_string(each); };
      return asked<Row>{
          .text = std::string(name) + how + shown(value) + "|" + shown(second), .condition = condition, .fits = [fits](const Row& row) {
            const auto found = held(row.*Member);
            return found && fits(*found);
          }};
    };
    const auto& in = where<Member>;
    if constexpr (!std::is_same_v<plain, held_type>) {
      if (below(6) == 0)
        return {
            .text = std::string(name) + " is null", .condition = in.is_null(), .fits = [](const Row& row) { return !held(row.*Member); }};
    }
    switch (const auto how = below(8); how) {
      case 0:
        return make(" one of ", in.in({value, second}), [=](const plain& found) { return found == value || found == second; });
      case 1:
        return make(" one of three ", in.in(std::vector<plain>{value, second, value}),
                    [=](const plain& found) { return found == value || found == second; });
      case 2:
        return make(" one of none ", in.in(std::vector<plain>()), [](const plain&) { return false; });
      default:
        if constexpr (detail::has_column_order<plain>()) {
          if (how == 3) return make(" < ", in.less(value), [=](const plain& found) { return found < value; });
          if (how == 4) return make(" <= ", in.at_most(value), [=](const plain& found) { return found <= value; });
          if (how == 5) return make(" > ", in.greater(value), [=](const plain& found) { return found > value; });
          if (how == 6)
            return make(" between ", in.between(value, second), [=](const plain& found) { return found >= value && found <= second; });
          if constexpr (std::is_same_v<plain, std::string>)
            return make(" starts with ", in.starts_with(value), [=](const plain& found) { return found.starts_with(value); });
          else
            return make(" >= ", in.at_least(value), [=](const plain& found) { return found >= value; });
        } else {
          return make(" == ", in(value), [=](const plain& found) { return found == value; });
        }
    }
  }

  asked<Row> leaf() {
    if constexpr (requires(Row row) { row.wait; }) {
      if (below(15) == 0) return compare<&Row::wait>("wait");
    }
    switch (below(14)) {
      case 0:
        return compare<&Row::title>("title");
      case 1:
        return compare<&Row::note>("note");
      case 2:
        return compare<&Row::pages>("pages");
      case 3:
        return compare<&Row::sold>("sold");
      case 4:
        return compare<&Row::weight>("weight");
      case 5:
        return compare<&Row::lent>("lent");
      case 6:
        return compare<&Row::kind>("kind");
      case 7:
        return compare<&Row::other>("other");
      case 8:
        return compare<&Row::price>("price");
      case 9:
        return compare<&Row::was>("was");
      case 10:
        return compare<&Row::at>("at");
      case 11:
        return compare<&Row::seen>("seen");
      case 12:
        return compare<&Row::day>("day");
      default:
        return compare<&Row::owner>("owner");
    }
  }

  std::mt19937_64 dice_;
};

template <class Row>
strings fitting(const std::vector<Row>& rows, const std::function<bool(const Row&)>& fits) {
  strings ids;
  for (const auto& each : rows) {
    if (fits(each)) ids.push_back(each.id);
  }
  return ids;
}

/// Empty where the store answers as the predicate does; else the smallest part of the condition that differs.
template <class Row>
std::string difference(const read_models<Row>& books, const std::vector<Row>& rows, const asked<Row>& what) {
  const auto expected = fitting(rows, what.fits);
  const auto found = books.list(what.condition, all_on_one_page);
  const auto count = books.count(what.condition);
  if (ids_of(found.items) == expected && found.total_results == std::ssize(expected) && count == std::ssize(expected) &&
      books.exists(what.condition) == !expected.empty())
    return {};
  for (const auto& part : what.parts) {
    if (auto smaller = difference(books, rows, part); !smaller.empty()) return smaller;
  }
  std::string text = what.text + " found " + std::to_string(found.items.size()) + ", counted " + std::to_string(count) + ", expected " +
                     std::to_string(expected.size());
  strings differing;
  std::ranges::set_symmetric_difference(ids_of(found.items), expected, std::back_inserter(differing));
  for (const auto& row : rows) {
    if (std::ranges::find(differing, row.id) != differing.end()) text += "\n  " + json::to_string(row);
  }
  return text;
}

std::uint64_t first_seed() {
  const auto* const given = std::getenv("MAMEY_CONDITION_SEED");
  return given ? std::strtoull(given, nullptr, 10) : 1;
}

/// Half of the rows stored, a quarter changed and a quarter added by the unit that asks; then all of them stored.
template <class Row>
void compare_with_predicates(store& db, std::size_t seeds, const std::function<void()>& empty) {
  const bool replays = std::getenv("MAMEY_CONDITION_SEED") != nullptr;
  for (auto seed = first_seed(); seed < first_seed() + (replays ? 1 : seeds); ++seed) {
    empty();
    library<Row> books(seed);
    std::vector<Row> rows;
    for (int i = 0; i < 40; ++i) rows.push_back(books.row(i));
    const auto ask = [&](unit_of_work& unit) {
      for (int i = 0; i < 25; ++i) {
        const auto what = books.condition();
        const auto differs = difference(read_models<Row>(unit), rows, what);
        ASSERT_EQ(differs, "") << "replay with MAMEY_CONDITION_SEED=" << seed;
      }
    };
    unit_of_work first(db);
    for (std::size_t i = 0; i < 30; ++i) read_models<Row>(first).put(rows[i]);
    db.commit({.documents = first.take_writes()});
    unit_of_work unit(db);
    for (std::size_t i = 20; i < rows.size(); ++i) {
      if (i < 30) rows[i] = books.row(static_cast<int>(i));
      read_models<Row>(unit).put(rows[i]);
    }
    ask(unit);
    if (::testing::Test::HasFatalFailure()) return;
    db.commit({.documents = unit.take_writes()});
    unit_of_work later(db);
    ask(later);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace

TEST_P(condition_conformance, random_conditions_find_what_a_predicate_finds) {
  prepare(read_model_collection<book>());
  compare_with_predicates<book>(db(), rounds(12, 2'000), [&] { remove_all(); });
}

TEST_P(condition_conformance, a_row_without_a_value_meets_is_null_and_what_is_negated) {
  prepare(read_model_collection<book>());
  put({{.id = "none"}, {.id = "some", .note = "x"}, {.id = "other", .note = "y"}});
  EXPECT_EQ(found(where<&book::note>.is_null()), strings{"none"});
  EXPECT_EQ(found(!where<&book::note>.is_null()), (strings{"other", "some"}));
  EXPECT_EQ(found(where<&book::note>.less("y")), strings{"some"});
  EXPECT_EQ(found(!where<&book::note>.less("y")), (strings{"none", "other"})) << "exactly those that do not meet it";
  EXPECT_EQ(found(!where<&book::note>("x")), (strings{"none", "other"}));
  EXPECT_EQ(found(!where<&book::note>.in({"x", "y"})), strings{"none"});
  EXPECT_EQ(found(!(where<&book::note>("x") || where<&book::note>.greater("x"))), strings{"none"});
  EXPECT_EQ(found(where<&book::note>.starts_with("")), (strings{"other", "some"})) << "every text begins with nothing";
}

TEST_P(condition_conformance, no_character_of_a_prefix_is_special_and_case_counts) {
  prepare(read_model_collection<book>());
  put({{.id = "1", .title = "100% wool"},
       {.id = "2", .title = "100 wool"},
       {.id = "3", .title = "a_b"},
       {.id = "4", .title = "axb"},
       {.id = "5", .title = "A_b"},
       {.id = "6", .title = "a\\b"}});
  EXPECT_EQ(found(where<&book::title>.starts_with("100%")), strings{"1"});
  EXPECT_EQ(found(where<&book::title>.starts_with("a_")), strings{"3"});
  EXPECT_EQ(found(where<&book::title>.starts_with("a\\")), strings{"6"});
  EXPECT_EQ(found(where<&book::title>.starts_with("A")), strings{"5"});
  EXPECT_EQ(found(where<&book::title>("a_B")), strings{});
}

TEST_P(condition_conformance, an_empty_list_finds_nothing_and_lists_have_a_bound) {
  prepare(read_model_collection<book>());
  put({{.id = "1", .pages = 7}, {.id = "2", .pages = 8}});
  EXPECT_EQ(found(where<&book::pages>.in(std::vector<int>())), strings{});
  EXPECT_EQ(found(!where<&book::pages>.in(std::vector<int>())), (strings{"1", "2"}));
  std::vector<int> many(most_searched_values, 8);
  EXPECT_EQ(found(where<&book::pages>.in(many)), strings{"2"});
  many.push_back(9);
  EXPECT_EQ(refusal([&] { found(where<&book::pages>.in(many)); }).first, error_kind::validation);
  member_condition<book> widest;
  for (std::size_t i = 0; i < most_comparisons; ++i) widest = widest || where<&book::pages>(static_cast<int>(i));
  EXPECT_EQ(found(widest), (strings{"1", "2"})) << "the largest is answered";
  member_condition<book> deepest = where<&book::pages>(7);
  for (std::size_t i = 0; i < deepest_condition / 2; ++i) deepest = !(deepest && where<&book::pages>.less(100));
  EXPECT_EQ(found(deepest).size(), 1U);
}

TEST_P(condition_conformance, numbers_beyond_a_member_are_compared_as_numbers) {
  prepare(read_model_collection<book>());
  put({{.id = "1", .pages = 7}});
  EXPECT_EQ(found(where<&book::pages>.less(5'000'000'000)), strings{"1"});
  EXPECT_EQ(found(where<&book::pages>(4'294'967'303)), strings{}) << "not what is left of it in 32 bits";
  EXPECT_EQ(refusal([&] { found(where<&book::pages>.less(std::numeric_limits<std::uint64_t>::max())); }).first, error_kind::validation);
  EXPECT_EQ(refusal([&] { found(where<&book::weight>(std::nan(""))); }).first, error_kind::validation);
  EXPECT_EQ(refusal([&] { found(where<&book::title>(std::string("a\0b", 3))); }).first, error_kind::validation);
  EXPECT_EQ(refusal([&] { found(where<&book::title>.starts_with("\xff")); }).first, error_kind::validation);
}

TEST_P(condition_conformance, many_are_found_by_their_ids_in_the_order_of_the_ids) {
  prepare(read_model_collection<book>());
  put({{.id = "1"}, {.id = "2"}, {.id = "3"}});
  unit_of_work unit(db());
  read_models<book> books(unit);
  books.put({.id = "4"});
  books.remove("2");
  EXPECT_EQ(ids_of(books.find_many({"4", "2", "1", "zz", "4", "3"})), (strings{"4", "1", "3"}));
  EXPECT_TRUE(books.find_many({}).empty());
  EXPECT_TRUE(books.exists("4"));
  EXPECT_FALSE(books.exists("2"));
  EXPECT_EQ(books.count(), 3);
  std::vector<std::string> many;
  for (std::size_t i = 0; i <= most_searched_values; ++i) many.push_back(std::to_string(i));
  EXPECT_EQ(refusal([&] { books.find_many(many); }).first, error_kind::validation);
  many.pop_back();
  EXPECT_EQ(books.find_many(many).size(), 3U);
}

TEST_P(condition_conformance, a_condition_over_a_declared_member_uses_its_index) {
  prepare(read_model_collection<book>());
  std::vector<book> all;
  for (int i = 0; i < 3000; ++i) {
    const auto number = std::to_string(10'000 + i);
    all.push_back({.id = number,
                   .title = "t" + number,
                   .note = i % 10 == 0 ? std::optional("n" + number) : std::nullopt,
                   .pages = i,
                   .price = *decimal::parse(std::to_string(i) + ".5"),
                   .at = timestamp(std::chrono::seconds(i))});
  }
  put(all);
  const auto planning = this->planning();
  if (!planning) return;  // the store in memory
  const document_table table(read_model_collection<book>(), planning->dialect);
  const auto expect_index = [&](const member_condition<book>& condition, const std::string& column) {
    const auto query = detail::make_query(read_model_collection<book>(), condition.node(), paging{});
    for (const auto& sql : {table.find(query), table.count(query.where)}) {
      std::string plan;
      db().sql()->query({.text = planning->explain + sql.text, .parameters = sql.values}, [&](const sql_row& row) {
        for (const auto& value : row.values) {
          if (const auto* text = std::get_if<std::string>(&value)) plan += *text + "\n";
        }
      });
      EXPECT_NE(plan.find("books_" + column + "_ix"), std::string::npos) << sql.text << "\n" << plan;
      EXPECT_EQ(plan.find("SCAN"), std::string::npos) << sql.text << "\n" << plan;
      EXPECT_EQ(plan.find("Seq Scan"), std::string::npos) << sql.text << "\n" << plan;
    }
  };
  expect_index(where<&book::pages>(7), "pages");
  expect_index(where<&book::pages>.less(3), "pages");
  expect_index(where<&book::pages>.between(100, 102), "pages");
  expect_index(where<&book::pages>.in({1, 5, 9}), "pages");
  expect_index(where<&book::title>.starts_with("t1000"), "title");
  expect_index(where<&book::title>.greater("t12997"), "title");
  expect_index(where<&book::price>.less(decimal("2")), "price");
  expect_index(where<&book::at>.at_most(timestamp(std::chrono::seconds(2))), "at");
  expect_index(where<&book::note>("n10010"), "note");
  expect_index(where<&book::pages>.less(3) || where<&book::title>.starts_with("t1000"), "title");
  expect_index(where<&book::pages>.less(3) && !where<&book::note>.is_null(), "pages");
}

TEST_P(condition_conformance, random_rows_are_changed_and_removed_by_conditions_as_by_a_predicate) {
  prepare(read_model_collection<book>());
  for (std::uint64_t seed = 1; seed <= rounds(8, 500); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    remove_all();
    library<book> books(seed);
    std::vector<book> rows;
    for (int i = 0; i < 30; ++i) rows.push_back(books.row(i));
    put(rows);
    for (int step = 0; step < 4; ++step) {
      const auto what = books.condition();
      const auto with = books.row(0);
      in_unit([&](read_models<book> all) {
        if (step == 3) return all.remove_where(what.condition);
        all.update_where(what.condition, assign<&book::title>(with.title), assign<&book::note>(with.note), assign<&book::price>(with.price),
                         assign<&book::was>(with.was), assign<&book::kind>(with.kind), assign<&book::at>(with.at),
                         assign<&book::seen>(with.seen), assign<&book::lent>(with.lent), assign<&book::wait>(with.wait));
      });
      if (step == 3) std::erase_if(rows, what.fits);
      for (auto& row : rows) {
        if (step == 3 || !what.fits(row)) continue;
        row.title = with.title, row.note = with.note, row.price = with.price, row.was = with.was, row.kind = with.kind, row.at = with.at,
        row.seen = with.seen, row.lent = with.lent, row.wait = with.wait;
      }
      unit_of_work unit(db());
      const auto left = read_models<book>(unit).list({}, all_on_one_page).items;
      ASSERT_EQ(left.size(), rows.size()) << what.text;
      for (std::size_t i = 0; i < rows.size(); ++i)
        ASSERT_EQ(json::to_string(left[i]), json::to_string(rows[i])) << what.text;  // the bodies
      const auto again = books.condition();
      ASSERT_EQ(difference(read_models<book>(unit), rows, again), "") << "and the columns";
    }
  }
}

TEST_P(condition_conformance, a_bulk_write_stands_between_what_is_written_before_and_after_it) {
  prepare(read_model_collection<book>());
  put({{.id = "1", .pages = 1}, {.id = "2", .pages = 1}});
  in_unit([](read_models<book> books) {
    books.put({.id = "3", .pages = 1});
    books.update_where(where<&book::pages>(1), assign<&book::pages>(2));
    books.put({.id = "4", .pages = 1});
    books.put({.id = "1", .pages = 5});
    books.remove_where(where<&book::pages>(5));
    books.put({.id = "5", .pages = 1});
  });
  EXPECT_EQ(found(where<&book::pages>(2)), (strings{"2", "3"}));
  EXPECT_EQ(found(where<&book::pages>(1)), (strings{"4", "5"}));
  EXPECT_EQ(found(where<&book::pages>(5)), strings{});

  const std::optional<int> none;
  unit_of_work unit(db());
  read_models<book> books(unit);
  for (const auto& incomplete : {where<&book::pages>(none), where<&book::pages>(1) && where<&book::pages>.less(none),
                                 !(where<&book::pages>(1) || where<&book::pages>.between(none, 7))}) {
    EXPECT_EQ(refusal([&] { books.remove_where(incomplete); }).second, "condition_incomplete");
    EXPECT_EQ(refusal([&] { books.update_where(incomplete, assign<&book::pages>(2)); }).second, "condition_incomplete");
  }
  EXPECT_TRUE(unit.take_writes().empty());
  books.remove_where(where<&book::pages>(1));
  EXPECT_EQ(refusal([&] { books.find("2"); }).second, "changed_in_bulk");
  EXPECT_EQ(refusal([&] { books.count(); }).second, "changed_in_bulk");
  books.put({.id = "6", .pages = 1});
  EXPECT_EQ(books.get("6").pages, 1) << "what was written after it can be read";
}

namespace {

struct shelf_state {
  std::string name;
  int books = 0;
  static constexpr auto indexes() { return indexed<&shelf_state::name>; }
};
class shelf : public aggregate<std::string, shelf_state> {
  using aggregate::aggregate;

 public:
  static shelf make(std::string id, std::string name) { return shelf(std::move(id), {.name = std::move(name)}); }
  void put() { ++change().books; }
};

}  // namespace

TEST_P(condition_conformance, an_update_by_a_condition_counts_the_version_of_an_aggregate) {
  prepare(aggregate_collection<shelf>());
  const auto in_unit = [&](auto work) {
    unit_of_work unit(db());
    repository<shelf> shelves(unit);
    work(shelves);
    db().commit({.documents = unit.take_writes()});
  };
  in_unit([](repository<shelf>& shelves) {
    std::vector<shelf> made{shelf::make("a", "x"), shelf::make("b", "y")};
    shelves.add_many(made);
  });
  std::optional<shelf> before;
  in_unit([&](repository<shelf>& shelves) { before = shelves.get("a"); });
  in_unit([](repository<shelf>& shelves) { shelves.update_where(where<&shelf_state::name>("x"), assign<&shelf_state::books>(7)); });
  in_unit([&](repository<shelf>& shelves) {
    EXPECT_EQ(shelves.get("a").state().books, 7) << "a member without a column, too";
    EXPECT_EQ(shelves.get("a").version(), 2);
    EXPECT_EQ(shelves.get("b").version(), 1);
  });
  before->put();
  EXPECT_EQ(refusal_kind([&] { in_unit([&](repository<shelf>& shelves) { shelves.save(*before); }); }), error_kind::concurrency_conflict)
      << "no update is lost";
  in_unit([](repository<shelf>& shelves) { shelves.remove_where(where<&shelf_state::name>.in({"x", "zz"})); });
  in_unit([](repository<shelf>& shelves) { EXPECT_EQ(shelves.count(), 1); });
}

TEST_P(mapped_condition_conformance, random_conditions_find_what_a_predicate_finds_in_a_table_that_somebody_made) {
  using enum column_content;
  const auto type = [&](column_content content) {
    return " " + (type_for(column_content::boolean) != "boolean" || (content != decimal && content != integer) ? type_for(content)
                  : content == decimal                                                                         ? "numeric"
                                                                                                               : "bigint");
  };
  db().commit({.statements = {{.text = "create table mapped_books (id" + type(text) + " primary key, title" + type(text) + ", note" +
                                       type(text) + ", pages" + type(integer) + ", sold" + type(integer) + ", weight" + type(real) +
                                       ", lent" + type(boolean) + ", kind" + type(integer) + ", other" + type(integer) + ", price" +
                                       type(decimal) + ", was" + type(decimal) + ", at" + type(time) + ", seen" + type(time) + ", day" +
                                       type(date) + ", owner" + type(column_content::uuid) + ")"}}});
  prepare(read_model_collection<mapped_book>());
  compare_with_predicates<mapped_book>(db(), rounds(12, 2'000), [&] {
    unit_of_work unit(db());
    read_models<mapped_book>(unit).remove_where({});
    db().commit({.documents = unit.take_writes()});
  });
}

TEST_P(mapped_condition_conformance, rows_of_a_table_that_somebody_made_are_changed_by_a_condition) {
  db().commit({.statements = {{.text = "create table lockers (number integer primary key, place " + type_for(column_content::text) +
                                       ", largest " + type_for(column_content::text) + ", events integer)"}}});
  prepare(aggregate_collection<locker>());
  for (const auto* values : {"(1, 'hall', 'box', null)", "(2, 'yard', null, 4)", "(3, 'hall', 'letter', 0)"})
    db().commit({.statements = {{.text = std::string("insert into lockers values ") + values}}});
  unit_of_work unit(db());
  repository<locker> lockers(unit);
  lockers.update_where(where<&locker_state::place>("hall"), assign<&locker_state::largest>(parcel_kind::on_pallet),
                       assign<&locker_state::place>("cellar"));
  db().commit({.documents = unit.take_writes()});
  EXPECT_EQ(lockers.find_many({3, 2, 1}).size(), 3U);
  EXPECT_EQ(lockers.count(where<&locker_state::place>("cellar")), 2);
  EXPECT_EQ(lockers.get(1).state().largest, parcel_kind::on_pallet);
  EXPECT_EQ(lockers.get(2).state().largest, parcel_kind::letter);
}

}  // namespace mamey::testing
