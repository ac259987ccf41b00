#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include <mamey/observability/log.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/web/detail/connection.hpp>
#include <mamey/web/detail/failure_log.hpp>
#include <mamey/web/detail/worker.hpp>
#include <mamey/web/problem.hpp>

namespace mamey::inline v1::web::detail {
namespace {

const logger log{"mamey.web"};

constexpr std::size_t batch_size = 16 << 10;  ///< answers collected before they are written
constexpr std::size_t large_body = 32 << 10;  ///< written from where it is

using parse_state = http::message_parser::state;

/// `127.0.0.1` of `127.0.0.1:4711`, `[::1]:4711` and, on a socket of both families, `[::ffff:127.0.0.1]:4711`.
std::string address_of(std::string_view peer) {
  peer = peer.substr(0, peer.rfind(':'));
  if (peer.starts_with('[') && peer.ends_with(']')) peer = peer.substr(1, peer.size() - 2);
  if (peer.starts_with("::ffff:") && peer.find('.') != std::string_view::npos) peer.remove_prefix(7);
  return std::string(peer);
}

/// For a whole batch, puts the exchange's context in the place of the fiber's: its texts have their memory already.
class borrowed_context {
 public:
  explicit borrowed_context(ambient_context& of) : loan_(of) {}
  ~borrowed_context() { end_handling(); }
  borrowed_context(const borrowed_context&) = delete;
  borrowed_context& operator=(const borrowed_context&) = delete;

  /// What interrupts a handler must not interrupt the writing of its answer.
  static void end_handling() noexcept {
    auto& context = current_context();
    context.deadline.reset();
    context.cancel.reset();
  }

 private:
  const context_loan loan_;
};

}  // namespace

/// While one is alive, others may have the place of this request.
class connection::lent_place {
 public:
  explicit lent_place(worker& of) : worker_(of) { worker_.lend_place(true); }
  ~lent_place() { worker_.lend_place(false); }
  lent_place(const lent_place&) = delete;
  lent_place& operator=(const lent_place&) = delete;

 private:
  worker& worker_;
};

/// Writes the head with the first part, so that a producer that fails before it still gets a proper error answer.
class connection::chunk_writer final : public http::body_writer {
 public:
  explicit chunk_writer(connection& of) : connection_(of), chunked_(of.exchange_->request.minor_version() == 1) {}

  void write(std::string_view part) override {
    if (failed_) throw std::system_error(std::make_error_code(std::errc::broken_pipe), "the client is gone");
    begin();
    if (part.empty()) return;
    auto& out = connection_.exchange_->out;
    if (chunked_) append_chunk_size(out, part.size());
    out.append(part);
    if (chunked_) out += "\r\n";
    failed_ = true;  // until proven otherwise: the producer may swallow what flush throws
    connection_.flush();
    failed_ = false;
  }

  void finish() {
    begin();
    if (chunked_) connection_.exchange_->out += "0\r\n\r\n";
  }
  bool begun() const noexcept { return begun_; }
  bool failed() const noexcept { return failed_; }

 private:
  void begin() {
    if (begun_) return;
    begun_ = true;
    if (!chunked_) connection_.closes_ = true;
    append_head(connection_.exchange_->out, connection_.exchange_->response,
                connection_.head(chunked_ ? body_framing::chunked : body_framing::by_close));
  }

