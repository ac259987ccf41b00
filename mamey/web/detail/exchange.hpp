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
  std::string out;          ///< answers not yet written
  std::string request_id;   ///< that the answer tells
  ambient_context context;  ///< of the handler, while none runs: its texts are reused
  std::shared_ptr<mamey::cancellation> cancel = std::make_shared<mamey::cancellation>();  ///< of the handler

  /// Ready for another connection.
  void reset() {
    input.reset();
    parser.reset();
    response.clear();
    out.clear();
    give_back(out);
    give_back(response.body());
    context.user.reset();
    context.baggage.clear();
    // Cancelled is for ever, and something that a handler left behind may still hold it.
    if (cancel->requested() || cancel.use_count() > 1) cancel = std::make_shared<mamey::cancellation>();
  }

 private:
  static void give_back(std::string& text) {
    if (text.capacity() > 64 << 10) std::string().swap(text);
  }
};

}  // namespace mamey::inline v1::web::detail
