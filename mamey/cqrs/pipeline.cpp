#include <mamey/cqrs/pipeline.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include <mamey/core/uuid.hpp>
#include <mamey/core/validation.hpp>
#include <mamey/cqrs/authorization.hpp>
#include <mamey/cqrs/detail/watched_transaction.hpp>
#include <mamey/cqrs/metrics.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/active_span.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/random.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.cqrs"};

constexpr std::chrono::milliseconds longest_delay =
    std::chrono::hours(24 * 36'500);  // "never": what is due then is still a time that stores can hold

/// Stands in where a module has no store: nothing can be read, and the error says what to add.
class no_store final : public document_reader, public sql_reader {
 public:
  std::optional<document> load(const collection& from, std::string_view) override { refuse(from.name); }
  std::vector<document> find(const collection& in, const document_query&) override { refuse(in.name); }
  std::int64_t count(const collection& in, std::span<const column_condition>) override { refuse(in.name); }
  sql_reader* sql() noexcept override { return this; }
  void query(const sql_statement&, const std::function<void(const sql_row&)>&) override { refuse("sql"); }

 private:
  [[noreturn]] static void refuse(std::string_view what) {
    throw internal_error("no_store", "{} cannot be read: the application has no store; add one, e.g. .add(mamey::sqlite())", what);
  }
};

[[noreturn]] void refuse_to_write(std::string_view handler, std::string_view what) {
  throw internal_error("only_reads", "{} only reads, as a query or an endpoint of GET: it cannot {}; let the handler of a command do that",
                       handler, what);
}

/// Given to a handler that only reads.
class reading_transaction final : public transaction {
 public:
  reading_transaction(transaction& inner, const handler_entry& handler) : inner_(inner), handler_(handler) {}
  void query(const sql_statement& statement, const std::function<void(const sql_row&)>& each) override { inner_.query(statement, each); }
  std::int64_t execute(const sql_statement& statement) override { refuse_to_write(handler_.name, "execute \"" + statement.text + "\""); }

 private:
  transaction& inner_;
  const handler_entry& handler_;
};

/// Given to a handler that only reads: it may ask, not send.
class asking_dispatcher final : public dispatcher {
 public:
  asking_dispatcher(dispatcher& inner, const handler_registry& handlers, const handler_entry& handler)
      : inner_(inner), handlers_(handlers), handler_(handler) {}
  void dispatch(const message_info& message, const void* object, const result_sink& sink) override {
    const auto* const other = handlers_.command_or_query(*message.key);
    if (other && other->kind == handler_kind::command) refuse_to_write(handler_.name, "send " + std::string(message.name));
    inner_.dispatch(message, object, sink);
  }

 private:
  dispatcher& inner_;
  const handler_registry& handlers_;
  const handler_entry& handler_;
};

/// Of the ambient tenant.
class stored_delayed final : public delayed_reader {
 public:
  explicit stored_delayed(delayed_store& rows) : rows_(rows) {}
  std::vector<delayed_entry> list(const message_info& command, std::string_view key, std::int64_t most) override {
    std::vector<delayed_entry> all;
    const delayed_filter filter{.type = std::string(command.name), .key = std::string(key), .tenant = current_context().tenant};
    for (auto& each : rows_.list_delayed(filter, 0, most))
      all.push_back({.id = std::move(each.row.id), .body = std::move(each.row.message.body), .due = each.due, .running = each.running});
    return all;
  }

 private:
  delayed_store& rows_;
};

/// The message was wrong, not the service.
bool is_refusal(const error_report& report) { return !is_transient(report.kind) && report.kind != error_kind::internal; }

/// The caller (an endpoint, a subscription) logs a failure once, with its meaning there. This line is for debugging.
void log_failure(const handler_entry& handler, const error_report& report) {
  if (is_refusal(report))
    log.debug("{message} refused by {handler}: {code} {reason}", handler.message->name, handler.name, report.code, report.reason);
  else
    log.debug("{message} failed in {handler}: {code} {detail}", handler.message->name, handler.name, report.code,
              report.detail.empty() ? report.reason : report.detail);
}

/// What stays the same for all attempts of a run.
struct handler_call {
  const handler_entry& handler;
  const void* message;
  const result_sink& sink;
  handling_context* received;
  const scope_filler& around;
};

/// Rules across members that need services. The others were applied with the rules of the members.
void check_message(const handler_entry& handler, const void* message, scope& services) {
  if (!handler.check) return;
  struct collector final : violations {
    void add(std::string_view member, std::string code, std::string text) override {
      found.push_back({std::string(member), std::move(code), std::move(text)});
    }
    std::vector<violation> found;
  } wrong;
  handler.check(services, message, wrong);
  if (!wrong.found.empty()) throw validation_error(std::move(wrong.found));
}

constexpr std::string_view wait_remedy =
    "and holds its connection and its locks meanwhile: wait in a handler without mamey::transaction, or in one of its own "
    "(publisher::send_later)";

void back_off(int attempt) {
  const auto most = std::chrono::microseconds(500) * (1 << std::min(attempt, 6));
  sleep_for(most / 2 + most * static_cast<int>(small_random() % 512) / 1024);
}

}  // namespace

