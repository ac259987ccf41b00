/// The excerpts of docs/cqrs.md, docs/persistence-sqlite.md, docs/messaging.md, docs/host.md and docs/testing.md.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <mamey/application.hpp>
#include <mamey/core/services.hpp>
#include <mamey/cqrs/behaviour.hpp>
#include <mamey/cqrs/dispatcher.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/metrics.hpp>
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

struct ReorderNeeded {  // the event for other services
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
  static constexpr int conflict_retries = 3;  // another handler may take some at the same moment: run again on the new state
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

struct OrderPlacedOnce {  // the form of version 1
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
  messages.send_later(CountAgain{event.sku}, 1h);  // a command of this module: durable, delivered at least once
}

void count_again(const CountAgain& command, mamey::publisher& messages) {
  messages.publish(Counted{command.sku}, command.sku);  // key: messages of one key keep their order where the outbox is ordered
}
// end publisher

// snippet behaviour
class refuse_at_night final : public mamey::behaviour {
 public:
  void around(const mamey::invocation& call, const std::function<void()>& next) override {
    if (night && call.handler.kind == mamey::handler_kind::command)
      throw mamey::unavailable("closed", "{} has to wait until morning", call.handler.message->name);
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
  db.execute("insert into scans (sku) values (?)", command.sku);  // recorded; applied with the unit of work
}

CountScans::Answer count_scans(const CountScans& query, mamey::database& db) {
  return {.scans = db.query<std::int64_t>("select count(*) from scans where sku = ?", query.sku).at(0)};
}
// end sql

// snippet conditions
enum class Genre { novel, poetry, history };

struct BookDto {
  mamey::uuid id;
  std::string author;
  Genre genre = Genre::novel;
  int year = 0;
  mamey::decimal price;
  std::optional<std::string> shelf;
  static constexpr auto indexes() {
    return mamey::indexed<&BookDto::author, &BookDto::genre, &BookDto::year, &BookDto::price, &BookDto::shelf>;
  }
};

struct FindBooks {
  using result = mamey::page<BookDto>;
  std::optional<std::string> author;  // begins with
  std::optional<std::vector<Genre>> genres;
  std::optional<int> from, to;
  std::optional<mamey::decimal> below;
  mamey::paging paging;
};

mamey::page<BookDto> find_books(const FindBooks& query, mamey::read_models<BookDto>& books) {
  using mamey::where;
  return books.list(where<&BookDto::author>.starts_with(query.author) &&  // what the client leaves empty is left out
                        where<&BookDto::genre>.in(query.genres) && where<&BookDto::year>.between(query.from, query.to) &&
                        where<&BookDto::price>.less(query.below) &&
                        (where<&BookDto::genre>(Genre::poetry) || !where<&BookDto::shelf>.is_null()),
                    query.paging);
}
// end conditions

// snippet bulk
struct CloseShelf {
  std::string shelf;
  int older_than = 0;
};

void close_shelf(const CloseShelf& command, mamey::read_models<BookDto>& books) {
  using mamey::where, mamey::assign;
  const auto on_it = where<&BookDto::shelf>(command.shelf);
  books.remove_where(on_it && where<&BookDto::year>.less(command.older_than));
  books.update_where(on_it, assign<&BookDto::shelf>(std::nullopt), assign<&BookDto::price>(mamey::decimal("1.00")));
}
// end bulk

// snippet typed-rows
struct AuthorSales {
  std::string author;
  std::int64_t books = 0;
  std::optional<mamey::timestamp> last_sold;
};
struct ListSales {
  using result = std::vector<AuthorSales>;
  Genre genre = Genre::novel;
  mamey::timestamp since{};
};
struct SellBook {
  mamey::uuid book_id;
  std::string author;
  Genre genre = Genre::novel;
};

void sell_book(const SellBook& command, mamey::database& db) {
  db.execute("insert into sales (book_id, author, genre, sold_at) values (?, ?, ?, ?)", command.book_id, command.author, command.genre,
             mamey::now_utc());
}

std::vector<AuthorSales> list_sales(const ListSales& query, mamey::database& db) {
  return db.query<AuthorSales>(
      "select author, count(*) as books, max(sold_at) as last_sold from sales where genre = ? and sold_at >= ? group by author order by "
      "author",
      query.genre, query.since);
}
// end typed-rows

mamey::application bookshop() {
  return mamey::application("bookshop")
      .add(mamey::sqlite({{1, "sales", "create table sales (book_id text, author text, genre text, sold_at text)"}}))
      .add(mamey::module("books").commands<close_shelf, sell_book>().queries<find_books, list_sales>());
}

// snippet transaction
struct TakeTicket {};

void take_ticket(const TakeTicket&, mamey::transaction& transaction) {
  const auto changed =
      transaction.execute("update scans set sku = 'taken' where rowid = (select min(rowid) from scans where sku <> 'taken')");
  if (changed == 0) throw mamey::conflict("none_left", "no scan is left to take");
}
// end transaction

mamey::module service() {
  // snippet module
  return mamey::module("stock")
      .commands<take_pieces, count_again, record_scan, take_ticket>()
      .queries<count_scans>()
      .events<on_order_placed>()
      .lifts<lift_order_placed>()
      .ordered<OrderPlaced>()                    // one message per key at a time
      .renamed<on_order_placed>("order_placed")  // messages that were handled under the earlier name stay handled
      .maps<tell_others>()
      .rejects<tell_refusal>()
      .behaviour<refuse_at_night>()
      .post<TakePieces>("/stock/{sku}/take", mamey::no_content());
  // end module
}

struct PaymentDue {
  static constexpr mamey::message_options message{.exchange = "payments"};
  std::string card;
};

void charge_card(const PaymentDue& due) {
  if (due.card == "declined") throw mamey::domain_error("card_declined", "the card was declined");
  if (due.card == "revoked") throw mamey::unauthorized("contract_revoked", "the provider does not know us any more");
  throw mamey::unavailable("provider_away", "the provider does not answer");
}

// snippet on-failure
mamey::module payments() {
  return mamey::module("payments")
      .events<charge_card>()
      .on_failure<charge_card>({.immediate_retries = 0, .delayed_retries = {{1min, 10min, 1h}}})  // of every other error
      .on_failure("card_declined", {.reaction = mamey::failure_reaction::discard})
      .on_failure("contract_revoked", {.reaction = mamey::failure_reaction::pause});  // no payment can succeed: keep them all
}
// end on-failure

// snippet migrations
mamey::application app() {
  return mamey::application("stock")
      .setting("server:urls:0", "http://*:5010")  // a default; files, variables and arguments win over it
      .add(mamey::sqlite({{1, "scans", "create table scans (sku text not null)"}}))
      .add(mamey::messaging())
      .add(service());
}
// end migrations

// snippet injectables
struct ShelfOptions {  // section `shelf` of the configuration
  int most_pieces = 100;
  std::chrono::hours counted_every{24};
  static constexpr auto rules() { return mamey::field<&ShelfOptions::most_pieces>.at_least(1); }
};

class Shelf {
 public:
  Shelf(const ShelfOptions& options, mamey::metrics::registry& metrics, mamey::health::registry& health)
      : room_(options.most_pieces), put_(metrics.counters("shelf_pieces_total", "Pieces put on the shelf.", {}).with({})) {
    health.add(
        {.name = "shelf", .kinds = mamey::health::kind::readiness, .importance = mamey::health::importance::degrading, .check = [this] {
           return room_ > 0 ? mamey::health::result{} : mamey::health::result{mamey::health::status::degraded, "the shelf is full"};
         }});
  }
  void put(int pieces) {
    room_ -= pieces;
    put_.increment(static_cast<std::uint64_t>(pieces));
  }

