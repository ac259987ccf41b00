#pragma once

/// @file
/// For the framework.
/// What of the ambient context crosses from one service to another: one table, which HTTP and messages follow in both directions. Pure;
/// docs/observability.md shows the table.

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <mamey/core/function_ref.hpp>
#include <mamey/observability/span.hpp>
#include <mamey/runtime/context.hpp>

namespace mamey::inline v1::propagation {

/// A part of the ambient context.
enum class item : std::uint8_t {
  trace,
  tracestate,
  correlation_id,
  causation_id,
  baggage,
  tenant,
  user,
  correlation_context,
  forwarded,
  deadline,
};

/// Whether an item that comes in is taken over.
enum class incoming : std::uint8_t {
  always,
  trusted,  ///< from a caller or a transport that the application trusts; from all others it is ignored
  never,
};
enum class outgoing : std::uint8_t { always, never };

/// Where an item stands in a message.
enum class place : std::uint8_t {
  nowhere,
  attribute,  ///< a member of the envelope: no header of somebody else can pass for it
  header,
};

/// One line of the table.
struct row {
  item what;
  std::string_view name;                ///< for people
  std::string_view http_header;         ///< the header that is sent; empty: it does not cross HTTP
  std::string_view second_http_header;  ///< read where the first one is missing
  incoming from_http;
  outgoing to_http;
  place in_message;
  std::string_view message_name;  ///< of the attribute or header; empty: several, which configuration names
  incoming from_message;
  outgoing to_message;
};

/// In the order in which items are written.
inline constexpr std::array<row, 10> table{{
    {item::trace, "trace", "traceparent", "", incoming::always, outgoing::always, place::attribute, "traceparent", incoming::always,
     outgoing::always},
    {item::tracestate, "tracestate, with its trace only", "tracestate", "", incoming::always, outgoing::always, place::header, "tracestate",
     incoming::always, outgoing::always},
    {item::correlation_id, "correlation id", "X-Correlation-ID", "X-Request-ID", incoming::always, outgoing::always, place::attribute,
     "correlation id", incoming::always, outgoing::always},
    {item::causation_id, "causation id", "", "", incoming::never, outgoing::never, place::attribute, "causation id", incoming::never,
     outgoing::always},
    {item::baggage, "baggage", "baggage", "", incoming::always, outgoing::always, place::header, "baggage", incoming::always,
     outgoing::always},
    {item::tenant, "tenant", "X-TENANT-ID", "", incoming::trusted, outgoing::always, place::attribute, "tenant", incoming::always,
     outgoing::always},
    {item::user, "user", "", "", incoming::never, outgoing::never, place::attribute, "user", incoming::trusted, outgoing::always},
    {item::correlation_context, "correlation context", "Correlation-Context", "", incoming::always, outgoing::always, place::header,
     "message_context", incoming::always, outgoing::always},
    {item::forwarded, "headers of `messaging:forwardHeaders`", "", "", incoming::never, outgoing::never, place::header, "",
     incoming::always, outgoing::always},
    {item::deadline, "remaining time", "X-Request-Timeout", "", incoming::always, outgoing::always, place::nowhere, "", incoming::never,
     outgoing::never},
}};

constexpr const row& row_of(item what) noexcept { return table[static_cast<std::size_t>(what)]; }

/// The headers of a request, or the headers and attributes of a message.
class source {
 public:
  /// Calls `visit` with the name and value of each header, in their order. A name may come several times.
  virtual void each_header(function_ref<void(std::string_view name, std::string_view value)> visit) const = 0;
  /// The attribute of a message; empty when it has none.
  virtual std::string_view attribute(item what) const;

 protected:
  ~source() = default;
};

/// The same to write.
class sink {
 public:
  /// Whether somebody has set that header already. It then stays as it is.
  virtual bool has_header(std::string_view name) const = 0;
  /// Only for a name for which `has_header` is false.
  virtual void set_header(std::string_view name, std::string_view value) = 0;
  /// The same for a text that nobody else needs: a sink that keeps texts takes its memory.
  virtual void move_header(std::string_view name, std::string&& value);
  virtual void set_attribute(item what, std::string value);
  /// The text of the user, where one is to be sent.
  virtual std::string text_of(const principal& user) const;
  /// The correlation context as it is to be sent; empty: none. The items above it in the table are written already.
  virtual std::string correlation_context_of(const ambient_context& context) const = 0;

 protected:
  ~sink() = default;
};

/// What a server knows of a request.
struct request_rules {
  std::string_view correlation_context_header = {};  ///< instead of the table's name; empty: none is read
  std::chrono::milliseconds request_timeout{};       ///< longest time of the request; 0: no limit
  tracing::new_root root = {};                       ///< what is known of the trace when it begins here
  /// Whether the caller may say what only trusted callers may. Asked only when such a header came.
  function_ref<bool(const row& about)> trusts_caller;
};

/// Overwrites `into` with what came with a request, keeping its memory and its cancellation.
void receive_request(ambient_context& into, const source& from, const request_rules& rules, steady_time now);

/// What a consumer knows of a message.
struct message_rules {
  std::string_view message_id = {};                     ///< the correlation id of a message that has none
  std::span<const std::string> forwarded_headers = {};  ///< `messaging:forwardHeaders`
  tracing::new_root root = {};
};

/// The context of a message. Its user is none: who believes the transport sets it.
ambient_context receive_message(const source& from, const message_rules& rules);

/// What a client of HTTP is configured to send.
struct call_rules {
  std::string_view correlation_id_header = {};       ///< instead of the table's name; empty: it is not sent
  std::string_view correlation_context_header = {};  ///< likewise
  steady_time now;
};

void send_with_request(const ambient_context& from, sink& to, const call_rules& rules);
void send_with_message(const ambient_context& from, sink& to);

}  // namespace mamey::inline v1::propagation