struct pipeline::state {
  service_provider& provider;
  const handler_registry& handlers;
  document_store* module_store;
  pipeline_options options;
  std::vector<behaviour*> behaviours;
  std::unordered_map<const handler_entry*, handler_metrics> metrics;
  no_store nothing;
  unreadable_rows unreadable;
  pipeline* self = nullptr;
  std::optional<stored_delayed> delayed;
  std::function<void(std::vector<envelope>)> publish;  ///< of a module without a store
  std::atomic<std::uint64_t> unsent{0};
  std::mutex told_guard;                                                          ///< for the next two
  std::unordered_map<const handler_entry*, steady_time> next_unsaved, next_wait;  ///< warning
  std::set<std::string> unsent_types;

  void raise_events(unit_of_work& unit, scope& services);
  void handle_domain_event(const handler_entry& handler, const void* event, scope& services) const;
  void check_saved(const handler_entry& handler, unit_of_work& unit);
  std::exception_ptr note_wait(const handler_entry& handler, const std::string& what);
  void warn_of_unsent(const handler_entry& handler, const change_set& changes);
  void send_out(const handler_entry& handler, change_set changes) const;
  change_set changes_of(unit_of_work& unit) const;
  struct one_run;
  change_set changes_after(one_run& run, const handler_call& call);
  handling_result buffered(const handler_call& call);
  handling_result interactive(const handler_call& call);
  handling_result with_retries(const handler_call& call);
  handling_result wrapped(std::size_t next, const invocation& shown, const handler_call& call);
};

/// What a handler works with.
struct pipeline::state::one_run {
  one_run(state& in, const handler_call& call, document_reader& reader)
      : unit(reader, &in.unreadable), services(in.provider), asking(*in.self, in.handlers, call.handler) {
    services.place(unit);
    if (in.delayed) unit.find_delayed_with(*in.delayed);
    if (call.around) call.around(services);
    if (!call.handler.only_reads) return;
    unit.only_read(call.handler.name);
    services.place<dispatcher>(asking);
  }
  unit_of_work unit;
  scope services;
  asking_dispatcher asking;
};

