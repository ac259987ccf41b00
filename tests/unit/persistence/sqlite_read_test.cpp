#include <filesystem>

#include <mamey/messaging/slot.hpp>
#include <mamey/runtime/context.hpp>

#include "sqlite_fixture.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;

using sqlite_reads = sqlite_fixture;

const sql_statement endless{.text = "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n"};

TEST_F(sqlite_reads, reads_go_on_while_a_transaction_is_open_and_see_what_is_committed) {
  db().commit({.documents = {insert_part("p1", {.sku = "a-1"})}});
  auto unit = db().begin({}, 10s);
  unit->execute({.text = "delete from parts"});
  EXPECT_EQ(db().count(parts(), {}), 1);
  EXPECT_EQ(db().read_outbox_state().pending, 0);
}

TEST_F(sqlite_reads, a_query_that_outlasts_the_deadline_is_stopped) {
  db();
  const deadline_scope soon(10ms);
  EXPECT_EQ(refusal_kind([&] { db().query(endless, [](const sql_row&) {}); }), error_kind::deadline_exceeded);
}

TEST_F(sqlite_reads, a_query_whose_caller_is_cancelled_is_stopped) {
  db();
  auto context = current_context();
  context.cancel = std::make_shared<cancellation>();
  const context_scope scope(context);
  std::jthread canceller([cancel = context.cancel] { cancel->request(); });
  EXPECT_THROW(db().query(endless, [](const sql_row&) {}), error);
}

TEST_F(sqlite_reads, a_query_may_not_write) {
  db().commit({.documents = {insert_part("p1", {.sku = "a-1"})}});
  EXPECT_THROW(db().query({.text = "delete from parts returning id"}, [](const sql_row&) {}), error);
  EXPECT_EQ(db().count(parts(), {}), 1);
}

TEST_F(sqlite_reads, a_query_may_read_again_for_each_row) {
  options_.read_connections = 1;
  db().commit({.documents = {insert_part("p1", {.sku = "a-1"}), insert_part("p2", {.sku = "a-2"})}});
  std::int64_t seen = 0;
  db().query({.text = "select id from parts"},
             [&](const sql_row& row) { seen += db().load(parts(), std::get<std::string>(row.values[0]))->version; });
  EXPECT_EQ(seen, 2);
}

TEST_F(sqlite_reads, a_result_is_bounded) {
  options_.query_bytes = 10'000;
  const sql_statement thousands{.text = "with recursive n (i) as (select 1 union all select i + 1 from n limit 10000) select i from n"};
  EXPECT_EQ(refusal([&] { db().query(thousands, [](const sql_row&) {}); }).second, "result_too_large");
}

TEST_F(sqlite_reads, a_query_needs_as_many_values_as_it_has_parameters) {
  db();
  EXPECT_EQ(refusal([&] { db().query({.text = "select ?"}, [](const sql_row&) {}); }).second, "sql_error");
  EXPECT_EQ(refusal([&] { db().query({.text = "select 1", .parameters = {std::int64_t{1}}}, [](const sql_row&) {}); }).second, "sql_error");
  EXPECT_EQ(refusal([&] { db().query({.text = "select 1; select 2"}, [](const sql_row&) {}); }).second, "sql_error");
  EXPECT_EQ(refusal([&] { db().query({.text = " "}, [](const sql_row&) {}); }).second, "sql_error");
}

TEST_F(sqlite_reads, values_of_every_kind_come_back_as_they_went) {
  const std::vector<sql_value> all{
      sql_value(), std::int64_t{-5}, 2.5, std::string("a\0b", 3), std::vector<std::byte>{std::byte{0}, std::byte{255}}, std::string()};
  std::vector<sql_value> seen;
  db().query({.text = "select ?, ?, ?, ?, ?, ?", .parameters = all}, [&](const sql_row& row) { seen = row.values; });
  EXPECT_EQ(seen, all);
}

TEST_F(sqlite_reads, a_store_in_memory_does_all_the_same_on_one_connection) {
  options_.path = ":memory:";
  db().commit({.inbox = inbox_key{"count", "m1"}, .documents = {insert_part("p1", {.sku = "a-1"})}, .outbox = {message("m2")}});
  EXPECT_EQ(db().count(parts(), {}), 1);
  EXPECT_TRUE(db().was_handled({"count", "m1"}));
  EXPECT_EQ(db().claim_outbox({}).rows.size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(directory_.file(":memory:")));
}

TEST_F(sqlite_reads, hundreds_of_different_statements_do_not_pile_up) {
  for (int i = 0; i < 1'200; ++i) {
    db().query({.text = "select " + std::to_string(i)}, [&](const sql_row& row) { EXPECT_EQ(row.values[0], sql_value(std::int64_t{i})); });
  }
}

TEST(slot_of, is_crc32c_modulo_1024) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU) << "RFC 3720 §B.4";
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43U);
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(slot_of("123456789"), static_cast<int>(0xE3069283U % 1024));
}

}  // namespace mamey::testing
