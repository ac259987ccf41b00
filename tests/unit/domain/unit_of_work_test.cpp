#include <gtest/gtest.h>

#include <map>

#include <mamey/core/error.hpp>
#include <mamey/core/json.hpp>
#include <mamey/domain/repository.hpp>

namespace {

using namespace mamey;

struct CartState {
  std::string owner;
  int items = 0;
  static constexpr auto indexes() { return indexed<&CartState::owner, &CartState::items>; }
};
struct ItemAdded { int items = 0; };
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
class table final : public document_reader {
 public:
  void store(document what) { rows_[what.id] = std::move(what); }
  std::optional<document> load(const collection&, std::string_view id) override {
    const auto found = rows_.find(std::string(id));
    return found == rows_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<document> find(const collection& in, const document_query& query) override {
    std::vector<document> found;
    for (const auto& [id, row] : rows_) {
      if (fits(in, row, query.where)) found.push_back(row);
    }
    return found;
  }
  std::int64_t count(const collection& in, std::span<const column_condition> where) override {
    return std::ranges::count_if(rows_, [&](const auto& each) { return fits(in, each.second, where); });
  }
  void query(const sql_statement&, const std::function<void(const sql_row&)>&) override {}

 private:
  static bool fits(const collection& in, const document& row, std::span<const column_condition> where) {
    for (const auto& condition : where) {
      for (std::size_t i = 0; i < in.columns.size(); ++i) {
        if (in.columns[i].name == condition.column && row.columns[i] != condition.value) return false;
      }
    }
    return true;
  }
  std::map<std::string, document, std::less<>> rows_;
};

class unit_of_work_test : public ::testing::Test {
 protected:
  void commit() {
    for (auto& each : unit_->writes()) stored_.store(each.content);
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

TEST_F(unit_of_work_test, an_aggregate_saved_twice_is_written_once_against_the_stored_version) {
  carts_->add(Cart::open("c1", "ada"));
  commit();
  auto cart = carts_->get("c1");
  cart.put();
  carts_->save(cart);
  cart.put();
  carts_->save(cart);
  ASSERT_EQ(unit_->writes().size(), 1u);
  EXPECT_EQ(unit_->writes()[0].expected_version, 1);
  EXPECT_EQ(unit_->writes()[0].content.version, 2);
  EXPECT_EQ(unit_->writes()[0].content.position, 2);
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

TEST(paging_test, a_page_is_written_as_the_reference_writes_it) {
  const auto text = json::to_string(page<int>::of({1, 2}, {.page = 2, .results_per_page = 2}, 5));
  EXPECT_EQ(text, R"({"items":[1,2],"isEmpty":false,"isNotEmpty":true,"currentPage":2,"resultsPerPage":2,"totalPages":3,"totalResults":5})");
}

}  // namespace
