#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include <mamey/http/detail/client_attempt.hpp>
#include <mamey/http/headers.hpp>
#include <mamey/http/parser.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/correlation_context.hpp>
#include <mamey/runtime/propagation.hpp>

namespace mamey::inline v1::http::detail {
namespace {

using kind = attempt_outcome::kind;

/// The answer ended before it was complete.
struct broken_answer : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What the caller has set stays; what no header can carry is left out.
class request_headers final : public propagation::sink {
 public:
  explicit request_headers(header_block& into) : into_(into) {}
  bool has_header(std::string_view name) const override { return into_.find(name).has_value(); }
  void set_header(std::string_view name, std::string_view value) override {
    if (is_field_value(value)) into_.add(name, value);
  }
  std::string correlation_context_of(const ambient_context& context) const override { return ascii_json(context.correlation_context); }

 private:
  header_block& into_;
};

void add_context(header_block& into, const client_options& options) {
  request_headers headers(into);
  propagation::send_with_request(current_context(), headers,
                                 {.correlation_id_header = options.correlation_id_header,
                                  .correlation_context_header = options.correlation_context_header,
                                  .now = steady_now()});
}

std::optional<std::chrono::seconds> parse_retry_after(const client_response& response) {
  const auto text = response.header("retry-after");
  if (!text) return std::nullopt;
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;  // a date: the usual delay does
  return std::chrono::seconds(seconds);
}

/// Receives one answer.
class answer_reader {
 public:
  answer_reader(tcp_stream& from, const attempt& what)
      : stream_(from),
        method_(what.method),
        parser_(message_parser::role::response, {.start_line = 8 << 10,
                                                 .header_bytes = what.options.max_header_bytes,
                                                 .headers = 200,
                                                 .body = what.options.max_response_bytes}) {}

  client_response read(steady_time until) {
    begin();
    while (advance() != message_parser::state::complete) receive(until);
    client_response answer;
    parser_.locate(unread());
    answer.status = parser_.status();
    for (const auto& each : parser_.headers()) answer.headers.emplace_back(each.name, each.value);
    answer.body = parser_.body();
    return answer;
  }

  bool anything_came() const noexcept { return end_ > 0; }
  /// Nothing beyond the answer came, and both sides want to go on.
  bool reusable() const noexcept { return !ended_ && parser_.keep_alive() && parser_.consumed() == end_; }

 private:
  std::span<char> unread() noexcept { return {buffer_.data(), end_}; }

  void begin() noexcept {
    parser_.reset();
    if (method_ == http_method::head) parser_.expect_no_body();
  }

  message_parser::state advance() {
    while (parser_.advance(unread()) == message_parser::state::complete &&
           parser_.status() < 200) {  // 100 Continue, 103 Early Hints: not asked for, allowed
      if (parser_.status() == 101) throw broken_answer("an upgrade that nobody asked for");
      const auto interim = parser_.consumed();
      std::move(buffer_.begin() + static_cast<std::ptrdiff_t>(interim), buffer_.begin() + static_cast<std::ptrdiff_t>(end_),
                buffer_.begin());
      end_ -= interim;
      begin();
    }
    if (parser_.current() == message_parser::state::failed) throw broken_answer(std::string(parser_.failure().reason));
    return parser_.current();
  }

  void receive(steady_time until) {
    if (end_ == buffer_.size()) end_ = parser_.squeeze(unread());
    if (end_ == buffer_.size()) buffer_.resize(std::max<std::size_t>(16 << 10, buffer_.size() * 2));
    const auto count = stream_.read_some({buffer_.data() + end_, buffer_.size() - end_}, until);
    end_ += count;
    if (count > 0) return;
    ended_ = true;
    if (parser_.finish() != message_parser::state::complete) throw broken_answer("the connection ended before the answer did");
  }