  connection& connection_;
  bool chunked_;
  bool begun_ = false;
  bool failed_ = false;
};

void connection::run() {
  auto step = next_step::close;
  try {
    step = answer_all();
  } catch (const std::exception& error) {  // the client is gone, or does not read
    log.debug("connection of {peer} ended: {error}", peer_, error);
    cut_ = true;
  }
  if (cut_) exchange_->drop_unsent();
  if (watching_ && stream_.is_open()) stream_.on_readable({});
  watching_ = false;
  worker_.dismiss(std::exchange(essential_, false));
  phase_ = phase::reading;
  try {
    follow(step, round_time());
  } catch (const std::exception& error) {
    log.debug("connection of {peer} ended: {error}", peer_, error);
    end();
  }
}

connection::next_step connection::answer_all() {
  auto& at = *exchange_;
  const borrowed_context context(at.context);
  for (;;) {
    answer_one();
    if (cut_) return next_step::close;
    // An answer that is not taken is the last for now: the connection waits for its reader without fiber and slot.
    const bool taken = (!at.sends_body && at.out.size() <= batch_size) || push();
    at.input.consume(at.parser.consumed());
    at.parser.reset();
    continue_sent_ = false;
    if (closes_) return gone_ ? next_step::close : next_step::linger;
    if (!taken || essential_) return next_step::examine;
    const auto state = at.input.empty() ? parse_state::head : at.parser.advance(at.input.unread());
    if (state == parse_state::complete) continue;
    if (state == parse_state::failed) {
      const auto& why = at.parser.failure();
      worker::counters::count(worker_.counts().refused);
      refuse({.status = why.status, .code = why.code, .reason = why.reason});
      return next_step::linger;
    }
    return gone_ ? next_step::close : next_step::read_more;
  }
}

void connection::answer_one() {
  auto& at = *exchange_;
  worker::counters::count(worker_.counts().requests);
  at.parser.locate(at.input.unread());
  at.response.clear();
  if (peer_.empty()) peer_ = address_of(stream_.peer());
  const bool valid = at.request.assign({.method = at.parser.method(),
                                        .target = at.parser.target(),
                                        .body = at.parser.body(),
                                        .peer = peer_,
                                        .headers = at.parser.headers(),
                                        .minor_version = at.parser.minor_version(),
                                        .hooks = this});
  auto& context = current_context();
  begin_context(context, at.request, worker_.contexts(), round_time());
  context.cancel = at.cancel;
  at.request_id = context.correlation_id;
  if (valid) {
    call_handler();
  } else {
    write_error(at.response, 400,
                {.kind = error_kind::validation,
                 .code = "malformed_target",
                 .reason = "the target of the request is malformed",
                 .detail = {},
                 .violations = {}},
                at.request);
  }
  decide_end();
  if (at.response.producer()) return stream_body();
  borrowed_context::end_handling();
  append_answer();
}

void connection::call_handler() {
  auto& at = *exchange_;
  try {
    worker_.answers().handle(at.request, at.response);
    if (at.response.status() < 200 || at.response.status() > 599) {
      throw internal_error("invalid_status", "a handler set the status {}", at.response.status());
    }
  } catch (...) {
    const auto report = write_current_exception(at.response, at.request);
    log.error("{request_method} {request_path} failed: {code}: {detail}", at.request.method_text(), at.request.path(), report.code,
              report.detail);
  }
}

void connection::decide_end() {
  auto& at = *exchange_;
  // While draining, everything that has arrived is answered before the connection ends.
  const bool last = worker_.draining() && at.input.size() == at.parser.consumed() && !more_has_come();
  closes_ = at.response.closes_connection() || last || !at.parser.keep_alive();
}

bool connection::more_has_come() {
  const auto room = exchange_->input.tail();
  if (room.empty()) return true;
  const auto count = stream_.try_read(room);
  if (!count || *count == 0) return false;
  exchange_->input.received(*count);
  return true;
}

void connection::append_answer() {
  auto& at = *exchange_;
  append_head(at.out, at.response, head(body_framing::counted));
  const auto& body = at.response.body();
  if (body.empty() || at.request.method() == http_method::head || !may_have_body(at.response.status())) return;
  if (body.size() < large_body) {
    at.out += body;
  } else {
    at.sends_body = true;
    at.body_sent = 0;
  }
}

void connection::stream_body() {
  auto& at = *exchange_;
  chunk_writer writer(*this);
  try {
    if (at.request.method() == http_method::head || !may_have_body(at.response.status())) {
      append_head(at.out, at.response, head(body_framing::by_close));
      return;
    }
    at.response.producer()(writer);
    if (!writer.failed()) return writer.finish();
    cut_ = true;
  } catch (...) {
    if (!writer.failed())
      log_failure(writer.begun() ? describe_current_exception() : write_current_exception(at.response, at.request), at.request);
    if (!writer.begun()) {
      borrowed_context::end_handling();
      return append_answer();
    }
    cut_ = true;
  }
  stream_.abort();
}

head_options connection::head(body_framing framing) {
  return {.date = worker_.date(),
          .request_id = exchange_->request_id,
          .minor_version = exchange_->request.minor_version(),
          .keep_alive = !closes_,
          .framing = framing};
}

/// For a streamed answer, whose producer waits here with its fiber, but without its place among the requests at once.
void connection::flush() {
  if (push()) return;
  const lent_place elsewhere(worker_);
  begin_sending(worker_.loop().now());
  while (!push()) {
    const bool writable = stream_.wait_writable(sending_deadline());
    const auto now = worker_.loop().now();
    if (writable) {
      exchange_->pace.moved = now;
    } else if (reads_too_slowly(now)) {
      worker::counters::count(worker_.counts().timed_out);
      throw deadline_exceeded("slow_reader", "the client reads too slowly");
    }
  }
}

// ── A client that leaves ──

void connection::cancel_on_disconnect() {
  if (watching_ || gone_) return;
  watching_ = true;
  stream_.on_readable([this] { notice_disconnect(); });
}

void connection::notice_disconnect() {
  try {
    // The next request may come early: it is kept, in room that nobody's views refer to.
    const auto room = exchange_->input.tail();
    if (room.empty()) return;
    const auto count = stream_.try_read(room);
    if (count && *count > 0) exchange_->input.received(*count);
    if (!count || *count > 0) return stream_.on_readable([this] { notice_disconnect(); });
  } catch (const std::system_error& error) {
    log.debug("connection of {peer} ended while its request was handled: {error}", peer_, error);
  }
  gone_ = true;
  exchange_->cancel->request();
}

}  // namespace mamey::inline v1::web::detail
