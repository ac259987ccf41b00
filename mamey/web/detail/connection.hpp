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

  std::size_t place = 0;  ///< in the worker's list

 private:
  enum class phase : std::uint8_t {
    idle,       ///< nothing of a request has come; no exchange
    reading,    ///< a request is incomplete
    handling,   ///< the fiber runs
    lingering,  ///< everything is said; what still comes is dropped, as closing now would reset the connection and could take the answer
                ///< along
  };
  enum class next_step : std::uint8_t { read_more, handle, close, linger };

  // ── Callbacks (connection.cpp) ──
  void listen();
  void readable();
  bool receive();
  void proceed(steady_time now);
  next_step examine();
  next_step shed();
  void follow(next_step step, steady_time now);
  void await_rest(steady_time now);
  void send_continue();
  bool write_now();
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
  void write_all(std::string_view bytes);
  head_options head(body_framing framing);
  bool more_has_come();
  void cancel_on_disconnect() override;
  void notice_disconnect();

  class chunk_writer;

  worker& worker_;
  tcp_stream stream_;
  std::unique_ptr<exchange> exchange_;
  std::string peer_;  ///< empty before the first request
  steady_time deadline_ = steady_time::max();
  steady_time timer_at_{};
  std::uint64_t timer_ = 0;
  std::size_t discarded_ = 0;
  http::message_parser::state awaited_ =
      http::message_parser::state::complete;  ///< the part of a request whose timeout runs; `complete`: none
  phase phase_ = phase::idle;
  bool continue_sent_ = false;
  bool closes_ = false;    ///< after the answer under way
  bool we_close_ = false;  ///< and the client does not expect it: linger
  bool watching_ = false;  ///< for a client that leaves, while its request is handled
  bool gone_ = false;      ///< it left
  bool cut_ = false;       ///< a streamed answer failed half-way: nothing more may be sent
};

}  // namespace mamey::inline v1::web::detail
