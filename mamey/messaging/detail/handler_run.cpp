#include <mamey/messaging/detail/handler_run.hpp>

#include <algorithm>
#include <utility>

#include <mamey/core/gzip.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/messaging/detail/describe.hpp>
#include <mamey/messaging/detail/message_type.hpp>
#include <mamey/messaging/message_headers.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/propagation.hpp>
#include <mamey/runtime/random.hpp>

namespace mamey::inline v1::detail {

namespace {

const logger log{"mamey.messaging"};

/// An envelope, for the table of what crosses.
class received_message final : public propagation::source {
 public:
  explicit received_message(const envelope& of) : of_(of) {}
  void each_header(function_ref<void(std::string_view name, std::string_view value)> visit) const override {
    for (const auto& [name, value] : of_.headers) visit(name, value);
  }
  std::string_view attribute(propagation::item what) const override {
    switch (what) {
      case propagation::item::trace:
        return of_.traceparent;
      case propagation::item::correlation_id:
        return of_.correlation_id;
      case propagation::item::tenant:
        return of_.tenant;
      default:
        return {};
    }
  }

 private:
  const envelope& of_;
};

ambient_context context_of(const envelope& message, const run_surroundings& around) {
  auto context = propagation::receive_message(
      received_message(message), {.message_id = message.id,
                                  .forwarded_headers = around.forward_headers,
                                  .root = {.kind = tracing::span_kind::consumer, .name = message.type, .service = around.service}});
  context.cancel = current_context().cancel;
  return context;
}

class handler_run {
 public:
  handler_run(const run_surroundings& around, const message_handler& handler, const incoming& from)
      : around_(around),
        handler_(handler),
        from_(from),
        suffix_(from.row ? parse_row_subscription(from.row->subscription).suffix : ""),
        machine_(around.rules, facts(), {}, handler.plan.get()),
        first_failed_at_(from.row && from.row->first_failed_at != wall_time{} ? from.row->first_failed_at : wall_time{}) {}

  delivery_action go() {
    const context_scope scope(context_of(*from_.message, around_));  // of everything, so that each line of the log says whose message it is
    auto action = machine_.on(delivery_event::begin);
    while (action.step != delivery_step::acknowledge && action.step != delivery_step::give_back) action = carry_out(action);
    if (action.undo != start_undo::none) undo(action.undo);
    if (action.ending == delivery_ending::delayed && action.step == delivery_step::give_back)
      tell_failure(log_level::warning, "comes again in " + std::to_string(action.delay.count()) + " ms");
    if (action.ending == delivery_ending::lost) tell_failure(log_level::error, "is lost: there is no store to keep it");
    if (action.ending == delivery_ending::discarded) tell_failure(log_level::warning, "is discarded, as a rule for failures asks for");
    if (action.ending == delivery_ending::paused) pause(action.pause_for);
    return action;
  }

 private:
  delivery_facts facts() const {
    const auto& message = *from_.message;
    const auto now = wall_now();
    const auto since = from_.row ? from_.row->waits_since : message.occurred_at;
    const bool in_place = around_.rules.retries_in_place || !around_.rules.has_store;
    delivery_facts known{.has_id = !message.id.empty(),
                         .from_delayed_row = from_.row.has_value(),
                         .redelivered = from_.redelivered,
                         .look_first = around_.look_first || !handler_.aliases.empty(),
                         .starts_counted = from_.row.has_value() || around_.transport_counts_starts,
                         .starts = from_.row ? from_.row->starts : from_.starts,
                         .earlier_rounds = from_.row ? from_.row->rounds : 0,
                         .keyed = !message.key.empty(),
                         .expired = message.expires_at && *message.expires_at <= now,
                         .too_new = message.min_version > around_.what->reader_version,
                         .random = random_share()};
    // Without a row of its own, how long a message has been too new is not recorded; its age is the upper bound.
    if (known.too_new && since != wall_time{} && (from_.row || in_place))
      known.too_new_for = std::chrono::duration_cast<std::chrono::milliseconds>(now - since);
    return known;
  }

