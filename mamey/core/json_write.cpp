#include <mamey/core/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include <mamey/core/detail/numbers.hpp>
#include <mamey/core/detail/utf8.hpp>

namespace mamey::inline v1::json {
namespace {

/// Whether a byte may stand in a JSON string as it is; those above ASCII are looked at as characters.
constexpr auto is_plain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

/// Bytes at the front of `text` that may stand as they are, looked at eight at a time.
std::size_t plain_prefix(std::string_view text) {
  constexpr std::uint64_t each = 0x0101010101010101;
  constexpr std::uint64_t high_bits = each * 0x80;
  const auto has_zero = [](std::uint64_t bytes) { return (bytes - each) & ~bytes; };  // its high bits tell, from the first zero on
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + i, 8);
    const auto special = bytes | (bytes - each * 0x20) | has_zero(bytes ^ each * '"') | has_zero(bytes ^ each * '\\');
    if ((special & high_bits) != 0) break;
  }
  while (i < text.size() && is_plain[static_cast<unsigned char>(text[i])]) ++i;
  return i;
}

/// Collects small pieces on the stack, so that the string grows rarely and is never filled twice.
class text_sink {
 public:
  explicit text_sink(std::string& out) : out_(out) {}
  ~text_sink() = default;

  void put(char c) {
    if (used_ == buffer_.size()) flush();
    buffer_[used_++] = c;
  }
  void put(std::string_view text) {
    if (text.size() > buffer_.size() - used_) {
      flush();
      if (text.size() > buffer_.size()) {
        out_ += text;
        return;
      }
    }
    std::memcpy(buffer_.data() + used_, text.data(), text.size());
    used_ += text.size();
  }
  template <class Number>
  void put_number(Number value) {
    constexpr std::size_t longest = 32;
    if (buffer_.size() - used_ < longest) flush();
    used_ = static_cast<std::size_t>(std::to_chars(buffer_.data() + used_, buffer_.data() + buffer_.size(), value).ptr - buffer_.data());
  }
  void flush() {
    out_.append(buffer_.data(), used_);
    used_ = 0;
  }

 private:
  std::string& out_;
  std::size_t used_ = 0;
  std::array<char, 2048> buffer_;
};

class writer {
 public:
  explicit writer(std::string& out) : sink_(out) {}

  void value(const type_model& model, const void* object) {
    switch (model.kind) {
      case shape::boolean:
        sink_.put(*static_cast<const bool*>(object) ? std::string_view("true") : std::string_view("false"));
        return;
      case shape::integer:
        sink_.put_number(mamey::detail::load_integer(model, object));
        return;
      case shape::unsigned_integer:
        sink_.put_number(static_cast<std::uint64_t>(mamey::detail::load_integer(model, object)));
        return;
      case shape::real:
        real(model, object);
        return;
      case shape::text:
        quoted(*static_cast<const std::string*>(object));
        return;
      case shape::enumeration:
        enumerator(model, object);
        return;
      case shape::scalar:
        scalar(model, object);
        return;
      case shape::object:
        members(model, object);
        return;
      case shape::list:
        list(model, object);
        return;
      case shape::optional:
        optional(model, object);
        return;
      case shape::dictionary:
        dictionary(model, object);
        return;
    }
  }

  void quoted(std::string_view text) {
    sink_.put('"');
    escaped(text);
    sink_.put('"');
  }

  void finish() { sink_.flush(); }

 private:
  void real(const type_model& model, const void* object) {
    const double value = mamey::detail::load_real(model, object);
    if (!std::isfinite(value))
      sink_.put("null");
    else if (model.width == sizeof(float))
      sink_.put_number(static_cast<float>(value));  // fewer digits tell a float apart
    else
      sink_.put_number(value);
  }

  void enumerator(const type_model& model, const void* object) {
    const auto value = mamey::detail::load_integer(model, object);
    if (const auto* found = find_enumerator(model, value))
      quoted(found->wire_name);
    else
      sink_.put_number(value);
  }

  void scalar(const type_model& model, const void* object) {
    std::string text = std::exchange(scratch_, {});  // a codec may write JSON itself, though not through this writer
    text.clear();
    model.to_text(text, object);
    if (model.written_as_number || model.written_as_json)
      sink_.put(text);
    else
      quoted(text);
    scratch_ = std::move(text);
  }

  void members(const type_model& model, const void* object) {
    char separator = '{';
    for (const auto& member : model.members) {
      sink_.put(separator);
      sink_.put(member.json_key);
      value(member.type(), static_cast<const char*>(object) + member.offset);
      separator = ',';
    }
    if (separator == '{') sink_.put('{');
    sink_.put('}');
  }

  void list(const type_model& model, const void* object) {
    const auto& element = model.element();
    const auto count = model.count(object);
    sink_.put('[');
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) sink_.put(',');
      value(element, model.at(object, i));
    }
    sink_.put(']');
  }

  void optional(const type_model& model, const void* object) {
    if (const void* held = model.get(object))
      value(model.element(), held);
    else
      sink_.put("null");
  }

  void dictionary(const type_model& model, const void* object) {
    struct visit {
      writer& to;
      const type_model& element;
      bool first = true;
    } context{*this, model.element()};
    sink_.put('{');
    model.each(object, &context, [](void* raw_context, std::string_view key, const void* item) {
      auto& [to, element, first] = *static_cast<visit*>(raw_context);
      if (!std::exchange(first, false)) to.sink_.put(',');
      to.quoted(key);
      to.sink_.put(':');
      to.value(element, item);
    });
    sink_.put('}');
  }

  void escaped(std::string_view text) {
    while (true) {
      const auto plain = plain_prefix(text);
      sink_.put(text.substr(0, plain));
      text.remove_prefix(plain);
      if (text.empty()) return;
      const auto byte = static_cast<unsigned char>(text.front());
      const auto length = byte < 0x80 ? 0 : mamey::detail::utf8_length(text);
      if (length > 0)
        sink_.put(text.substr(0, length));
      else
        escape(byte);
      text.remove_prefix(std::max<std::size_t>(length, 1));
    }
  }

  void escape(unsigned char byte) {
    constexpr std::string_view hex = "0123456789abcdef";
    switch (byte) {
      case '"':
        sink_.put("\\\"");
        return;
      case '\\':
        sink_.put("\\\\");
        return;
      case '\b':
        sink_.put("\\b");
        return;
      case '\f':
        sink_.put("\\f");
        return;
      case '\n':
        sink_.put("\\n");
        return;
      case '\r':
        sink_.put("\\r");
        return;
      case '\t':
        sink_.put("\\t");
        return;
      default:
        break;
    }
    if (byte >= 0x80) {
      sink_.put("\xef\xbf\xbd");  // not UTF-8
      return;
    }
    sink_.put("\\u00");
    sink_.put(hex[byte >> 4]);
    sink_.put(hex[byte & 15]);
  }

  text_sink sink_;
  std::string scratch_;
};

}  // namespace

void write(std::string& out, const type_model& model, const void* object) {
  writer to(out);
  to.value(model, object);
  to.finish();
}

void write_text(std::string& out, std::string_view text) {
  writer to(out);
  to.quoted(text);
  to.finish();
}

}  // namespace mamey::inline v1::json
