#include <gtest/gtest.h>

#include <ctime>
#include <limits>
#include <map>

#include <mamey/core/error.hpp>
#include <mamey/core/json.hpp>
#include <mamey/domain/document_order.hpp>
#include <mamey/domain/repository.hpp>

namespace {

using namespace mamey;

struct CartState {
  std::string owner;
  int items = 0;
  static constexpr auto indexes() { return indexed<&CartState::owner, &CartState::items>; }
};
struct ItemAdded {
  int items = 0;
};
struct CartDto {
  std::string id;
  std::string owner;
  double weight = 0;
  std::vector<int> items;
  static constexpr auto indexes() { return indexed<&CartDto::owner>; }
};
class Cart : public aggregate<std::string, CartState> {
  using aggregate::aggregate;

 public:
  static Cart open(std::string id, std::string owner) { return Cart(std::move(id), {.owner = std::move(owner)}); }
  void put() {
    ++change().items;
    raise(ItemAdded{state().items});
  }
};

/// A table in memory: what is committed.
class table final : public document_reader, public sql_reader {
 public:
  void store(document what) { rows_[what.id] = std::move(what); }
  std::optional<document> load(const collection&, std::string_view id) override {
    const auto found = rows_.find(std::string(id));
    return found == rows_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<document> find(const collection& in, const document_query& query) override {
    std::vector<document> found;
    for (const auto& [id, row] : rows_) {
      if (meets(in, row, query.where)) found.push_back(row);
    }
    return found;
  }
  std::int64_t count(const collection& in, std::span<const column_condition> where) override {
    return std::ranges::count_if(rows_, [&](const auto& each) { return meets(in, each.second, where); });
  }
  sql_reader* sql() noexcept override { return this; }
  void query(const sql_statement&, const std::function<void(const sql_row&)>&) override {}

 private:
  std::map<std::string, document, std::less<>> rows_;
};

class unit_of_work_test : public ::testing::Test {
 protected:
  void commit() {
    for (auto& each : unit_->take_writes()) stored_.store(each.content);
    begin();
  }
  void begin() {
    unit_ = std::make_unique<unit_of_work>(stored_);
    carts_ = std::make_unique<repository<Cart>>(*unit_);
  }
  void SetUp() override { begin(); }

