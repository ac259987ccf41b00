#pragma once

/// @file
/// The bytes of AMQP 0-9-1 (specification §4.2): numbers, short and long strings, field tables, message properties. Every length is checked
/// against what is there before anything is made of it.

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace mamey::inline v1::rabbitmq_detail {

/// The peer sent what the protocol does not allow, or we were asked to.
struct malformed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A value of a field table. Arrays and nested tables are passed over (monostate): nothing here reads them.
using field_value = std::variant<std::monostate, bool, std::int64_t, double, std::string>;
using field_table = std::vector<std::pair<std::string, field_value>>;

const field_value* find_field(const field_table& table, std::string_view name) noexcept;

struct message_properties {
  std::string content_type;
  std::string content_encoding;
  field_table headers;
  std::uint8_t delivery_mode = 0;  ///< 2: persistent
  std::uint8_t priority = 0;
  std::string correlation_id;
  std::string reply_to;
  std::string expiration;
  std::string message_id;
  std::optional<std::uint64_t> timestamp;  ///< seconds since 1970
  std::string type;
  std::string user_id;
  std::string app_id;
};

inline constexpr std::size_t longest_short_string = 255;

/// Appends to a text.
class amqp_writer {
 public:
  explicit amqp_writer(std::string& out) : out_(out) {}
  void octet(std::uint8_t value) { out_ += static_cast<char>(value); }
  void short_integer(std::uint16_t value) { integer(value, 2); }
  void long_integer(std::uint32_t value) { integer(value, 4); }
  void long_long_integer(std::uint64_t value) { integer(value, 8); }
  /// Throws malformed beyond 255 bytes.
  void short_string(std::string_view text);
  void long_string(std::string_view text);
  void table(const field_table& fields);
  /// Property flags and the properties that are set.
  void properties(const message_properties& what);
  /// Four bytes to come: `close_length` fills in how many bytes followed them.
  std::size_t open_length();
  void close_length(std::size_t at);

 private:
  void integer(std::uint64_t value, int bytes);
  void value(const field_value& what);
  std::string& out_;
};

/// Reads from bytes that outlive it. Every function throws malformed when they end too early.
class amqp_reader {
 public:
  explicit amqp_reader(std::string_view bytes) : rest_(bytes) {}
  std::uint8_t octet() { return static_cast<std::uint8_t>(integer(1)); }
  std::uint16_t short_integer() { return static_cast<std::uint16_t>(integer(2)); }
  std::uint32_t long_integer() { return static_cast<std::uint32_t>(integer(4)); }
  std::uint64_t long_long_integer() { return integer(8); }
  std::string_view short_string() { return take(octet()); }
  std::string_view long_string() { return take(long_integer()); }
  field_table table();
  message_properties properties();
  std::string_view rest() const noexcept { return rest_; }

 private:
  std::uint64_t integer(std::size_t bytes);
  std::string_view take(std::size_t count);
  field_value value();
  std::string_view rest_;
};

}  // namespace mamey::inline v1::rabbitmq_detail
