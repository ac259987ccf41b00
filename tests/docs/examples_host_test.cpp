/// The excerpts of docs/cqrs.md, docs/persistence-sqlite.md, docs/messaging.md, docs/host.md and docs/testing.md.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>

#include <mamey/application.hpp>
#include <mamey/core/services.hpp>
#include <mamey/cqrs/behaviour.hpp>
#include <mamey/cqrs/dispatcher.hpp>
#include <mamey/persistence/sqlite/feature.hpp>
#include <mamey/testing/harness.hpp>

namespace docs_host {

using namespace std::chrono_literals;

struct StockState {
  int pieces = 0;
};

// snippet mapping
struct StockRanLow {  // raised by the aggregate; private to the module
  std::string sku;
  int pieces = 0;
};

struct ReorderNeeded {  // what the others are told
  static constexpr mamey::message_options message{.exchange = "stock"};
  std::string sku;
};

std::optional<ReorderNeeded> tell_others(const StockRanLow& event) {
  if (event.pieces > 0) return std::nullopt;  // nothing leaves the module
  return ReorderNeeded{event.sku};
}
// end mapping

class Stock : public mamey::aggregate<std::string, StockState> {
  using aggregate::aggregate;

 public:
  static Stock of(const std::string& sku) { return Stock(sku, {.pieces = 3}); }
  void take(int pieces) {
    if (pieces > state().pieces) throw mamey::domain_error("not_enough", "{} pieces are asked for, {} are there", pieces, state().pieces);
    change().pieces -= pieces;
    if (state().pieces < 2) raise(StockRanLow{id(), state().pieces});
  }
};

// snippet conflict-retries
struct TakePieces {
  static constexpr int conflict_retries = 3;  // somebody else may take some at the same moment: run again on the new state
  std::string sku;
  int pieces = 1;
};
// end conflict-retries

// snippet rejection
struct TakePiecesRejected {
  static constexpr mamey::message_options message{.exchange = "stock"};
  std::string sku, reason, code;
};

TakePiecesRejected tell_refusal(const TakePieces& command, const mamey::error_report& why) { return {command.sku, why.reason, why.code}; }
// end rejection

void take_pieces(const TakePieces& command, mamey::repository<Stock>& stocks) {
  auto found = stocks.find(command.sku);
  auto stock = found ? *found : Stock::of(command.sku);
  stock.take(command.pieces);
  stocks.save(stock);
}

// snippet lifts
struct OrderPlaced {
  static constexpr mamey::message_options message{.exchange = "orders", .version = 2};
  std::string sku;
};

struct OrderPlacedOnce {  // as version 1 had it
  static constexpr mamey::message_options message{.name = "OrderPlaced", .exchange = "orders"};
  std::string article;
};

OrderPlaced lift_order_placed(const OrderPlacedOnce& event) { return {event.article}; }
// end lifts

struct CountAgain {
  std::string sku;
};
struct Counted {
  static constexpr mamey::message_options message{.exchange = "stock"};
  std::string sku;
};

// snippet publisher
void on_order_placed(const OrderPlaced& event, mamey::publisher& messages) {
  messages.send_later(CountAgain{event.sku}, 1h);  // a command of this module: durable, at least once, its effects once
}

void count_again(const CountAgain& command, mamey::publisher& messages) {
  messages.publish(Counted{command.sku}, command.sku);  // key: what belongs together keeps its order where the outbox is ordered
}
// end publisher

// snippet behaviour
class refuse_at_night final : public mamey::behaviour {
 public:
  void around(const mamey::invocation& call, const std::function<void()>& next) override {
    if (night && call.handler.kind == mamey::handler_kind::command) throw mamey::unavailable("closed", "{} has to wait until morning", call.handler.message->name);
    next();
  }
  static inline std::atomic<bool> night = false;
};
// end behaviour

// snippet sql
struct RecordScan {
  std::string sku;
};
struct CountScans {
  struct Answer {
    std::int64_t scans = 0;
  };
  using result = Answer;
  std::string sku;
};

void record_scan(const RecordScan& command, mamey::database& db) {
  db.execute({.text = "insert into scans (sku) values (?)", .parameters = {command.sku}});  // recorded; applied with the unit of work
}

CountScans::Answer count_scans(const CountScans& query, mamey::database& db) {
  CountScans::Answer answer;
  db.query({.text = "select count(*) from scans where sku = ?", .parameters = {query.sku}}, [&](const mamey::sql_row& row) { answer.scans = std::get<std::int64_t>(row.values.at(0)); });
  return answer;
}
// end sql

// snippet transaction
struct TakeTicket {};

void take_ticket(const TakeTicket&, mamey::transaction& transaction) {
  const auto changed = transaction.execute({.text = "update scans set sku = 'taken' where rowid = (select min(rowid) from scans where sku <> 'taken')"});
  if (changed == 0) throw mamey::conflict("none_left", "no scan is left to take");
}
// end transaction

struct MakeTable {};  // what the migration does, as the harness has a store of its own
void make_table(const MakeTable&, mamey::database& db) { db.execute({.text = "create table scans (sku text not null)", .parameters = {}}); }

mamey::module service() {
  // snippet module
  return mamey::module("stock")
      .commands<take_pieces, count_again, record_scan, take_ticket>()
      .queries<count_scans>()
      .events<on_order_placed>()
      .lifts<lift_order_placed>()
      .ordered<OrderPlaced>()                                // one a key at a time
      .renamed<on_order_placed>("order_placed")              // what was handled under the earlier name stays handled
      .maps<tell_others>()
      .rejects<tell_refusal>()
      .behaviour<refuse_at_night>()
      .post<TakePieces>("/stock/{sku}/take", mamey::no_content());
  // end module
}

// snippet migrations
mamey::application app() {
  return mamey::application("stock")
      .setting("server:urls:0", "http://*:5010")  // a default; files, variables and arguments win over it
      .add(mamey::sqlite({{1, "scans", "create table scans (sku text not null)"}}))
      .add(mamey::messaging())
      .add(service());
}
// end migrations

}  // namespace docs_host