pipeline::pipeline(service_provider& provider, const handler_registry& handlers, document_store* module_store, metrics::registry& measured,
                   pipeline_options options)
    : state_(new state{.provider = provider,
                       .handlers = handlers,
                       .module_store = module_store,
                       .options = std::move(options),
                       .behaviours = {},
                       .metrics = {},
                       .nothing = {},
                       .publish = {}}) {
  pipeline_metrics made(measured);
  state_->self = this;
  if (state_->options.delayed) state_->delayed.emplace(*state_->options.delayed);
  state_->unreadable = {.refused = state_->options.refuse_unreadable,
                        .left_out = [made](const collection& in, std::span<const std::string> ids, std::string_view reason) mutable {
                          const auto& table = in.mapped ? in.mapped->table : in.name;
                          made.count_left_out(table, ids.size());
                          std::string named;
                          for (std::size_t i = 0; i < std::min<std::size_t>(ids.size(), 10); ++i)
                            named.append(i == 0 ? "" : ", ").append(ids[i]);
                          log.warning("{count} rows of {table} cannot be read and were left out of a list: {ids}{more}; {reason}",
                                      ids.size(), table, named, ids.size() > 10 ? ", …" : "", reason);
                        }};
  std::map<std::string_view, int> namesakes;
  for (const auto& each : handlers.all()) ++namesakes[each->name];
  for (const auto& each : handlers.all()) {
    const auto label =
        namesakes[each->name] == 1 || each->full_name.empty() ? std::string_view(each->name) : each->full_name;  // each counts for itself
    state_->metrics[each.get()] = made.of(label);
  }
}

pipeline::~pipeline() = default;

std::uint64_t pipeline::unsent() const noexcept { return state_->unsent; }

const pipeline_options& pipeline::options() const noexcept { return state_->options; }

void pipeline::use(std::vector<behaviour*> behaviours) { state_->behaviours = std::move(behaviours); }

void pipeline::publish_through(std::function<void(std::vector<envelope>)> send) { state_->publish = std::move(send); }

void pipeline::dispatch(const message_info& message, const void* object, const result_sink& sink) {
  const auto* handler = state_->handlers.command_or_query(*message.key);
  if (!handler)
    throw internal_error("no_handler", "{} has no handler in this application: list it with .commands<…>() or .queries<…>()", message.name);
  const auto given = [&message, object] {
    if (auto wrong = validate(*message.model, object); !wrong.empty()) throw validation_error(std::move(wrong));
    return object;
  };
  run(*handler, given, sink);
}

handling_result pipeline::run(const handler_entry& handler, const message_source& message, const result_sink& sink,
                              handling_context* received, const scope_filler& around) {
  const auto& measured = state_->metrics.at(&handler);
  const auto started = steady_now();
  log.debug("{message} goes to {handler}", handler.message->name, handler.name);
  const activity shown("handler " + handler.name);
  tracing::active_span span(handler.name, received ? tracing::span_kind::consumer : tracing::span_kind::internal);
  span->set("mamey.message", handler.message->name);
  try {
    authorize(handler);
    const auto* const valid = message();
    scope services(state_->provider);
    check_message(handler, valid, services);
    const auto outcome = state_->wrapped(0, {.handler = handler, .message = valid, .services = services},
                                         {.handler = handler, .message = valid, .sink = sink, .received = received, .around = around});
    if (outcome != handling_result::busy) measured.count(measured.handled, started);
    return outcome;
  } catch (...) {
    const auto report = describe_current_exception();
    measured.count(is_refusal(report) ? measured.refused : measured.failed, started);
    span->fail(report.code + ": " + report.reason);
    log_failure(handler, report);
    throw;
  }
}

handling_result pipeline::state::wrapped(std::size_t next, const invocation& shown, const handler_call& call) {
  if (next == behaviours.size()) return with_retries(call);
  auto outcome = handling_result::committed;
  behaviours[next]->around(shown, [&] { outcome = wrapped(next + 1, shown, call); });
  return outcome;
}

handling_result pipeline::state::with_retries(const handler_call& call) {
  for (int attempt = 0;; ++attempt) {
    try {
      return call.handler.interactive ? interactive(call) : buffered(call);
    } catch (const concurrency_conflict&) {
      if (attempt >= call.handler.conflict_retries) throw;
    }
    back_off(attempt);  // outside the handler: nothing of the failed unit is alive
  }
}

