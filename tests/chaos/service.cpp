/// The service under fire, as its user would write it: two applications in one process. `notes` tells its events in any order and has a command for
/// later, a handler with a transaction of its own, and one that refuses poison; `accounts` keeps the order of each account. Every handler leaves one
/// row a message in a table that forbids nothing: what it holds in the end is the judgement's evidence.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include <mamey/application.hpp>
#include <mamey/messaging/rabbitmq/feature.hpp>
#include <mamey/persistence/postgres/feature.hpp>
#include <mamey/runtime/fiber.hpp>

namespace {

using namespace std::chrono_literals;

constexpr std::string_view tables =
    "create table commands (id uuid primary key, account text, number bigint, poison boolean not null);"
    "create table effects (n bigint generated always as identity, handler text not null, id uuid not null, account text, number bigint)";

// -- what handlers do besides their work -------------------------------------------------------------------------------------

std::atomic<std::int64_t> stall{0};  // milliseconds the next handler of a message takes

struct Stall {
  std::int64_t milliseconds = 0;
};
struct Stalled {
  std::int64_t milliseconds = 0;
};

Stalled stall_next(const Stall& asked) {
  stall = asked.milliseconds;
  return {asked.milliseconds};
}

void misbehave(bool poison) {
  if (poison) throw mamey::domain_error("poison", "this message can never be handled");
  if (const auto milliseconds = stall.exchange(0); milliseconds > 0) mamey::sleep_for(std::chrono::milliseconds(milliseconds));
  static thread_local std::minstd_rand random(std::random_device{}());
  if (random() % 100 == 0) throw mamey::unavailable("chance", "one try of a hundred fails");
}

mamey::sql_statement effect(std::string handler, const mamey::uuid& id) {
  return {.text = "insert into effects (handler, id) values (?, ?::uuid)", .parameters = {std::move(handler), to_string(id)}};
}

bool is_known(const mamey::uuid& id, mamey::database& db) {
  bool known = false;
  db.query({.text = "select 1 from commands where id = ?::uuid", .parameters = {to_string(id)}},
           [&](const mamey::sql_row&) { known = true; });
  return known;
}

[[noreturn]] void refuse_again(const mamey::uuid& id) { throw mamey::conflict("known", "command {} is done", id); }

// -- notes -----------------------------------------------------------------------------------------------------------------

struct TakeNote {
  mamey::uuid id;
  bool poison = false;
};
struct NoteTaken {
  static constexpr mamey::message_options message{.exchange = "notes"};
  mamey::uuid id;
  bool poison = false;
};
struct RecallNote {
  mamey::uuid id;
};

void take_note(const TakeNote& command, mamey::database& db, mamey::publisher& messages) {
  if (is_known(command.id, db)) refuse_again(command.id);
  db.execute({.text = "insert into commands (id, poison) values (?::uuid, ?::boolean)",
              .parameters = {to_string(command.id), std::string(command.poison ? "true" : "false")}});
  messages.publish(NoteTaken{command.id, command.poison});
  messages.send_later(RecallNote{command.id}, 300ms);
}

void count_note(const NoteTaken& event, mamey::database& db) {
  misbehave(event.poison);
  db.execute(effect("count_note", event.id));
}

void file_note(const NoteTaken& event, mamey::transaction& transaction) {
  transaction.execute(effect("file_note", event.id));
  misbehave(false);
}

void recall_note(const RecallNote& command, mamey::database& db) {
  misbehave(false);
  db.execute(effect("recall_note", command.id));
}

// -- accounts --------------------------------------------------------------------------------------------------------------

struct EntryPosted {
  static constexpr mamey::message_options message{.exchange = "accounts"};
  mamey::uuid id;
  std::string account;
  std::int64_t number = 0;  // of the account's entries
  bool poison = false;
};

struct AccountState {
  std::int64_t entries = 0;
};

class Account : public mamey::aggregate<std::string, AccountState> {
  using aggregate::aggregate;

 public:
  static Account open(const std::string& name) { return Account(name); }
  std::int64_t post(const mamey::uuid& entry, bool poison) {
    const auto number = ++change().entries;
    raise(EntryPosted{entry, id(), number, poison});
    return number;
  }
};

struct PostEntry {
  static constexpr int conflict_retries = 10;
  mamey::uuid id;
  std::string account;
  bool poison = false;
};

void post_entry(const PostEntry& command, mamey::repository<Account>& accounts, mamey::database& db) {
  if (is_known(command.id, db)) refuse_again(command.id);
  auto found = accounts.find(command.account);
  auto account = found ? *found : Account::open(command.account);
  const auto number = account.post(command.id, command.poison);
  accounts.save(account);
  db.execute({.text = "insert into commands (id, account, number, poison) values (?::uuid, ?, ?::bigint, ?::boolean)",
              .parameters = {to_string(command.id), command.account, number, std::string(command.poison ? "true" : "false")}});
}

void follow_account(const EntryPosted& event, mamey::database& db) {
  misbehave(event.poison);
  db.execute({.text = "insert into effects (handler, id, account, number) values ('follow_account', ?::uuid, ?, ?::bigint)",
              .parameters = {to_string(event.id), event.account, event.number}});
}

// --------------------------------------------------------------------------------------------------------------------------

mamey::application notes() {
  return mamey::application("notes")
      .add(mamey::postgres({{1, "evidence", std::string(tables)}}))
      .add(mamey::rabbitmq())
      .add(mamey::messaging())
      .add(mamey::module("notes").commands<take_note, recall_note>().events<count_note, file_note>().post<TakeNote>("/commands"))
      .post("/stall/{milliseconds}", [](const Stall& asked) { return stall_next(asked); });
}

// snippet accounts
mamey::application accounts() {
  return mamey::application("accounts")
      .setting("outbox:ordered", "true")
      .add(mamey::postgres({{1, "evidence", std::string(tables)}}))
      .add(mamey::rabbitmq())
      .add(mamey::messaging())
      .add(mamey::module("accounts").commands<post_entry>().events<follow_account>().ordered<EntryPosted>().post<PostEntry>("/commands"));
}
// end accounts

}  // namespace

int main(int argc, char** argv) { return mamey::host("chaos_service").add(notes()).add(accounts()).run(argc, argv); }