  delivery_action carry_out(const delivery_action& action) {
    switch (action.step) {
      case delivery_step::queue_behind:
        return with_store([&] { return machine_.on(waits_behind() ? delivery_event::queued_behind : delivery_event::nothing_ahead); });
      case delivery_step::check_inbox:
        return with_store([&] { return was_handled() ? machine_.on(delivery_event::handled) : machine_.on(delivery_event::not_handled); });
      case delivery_step::count_start:
        return with_store(
            [&] { return machine_.on(delivery_event::start_counted, around_.module_store->count_start(*key(), action.presumed)); });
      case delivery_step::run: {
        if (around_.paused()) return machine_.on(delivery_event::interrupted);  // it comes again when the subscription is resumed
        const auto ended = run();
        return machine_.on(ended, 0, last_error_.code);
      }
      case delivery_step::wait:
        tell_failure(log_level::warning, "is tried again at once");
        return machine_.on(wait(action.delay));
      case delivery_step::store_delayed:
        return commit(delayed(action));
      case delivery_step::store_failure:
        return commit(failure(action));
      case delivery_step::finish_row:
        return commit({.inbox = {}, .finished_delayed = {from_.row->id}});
      case delivery_step::acknowledge:
      case delivery_step::give_back:
        break;
    }
    return action;
  }

  /// The machine's next action after `work`, or after the news that the store is away.
  template <class Work>
  delivery_action with_store(Work work) {
    try {
      const masked_section masked;
      return work();
    } catch (...) {
      const auto report = describe_current_exception();
      log.warning("{handler} cannot record {message_id}: {code} {detail}", handler_.name, from_.message->id, report.code, words_of(report));
      around_.report(throttle_event::store_down);
      return machine_.on(delivery_event::store_down);
    }
  }

  delivery_action commit(change_set changes) {
    if (changes.empty()) return machine_.on(delivery_event::stored);  // a message without an id that is discarded
    return with_store([&] {
      const bool applied = around_.module_store->commit(changes) == commit_outcome::committed;
      return machine_.on(applied ? delivery_event::stored : delivery_event::already_handled);  // else somebody has ended it meanwhile
    });
  }

  std::optional<inbox_key> key() const {
    if (!around_.module_store || from_.message->id.empty()) return std::nullopt;
    return inbox_key{handler_.name + suffix_, from_.message->id, from_.message->tenant};
  }

  /// Rows written before a renaming hold the key as well.
  bool waits_behind() const {
    delayed_message row{.id = row_id(), .subscription = {}, .message = *from_.message, .holds_key = true};
    const auto stands_behind = [&](const std::string& name) {
      row.subscription = name;
      return around_.module_store->wait_behind(row);
    };
    const bool waits = std::ranges::any_of(handler_.aliases, stands_behind) || stands_behind(handler_.name);
    if (waits) log.debug("{message_id} waits at {handler} for an earlier message of its key", row.message.id, handler_.name);
    return waits;
  }

  /// The same for every delivery of the message.
  std::string row_id() const {
    return from_.message->id.empty() ? uuid::v7().to_compact_string() : derived_id(id_among_tenants(), handler_.name + "/delayed");
  }

  bool was_handled() const {
    if (around_.module_store->was_handled(*key())) return true;
    if (!suffix_.empty()) return false;
    for (const auto& alias : handler_.aliases) {
      if (around_.module_store->was_handled({alias, from_.message->id, from_.message->tenant})) return true;
    }
    return false;
  }

  delivery_event run() {
    handling_context context{.handler = handler_.name, .inbox = key(), .attempt = machine_.attempt(), .redelivered = from_.redelivered};
    if (from_.row) context.finished_delayed.push_back(from_.row->id);
    around_.begun(machine_.tries() > 1);
    try {
      if (machine_.tries() > 1)
        current_context() = context_of(*from_.message, around_);  // what the failed try has changed is not this one's
      const deadline_scope bound(around_.handler_timeout);
      const auto outcome = handle(context);
      if (outcome == handling_result::busy) return busy();
      around_.report(throttle_event::succeeded);
      return outcome == handling_result::committed ? delivery_event::committed : delivery_event::already_handled;
    } catch (const message_busy&) {
      return busy();
    } catch (...) {
      return classify(describe_current_exception());
    }
  }

  /// Neither the message nor a dependency is to blame: the throttle does not hear of it.
  delivery_event busy() const {
    log.debug("{message_id} comes to {handler} again later: it is being handled elsewhere", from_.message->id, handler_.name);
    return delivery_event::busy;
  }

  handling_result handle(handling_context& context) const {
    const bool packed = header_of(*from_.message, encoding_header) == "gzip";
    return handle(packed ? unpacked(*from_.message) : *from_.message, context);
  }

  static envelope unpacked(envelope message) {
    message.body = unpacked_gzip(message.body);
    message.headers.erase(std::string(encoding_header));
    return message;
  }

  handling_result handle(const envelope& message, handling_context& context) const {
    const auto& type = message.type.empty() ? around_.what->message_type : message.type;
    if (!around_.undecided.empty())
      throw domain_error(
          "unknown_type",
          "a message{} came to a queue of several types ({}): expected one of them as its type, or the exchange and routing key of one",
          message.type.empty() ? " without a type" : " of type " + message.type, around_.undecided);
    if (!around_.lifts || !around_.lifts->applies(type, message.version, around_.what->reader_version)) {
      refuse_other_types(type);
      return handler_.handle(message, context);
    }
    return handler_.handle(lifted(message, type), context);
  }

