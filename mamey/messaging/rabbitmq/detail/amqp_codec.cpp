#include <mamey/messaging/rabbitmq/detail/amqp_codec.hpp>

#include <algorithm>
#include <bit>
#include <limits>

namespace mamey::inline v1::rabbitmq_detail {

namespace {

/// Properties in the order of their flags, the highest bit first (specification §4.2.6.1).
enum property_bit : std::uint16_t {
  content_type_bit = 1U << 15,
  content_encoding_bit = 1U << 14,
  headers_bit = 1U << 13,
  delivery_mode_bit = 1U << 12,
  priority_bit = 1U << 11,
  correlation_id_bit = 1U << 10,
  reply_to_bit = 1U << 9,
  expiration_bit = 1U << 8,
  message_id_bit = 1U << 7,
  timestamp_bit = 1U << 6,
  type_bit = 1U << 5,
  user_id_bit = 1U << 4,
  app_id_bit = 1U << 3,
  cluster_id_bit = 1U << 2,
  continued_bit = 1U
};

}  // namespace

const field_value* find_field(const field_table& table, std::string_view name) noexcept {
  const auto found = std::ranges::find(table, name, [](const auto& each) { return std::string_view(each.first); });
  return found == table.end() ? nullptr : &found->second;
}

// -- writing ------------------------------------------------------------------------------------------------------------

void amqp_writer::integer(std::uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out_ += static_cast<char>(value >> shift & 0xFF);
}

void amqp_writer::short_string(std::string_view text) {
  if (text.size() > longest_short_string)
    throw malformed("a short string has at most 255 bytes, this one " + std::to_string(text.size()) + ": " +
                    std::string(text.substr(0, 40)) + "…");
  octet(static_cast<std::uint8_t>(text.size()));
  out_ += text;
}

void amqp_writer::long_string(std::string_view text) {
  if (text.size() > std::numeric_limits<std::uint32_t>::max()) throw malformed("a long string beyond 4 GiB");
  long_integer(static_cast<std::uint32_t>(text.size()));
  out_ += text;
}

std::size_t amqp_writer::open_length() {
  const auto at = out_.size();
  long_integer(0);
  return at;
}

void amqp_writer::close_length(std::size_t at) {
  const auto length = out_.size() - at - 4;
  if (length > std::numeric_limits<std::uint32_t>::max()) throw malformed("a part beyond 4 GiB");
  for (std::size_t i = 0; i < 4; ++i) out_[at + i] = static_cast<char>(length >> (24 - 8 * i) & 0xFF);
}

void amqp_writer::value(const field_value& what) {
  struct put {
    amqp_writer& to;
    void operator()(std::monostate) const { to.octet('V'); }
    void operator()(bool truth) const {
      to.octet('t');
      to.octet(truth ? 1 : 0);
    }
    void operator()(std::int64_t number) const {
      // As the .NET client writes them: 'I' where it fits.
      if (number >= std::numeric_limits<std::int32_t>::min() && number <= std::numeric_limits<std::int32_t>::max()) {
        to.octet('I');
        to.long_integer(static_cast<std::uint32_t>(number));
      } else {
        to.octet('l');
        to.long_long_integer(static_cast<std::uint64_t>(number));
      }
    }
    void operator()(double number) const {
      to.octet('d');
      to.long_long_integer(std::bit_cast<std::uint64_t>(number));
    }
    void operator()(const std::string& text) const {
      to.octet('S');
      to.long_string(text);
    }
  };
  std::visit(put{*this}, what);
}

void amqp_writer::table(const field_table& fields) {
  const auto length = open_length();
  for (const auto& [name, content] : fields) {
    short_string(name);
    value(content);
  }
  close_length(length);
}

void amqp_writer::properties(const message_properties& what) {
  std::uint16_t flags = 0;
  const auto flag = [&](bool set, property_bit bit) { flags = static_cast<std::uint16_t>(set ? flags | bit : flags); };
  flag(!what.content_type.empty(), content_type_bit);
  flag(!what.content_encoding.empty(), content_encoding_bit);
  flag(!what.headers.empty(), headers_bit);
  flag(what.delivery_mode != 0, delivery_mode_bit);
  flag(what.priority != 0, priority_bit);
  flag(!what.correlation_id.empty(), correlation_id_bit);
  flag(!what.reply_to.empty(), reply_to_bit);
  flag(!what.expiration.empty(), expiration_bit);
  flag(!what.message_id.empty(), message_id_bit);
  flag(what.timestamp.has_value(), timestamp_bit);
  flag(!what.type.empty(), type_bit);
  flag(!what.user_id.empty(), user_id_bit);
  flag(!what.app_id.empty(), app_id_bit);
  short_integer(flags);
  const auto text = [&](const std::string& each) {
    if (!each.empty()) short_string(each);
  };
  text(what.content_type);
  text(what.content_encoding);
  if (!what.headers.empty()) table(what.headers);
  if (what.delivery_mode != 0) octet(what.delivery_mode);
  if (what.priority != 0) octet(what.priority);
  text(what.correlation_id);
  text(what.reply_to);
  text(what.expiration);
  text(what.message_id);
  if (what.timestamp) long_long_integer(*what.timestamp);
  text(what.type);
  text(what.user_id);
  text(what.app_id);
}

// -- reading ------------------------------------------------------------------------------------------------------------

std::string_view amqp_reader::take(std::size_t count) {
  if (count > rest_.size())
    throw malformed("a part of " + std::to_string(count) + " bytes is announced where " + std::to_string(rest_.size()) + " are left");
  const auto taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

std::uint64_t amqp_reader::integer(std::size_t bytes) {
  std::uint64_t value = 0;
  for (const char each : take(bytes)) value = value << 8 | static_cast<std::uint8_t>(each);
  return value;
}

/// The types RabbitMQ uses (its "AMQP 0-9-1 errata"), which differ from the specification's.
field_value amqp_reader::value() {
  switch (const char type = static_cast<char>(octet()); type) {
    case 't':
      return octet() != 0;
    case 'b':
      return std::int64_t{static_cast<std::int8_t>(octet())};
    case 'B':
      return std::int64_t{octet()};
    case 's':
      return std::int64_t{static_cast<std::int16_t>(short_integer())};
    case 'u':
      return std::int64_t{short_integer()};
    case 'I':
      return std::int64_t{static_cast<std::int32_t>(long_integer())};
    case 'i':
      return std::int64_t{long_integer()};
    case 'l':
    case 'T':
      return static_cast<std::int64_t>(long_long_integer());
    case 'f':
      return double{std::bit_cast<float>(long_integer())};
    case 'd':
      return std::bit_cast<double>(long_long_integer());
    case 'D':
      octet();  // scale
      long_integer();
      return std::monostate{};
    case 'S':
    case 'x':
      return std::string(long_string());
    case 'F':
    case 'A':
      // Passed over however deep it is: any client may have put it into a message, and the broker would deliver that again and again.
      long_string();
      return std::monostate{};
    case 'V':
      return std::monostate{};
    default:
      throw malformed("a field of unknown type " + std::to_string(static_cast<unsigned char>(type)));
  }
}

field_table amqp_reader::table() {
  amqp_reader inner(long_string());
  field_table fields;
  while (!inner.rest().empty()) {
    std::string name(inner.short_string());
    fields.emplace_back(std::move(name), inner.value());
  }
  return fields;
}

message_properties amqp_reader::properties() {
  message_properties what;
  const auto flags = short_integer();
  if ((flags & continued_bit) != 0) throw malformed("more property flags than AMQP 0-9-1 has");
  const auto text = [&](property_bit bit, std::string& into) {
    if ((flags & bit) != 0) into = short_string();
  };
  text(content_type_bit, what.content_type);
  text(content_encoding_bit, what.content_encoding);
  if ((flags & headers_bit) != 0) what.headers = table();
  if ((flags & delivery_mode_bit) != 0) what.delivery_mode = octet();
  if ((flags & priority_bit) != 0) what.priority = octet();
  text(correlation_id_bit, what.correlation_id);
  text(reply_to_bit, what.reply_to);
  text(expiration_bit, what.expiration);
  text(message_id_bit, what.message_id);
  if ((flags & timestamp_bit) != 0) what.timestamp = long_long_integer();
  text(type_bit, what.type);
  text(user_id_bit, what.user_id);
  text(app_id_bit, what.app_id);
  if ((flags & cluster_id_bit) != 0) short_string();
  return what;
}

}  // namespace mamey::inline v1::rabbitmq_detail