namespace {

using namespace docs_host;

// snippet harness
TEST(stock, the_last_piece_calls_for_a_reorder) {
  mamey::testing::harness stock{service()};

  stock.send(TakePieces{"sku-1", 2});
  EXPECT_TRUE(stock.published<ReorderNeeded>().empty());
  stock.send(TakePieces{"sku-1", 1});

  EXPECT_EQ(stock.published<ReorderNeeded>().at(0).sku, "sku-1");
}

TEST(stock, is_counted_again_an_hour_after_an_order) {
  mamey::testing::harness stock{service()};
  stock.receive(OrderPlaced{"sku-1"});

  stock.advance(59min);
  EXPECT_TRUE(stock.published<Counted>().empty());
  stock.advance(2min);

  EXPECT_EQ(stock.published_messages().at(0).key, "sku-1");
}
// end harness

TEST(stock, an_order_of_the_earlier_version_is_lifted) {
  mamey::testing::harness stock{service()};
  stock.receive(OrderPlacedOnce{"sku-7"});
  stock.advance(61min);
  EXPECT_EQ(stock.published<Counted>().at(0).sku, "sku-7");
}

TEST(stock, scans_are_recorded_counted_and_taken) {
  mamey::testing::harness stock{mamey::application("stock").add(service()).add(mamey::module("tables").commands<make_table>())};
  stock.send(MakeTable{});
  stock.send(RecordScan{"sku-1"});
  EXPECT_EQ(stock.ask(CountScans{"sku-1"}).scans, 1);
  stock.send(TakeTicket{});
  EXPECT_EQ(stock.ask(CountScans{"sku-1"}).scans, 0);
  EXPECT_THROW(stock.send(TakeTicket{}), mamey::conflict);
}

TEST(stock, commands_wait_for_the_morning) {
  mamey::testing::harness stock{service()};
  refuse_at_night::night = true;
  EXPECT_THROW(stock.send(TakePieces{"sku-1", 1}), mamey::unavailable);
  refuse_at_night::night = false;
  EXPECT_EQ(stock.post("/stock/sku-1/take", R"({"pieces":1})").status, 204);
  EXPECT_EQ(stock.post("/stock/sku-1/take", R"({"pieces":9})").status, 400);
}

}  // namespace