  /// Readers are tolerant: a message of another type could pass for one of ours with nothing in it.
  void refuse_other_types(const std::string& type) const {
    const bool takes_all = around_.what->routing_key.find_first_of("*#") != std::string::npos;
    const auto& expected = around_.what->message_type;
    if (takes_all || around_.what->queue.empty()) return;
    if (!is_same_type(type, expected)) throw domain_error("unknown_type", "a {} came to the queue of {}", type, expected);
    if (const auto said = other_type_said(*from_.message, expected); !said.empty())
      throw domain_error("unknown_type", "a message of another type came to the queue of {}: it has the header {}", expected, said);
  }

  envelope lifted(envelope message, const std::string& type) const {
    message.type = type;
    try {
      return around_.lifts->lift(std::move(message), around_.what->reader_version);
    } catch (const std::exception& cause) {
      throw domain_error("upcast_failed", "{} version {} cannot be lifted: {}", type, from_.message->version,
                         std::string_view(cause.what()));
    }
  }

  delivery_event classify(error_report report) {
    if (report.kind == error_kind::cancelled && around_.stopping()) return delivery_event::interrupted;
    last_error_ = std::move(report);
    if (first_failed_at_ == wall_time{}) first_failed_at_ = wall_now();
    const bool transient = is_transient(last_error_.kind);
    around_.report(transient ? throttle_event::failed_transient : throttle_event::failed_permanent);
    ask_for_answer();
    if (!transient || !answer_.retry) return delivery_event::failed_permanent;
    return last_error_.kind == error_kind::commit_unknown ? delivery_event::outcome_unknown : delivery_event::failed_transient;
  }

  /// One line a failure: who failed on what, what is done about it, and why.
  void tell_failure(log_level level, std::string_view what_next) const {
    const auto& message = *from_.message;
    const std::string_view known = around_.undecided.empty() ? std::string_view(around_.what->message_type) : "A message";
    const auto type = message.type.empty() ? known : std::string_view(message.type);
    constexpr auto words = "{message_type} {message_id} failed at {handler} (attempt {attempt}) and {what_next}: {code} {detail}";
    if (level == log_level::error)
      log.error(words, type, message.id, handler_.name, machine_.attempt(), what_next, last_error_.code, words_of(last_error_));
    else
      log.warning(words, type, message.id, handler_.name, machine_.attempt(), what_next, last_error_.code, words_of(last_error_));
  }

  void pause(std::chrono::milliseconds span) const {
    const auto until =
        span.count() > 0 ? "for " + std::to_string(span.count()) + " ms" : std::string("until it is resumed or started again");
    tell_failure(log_level::error, "pauses its subscription " + until);
    around_.pause(handler_.name + " failed with " + last_error_.code + " (" + last_error_.reason + "); nothing is handled " + until, span);
  }

  void ask_for_answer() {
    answer_ = {};
    if (!handler_.on_failure) return;
    try {
      answer_ = handler_.on_failure(*from_.message, last_error_);
    } catch (...) {
      const auto report = describe_current_exception();
      log.error("{handler} could not say what its failure means: {code} {detail}", handler_.name, report.code, words_of(report));
    }
  }

  delivery_event wait(std::chrono::milliseconds delay) const {
    try {
      sleep_for(delay);
      return delivery_event::waited;
    } catch (...) {  // only `cancelled` leaves a sleep without a deadline
      log.debug("{handler} stops waiting to try again: {detail}", handler_.name, words_of(describe_current_exception()));
      return delivery_event::interrupted;
    }
  }

  change_set delayed(const delivery_action& action) {
    const auto& message = *from_.message;
    const bool too_new = action.ending == delivery_ending::too_new;
    const auto waited_since = from_.row ? from_.row->waits_since : wall_time{};
    if (too_new)
      log.info("{message_type} {message_id} is too new for {handler} and comes again in {delay_ms} ms", message.type, message.id,
               handler_.name, action.delay.count());
    else
      tell_failure(log_level::warning, "comes again in " + std::to_string(action.delay.count()) + " ms");
    return {.inbox = {},
            .delayed = {{.id = from_.row ? from_.row->id : row_id(),
                         .subscription = handler_.name + suffix_,
                         .message = message,
                         .rounds = action.rounds,
                         .delay = action.delay,
                         .first_failed_at = first_failed_at_,
                         .waits_since = !too_new                      ? wall_time{}
                                        : waited_since != wall_time{} ? waited_since
                                                                      : wall_now(),
                         .last_error = too_new ? "too_new" : last_error_.code + ": " + last_error_.reason,
                         .holds_key = from_.row ? from_.row->holds_key : around_.rules.keys_held_in_store && !message.key.empty()}}};
  }

