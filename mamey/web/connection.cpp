#include <mamey/web/detail/connection.hpp>

#include <array>
#include <exception>
#include <utility>

#include <mamey/observability/log.hpp>
#include <mamey/web/detail/worker.hpp>

namespace mamey::inline v1::web::detail {
namespace {

const logger log{"mamey.web"};

/// How long, and for how many bytes, we go on reading what nobody will answer.
constexpr std::chrono::seconds linger_time{2};
constexpr std::size_t most_discarded = 8 << 20;

using parse_state = http::message_parser::state;

}  // namespace

connection::connection(worker& of, socket_handle socket, const tls_context* tls) : worker_(of), stream_(std::move(socket)) {
  if (tls != nullptr) stream_.begin_tls(*tls);
}

connection::~connection() {
  if (timer_ != 0) worker_.loop().cancel_timer(timer_);
}

void connection::start() {
  set_deadline(worker_.loop().now() + worker_.options().header_timeout);
  listen();
}

void connection::turn_away() {
  const auto now = worker_.loop().now();
  exchange_ = worker_.take_exchange();
  append_refusal(exchange_->out,
                 {.status = 503,
                  .code = "too_many_connections",
                  .reason = "the server has no room for another connection",
                  .retry_after = static_cast<std::size_t>(worker_.options().retry_after.count())},
                 worker_.date());
  follow(write_now() ? next_step::linger : next_step::close, now);
}

void connection::retire() {
  if (phase_ != phase::idle) return;
  try {
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
  } catch (const std::exception& error) {  // reset by the client, as a rule
    log.debug("connection of {peer} ended: {error}", peer_, error);
    end();
  }
}

/// False when there is nothing to look at; the connection may be gone then.
bool connection::receive() {
  if (!exchange_) exchange_ = worker_.take_exchange();
  auto& input = exchange_->input;
  if (input.tail().empty() && !input.empty()) input.keep(exchange_->parser.squeeze(input.unread()));
  const auto count = stream_.try_read(input.room());
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
  phase_ = phase::reading;
  return true;
}

void connection::proceed(steady_time now) { follow(examine(), now); }

connection::next_step connection::examine() {
  auto& at = *exchange_;
  while (!at.input.empty()) {
    switch (at.parser.advance(at.input.unread())) {
      case parse_state::complete:
        if (worker_.admit()) return next_step::handle;
        if (const auto step = shed(); step != next_step::handle) return step;
        break;
      case parse_state::failed: {
        const auto& why = at.parser.failure();
        worker::counters::count(worker_.counts().refused);
        append_refusal(at.out, {.status = why.status, .code = why.code, .reason = why.reason}, worker_.date());
        return write_now() ? next_step::linger : next_step::close;
      }
      case parse_state::head:
      case parse_state::body:
        return next_step::read_more;
    }
  }
  return next_step::read_more;
}

/// Answers 503 without a fiber. `handle` means: look at the next request.
connection::next_step connection::shed() {
  auto& at = *exchange_;
  worker::counters::count(worker_.counts().shed);
  const bool keeps = at.parser.keep_alive() && !worker_.draining();
  append_refusal(at.out,
                 {.status = 503,
                  .code = "overloaded",
                  .reason = "the server has more to do than it can",
                  .retry_after = static_cast<std::size_t>(worker_.options().retry_after.count()),
                  .keep_alive = keeps},
                 worker_.date());
  if (!write_now()) return next_step::close;
  at.input.consume(at.parser.consumed());
  at.parser.reset();
  return keeps ? next_step::handle : next_step::linger;
}

void connection::follow(next_step step, steady_time now) {
  switch (step) {
    case next_step::read_more:
      return await_rest(now);
    case next_step::close:
      return end();
    case next_step::linger:
      return linger(now);
    case next_step::handle:
      break;
  }
  phase_ = phase::handling;
  awaited_ = parse_state::complete;
  deadline_ = steady_time::max();
  worker_.loop().start_fiber("http request", [this] { run(); });
}

void connection::await_rest(steady_time now) {
  const auto& parser = exchange_->parser;
  if (exchange_->input.empty() && !parser.begun()) return become_idle(now);
  phase_ = phase::reading;
  if (awaited_ != parser.current()) {  // each part has one timeout, which further bytes do not prolong
    awaited_ = parser.current();
    set_deadline(now + (awaited_ == parse_state::head ? worker_.options().header_timeout : worker_.options().body_timeout));
  }
  if (parser.current() == parse_state::body && parser.expects_continue() && parser.minor_version() == 1 && !continue_sent_) {
    continue_sent_ = true;
    exchange_->out += "HTTP/1.1 100 Continue\r\n\r\n";
    if (!write_now()) return end();
  }
  listen();
}

void connection::become_idle(steady_time now) {
  worker_.give_exchange(std::move(exchange_));
  phase_ = phase::idle;
  awaited_ = parse_state::complete;
  set_deadline(now + worker_.options().idle_timeout);
  listen();
}

/// Outside a fiber there is no waiting: false when the client does not take these few bytes.
bool connection::write_now() {
  const bool written = stream_.try_write(exchange_->out) == exchange_->out.size();
  exchange_->out.clear();
  return written;
}

// ── The end ──

void connection::linger(steady_time now) {
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

void connection::timed_out() {
  const auto now = worker_.loop().now();
  switch (phase_) {
    case phase::idle:
      return end();
    case phase::lingering:
      return end();
    case phase::handling:
      return;
    case phase::reading:
      break;
  }
  worker::counters::count(worker_.counts().timed_out);
  try {
    append_refusal(exchange_->out, {.status = 408, .code = "request_timeout", .reason = "the request did not come in time"},
                   worker_.date());
    follow(write_now() ? next_step::linger : next_step::close, now);
  } catch (const std::exception& error) {
    log.debug("connection of {peer} ended: {error}", peer_, error);
    end();
  }
}

}  // namespace mamey::inline v1::web::detail
