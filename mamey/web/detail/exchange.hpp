#pragma once

#include <memory>
#include <string>

#include <mamey/http/message.hpp>
#include <mamey/http/parser.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/web/detail/input_buffer.hpp>

namespace mamey::inline v1::web::detail {

/// What a connection needs while something is going on. Pooled per loop, last in first out, so that an idle connection holds nothing and a
/// busy one finds warm memory.
struct exchange {
  explicit exchange(const http::parse_limits& limits) : parser(http::message_parser::role::request, limits) {}

  input_buffer input;
  http::message_parser parser;
  http::request request;
  http::response response;
  std::string out;  ///< answers not yet written, from `out_sent` on
  std::size_t out_sent = 0;
  bool sends_body = false;  ///< behind `out` the response's body is written from where it is, from `body_sent` on
  std::size_t body_sent = 0;
  std::string request_id;   ///< that the answer tells
  ambient_context context;  ///< of the handler, while none runs: its texts are reused
  std::shared_ptr<mamey::cancellation> cancel = std::make_shared<mamey::cancellation>();  ///< of the handler

  /// Of the part under way: a body that arrives, or answers that the client takes its time to read.
  struct pace {
    steady_time begun{}, moved{};  ///< its first byte, and the last sign of life
    std::uint64_t bytes = 0;       ///< that got through since
    std::size_t unconfirmed = 0;   ///< of those sent, when last looked at
  } pace;

  std::size_t unsent() const noexcept { return out.size() - out_sent + (sends_body ? response.body().size() - body_sent : 0); }
  void drop_unsent() noexcept {
    out.clear();
    out_sent = body_sent = 0;
    sends_body = false;
  }
  /// Gives back what an answer that only waits does not need.
  void shrink() {
    if (!sends_body && response.body().capacity() > 4 << 10) {
      response.clear();
      std::string().swap(response.body());
    }
  }

  /// Ready for another connection.
  void reset() {
    input.reset();
    parser.reset();
    response.clear();
    drop_unsent();
    give_back(out);
    give_back(response.body());
    context.user.reset();
    context.baggage.clear();
    context.tracestate.clear();
    // Cancelled is for ever, and something that a handler left behind may still hold it.
    if (cancel->requested() || cancel.use_count() > 1) cancel = std::make_shared<mamey::cancellation>();
  }

 private:
  static void give_back(std::string& text) {
    if (text.capacity() > 64 << 10) std::string().swap(text);
  }
};

}  // namespace mamey::inline v1::web::detail