  change_set failure(const delivery_action& action) {
    if (action.ending == delivery_ending::parked_unrun) {
      last_error_ = {.kind = error_kind::internal,
                     .code = "start_limit_exceeded",
                     .reason = "started again and again without an outcome",
                     .detail = {},
                     .violations = {}};
      ask_for_answer();
      answer_.keep_in_error_store = true;
    } else if (last_error_.reason.empty() && from_.message->min_version > around_.what->reader_version) {
      last_error_ = {.kind = error_kind::internal,
                     .code = "too_new",
                     .reason = "no reader of its version came within the rollout window",
                     .detail = {},
                     .violations = {}};
    }
    const auto now = wall_now();
    const auto waited_since = from_.row ? from_.row->waits_since : wall_time{};
    change_set changes{.inbox = key()};
    if (from_.row) changes.finished_delayed.push_back(from_.row->id);
    if (answer_.rejected) changes.outbox.push_back(completed(std::move(*answer_.rejected)));
    if (action.ending == delivery_ending::discarded) return changes;  // logged when it is settled
    if (answer_.keep_in_error_store) {
      tell_failure(log_level::error, "goes to the error store");
      changes.errors.push_back({.id = uuid::v7().to_compact_string(),
                                .key = {handler_.name, from_.message->id, from_.message->tenant},
                                .message = *from_.message,
                                .error_code = last_error_.code,
                                .error_reason = last_error_.reason,
                                .attempts = machine_.attempt(),
                                .first_failed_at = first_failed_at_ != wall_time{} ? first_failed_at_
                                                   : waited_since != wall_time{}   ? waited_since
                                                                                   : now,
                                .failed_at = now});
    } else {
      tell_failure(log_level::warning, "is refused: the rejected event says so");
    }
    return changes;
  }

  envelope completed(envelope rejected) const {
    const auto& message = *from_.message;
    rejected.id = message.id.empty() ? uuid::v7().to_compact_string() : derived_id(id_among_tenants(), handler_.name + suffix_);
    if (rejected.correlation_id.empty()) rejected.correlation_id = message.correlation_id;
    if (rejected.causation_id.empty()) rejected.causation_id = message.id;
    if (rejected.tenant.empty()) rejected.tenant = message.tenant;
    if (rejected.traceparent.empty()) {
      rejected.traceparent = message.traceparent;
      if (!current_context().tracestate.empty()) rejected.headers["tracestate"] = current_context().tracestate;
    }
    if (rejected.source.empty()) rejected.source = around_.service;
    if (rejected.occurred_at == wall_time{}) rejected.occurred_at = wall_now();
    return rejected;
  }

  /// What ids are derived from: two tenants may use one id.
  std::string id_among_tenants() const {
    const auto& message = *from_.message;
    return message.tenant.empty() ? message.id : derived_id(message.id, message.tenant);
  }

  void undo(start_undo how) const {
    try {
      const masked_section masked;
      if (how == start_undo::all)
        around_.module_store->forget_starts(*key());
      else
        around_.module_store->take_back_start(*key());
    } catch (...) {
      log.debug("a start of {message_id} stays counted: {detail}", from_.message->id, words_of(describe_current_exception()));
    }
  }

  const run_surroundings& around_;
  const message_handler& handler_;
  const incoming& from_;
  const std::string suffix_;
  delivery_machine machine_;
  wall_time first_failed_at_;
  error_report last_error_;
  failure_answer answer_;
};

}  // namespace

row_subscription parse_row_subscription(const std::string& text) {
  const auto at = text.find('#');
  return at == std::string::npos ? row_subscription{text, {}} : row_subscription{text.substr(0, at), text.substr(at)};
}

delivery_action run_handler(const run_surroundings& around, const message_handler& handler, const incoming& from) {
  return handler_run(around, handler, from).go();
}

void give_row_back(unit_store& into, const delayed_message& row, std::chrono::milliseconds delay, start_counting counting) {
  auto again = row;
  again.delay = delay;
  if (counting == start_counting::uncounted) --again.starts;
  try {
    const masked_section masked;
    into.commit({.inbox = {}, .delayed = {std::move(again)}});
  } catch (...) {  // its claim expires
    log.debug("the delayed row {id} waits for its lease: {detail}", row.id, words_of(describe_current_exception()));
  }
}

}  // namespace mamey::inline v1::detail