  table stored_;
  std::unique_ptr<unit_of_work> unit_;
  std::unique_ptr<repository<Cart>> carts_;
};

TEST_F(unit_of_work_test, an_aggregate_comes_back_with_state_version_and_position) {
  auto cart = Cart::open("c1", "ada");
  cart.put();
  cart.put();
  carts_->add(cart);
  commit();
  const auto found = carts_->get("c1");
  EXPECT_EQ(found.state().items, 2);
  EXPECT_EQ(found.version(), 1);
  EXPECT_EQ(found.position(), 2);
}

TEST_F(unit_of_work_test, a_handler_sees_its_own_writes) {
  carts_->add(Cart::open("c1", "ada"));
  EXPECT_TRUE(carts_->exists("c1"));
  auto again = carts_->get("c1");
  again.put();
  carts_->save(again);
  EXPECT_EQ(carts_->get("c1").state().items, 1);
  carts_->remove(again);
  EXPECT_FALSE(carts_->exists("c1"));
}

/// Processor time for a unit that adds, loads and saves `count` aggregates and hands them out: the best of three.
double time_of_writes(int count) {
  auto best = std::numeric_limits<std::clock_t>::max();
  for (int round = 0; round < 3; ++round) {
    table nothing_stored;
    unit_of_work unit(nothing_stored);
    repository<Cart> carts(unit);
    const auto begin = std::clock();
    for (int i = 0; i < count; ++i) carts.add(Cart::open("c" + std::to_string(i), "ada"));
    for (int i = 0; i < count; ++i) {
      auto cart = carts.get("c" + std::to_string(i));
      cart.put();
      carts.save(cart);
    }
    EXPECT_EQ(unit.take_writes().size(), static_cast<std::size_t>(count));
    best = std::min(best, std::clock() - begin);
  }
  return static_cast<double>(best) / CLOCKS_PER_SEC;
}

TEST_F(unit_of_work_test, ten_thousand_writes_cost_ten_times_as_much_as_a_thousand) {
  const auto few = time_of_writes(1'000), many = time_of_writes(10'000);
  RecordProperty("microseconds_of_ten_thousand", static_cast<int>(many * 1e6));
  EXPECT_LT(many, few * 35) << "a scan of the writes for each write would cost a hundred times as much";
}

TEST_F(unit_of_work_test, an_aggregate_saved_twice_is_written_once_against_the_stored_version) {
  carts_->add(Cart::open("c1", "ada"));
  commit();
  auto cart = carts_->get("c1");
  cart.put();
  carts_->save(cart);
  cart.put();
  carts_->save(cart);
  const auto writes = unit_->take_writes();
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_EQ(writes[0].expected_version, 1);
  EXPECT_EQ(writes[0].content.version, 2);
  EXPECT_EQ(writes[0].content.position, 2);
}

TEST_F(unit_of_work_test, two_copies_saved_one_after_the_other_are_a_conflict) {
  carts_->add(Cart::open("c1", "ada"));
  commit();
  auto first = carts_->get("c1");
  auto second = carts_->get("c1");
  first.put();
  carts_->save(first);
  second.put();
  EXPECT_THROW(carts_->save(second), concurrency_conflict);
}

TEST_F(unit_of_work_test, a_read_model_may_be_removed_twice_and_put_again) {
  read_models<CartDto> shown(*unit_);
  shown.remove("c1");
  shown.remove("c1");
  EXPECT_FALSE(shown.find("c1"));
  EXPECT_EQ(shown.list({where<&CartDto::owner>("ada")}).total_results, 0);
  shown.put({.id = "c1", .owner = "ada"});
  EXPECT_EQ(shown.get("c1").owner, "ada");
  shown.remove("c2");
  shown.remove("c2");
  const auto writes = unit_->take_writes();
  ASSERT_EQ(writes.size(), 2U);
  EXPECT_EQ(writes[0].kind, write_kind::upsert) << "the last write wins, whatever the store holds";
  EXPECT_EQ(writes[0].content.columns.size(), 1U);
  EXPECT_EQ(writes[1].kind, write_kind::remove);
}

TEST_F(unit_of_work_test, what_was_added_and_removed_again_still_had_to_be_new) {
  auto cart = Cart::open("c1", "ada");
  carts_->add(cart);
  carts_->remove(cart);
  carts_->remove(cart);
  EXPECT_FALSE(carts_->find("c1"));
  const auto writes = unit_->take_writes();
  ASSERT_EQ(writes.size(), 2U);
  EXPECT_EQ(writes[0].kind, write_kind::insert) << "a conflict, if somebody has that id";
  EXPECT_EQ(writes[1].kind, write_kind::remove);
  EXPECT_EQ(writes[1].expected_version, 1);
}

TEST_F(unit_of_work_test, what_this_handler_removed_is_not_saved_but_may_be_added_again) {
  carts_->add(Cart::open("c1", "ada"));
  commit();
  auto cart = carts_->get("c1");
  carts_->remove(cart);
  EXPECT_THROW(carts_->save(cart), concurrency_conflict);
  auto next = Cart::open("c1", "bob");
  carts_->add(next);
  EXPECT_EQ(next.version(), 2);
  EXPECT_THROW(carts_->add(Cart::open("c1", "eve")), concurrency_conflict);
  const auto writes = unit_->take_writes();
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_EQ(writes[0].kind, write_kind::update);
  EXPECT_EQ(writes[0].expected_version, 1);
}

TEST_F(unit_of_work_test, a_unit_that_only_reads_records_nothing_and_says_whose_it_is) {
  unit_->only_read("get_cart");
  publisher messages(*unit_);
  const std::vector<std::function<void()>> writes{
      [&] { carts_->add(Cart::open("c1", "ada")); },
      [&] { read_models<CartDto>(*unit_).put({.id = "c1"}); },
      [&] { read_models<CartDto>(*unit_).remove("c1"); },
      [&] { messages.publish(ItemAdded{}); },
      [&] { messages.send(ItemAdded{}); },
      [&] { messages.send_later(ItemAdded{}, std::chrono::seconds(1)); },
      [&] { database(*unit_).execute({.text = "delete from carts"}); },
  };
  for (const auto& write : writes) {
    try {
      write();
      ADD_FAILURE() << "it was recorded";
    } catch (const internal_error& refused) {
      EXPECT_EQ(refused.code(), "only_reads");
      EXPECT_TRUE(refused.reason().starts_with("get_cart only reads")) << refused.reason();
    }
  }
  EXPECT_TRUE(unit_->take_writes().empty());
  EXPECT_TRUE(unit_->statements().empty() && unit_->published().empty() && unit_->scheduled().empty());
}

TEST_F(unit_of_work_test, an_order_is_asked_for_in_any_case_and_by_any_member_that_has_one) {
  read_models<CartDto> shown(*unit_);
  shown.put({.id = "c1", .owner = "bob", .weight = 2});
  shown.put({.id = "c2", .owner = "ada", .weight = 3});
  shown.put({.id = "c3", .owner = "eve", .weight = 1});
  const auto by = [&](std::string order_by, std::string sort_order) {
    std::string ids;
    for (const auto& each : shown.list({.order_by = std::move(order_by), .sort_order = std::move(sort_order)}).items) ids += each.id;
    return ids;
  };
  EXPECT_EQ(by("OWNER", "asc"), "c2c1c3");
  EXPECT_EQ(by("Weight", "asc"), "c3c1c2") << "no index: sorted by the unit of work";
  EXPECT_EQ(by("weight", "desc"), "c2c1c3");
  EXPECT_EQ(by("Id", "desc"), "c3c2c1");
  for (const auto* wrong : {"items", "owner; drop table carts", "nobody"}) EXPECT_THROW(by(wrong, "asc"), validation_error) << wrong;
}

TEST_F(unit_of_work_test, without_an_index_only_a_few_are_sorted) {
  read_models<CartDto> shown(*unit_);
  for (int i = 0; i < unit_of_work::most_sorted_here; ++i)
    shown.put({.id = std::to_string(i), .owner = i % 2 == 0 ? "ada" : "bob", .weight = -1.0 * i});
  const paging heaviest{.results_per_page = 1, .order_by = "weight"};
  EXPECT_EQ(shown.list(heaviest).items[0].id, "0");
  shown.put({.id = "more", .owner = "bob"});
  try {
    (void)shown.list(heaviest);
    FAIL() << "they were sorted";
  } catch (const validation_error& refused) {
    ASSERT_EQ(refused.violations().size(), 1U);
    EXPECT_EQ(refused.violations()[0].path, "orderBy");
    EXPECT_NE(refused.violations()[0].message.find("expected one of id, owner"), std::string::npos) << refused.violations()[0].message;
  }
  EXPECT_EQ(shown.list({where<&CartDto::owner>("ada")}, heaviest).items[0].id, "0") << "of half of them";
}

TEST_F(unit_of_work_test, a_text_too_long_for_an_index_is_the_caller_s_mistake_and_named) {
  read_models<CartDto> shown(*unit_);
  shown.put({.id = "c1", .owner = std::string(longest_indexed_text, 'x')});
  for (const auto& [wrong, member] :
       std::vector<std::pair<CartDto, std::string>>{{{.id = "c2", .owner = std::string(longest_indexed_text + 1, 'x')}, "owner"},
                                                    {{.id = std::string(longest_id + 1, 'x')}, "id"}}) {
    try {
      shown.put(wrong);
      ADD_FAILURE() << member;
    } catch (const validation_error& refused) {
      EXPECT_EQ(refused.violations()[0].path, member);
      EXPECT_EQ(refused.violations()[0].code, "too_long");
    }
  }
}

TEST_F(unit_of_work_test, searching_counts_what_this_unit_added_changed_and_removed) {
  carts_->add(Cart::open("c1", "ada"));
  carts_->add(Cart::open("c2", "ada"));
  carts_->add(Cart::open("c3", "bob"));
  commit();
  auto removed = carts_->get("c1");
  carts_->remove(removed);
  carts_->add(Cart::open("c4", "ada"));
  const auto page = carts_->list({where<&CartState::owner>("ada")});
  ASSERT_EQ(page.items.size(), 2u);
  EXPECT_EQ(page.items[0].id(), "c2");
  EXPECT_EQ(page.items[1].id(), "c4");
  EXPECT_EQ(page.total_results, 2);
}

TEST_F(unit_of_work_test, sorting_by_what_is_no_declared_column_is_refused) {
  paging asked;
  asked.order_by = "owner; drop table carts";
  EXPECT_THROW((void)carts_->list({}, asked), validation_error);
}

TEST_F(unit_of_work_test, a_cursor_that_is_none_or_of_another_order_is_the_caller_s_mistake) {
  for (const auto* id : {"c1", "c2", "c3"}) {
    auto cart = Cart::open(id, "ada");
    carts_->add(cart);
  }
  const auto first = carts_->scroll({}, {.after = {}, .results_per_page = 2, .order_by = "owner", .sort_order = "asc"});
  ASSERT_EQ(first.items.size(), 2U);
  ASSERT_TRUE(first.next);
  const auto next = carts_->scroll({}, {.after = *first.next, .results_per_page = 2, .order_by = "owner", .sort_order = "asc"});
  ASSERT_EQ(next.items.size(), 1U);  // recorded, not stored yet: found as well
  EXPECT_EQ(next.items[0].id(), "c3");
  EXPECT_FALSE(next.next);
  const std::vector<cursor_paging> wrong{
      {.after = "c2", .order_by = "owner", .sort_order = "asc"},
      {.after = "{}", .order_by = "owner", .sort_order = "asc"},
      {.after = first.next->substr(1), .order_by = "owner", .sort_order = "asc"},
      {.after = *first.next, .order_by = "owner", .sort_order = "desc"},
      {.after = *first.next, .order_by = "items", .sort_order = "asc"},
      {.after = *first.next, .order_by = {}, .sort_order = {}},
      {.after = std::string(100'000, 'A'), .order_by = "owner", .sort_order = "asc"},
  };
  for (const auto& each : wrong) EXPECT_THROW((void)carts_->scroll({}, each), validation_error) << each.after.substr(0, 40);
}

TEST_F(unit_of_work_test, events_carry_stream_position_and_key) {
  auto cart = Cart::open("c1", "ada");
  cart.put();
  cart.put();
  carts_->add(cart);
  const auto first = unit_->take_raised();
  const auto second = unit_->take_raised();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->stream, "carts/c1");
  EXPECT_EQ(first->position, 1);
  EXPECT_EQ(second->position, 2);
  EXPECT_EQ(second->key, "c1");
  EXPECT_FALSE(unit_->take_raised());
}

TEST_F(unit_of_work_test, what_is_not_there_is_named) {
  try {
    (void)carts_->get("c9");
    FAIL();
  } catch (const not_found& missing) {
    EXPECT_EQ(missing.reason(), "carts c9 does not exist");
  }
}

TEST(paging_test, the_reference_s_defaults_and_clamps_hold) {
  EXPECT_EQ(paging{}.size(), 10);
  EXPECT_EQ((paging{.results = 25}).size(), 25);
  EXPECT_EQ((paging{.results_per_page = 5000}).size(), 100);
  EXPECT_EQ((paging{.page = -3}).number(), 1);
  EXPECT_EQ((paging{.page = 3, .results_per_page = 20}).offset(), 40);
  EXPECT_FALSE((paging{.sort_order = "descending"}).ascending());
  EXPECT_TRUE((paging{.sort_order = "asc"}).ascending());
}

TEST(paging_test, the_current_page_is_never_beyond_the_last) {
  EXPECT_EQ(page<int>::of({}, {.page = 99}, 7).current_page, 1);
  EXPECT_EQ(page<int>::of({}, {.page = 3}, 0).current_page, 0);
  EXPECT_EQ(page<int>::of({5}, {.page = 3, .results_per_page = 2}, 5).current_page, 3);
}

TEST(paging_test, a_page_is_written_as_the_reference_writes_it) {
  const auto text = json::to_string(page<int>::of({1, 2}, {.page = 2, .results_per_page = 2}, 5));
  EXPECT_EQ(text,
            R"({"items":[1,2],"isEmpty":false,"isNotEmpty":true,"currentPage":2,"resultsPerPage":2,"totalPages":3,"totalResults":5})");
}

}  // namespace