handling_result pipeline::state::buffered(const handler_call& call) {
  const auto& handler = call.handler;
  one_run run(*this, call, module_store ? static_cast<document_reader&>(*module_store) : nothing);
  auto changes = changes_after(run, call);
  if (changes.empty()) return handling_result::committed;
  if (!module_store) {
    send_out(handler, std::move(changes));
    return handling_result::committed;
  }
  if (module_store->commit(changes) == commit_outcome::already_handled) return handling_result::already_handled;
  warn_of_unsent(handler, changes);
  return handling_result::committed;
}

change_set pipeline::state::changes_after(one_run& run, const handler_call& call) {
  call.handler.invoke(run.services, call.message, call.sink);
  check_saved(call.handler, run.unit);
  raise_events(run.unit, run.services);
  auto changes = changes_of(run.unit);
  if (call.received) call.received->seal(changes);
  return changes;
}

/// `get`, change, and no `save`; or a change behind it. A query may try out what would happen.
void pipeline::state::check_saved(const handler_entry& handler, unit_of_work& unit) {
  const auto lost = unit.take_lost_change();
  if (!lost || handler.only_reads) return;
  const auto what = lost->event.empty() ? std::string("was changed") : "raised " + lost->event;
  const auto when = lost->saved_before ? " after it was added or saved" : "";
  if (options.refuses_unsaved_changes) {
    throw internal_error("not_saved",
                         "{} {} {} in {}{} and was not saved: its changes are lost; call save after the last change, or do not change it",
                         lost->of->name, lost->id, what, handler.name, when);
  }
  {
    const std::lock_guard lock(told_guard);
    auto& next = next_unsaved[&handler];
    if (steady_now() < next) return;
    next = steady_now() + std::chrono::minutes(1);
  }
  log.warning("{collection} {id} {change} in {handler}{when} and was not saved: its changes are lost; call save after the last change",
              lost->of->name, lost->id, what, handler.name, when);
}

/// Others that need the rows that it has locked wait as well.
std::exception_ptr pipeline::state::note_wait(const handler_entry& handler, const std::string& what) {
  metrics.at(&handler).waits->increment();
  if (options.refuses_waits_in_transactions)
    return std::make_exception_ptr(
        internal_error("waits_in_transaction", "{} waits for {} while its transaction is open, {}", handler.name, what, wait_remedy));
  {
    const std::lock_guard lock(told_guard);
    auto& next = next_wait[&handler];
    if (steady_now() < next) return nullptr;
    next = steady_now() + std::chrono::minutes(1);
  }
  log.warning("{handler} waits for {what} while its transaction is open, {remedy}", handler.name, what, wait_remedy);
  return nullptr;
}

/// Nothing sends them from the store. Logged once per type.
void pipeline::state::warn_of_unsent(const handler_entry& handler, const change_set& changes) {
  if (options.sends || !module_store || changes.outbox.empty()) return;
  unsent += changes.outbox.size();
  for (const auto& each : changes.outbox) {
    {
      const std::lock_guard lock(told_guard);
      if (!unsent_types.insert(each.type).second) continue;
    }
    log.warning("{type} of {handler} stays in the outbox, as {application} has no messaging to send it; add it: .add(mamey::messaging())",
                each.type, handler.name, options.outgoing.service);
  }
}

/// Without a store: no unit of work, so the messages go as they are.
void pipeline::state::send_out(const handler_entry& handler, change_set changes) const {
  if (!changes.documents.empty() || !changes.statements.empty() || !changes.delayed.empty()) {
    throw internal_error("no_store", "{} writes or sends later, but the application has no store; add one, e.g. .add(mamey::sqlite())",
                         handler.name);
  }
  if (!publish)
    throw internal_error("no_messaging", "{} publishes, but the application has no messaging; add it: .add(mamey::messaging())",
                         handler.name);
  publish(std::move(changes.outbox));
}