 private:
  std::atomic<int> room_;
  mamey::metrics::counter& put_;
};

struct PutPieces {
  int pieces = 1;
};
void put_pieces(const PutPieces& command, Shelf& shelf) { shelf.put(command.pieces); }

mamey::module shelf() {
  return mamey::module("shelf")
      .commands<put_pieces>()
      .options<ShelfOptions>("shelf")  // a bad value refuses the start and names its place
      .services([](mamey::services& services) { services.add<Shelf>(); });
}
// end injectables

// snippet check-with-options
struct ReservePieces {
  std::string sku;
  int pieces = 1;
  static constexpr auto rules() { return mamey::field<&ReservePieces::pieces>.at_least(1); }
  static void check(const ReservePieces& command, mamey::violations& found,
                    const ShelfOptions& options) {  // after the rules of the members
    if (command.pieces > options.most_pieces) found.add("pieces", "too_many", "must be at most " + std::to_string(options.most_pieces));
  }
};
// end check-with-options

// snippet patch
struct LabelState {
  std::string text = "-";
  std::optional<std::string> colour;
};
struct ChangeLabel {
  std::string sku;
  std::optional<std::string> text;                   // absent or null: it stays
  std::optional<std::optional<std::string>> colour;  // absent: it stays; null: there is none from now on
};

void change_label(const ChangeLabel& command, LabelState& label) {
  if (command.text) label.text = *command.text;
  if (command.colour) label.colour = *command.colour;
}
// end patch

// snippet in-place
struct Item {
  std::string sku;
};
struct Reservation {
  std::int64_t number = 0;
};
struct Label {
  std::string text;
};

mamey::module counter() {
  return mamey::module("counter")
      .post(
          "/reservations", [](const ReservePieces&) { return Reservation{42}; }, mamey::created("/reservations/{number}"))  // of the result
      .get("/labels/{sku}",
           [](const Item& item, const mamey::request_headers& request, mamey::answer_headers& answer) {
             answer.set("Cache-Control", "max-age=60");
             return Label{item.sku + " in " + std::string(request.find("Accept-Language").value_or("en"))};
           })
      .put(
          "/favourites/{sku}",
          [](const Item& item, const mamey::principal& user, mamey::answer_headers& answer) {  // 401 without a user
            answer.set_cookie({.name = "last", .value = item.sku + "." + user.id, .max_age = std::chrono::hours(1)});
          },
          mamey::no_content())
      .del(
          "/favourites/{sku}", [](const Item&, const mamey::principal&) {}, mamey::no_content())
      .options<ShelfOptions>("shelf");
}
// end in-place

}  // namespace docs_host

namespace {

using namespace docs_host;

TEST(counter, answers_at_every_verb) {
  mamey::testing::harness tested{counter()};
  EXPECT_EQ(tested.post("/reservations", R"({"sku":"a"})").location, "/reservations/42");
  EXPECT_EQ(tested.post("/reservations", R"({"sku":"a","pieces":101})").status, 400);
  const auto label = tested.get("/labels/a", {{"Accept-Language", "es"}});
  EXPECT_EQ(label.body, R"({"text":"a in es"})");
  EXPECT_EQ(label.header("cache-control"), "max-age=60");
  EXPECT_EQ(tested.put("/favourites/a").status, 401);
  tested.act_as(mamey::principal{.id = "ann"});
  EXPECT_EQ(tested.put("/favourites/a").header("set-cookie"), "last=a.ann; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax");
  EXPECT_EQ(tested.del("/favourites/a").status, 204);
  LabelState state{.text = "t", .colour = "red"};
  change_label({.colour = std::optional<std::string>()}, state);
  EXPECT_FALSE(state.colour);
}

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

struct Weather {
  virtual ~Weather() = default;
  virtual bool rains() = 0;
};
struct RealWeather : Weather {
  bool rains() override { return false; }
};
struct ShouldDeliver {
  using result = bool;
};
bool should_deliver(const ShouldDeliver&, Weather& weather) { return !weather.rains(); }
mamey::module delivery() {
  return mamey::module("delivery").queries<should_deliver>().services([](mamey::services& services) {
    services.add<Weather, RealWeather>();
  });
}

// snippet harness-sql
TEST(sales, are_counted_by_author) {
  mamey::testing::harness shop{bookshop()};  // its migrations have run
  shop.send(SellBook{.book_id = mamey::uuid::v7(), .author = "Ada"});
  shop.send(SellBook{.book_id = mamey::uuid::v7(), .author = "Ada", .genre = Genre::poetry});

  const auto sales = shop.ask(ListSales{.genre = Genre::poetry, .since = shop.now() - std::chrono::hours(1)});
  ASSERT_EQ(sales.size(), 1);
  EXPECT_EQ(sales[0].books, 1);
  EXPECT_LE(sales[0].last_sold, shop.now());
}
// end harness-sql

// snippet double
struct FakeWeather : Weather {
  int asked = 0;
  bool rains() override { return ++asked > 0; }
};

TEST(delivery, waits_while_it_rains) {
  FakeWeather fake;
  mamey::testing::harness tested{delivery()};
  tested.replace<Weather>(std::ref(fake));  // replace<Weather>(fake) would ask a copy

  EXPECT_FALSE(tested.ask(ShouldDeliver{}));
  EXPECT_EQ(fake.asked, 1);
}
// end double

// snippet harness-more
TEST(stock, is_counted_in_the_new_year) {
  mamey::testing::harness stock{app()};  // an application has its migrations
  stock.start_at(*mamey::parse_timestamp("2026-12-31T23:30:00Z"));
  stock.receive(OrderPlaced{"sku-1"});

  stock.advance(24h * 30);  // fast, where nothing is due

  EXPECT_EQ(mamey::format_timestamp(stock.now()).substr(0, 10), "2027-01-30");
  EXPECT_EQ(stock.published<Counted>().size(), 1);
}

TEST(stock, what_failed_at_night_is_tried_again_in_the_morning) {
  mamey::testing::harness stock{app()};
  refuse_at_night::night = true;
  stock.receive(OrderPlaced{"sku-1"});
  stock.advance(24h);  // the command that is due after an hour, and all its retries
  refuse_at_night::night = false;
  EXPECT_TRUE(stock.published<Counted>().empty());

  stock.retry(stock.failed().at(0).id);

  EXPECT_EQ(stock.published<Counted>().size(), 1);
}
// end harness-more

TEST(stock, an_order_of_the_earlier_version_is_lifted) {
  mamey::testing::harness stock{service()};
  stock.receive(OrderPlacedOnce{"sku-7"});
  stock.advance(61min);
  EXPECT_EQ(stock.published<Counted>().at(0).sku, "sku-7");
}

TEST(stock, scans_are_recorded_counted_and_taken) {
  mamey::testing::harness stock{app()};
  stock.send(RecordScan{"sku-1"});
  EXPECT_EQ(stock.ask(CountScans{"sku-1"}).scans, 1);
  stock.send(TakeTicket{});
  EXPECT_EQ(stock.ask(CountScans{"sku-1"}).scans, 0);
  EXPECT_THROW(stock.send(TakeTicket{}), mamey::conflict);
}

TEST(payments, react_to_each_error_in_a_way_of_its_own) {
  mamey::testing::harness tested{payments()};
  tested.receive(PaymentDue{"declined"});
  EXPECT_TRUE(tested.failed().empty());
  tested.receive(PaymentDue{"ordinary"});
  tested.advance(2h);
  EXPECT_EQ(tested.failed().at(0).attempts, 4);
  tested.receive(PaymentDue{"revoked"});
  EXPECT_THROW(tested.receive(PaymentDue{"ordinary"}), std::logic_error);
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
