#include <mamey/cqrs/pipeline.hpp>

#include <chrono>
#include <random>

#include <mamey/core/validation.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/cqrs/authorization.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/runtime/active_span.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.cqrs"};

/// Stands in where a module has no store: nothing can be read, and the error says what to add.
class no_store final : public document_reader {
 public:
  std::optional<document> load(const collection& from, std::string_view) override { refuse(from.name); }
  std::vector<document> find(const collection& in, const document_query&) override { refuse(in.name); }
  std::int64_t count(const collection& in, std::span<const column_condition>) override { refuse(in.name); }
  void query(const sql_statement&, const std::function<void(const sql_row&)>&) override { refuse("sql"); }

 private:
  [[noreturn]] static void refuse(std::string_view what) {
    throw internal_error("no_store", "{} cannot be read: the application has no store; add one, e.g. .add(mamey::sqlite())", what);
  }
};

class open_transaction final : public transaction {
 public:
  explicit open_transaction(store_transaction& inner) : inner_(inner) {}
  void query(const sql_statement& statement, const std::function<void(const sql_row&)>& each) override { inner_.query(statement, each); }
  std::int64_t execute(const sql_statement& statement) override { return inner_.execute(statement); }

 private:
  store_transaction& inner_;
};

/// What one handler type costs and how it ends.
struct handler_metrics {
  metrics::counter* handled = nullptr;
  metrics::counter* refused = nullptr;
  metrics::counter* failed = nullptr;
  metrics::histogram* seconds = nullptr;
};

/// The message was wrong, not the service.
bool is_refusal(const error_report& report) { return !is_transient(report.kind) && report.kind != error_kind::internal; }

void log_failure(const handler_entry& handler, const error_report& report) {
  if (is_refusal(report)) log.info("{message} refused by {handler}: {code} {reason}", handler.message->name, handler.name, report.code, report.reason);
  else log.warning("{message} failed in {handler}: {code} {detail}", handler.message->name, handler.name, report.code, report.detail.empty() ? report.reason : report.detail);
}

void back_off(int attempt) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const auto most = std::chrono::microseconds(500) * (1 << std::min(attempt, 6));
  sleep_for(most / 2 + most * static_cast<int>(random() % 512) / 1024);
}

}  // namespace

struct pipeline::state {
  service_provider& provider;
  const handler_registry& handlers;
  store* module_store;
  pipeline_options options;
  std::vector<behaviour*> behaviours;
  std::unordered_map<const handler_entry*, handler_metrics> metrics;
  no_store nothing;
  std::function<void(std::vector<envelope>)> publish;  ///< of a module without a store

  void raise_events(const handler_entry& by, unit_of_work& unit, scope& services) const;
  void send_out(const handler_entry& handler, change_set changes) const;
  change_set changes_of(unit_of_work& unit) const;
  handling_result buffered(const handler_entry& handler, const void* message, const result_sink& sink, handling_context* received);
  handling_result interactive(const handler_entry& handler, const void* message, const result_sink& sink, handling_context* received);
  handling_result with_retries(const handler_entry& handler, const void* message, const result_sink& sink, handling_context* received);
  handling_result wrapped(std::size_t next, const invocation& call, const result_sink& sink, handling_context* received);
};

pipeline::pipeline(service_provider& provider, const handler_registry& handlers, store* module_store, metrics::registry& measured, pipeline_options options)
    : state_(new state{.provider = provider, .handlers = handlers, .module_store = module_store, .options = std::move(options), .behaviours = {}, .metrics = {}, .nothing = {}, .publish = {}}) {
  auto handled = measured.counters("mamey_handled_total", "Messages handled, by handler and outcome: ok, refused (the message was wrong), failed.", {"handler", "outcome"});
  auto seconds = measured.histograms("mamey_handling_seconds", "Time from dispatch to commit, by handler.", {"handler"});
  for (const auto& each : handlers.all()) {
    state_->metrics[each.get()] = {.handled = &handled.with({each->name, "ok"}), .refused = &handled.with({each->name, "refused"}), .failed = &handled.with({each->name, "failed"}), .seconds = &seconds.with({each->name})};
  }
}

pipeline::~pipeline() = default;

const pipeline_options& pipeline::options() const noexcept { return state_->options; }

void pipeline::use(std::vector<behaviour*> behaviours) { state_->behaviours = std::move(behaviours); }

void pipeline::publish_through(std::function<void(std::vector<envelope>)> send) { state_->publish = std::move(send); }

void pipeline::dispatch(const message_info& message, const void* object, const result_sink& sink) {
  const auto* handler = state_->handlers.command_or_query(*message.key);
  if (!handler) throw internal_error("no_handler", "{} has no handler in this application: list it with .commands<…>() or .queries<…>()", message.name);
  const auto given = [&message, object] {
    if (auto wrong = validate(*message.model, object); !wrong.empty()) throw validation_error(std::move(wrong));
    return object;
  };
  run(*handler, given, sink);
}

