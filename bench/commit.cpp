// Commands that each store a document and an outbox row, from 64 clients, durable when they answer; against a plain loop over SQLite that commits the same rows in
// groups of the mean size the store reported in this run, in the same directory.

#include <sqlite3.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <mamey/observability/metrics.hpp>
#include <mamey/persistence/sqlite/store.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>

#include "account.hpp"

namespace {

constexpr int clients = 64, commands_each = 800, total = clients * commands_each;

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

struct measured {
  double per_second = 0, group = 0, syncs_per_group = 0;
};

measured run_mamey(const std::string& directory) {
  mamey::runtime loops({.threads = 1});
  mamey::sqlite_options options;
  options.directory = directory;
  options.path = "mamey.db";
  mamey::sqlite_store store(options);
  const std::vector<const mamey::collection*> collections{&mamey::aggregate_collection<bench::Account>()};
  mamey::handler_registry handlers;
  handlers.add(mamey::function_handler<mamey::handler_kind::command, bench::open_account>());
  mamey::services registrations;
  registrations.add_placed<mamey::unit_of_work>();
  mamey::service_provider provider(std::move(registrations));
  provider.start();
  mamey::metrics::registry metrics;
  mamey::pipeline pipeline(provider, handlers, &store, metrics,
                           {.outgoing = {.service = "bench", .names = {.assembly = "bench", .exchange = "bench"}}});
  measured result;
  loops.run([&] {
    store.prepare(collections);
    const auto before = store.statistics();
    const auto begin = std::chrono::steady_clock::now();
    mamey::with_scope([&](mamey::task_scope& scope) {
      for (int client = 0; client < clients; ++client) {
        scope.spawn("client", [&] {
          for (int i = 0; i < commands_each; ++i) pipeline.send(bench::Open{mamey::uuid::v7(), i});
        });
      }
    });
    const auto after = store.statistics();
    const auto groups = static_cast<double>(after.groups - before.groups);
    result = {.per_second = total / seconds_since(begin),
              .group = static_cast<double>(after.members - before.members) / groups,
              .syncs_per_group = static_cast<double>(after.syncs - before.syncs) / groups};
  });
  return result;
}

void check(sqlite3* db, int code) {
  if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return;
  std::fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(db));
  std::exit(1);
}

/// Two tables, one commit a group: a document, and an outbox row with the columns that an envelope fills.
double run_plain(const std::string& directory, int group) {
  sqlite3* db = nullptr;
  check(db, sqlite3_open((directory + "/plain.db").c_str(), &db));
  check(db, sqlite3_exec(db,
                         "pragma journal_mode=wal; pragma synchronous=full; create table accounts(id text primary key, version integer, "
                         "position integer, body text);"
                         "create table outbox(sequence integer primary key autoincrement, id text, correlation_id text, type text, version "
                         "integer, source text, occurred_at integer,"
                         " key text, stream text, position integer, exchange text, routing_key text, body text, state integer, lease "
                         "integer); create index pending on outbox(state, lease);",
                         nullptr, nullptr, nullptr));
  sqlite3_stmt *document = nullptr, *message = nullptr, *begin = nullptr, *commit = nullptr;
  check(db, sqlite3_prepare_v2(db, "insert into accounts values(?,1,1,?)", -1, &document, nullptr));
  check(
      db,
      sqlite3_prepare_v2(
          db,
          "insert into outbox(id,correlation_id,type,version,source,occurred_at,key,stream,position,exchange,routing_key,body,state,lease) "
          "values(?,?,?,1,?,?,?,?,1,?,?,?,0,0)",
          -1, &message, nullptr));
  check(db, sqlite3_prepare_v2(db, "begin immediate", -1, &begin, nullptr));
  check(db, sqlite3_prepare_v2(db, "commit", -1, &commit, nullptr));
  const auto run = [&](sqlite3_stmt* statement) {
    check(db, sqlite3_step(statement));
    sqlite3_reset(statement);
  };
  const auto text = [](sqlite3_stmt* statement, int place, const std::string& value) {
    sqlite3_bind_text(statement, place, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
  };
  const auto started = std::chrono::steady_clock::now();
  for (int done = 0; done < total;) {
    run(begin);
    for (int i = 0; i < group && done < total; ++i, ++done) {
      const auto id = to_string(mamey::uuid::v7());
      const auto message_id = mamey::uuid::v7().to_compact_string();
      const auto body = "{\"balance\":" + std::to_string(done) + "}",
                 event = "{\"accountId\":\"" + id + "\",\"amount\":" + std::to_string(done) + "}";
      const std::string stream = "accounts/" + id, type = "Opened", exchange = "bench", key = "opened";
      text(document, 1, id), text(document, 2, body);
      run(document);
      text(message, 1, message_id), text(message, 2, message_id), text(message, 3, type), text(message, 4, exchange);
      sqlite3_bind_int64(message, 5, done);
      text(message, 6, id), text(message, 7, stream), text(message, 8, exchange), text(message, 9, key), text(message, 10, event);
      run(message);
    }
    run(commit);
  }
  const auto rate = total / seconds_since(started);
  for (auto* each : {document, message, begin, commit}) sqlite3_finalize(each);
  sqlite3_close(db);
  return rate;
}

}  // namespace

int main() {
  const auto directory = std::filesystem::path("bench-commit-data");  // in the working directory: not a tmpfs
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  const auto ours = run_mamey(directory.string());
  const auto plain = run_plain(directory.string(), std::max(1, static_cast<int>(ours.group + 0.5)));
  std::filesystem::remove_all(directory);
  std::printf(
      "mamey: %.0f commands/s, %.1f a commit, %.2f fsyncs a commit\nplain SQLite loop, groups of %.0f: %.0f/s\nratio %.2f   goal >= 0.8: "
      "%s\n",
      ours.per_second, ours.group, ours.syncs_per_group, std::max(1.0, ours.group), plain, ours.per_second / plain,
      ours.per_second >= 0.8 * plain ? "met" : "MISSED");
}