  tcp_stream& stream_;
  http_method method_;
  message_parser parser_;
  std::vector<char> buffer_;
  std::size_t end_ = 0;
  bool ended_ = false;
};

tcp_stream connect(const attempt& what, steady_time until) {
  const auto begin = steady_now();
  const auto end = std::min(until, saturating_add(begin, what.options.connect_timeout));
  auto stream = tcp_stream::connect(what.to.host, what.to.port, end - begin);
  if (what.tls != nullptr) stream.start_tls(*what.tls, what.peer, end);
  return stream;
}

attempt_result failed_as(kind how) { return {.outcome = {.how = how}, .response = {}, .failure = std::current_exception()}; }

/// A deadline has passed: the try's, or the ambient one. Throws `cancelled` when it was neither.
attempt_result failed_late(kind how) {
  auto result = failed_as(how);
  try {
    check_context();
  } catch (const deadline_exceeded&) {
    result.outcome.callers_time_over = true;
  }
  return result;
}

/// Catches what a try may end with; only cancellation leaves it.
attempt_result exchange_over(const attempt& what, connection_pool::lease* lease, tcp_stream& stream, steady_time until) {
  const bool reused = lease && lease->reused;
  answer_reader reader(stream, what);
  try {
    stream.write(what.bytes, until);
    auto answer = reader.read(until);
    if (lease && reader.reusable()) lease->keep();
    const auto retry_after = parse_retry_after(answer);
    return {.outcome = {.how = kind::answered, .status = answer.status, .retry_after = retry_after},
            .response = std::move(answer),
            .failure = nullptr};
  } catch (const deadline_exceeded&) {
    return failed_late(kind::timed_out);
  } catch (const std::system_error&) {
    return failed_as(reused && !reader.anything_came() ? kind::stale : kind::broken);
  } catch (const broken_answer&) {
    return failed_as(reused && !reader.anything_came() ? kind::stale : kind::broken);
  }
}

}  // namespace

std::string compose_request(const client_request& what, const url_parts& to, const client_options& options) {
  header_block headers;
  for (const auto& [name, value] : what.headers) {
    if (is_set_by_client(name)) throw std::invalid_argument("the client sets the header " + name + " itself");
    headers.add(name, value);
  }
  add_context(headers, options);
  if (!what.content_type.empty()) headers.set("Content-Type", what.content_type);

  std::string bytes;
  bytes.reserve(256 + headers.text().size() + what.body.size());
  bytes.append(name_of(what.method))
      .append(" ")
      .append(to.target)
      .append(" HTTP/1.1\r\nHost: ")
      .append(to.authority())
      .append("\r\n")
      .append(headers.text());
  const bool has_body =
      !what.body.empty() || what.method == http_method::post || what.method == http_method::put || what.method == http_method::patch;
  if (has_body) bytes.append("Content-Length: ").append(std::to_string(what.body.size())).append("\r\n");
  bytes.append("\r\n").append(what.body);
  return bytes;
}

attempt_result try_once(const attempt& what, connection_pool* pool) {
  const auto until = deadline_after(what.try_timeout);
  std::optional<steady_time> asked;  // the service; before, we wait for ourselves
  const auto exchange = [&]() -> attempt_result {
    try {
      if (!pool) {
        asked = steady_now();
        auto stream = connect(what, until);
        auto result = exchange_over(what, nullptr, stream, until);
        result.over = attempt_result::connection::opened;
        return result;
      }
      auto lease = pool->take(what.origin, until);
      if (!lease) throw unavailable("pool_exhausted", "all {} connections to {} are in use", what.options.connections, what.origin);
      asked = steady_now();
      if (!lease->stream) lease->stream.emplace(connect(what, until));
      auto result = exchange_over(what, &*lease, *lease->stream, until);
      result.over = lease->reused ? attempt_result::connection::reused : attempt_result::connection::opened;
      return result;
    } catch (const deadline_exceeded&) {
      return failed_late(kind::not_sent);
    } catch (const unavailable&) {
      return failed_as(kind::not_sent);
    } catch (const std::system_error&) {
      return failed_as(kind::not_sent);
    }
  };
  auto result = exchange();
  if (asked) result.outcome.waited = steady_now() - *asked;
  return result;
}

}  // namespace mamey::inline v1::http::detail
