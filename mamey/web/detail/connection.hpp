#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <mamey/runtime/stream.hpp>
#include <mamey/web/detail/exchange.hpp>
#include <mamey/web/detail/response_text.hpp>

namespace mamey::inline v1::web::detail {

class worker;

/// One connection, from accept to close. Between requests and while one arrives it is driven by callbacks; a fiber runs from the moment a
/// request is complete until everything that came with it is answered.
class connection final : http::request_hooks {
 public:
  /// Without `tls` in clear.
  connection(worker& of, socket_handle socket, const tls_context* tls);
  ~connection() override;
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// Begins to read.
  void start();
  /// Tells the client that there is no room.
  void turn_away();
  /// The server has drained long enough: ends unless something is under way.
  void retire();
  /// The server closes: cancels the handler, ends otherwise.
  void abandon();

  /// When it became idle; the end of time when it is not.
  steady_time idle_since() const noexcept { return phase_ == phase::idle ? since_ : steady_time::max(); }
  /// For a new connection: ends unless a request has come. False when one has.
  bool make_way();
  /// The server holds too much: what has come is refused, what waits to be read is cut off.
  void give_up();

  // ── The worker's ──
  std::size_t place = 0;  ///< in its list
  connection* previous = nullptr;
  connection* next = nullptr;  ///< of those that wait for their client, in the order in which they last moved
  bool waits = false;
  steady_time moved{};   ///< last, while it waits
  std::size_t held = 0;  ///< bytes that count as buffered

 private:
  enum class phase : std::uint8_t {
    idle,       ///< nothing of a request has come; no exchange
    reading,    ///< a request is incomplete
    handling,   ///< the fiber runs
    writing,    ///< the client has yet to read what was answered; nothing of it is read meanwhile
    lingering,  ///< everything is said; what still comes is dropped, as closing now would reset the connection and could take the answer
                ///< along
  };
  enum class next_step : std::uint8_t { read_more, examine, handle, close, linger };

  // ── Callbacks (connection.cpp) ──
  void listen();
  void readable();
  bool receive();
  void proceed(steady_time now);
  next_step examine();
  bool is_essential();
  bool shed();
  void refuse(refusal why);
  void follow(next_step step, steady_time now);
  void await_rest(steady_time now);
  void await_reader(next_step then, steady_time now);
  void writable();
  bool push();
  void explain_https();
  steady_time sending_deadline() const noexcept;
  void begin_sending(steady_time now);
  bool reads_too_slowly(steady_time now) noexcept;
  void reader_timed_out(steady_time now);
  void discard();
  void become_idle(steady_time now);
  void linger(steady_time now);
  void end() noexcept;

  void set_deadline(steady_time when);
  void arm_timer();
  void timer_fired();
  void timed_out();

  // ── The fiber (connection_fiber.cpp) ──
  void run();
  next_step answer_all();
  void answer_one();
  void call_handler();
  void decide_end();
  void stream_body();
  void append_answer();
  void flush();
  head_options head(body_framing framing);
  bool more_has_come();
  void cancel_on_disconnect() override;
  void notice_disconnect();

  class chunk_writer;
  class lent_place;

  worker& worker_;
  tcp_stream stream_;
  std::unique_ptr<exchange> exchange_;
  std::string peer_;  ///< empty before the first request
  steady_time deadline_ = steady_time::max();
  steady_time timer_at_{};
  std::uint64_t timer_ = 0;
  steady_time since_ = steady_time::max();  ///< idle
  std::size_t discarded_ = 0;
  http::message_parser::state awaited_ =
      http::message_parser::state::complete;  ///< the part of a request whose timeout runs; `complete`: none
  phase phase_ = phase::idle;
  next_step after_ = next_step::close;  ///< when the client has read what waits for it
  bool continue_sent_ = false;
  bool closes_ = false;     ///< after the answer under way
  bool essential_ = false;  ///< the request under way is one that is answered under overload
  bool retiring_ = false;   ///< the server has drained long enough: the rest of a header is not waited for
  bool watching_ = false;   ///< for a client that leaves, while its request is handled
  bool gone_ = false;       ///< it left
  bool cut_ = false;        ///< a streamed answer failed half-way: nothing more may be sent
};

}  // namespace mamey::inline v1::web::detail