handling_result pipeline::run(const handler_entry& handler, const message_source& message, const result_sink& sink, handling_context* received) {
  const auto& measured = state_->metrics.at(&handler);
  const auto started = steady_now();
  const auto ended = [&](metrics::counter* as) {
    as->increment();
    measured.seconds->observe(std::chrono::duration<double>(steady_now() - started).count());
  };
  log.debug("{message} goes to {handler}", handler.message->name, handler.name);
  tracing::active_span span(handler.name, received ? tracing::span_kind::consumer : tracing::span_kind::internal);
  span->set("mamey.message", handler.message->name);
  try {
    authorize(*handler.message);
    const auto* const valid = message();
    scope services(state_->provider);
    const auto outcome = state_->wrapped(0, {.handler = handler, .message = valid, .services = services}, sink, received);
    if (outcome != handling_result::busy) ended(measured.handled);
    return outcome;
  } catch (...) {
    const auto report = describe_current_exception();
    ended(is_refusal(report) ? measured.refused : measured.failed);
    span->fail(report.code + ": " + report.reason);
    log_failure(handler, report);
    throw;
  }
}

handling_result pipeline::state::wrapped(std::size_t next, const invocation& call, const result_sink& sink, handling_context* received) {
  if (next == behaviours.size()) return with_retries(call.handler, call.message, sink, received);
  auto outcome = handling_result::committed;
  behaviours[next]->around(call, [&] { outcome = wrapped(next + 1, call, sink, received); });
  return outcome;
}

handling_result pipeline::state::with_retries(const handler_entry& handler, const void* message, const result_sink& sink, handling_context* received) {
  for (int attempt = 0;; ++attempt) {
    try {
      return handler.interactive ? interactive(handler, message, sink, received) : buffered(handler, message, sink, received);
    } catch (const concurrency_conflict&) {
      if (attempt >= handler.conflict_retries) throw;
    }
    back_off(attempt);  // outside the handler: nothing of the failed unit is alive
  }
}

handling_result pipeline::state::buffered(const handler_entry& handler, const void* message, const result_sink& sink, handling_context* received) {
  unit_of_work unit(module_store ? static_cast<document_reader&>(*module_store) : nothing);
  scope services(provider);
  services.place(unit);
  handler.invoke(services, message, sink);
  raise_events(handler, unit, services);
  auto changes = changes_of(unit);
  if (received) received->seal(changes);
  if (changes.empty()) return handling_result::committed;
  if (!module_store) {
    send_out(handler, std::move(changes));
    return handling_result::committed;
  }
  return module_store->commit(changes) == commit_outcome::already_handled ? handling_result::already_handled : handling_result::committed;
}

/// Without a store: no unit of work, so the messages go as they are.
void pipeline::state::send_out(const handler_entry& handler, change_set changes) const {
  if (!changes.documents.empty() || !changes.statements.empty() || !changes.delayed.empty()) {
    throw internal_error("no_store", "{} writes or sends later, but the application has no store; add one, e.g. .add(mamey::sqlite())", handler.name);
  }
  if (!publish) throw internal_error("no_messaging", "{} publishes, but the application has no messaging; add it: .add(mamey::messaging())", handler.name);
  publish(std::move(changes.outbox));
}

handling_result pipeline::state::interactive(const handler_entry& handler, const void* message, const result_sink& sink, handling_context* received) {
  if (!module_store) throw internal_error("no_store", "{} asks for a transaction, but the application has no store", handler.name);
  std::unique_ptr<store_transaction> opened;
  try {
    opened = module_store->begin(received ? received->inbox : std::nullopt, options.transaction_bound);
  } catch (const message_busy&) {
    return handling_result::busy;
  }
  if (!opened) return handling_result::already_handled;
  open_transaction shown(*opened);
  unit_of_work unit(*opened);
  scope services(provider);
  services.place(unit);
  services.place<transaction>(shown);
  try {
    handler.invoke(services, message, sink);
    raise_events(handler, unit, services);
    auto changes = changes_of(unit);
    if (received) received->seal(changes);
    changes.inbox.reset();  // went in first, when the transaction began
    opened->commit(changes);
  } catch (...) {
    opened->rollback();
    throw;
  }
  return handling_result::committed;
}

void pipeline::state::raise_events(const handler_entry& by, unit_of_work& unit, scope& services) const {
  for (int count = 0; auto event = unit.take_raised(); ++count) {
    if (count >= options.most_domain_events) {
      throw internal_error("too_many_domain_events", "more than {} domain events in one unit of work: {} seems to raise itself", options.most_domain_events, event->info->name);
    }
    for (const auto* handler : handlers.domain_handlers(*event->info->key)) {
      if (handler->module == by.module) handler->invoke(services, event->object.get(), {});
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

change_set pipeline::state::changes_of(unit_of_work& unit) const {
  change_set changes;
  changes.documents = std::move(unit.writes());
  changes.statements = std::move(unit.statements());
  for (const auto& each : unit.published()) changes.outbox.push_back(make_envelope(each, options.outgoing));
  for (const auto& each : unit.scheduled()) {
    const auto* handler = handlers.command_or_query(*each.message.info->key);
    if (!handler) throw internal_error("no_handler", "{} is to be sent later, but has no handler in this application", each.message.info->name);
    delayed_message row{.id = {}, .subscription = std::string(handler->name), .message = make_envelope(each.message, options.outgoing), .delay = each.delay, .first_failed_at = {}, .last_error = {}};
    row.id = row.message.id;
    changes.delayed.push_back(std::move(row));
  }
  return changes;
}

std::optional<envelope> pipeline::rejection_of(const handler_entry& handler, const void* message, const error_report& reason) const {
  const auto* declared = state_->handlers.rejected(*handler.message->key);
  if (!declared) return std::nullopt;
  return make_envelope(declared->make(message, reason), state_->options.outgoing);
}

}  // namespace mamey::inline v1
