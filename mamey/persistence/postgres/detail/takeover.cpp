#include <mamey/persistence/postgres/detail/takeover.hpp>

#include <algorithm>

#include <mamey/core/error.hpp>
#include <mamey/core/json.hpp>
#include <mamey/messaging/message_headers.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/persistence/postgres/detail/collection_schema.hpp>
#include <mamey/persistence/postgres/detail/migrations.hpp>
#include <mamey/persistence/postgres/detail/outbox.hpp>
#include <mamey/persistence/postgres/detail/pool.hpp>
#include <mamey/runtime/correlation_context.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

const logger log{"mamey.postgres"};

constexpr std::size_t longest_id = 255;
constexpr std::string_view blanks = " \t\r\n";

template <class... Arguments>
[[noreturn]] void refuse(std::string_view pattern, const Arguments&... arguments) {
  throw unavailable("takeover_refused", pattern, arguments...);
}

bool is_blank(std::string_view text) { return text.find_first_not_of(blanks) == std::string_view::npos; }

bool is_object(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  return first != std::string_view::npos && text[first] == '{' && json::is_valid(text);
}

/// Ids travel without dashes, however they are stored.
std::string id_of(const std::string& column) {
  return "case when pg_typeof(" + column + ") = 'uuid'::regtype then replace(" + column + "::text, '-', '') else " + column + "::text end";
}

/// `Shop.Events.OrderCreated, Shop, Version=1.0.0.0, …` ⇒ `OrderCreated`; empty for what names no plain type.
std::string type_in(std::string_view qualified) {
  auto name = qualified.substr(0, qualified.find(','));
  if (const auto last = name.find_last_of(".+"); last != std::string_view::npos) name.remove_prefix(last + 1);
  if (qualified.find('`') != std::string_view::npos || is_blank(name) || name.find_first_of("[] \t") != std::string_view::npos) return {};
  return std::string(name);
}

/// The broker of .NET copies what came in onto what goes out: these speak of another message.
bool is_stale(std::string_view header) {
  return header.starts_with("mamey-") || header == "traceparent" || header == "tracestate" || header.starts_with("x-death") ||
         header.starts_with("x-first-death-");
}

std::string setting(const std::map<std::string, std::string>& from, const std::string& type) {
  const auto found = from.find(type);
  return found == from.end() ? std::string() : found->second;
}

class taking_over {
 public:
  taking_over(connection& on, const postgres_options::takeover& options, const postgres_environment& environment)
      : on_(on), options_(options), environment_(environment), outbox_(checked_table("outbox", options.outbox)) {
    if (options.inbox.empty()) return;
    if (options.handlers.empty())
      refuse("name our handlers in postgres:takeOver:handlers, so that they know what was handled, or leave postgres:takeOver:inbox empty");
    inbox_ = checked_table("inbox", options.inbox);
  }

  void run() {
    lock();
    const auto messages = import_outbox();
    const auto handled = inbox_.empty() ? std::int64_t{0} : import_inbox();
    if (messages > 0 || handled > 0)
      log.info("took over {messages} messages to send from {outbox} and {handled} inbox rows", messages, outbox_, handled);
  }

 private:
  std::string checked_table(std::string_view key, const std::string& name) {
    auto table = quoted(options_.schema) + "." + quoted(name);
    if (run_statement(on_, "select to_regclass($1)", parameters().add(table)).is_null(0, 0))
      refuse(
          "there is no table {table} in this database: set postgres:takeOver:schema and postgres:takeOver:{key}, or "
          "postgres:takeOver:enabled to false when everything has been taken over",
          table, key);
    return table;
  }

  void lock() {
    run_statement(on_, "select set_config('lock_timeout', $1, true)",
                  parameters().add(std::max<std::int64_t>(options_.lock_timeout.count(), 1)));
    try {
      run_statement(on_, "lock table " + outbox_ + (inbox_.empty() ? "" : ", " + inbox_) + " in access exclusive mode");
    } catch (const error& failure) {
      if (failure.code() != "database_busy") throw;
      refuse("{outbox} or its inbox is in use: stop every instance of the .NET service, then start again", outbox_);
    }
  }

  std::int64_t import_outbox() {
    const auto& columns = options_.columns;
    std::string read = "declare mamey_takeover no scroll cursor for select " + id_of(quoted(columns.id)) + ", (extract(epoch from " +
                       quoted(columns.sent_at) + ") * 1000000)::bigint";
    for (const auto* name : {&columns.originated_message_id, &columns.correlation_id, &columns.span_context, &columns.headers,
                             &columns.message_type, &columns.serialized_message, &columns.serialized_message_context})
      read += name->empty() ? ", null::text" : ", " + quoted(*name) + "::text";  // a table may do without some
    const auto unsent = quoted(columns.processed_at) + " is null";
    run_statement(on_, read + " from " + outbox_ + " where " + unsent + " order by 2, 1");
    std::int64_t taken = 0;
    for (;;) {
      const auto found = run_statement(on_, "fetch 100 from mamey_takeover");
      if (found.count() == 0) break;
      std::vector<step> steps;
      for (int row = 0; row < found.count(); ++row) steps.push_back(insert_outbox(message_in(found, row)));
      const auto work = make_exchange(std::move(steps));
      on_.run(work);
      work->throw_if_failed();
      taken += found.count();
    }
    // Nobody else has had the table since: these are the rows that were read.
    if (taken > 0) run_statement(on_, "update " + outbox_ + " set " + quoted(columns.processed_at) + " = now() where " + unsent);
    return taken;
  }