handling_result pipeline::state::interactive(const handler_call& call) {
  const auto& handler = call.handler;
  const auto* const received = call.received;
  if (!module_store) throw internal_error("no_store", "{} asks for a transaction, but the application has no store", handler.name);
  auto* const sql = module_store->sql();
  if (!sql) throw internal_error("no_sql", "{} asks for a transaction, but the store of the application offers no SQL", handler.name);
  std::unique_ptr<store_transaction> begun;
  try {
    begun = sql->begin(received ? received->inbox : std::nullopt, options.transaction_bound);
  } catch (const message_busy&) {
    return handling_result::busy;
  }
  if (!begun) return handling_result::already_handled;
  detail::watched_transaction opened(std::move(begun), [&](const std::string& what) { return note_wait(handler, what); });
  one_run run(*this, call, opened);
  reading_transaction only_reads(opened, handler);
  run.services.place<transaction>(handler.only_reads ? static_cast<transaction&>(only_reads) : opened);
  try {
    auto changes = changes_after(run, call);
    changes.inbox.reset();  // went in first, when the transaction began
    opened.throw_if_refused();
    opened.commit(changes);
    warn_of_unsent(handler, changes);
  } catch (...) {
    opened.rollback();
    throw;
  }
  return handling_result::committed;
}

/// Whichever module's handler saved the aggregate: what the application stores is one.
void pipeline::state::raise_events(unit_of_work& unit, scope& services) {
  for (int count = 0; auto event = unit.take_raised(); ++count) {
    if (count >= options.most_domain_events) {
      throw internal_error("too_many_domain_events", "more than {} domain events in one unit of work: {} seems to raise itself",
                           options.most_domain_events, event->info->name);
    }
    for (const auto* each : handlers.domain_handlers(*event->info->key)) {
      handle_domain_event(*each, event->object.get(), services);
      check_saved(*each, unit);
    }
    if (const auto* mapping = handlers.mapping(*event->info->key)) {
      if (auto mapped = mapping->map(event->object.get()); mapped.object) {
        mapped.key = event->key;
        mapped.stream = event->stream;
        mapped.position = event->position;
        unit.publish(std::move(mapped));
      }
    } else if (handlers.is_published(*event->info)) {
      unit.publish(std::move(*event));
    }
  }
}

/// Counts for itself: what it is part of counts for the handler that raised the event.
void pipeline::state::handle_domain_event(const handler_entry& handler, const void* event, scope& services) const {
  const auto& measured = metrics.at(&handler);
  const auto started = steady_now();
  try {
    handler.invoke(services, event, {});
  } catch (...) {
    measured.count(is_refusal(describe_current_exception()) ? measured.refused : measured.failed, started);
    throw;
  }
  measured.count(measured.handled, started);
}

change_set pipeline::state::changes_of(unit_of_work& unit) const {
  change_set changes;
  changes.documents = unit.take_writes();
  changes.statements = std::move(unit.statements());
  for (const auto& each : unit.published()) changes.outbox.push_back(make_envelope(each, options.outgoing));
  changes.cancelled_delayed = std::move(unit.cancelled_delayed());
  for (const auto& each : unit.scheduled()) {
    const auto* handler = handlers.command_or_query(*each.message.info->key);
    if (!handler)
      throw internal_error("no_handler", "{} is to be sent later, but has no handler in this application", each.message.info->name);
    delayed_message row{.id = {},
                        .subscription = std::string(handler->name),
                        .message = make_envelope(each.message, options.outgoing),
                        .delay = std::clamp(each.delay, std::chrono::milliseconds(0), longest_delay),
                        .first_failed_at = {},
                        .last_error = {}};
    row.id = row.message.id;
    changes.delayed.push_back(std::move(row));
  }
  return changes;
}

std::optional<envelope> pipeline::rejection_of(const handler_entry& handler, const void* message, const error_report& reason) const {
  const auto* declared = state_->handlers.rejected(*handler.message->key);
  if (!declared) return std::nullopt;
  const auto made = declared->make(message, reason);
  if (!made.object) return std::nullopt;
  return make_envelope(made, state_->options.outgoing);
}

}  // namespace mamey::inline v1
