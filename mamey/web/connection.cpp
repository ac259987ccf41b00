#include <mamey/web/detail/connection.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include <mamey/observability/log.hpp>
#include <mamey/runtime/tls.hpp>
#include <mamey/web/detail/worker.hpp>

namespace mamey::inline v1::web::detail {
namespace {

const logger log{"mamey.web"};

/// How long, and for how many bytes, we go on reading what nobody will answer.
constexpr std::chrono::seconds linger_time{2};
constexpr std::size_t most_discarded = 8 << 20;

constexpr std::size_t batch_size = 16 << 10;  ///< refusals collected before they are written

using parse_state = http::message_parser::state;

/// How long so many bytes may take at that rate. An hour is as good as for ever.
std::chrono::milliseconds time_for(std::uint64_t bytes, std::size_t rate) noexcept {
  return std::chrono::milliseconds(std::min<std::uint64_t>(bytes / rate, 3'600) * 1'000 + bytes % rate * 1'000 / rate);
}

}  // namespace

connection::connection(worker& of, socket_handle socket, const tls_context* tls) : worker_(of), stream_(std::move(socket)) {
  if (tls != nullptr) stream_.begin_tls(*tls);
}

connection::~connection() {
  worker_.let_go(*this);
  if (phase_ == phase::writing) worker_.count_waiting_answer(false);
  if (timer_ != 0) worker_.loop().cancel_timer(timer_);
}

void connection::start() {
  try {
    since_ = worker_.loop().now();
    set_deadline(since_ + worker_.options().header_timeout);
    listen();
  } catch (const std::exception& error) {
    log.debug("connection of {peer} ended: {error}", peer_, error);
    end();
  }
}

void connection::turn_away() {
  try {
    exchange_ = worker_.take_exchange();
    refuse({.status = 503,
            .code = "too_many_connections",
            .reason = "the server has no room for another connection",
            .retry_after = static_cast<std::size_t>(worker_.options().retry_after.count())});
    follow(next_step::linger, worker_.loop().now());
  } catch (const std::exception& error) {
    log.debug("connection of {peer} ended: {error}", peer_, error);
    end();
  }
}

bool connection::make_way() {
  try {
    exchange_ = worker_.take_exchange();
    const auto count = stream_.try_read(exchange_->input.room());
    if (count && *count > 0) {
      exchange_->input.received(*count);
      phase_ = phase::reading;
      proceed(worker_.loop().now());
      return false;
    }
  } catch (const std::exception& error) {
    log.debug("connection of {peer} ended: {error}", peer_, error);
  }
  end();
  return true;
}

void connection::give_up() {
  const auto now = worker_.loop().now();
  if (phase_ == phase::writing) {
    stream_.abort();  // what was answered cannot be completed
    return end();
  }
  try {
    refuse({.status = 503,
            .code = "overloaded",
            .reason = "the server holds more unfinished requests than it can",
            .retry_after = static_cast<std::size_t>(worker_.options().retry_after.count())});
    const bool told = push();
    exchange_->drop_unsent();
    follow(told ? next_step::linger : next_step::close, now);
  } catch (const std::exception& error) {
    log.debug("connection of {peer} ended: {error}", peer_, error);
    end();
  }
}

void connection::retire() {
  if (phase_ != phase::idle && phase_ != phase::reading) return;
  retiring_ = true;
  try {
    if (phase_ == phase::reading) return await_rest(worker_.loop().now());
    // A request may have come that nobody has looked at yet: it is answered, and that ends the connection as well.
    exchange_ = worker_.take_exchange();
    const auto count = stream_.try_read(exchange_->input.room());
    if (!count || *count == 0) return end();
    exchange_->input.received(*count);
    phase_ = phase::reading;
    proceed(worker_.loop().now());
  } catch (const std::exception& error) {
    log.debug("connection of {peer} ended: {error}", peer_, error);
    end();
  }
}

void connection::abandon() {
  if (phase_ == phase::handling) {
    exchange_->cancel->request();
  } else {
    end();
  }
}

// ── Reading ──

void connection::listen() {
  stream_.on_readable([this] { readable(); });
}

void connection::readable() {
  try {
    if (phase_ == phase::lingering) return discard();
    if (receive()) proceed(round_time());
  } catch (const tls_error& error) {
    if (error.code() == tls_errc::plain_http) return explain_https();
    log.debug("connection of {peer} ended: {error}", peer_, error);
    end();
  } catch (const std::exception& error) {  // reset by the client, as a rule
    log.debug("connection of {peer} ended: {error}", peer_, error);
    end();
  }
}

/// False when there is nothing to look at; the connection may be gone then.
bool connection::receive() {
  if (!exchange_) exchange_ = worker_.take_exchange();
  auto& input = exchange_->input;
  auto& parser = exchange_->parser;
  if (input.tail().empty() && !input.empty()) input.keep(parser.squeeze(input.unread()));
  const auto count = stream_.try_read(input.room(parser.missing(input.size())));
  if (!count) {
    if (phase_ == phase::idle) worker_.give_exchange(std::move(exchange_));
    listen();
    return false;
  }
  if (*count == 0) {
    end();
    return false;
  }
  input.received(*count);
  exchange_->pace.bytes += *count;
  phase_ = phase::reading;
  return true;
}

void connection::proceed(steady_time now) { follow(examine(), now); }

connection::next_step connection::examine() {
  auto& at = *exchange_;
  while (!at.input.empty()) {
    switch (at.parser.advance(at.input.unread())) {
      case parse_state::complete:
        if (worker_.admit() || is_essential()) return next_step::handle;
        if (!shed()) return next_step::linger;
        if (at.out.size() > batch_size) return next_step::examine;
        break;
      case parse_state::failed: {
        const auto& why = at.parser.failure();
        worker::counters::count(worker_.counts().refused);
        refuse({.status = why.status, .code = why.code, .reason = why.reason});
        return next_step::linger;
      }
      case parse_state::head:
      case parse_state::body:
        return next_step::read_more;
    }
  }
  return next_step::read_more;
}

/// There is no room, but this is answered all the same; counts it.
bool connection::is_essential() {
  auto& at = *exchange_;
  at.parser.locate(at.input.unread());
  const bool known = at.request.assign({.method = at.parser.method(),
                                        .target = at.parser.target(),
                                        .body = {},
                                        .peer = {},
                                        .headers = at.parser.headers(),
                                        .minor_version = at.parser.minor_version()});
  return essential_ = known && worker_.answers().answers_under_overload(at.request) && worker_.admit_essential();
}

/// Answers 503 without a fiber. False: that ends the connection.
bool connection::shed() {
  auto& at = *exchange_;
  worker::counters::count(worker_.counts().shed);
  const bool keeps = at.parser.keep_alive() && !worker_.draining();
  refuse({.status = 503,
          .code = "overloaded",
          .reason = "the server has more to do than it can",
          .retry_after = static_cast<std::size_t>(worker_.options().retry_after.count()),
          .keep_alive = keeps});
  at.input.consume(at.parser.consumed());
  at.parser.reset();
  return keeps;
}

/// Adds a whole answer to those that are not written yet.
void connection::refuse(refusal why) {
  auto& at = *exchange_;
  at.parser.locate(at.input.unread());
  why.to_head = at.parser.method() == "HEAD";
  append_refusal(at.out, why, worker_.date());
}

/// To one that speaks http where https is spoken.
void connection::explain_https() {
  try {
    stream_.leave_tls();
    worker::counters::count(worker_.counts().refused);
    refuse({.status = 400, .code = "https_expected", .reason = "https is spoken on this port"});
    follow(next_step::linger, worker_.loop().now());
  } catch (const std::exception& error) {
    log.debug("connection of {peer} ended: {error}", peer_, error);
    end();
  }
}

void connection::follow(next_step step, steady_time now) {
  for (;;) {
    if (step != next_step::handle && exchange_ && exchange_->unsent() > 0 && !push()) return await_reader(step, now);
    if (step != next_step::examine) break;
    step = examine();
  }
  switch (step) {
    case next_step::read_more:
      return await_rest(now);
    case next_step::close:
      return end();
    case next_step::linger:
      return linger(now);
    case next_step::examine:
    case next_step::handle:
      break;
  }
  if (waits) worker_.pin(*this);
  phase_ = phase::handling;
  awaited_ = parse_state::complete;
  deadline_ = steady_time::max();
  try {
    worker_.loop().start_fiber("http request", [this] { run(); });
  } catch (...) {  // no memory: the caller ends the connection
    worker_.dismiss(std::exchange(essential_, false));
    phase_ = phase::reading;
    throw;
  }
}

void connection::await_rest(steady_time now) {
  auto& at = *exchange_;
  const auto& parser = at.parser;
  const auto& options = worker_.options();
  if (at.input.empty() && !parser.begun()) return become_idle(now);
  phase_ = phase::reading;
  if (retiring_ && parser.current() == parse_state::head) {
    refuse({.status = 503, .code = "stopping", .reason = "the server stops"});
    push();
    return end();
  }
  if (awaited_ != parser.current()) {  // each part has one timeout, which further bytes do not prolong
    awaited_ = parser.current();
    at.pace = {.begun = now, .moved = now, .bytes = 0};
    deadline_ = now + (awaited_ == parse_state::head ? options.header_timeout : options.body_timeout);
  }
  if (awaited_ == parse_state::body && options.min_receive_rate > 0) {
    const auto enough_until = at.pace.begun + options.rate_grace + time_for(at.pace.bytes, options.min_receive_rate);
    set_deadline(std::min(at.pace.begun + options.body_timeout, enough_until));
  } else {
    set_deadline(deadline_);
  }
  if (parser.current() == parse_state::body && parser.expects_continue() && parser.minor_version() == 1 && !continue_sent_) {
    continue_sent_ = true;
    at.out += "HTTP/1.1 100 Continue\r\n\r\n";
    if (!push()) return end();
  }
  worker_.hold(*this, at.input.size());
  listen();
}

void connection::become_idle(steady_time now) {
  if (waits || held != 0) worker_.let_go(*this);
  worker_.give_exchange(std::move(exchange_));
  if (retiring_) return end();
  phase_ = phase::idle;
  since_ = now;
  awaited_ = parse_state::complete;
  set_deadline(now + worker_.options().idle_timeout);
  listen();
}

// ── Writing ──

/// Writes what the client takes without waiting. True when that was everything.
bool connection::push() {
  auto& at = *exchange_;
  const auto write = [&](std::string_view bytes, std::size_t& sent) {
    const auto count = stream_.try_write(bytes.substr(sent));
    sent += count;
    at.pace.bytes += count;
    return sent == bytes.size();
  };
  if (at.out_sent < at.out.size() && !write(at.out, at.out_sent)) return false;
  if (at.sends_body && !write(at.response.body(), at.body_sent)) return false;
  at.drop_unsent();
  return true;
}

/// Neither a fiber nor a place among the requests at once is held by a client that does not read.
void connection::await_reader(next_step then, steady_time now) {
  if (worker_.abandoned()) return end();
  auto& at = *exchange_;
  after_ = then;
  phase_ = phase::writing;
  awaited_ = parse_state::complete;
  worker_.count_waiting_answer(true);
  at.shrink();
  begin_sending(now);
  worker_.hold(*this, at.unsent() + at.input.size());
  deadline_ = steady_time::max();
  set_deadline(sending_deadline());
  stream_.on_writable([this] { writable(); });
}

void connection::writable() {
  const auto now = round_time();
  try {
    auto& at = *exchange_;
    const bool done = push();
    at.pace.moved = now;
    worker_.hold(*this, at.unsent() + at.input.size());
    if (!done) {
      deadline_ = sending_deadline();
      return stream_.on_writable([this] { writable(); });
    }
    worker_.let_go(*this);
    worker_.count_waiting_answer(false);
    phase_ = phase::reading;
    follow(after_, now);
  } catch (const std::exception& error) {
    log.debug("connection of {peer} ended: {error}", peer_, error);
    end();
  }
}

void connection::begin_sending(steady_time now) {
  const auto unconfirmed = stream_.unconfirmed();
  exchange_->pace = {.begun = now, .moved = now, .bytes = unconfirmed, .unconfirmed = unconfirmed};
}

/// `pace.bytes` counts what was handed to the system, and that may be much: what the client's system has confirmed is what counts.
steady_time connection::sending_deadline() const noexcept {
  const auto& options = worker_.options();
  const auto& pace = exchange_->pace;
  const auto alive_until = pace.moved + options.write_timeout;
  if (options.min_send_rate == 0) return alive_until;
  const auto confirmed = pace.bytes - std::min<std::uint64_t>(pace.bytes, stream_.unconfirmed());
  return std::min(alive_until, pace.begun + options.rate_grace + time_for(confirmed, options.min_send_rate));
}

// ── The end ──

void connection::linger(steady_time now) {
  worker_.let_go(*this);
  worker_.give_exchange(std::move(exchange_));
  phase_ = phase::lingering;
  stream_.shutdown_write();
  if (worker_.abandoned()) return discard();  // no time left: what has come is dropped, and that is it
  deadline_ = steady_time::max();
  set_deadline(now + linger_time);
  listen();
}

void connection::discard() {
  std::array<char, 16 << 10> nowhere;
  while (discarded_ < most_discarded) {
    const auto count = stream_.try_read(nowhere);
    if (!count && worker_.abandoned()) break;
    if (!count) return listen();
    if (*count == 0) break;
    discarded_ += *count;
  }
  end();
}

void connection::end() noexcept {
  if (exchange_) worker_.give_exchange(std::move(exchange_));
  worker_.remove(*this);  // and with that, this object is gone
}

// ── Time: one timer, moved only when it would come too late, so that a request costs none ──

void connection::set_deadline(steady_time when) {
  deadline_ = when;
  if (timer_ != 0 && timer_at_ <= when) return;
  if (timer_ != 0) worker_.loop().cancel_timer(timer_);
  arm_timer();
}

void connection::arm_timer() {
  timer_at_ = deadline_;
  timer_ = worker_.loop().add_timer(deadline_, [this] { timer_fired(); });
}

void connection::timer_fired() {
  timer_ = 0;
  if (deadline_ == steady_time::max()) return;  // the fiber has its own
  if (worker_.loop().now() < deadline_) {
    arm_timer();
  } else {
    timed_out();
  }
}

/// Looks at what the client has read by now.
bool connection::reads_too_slowly(steady_time now) noexcept {
  auto& pace = exchange_->pace;
  const auto unconfirmed = stream_.unconfirmed();
  if (unconfirmed < pace.unconfirmed) pace.moved = now;  // so slowly that the system takes nothing more of us yet, but it reads
  pace.unconfirmed = unconfirmed;
  return sending_deadline() <= now;
}

void connection::reader_timed_out(steady_time now) {
  if (!reads_too_slowly(now)) return set_deadline(sending_deadline());
  worker::counters::count(worker_.counts().timed_out);
  log.debug("connection of {peer} ended: the client reads too slowly", peer_);
  stream_.abort();
  end();
}

void connection::timed_out() {
  const auto now = worker_.loop().now();
  switch (phase_) {
    case phase::idle:
      return end();
    case phase::lingering:
      return end();
    case phase::handling:
      return;
    case phase::writing:
      return reader_timed_out(now);
    case phase::reading:
      break;
  }
  worker::counters::count(worker_.counts().timed_out);
  try {
    refuse({.status = 408, .code = "request_timeout", .reason = "the request did not come in time"});
    follow(next_step::linger, now);
  } catch (const std::exception& error) {
    log.debug("connection of {peer} ended: {error}", peer_, error);
    end();
  }
}

}  // namespace mamey::inline v1::web::detail