  envelope message_in(const rows& from, int row) const {
    enum : int { id, sent_at, originated, correlation, span, headers, type, body, context };
    envelope message;
    message.id = from.text(row, id);
    const auto refuse_row = [&](std::string_view reason) {
      refuse("row {id} of {outbox} cannot be taken over, and nothing was: {reason}", message.id, outbox_, reason);
    };
    if (is_blank(message.id) || message.id.size() > longest_id) refuse_row("its id must have 1 to 255 characters");
    if (from.is_null(row, sent_at)) refuse_row("it does not say when it was stored");
    message.occurred_at = from_unix_microseconds(from.integer(row, sent_at));
    message.causation_id = from.text(row, originated);
    message.correlation_id =
        from.is_null(row, correlation) || is_blank(from.view(row, correlation)) ? message.id : from.text(row, correlation);
    message.source = environment_.application;
    message.type = type_in(from.view(row, type));
    if (message.type.empty()) refuse_row("its type \"" + from.text(row, type) + "\" is not `Namespace.Type, Assembly`");
    message.body = from.text(row, body);
    if (!is_object(message.body)) refuse_row("its message is not a JSON object");
    try {
      message.headers = headers_in(from.view(row, headers));
    } catch (const validation_error&) {
      refuse_row("its headers are not a JSON object");
    }
    const auto put = [&](const std::string& name, std::string_view value) {
      if (!name.empty() && !is_blank(value) && value != "{}") message.headers[name] = value;
    };
    put(environment_.take_over.span_context_header, from.view(row, span));
    if (!environment_.take_over.context_header.empty()) put(std::string(context_header), carried_context(from.view(row, context)));

    const auto exchange = setting(options_.exchanges, message.type), key = setting(options_.routing_keys, message.type);
    auto names =
        names_of(message.type, {.exchange = exchange.c_str(), .routing_key = key.c_str(), .queue = "unused"}, environment_.take_over.names);
    message.exchange = std::move(names.exchange);
    message.routing_key = std::move(names.routing_key);
    return message;
  }

  static std::map<std::string, std::string> headers_in(std::string_view text) {
    std::map<std::string, std::string> headers;
    if (is_blank(text) || text == "null") return headers;
    for (auto& [name, value] : json::parse<std::map<std::string, json::raw>>(text)) {
      if (is_blank(name) || is_stale(name) || value.text == "null") continue;
      headers[name] = value.text.starts_with('"') ? json::parse<std::string>(value.text) : value.text;
    }
    return headers;
  }

  std::int64_t import_inbox() {
    // What our own upkeep would remove is not brought in, so that a later start does not bring it back.
    const auto handled = quoted(options_.columns.processed_at);
    return run_statement(on_,
                         "insert into mamey_inbox (subscription, message_id, handled_at_ms) select ours, theirs.message_id, "
                         "theirs.handled_at_ms from (select " +
                             id_of(quoted(options_.columns.id)) + " as message_id, floor(extract(epoch from " + handled +
                             ") * 1000)::bigint as handled_at_ms from " + inbox_ + " where " + handled +
                             " > now() - $2::bigint * interval '1 millisecond') theirs cross join unnest($1::text[]) as ours where not "
                             "exists (select 1 "
                             "from mamey_inbox known where known.subscription = ours and known.message_id = theirs.message_id) on conflict "
                             "do nothing",
                         std::move(parameters().add_texts(options_.handlers).add(environment_.take_over.inbox_retention.count())))
        .affected();
  }

  connection& on_;
  const postgres_options::takeover& options_;
  const postgres_environment& environment_;
  std::string outbox_;
  std::string inbox_;
};

}  // namespace

void take_over(connection& on, const postgres_options::takeover& options, const postgres_environment& environment) {
  try {
    open_transaction whole(on);
    lock_schema(on);  // of instances that start together one does it
    taking_over(on, options, environment).run();
    whole.commit();
  } catch (const error& failure) {
    if (failure.kind() == error_kind::cancelled || failure.kind() == error_kind::unavailable) throw;
    refuse("taking over the tables of {schema} failed and was rolled back: {cause}", options.schema, failure.reason());
  }
}

}  // namespace mamey::inline v1::postgres_detail
