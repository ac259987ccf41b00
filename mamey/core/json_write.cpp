#include <mamey/core/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include <mamey/core/detail/json_grammar.hpp>
#include <mamey/core/detail/json_path.hpp>
#include <mamey/core/detail/numbers.hpp>
#include <mamey/core/detail/utf8.hpp>

namespace mamey::inline v1::json {
namespace {

using mamey::detail::value_path;

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

/// Whether a text that is JSON says `\u0000` somewhere.
bool names_nul(std::string_view json) {
  for (auto at = json.find("\\u0000"); at != std::string_view::npos; at = json.find("\\u0000", at + 1)) {
    auto backslashes = at;
    while (backslashes > 0 && json[backslashes - 1] == '\\') --backslashes;
    if ((at - backslashes) % 2 == 0) return true;
  }
  return false;
}

/// A violation without its path.
struct refusal {
  std::string_view code;
  std::string message;
};

std::optional<refusal> refusal_of_text(std::string_view text, const write_options& options) {
  const auto invalid = mamey::detail::find_invalid_utf8(text);
  if (invalid < text.size()) return refusal{"not_utf8", "is not UTF-8 from byte " + std::to_string(invalid) + " on"};
  if (!options.may_hold_nul && text.find('\0') != std::string_view::npos) return refusal{"has_nul", "must not contain U+0000"};
  return std::nullopt;
}

std::optional<refusal> refusal_of_scalar(const type_model& model, const void* object, const write_options& options, int depth_left) {
  std::string text;
  model.to_text(text, object);
  if (model.can_write && !model.can_write(object))
    return refusal{"out_of_range", "expected " + expected(model) + " that can be read again, got " + text};
  if (model.written_as_json) {
    if (!is_valid(text, depth_left)) return refusal{"not_json", "is not JSON nested at most " + std::to_string(depth_left) + " deep here"};
    if (!options.may_hold_nul && names_nul(text)) return refusal{"has_nul", "must not contain U+0000"};
    return std::nullopt;
  }
  if (model.written_as_number && detail::number_form_of(text) == detail::number_form::none)
    return refusal{"not_a_number", "is no number of JSON"};
  return refusal_of_text(text, options);
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
  writer(std::string& out, const write_options& options)
      : sink_(out),
        options_(options),
        replaces_(options.unwritable == unwritable::replace),
        depth_left_(std::min(options.max_depth, deepest)) {}

  /// Whether something was met that could not be read again, and may not be replaced.
  bool has_refused() const { return refused_; }

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
      replace("null");
    else if (model.width == sizeof(float))
      sink_.put_number(static_cast<float>(value));  // fewer digits tell a float apart
    else
      sink_.put_number(value);
  }

  void enumerator(const type_model& model, const void* object) {
    const auto value = mamey::detail::load_integer(model, object);
    if (const auto* found = find_enumerator(model, value)) return quoted(found->wire_name);
    if (model.fallback) refused_ |= !replaces_;  // it would be read as that
    if (model.is_signed)
      sink_.put_number(value);
    else
      sink_.put_number(static_cast<std::uint64_t>(value));
  }

  void scalar(const type_model& model, const void* object) {
    std::string text = std::exchange(scratch_, {});  // a codec may write JSON itself, though not through this writer
    text.clear();
    model.to_text(text, object);
    if (!model.written_as_json && !model.written_as_number)
      quoted(text);
    else if (replaces_ || is_fit(model, text))
      sink_.put(text);
    else
      refused_ = true;
    if (!replaces_ && model.can_write && !model.can_write(object)) refused_ = true;
    scratch_ = std::move(text);
  }

  /// Whether a text that goes out as it is may.
  bool is_fit(const type_model& model, std::string_view text) const {
    if (model.written_as_number) return detail::number_form_of(text) != detail::number_form::none;
    return is_valid(text, depth_left_) && (options_.may_hold_nul || !names_nul(text));
  }

  bool enter() {
    if (depth_left_ > 0) return --depth_left_, true;
    replace("null");
    return false;
  }

  void replace(std::string_view by) {
    refused_ |= !replaces_;
    sink_.put(by);
  }

  void members(const type_model& model, const void* object) {
    if (!enter()) return;
    char separator = '{';
    for (const auto& member : model.members) {
      const auto& type = member.type();
      const void* held = static_cast<const char*>(object) + member.offset;
      if (type.kind == shape::optional && is_left_out(type, held)) continue;
      sink_.put(separator);
      sink_.put(member.json_key);
      value(type, held);
      separator = ',';
    }
    if (separator == '{') sink_.put('{');
    sink_.put('}');
    ++depth_left_;
  }

  /// An optional of an optional tells absent from null.
  static bool is_left_out(const type_model& optional, const void* object) {
    return optional.element().kind == shape::optional && !optional.get(object);
  }

  void list(const type_model& model, const void* object) {
    if (!enter()) return;
    const auto& element = model.element();
    const auto count = model.count(object);
    sink_.put('[');
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) sink_.put(',');
      value(element, model.at(object, i));
    }
    sink_.put(']');
    ++depth_left_;
  }

  void optional(const type_model& model, const void* object) {
    if (const void* held = model.get(object))
      value(model.element(), held);
    else
      sink_.put("null");
  }

  void dictionary(const type_model& model, const void* object) {
    if (!enter()) return;
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
    ++depth_left_;
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
    if (byte >= 0x80) return replace("\xef\xbf\xbd");  // not UTF-8
    if (byte == 0 && !options_.may_hold_nul) refused_ |= !replaces_;
    sink_.put("\\u00");
    sink_.put(hex[byte >> 4]);
    sink_.put(hex[byte & 15]);
  }

  text_sink sink_;
  std::string scratch_;
  const write_options& options_;
  bool replaces_;
  bool refused_ = false;
  int depth_left_;
};

/// Walks a value for what `writer` refuses, to name the members: only done once something was.
class refusal_finder {
 public:
  explicit refusal_finder(const write_options& options) : options_(options), depth_left_(std::min(options.max_depth, deepest)) {}

  void value(const type_model& model, const void* object, const value_path& at) {
    switch (model.kind) {
      case shape::real:
        if (!std::isfinite(mamey::detail::load_real(model, object))) report(at, {"not_finite", "must be a finite number"});
        return;
      case shape::text:
        return check(at, refusal_of_text(*static_cast<const std::string*>(object), options_));
      case shape::enumeration:
        if (model.fallback && find_enumerator(model, mamey::detail::load_integer(model, object)) == nullptr)
          report(at, {"unknown_value", "has no name, and would be read as another"});
        return;
      case shape::scalar:
        return check(at, refusal_of_scalar(model, object, options_, depth_left_));
      case shape::optional:
        if (const void* held = model.get(object)) value(model.element(), held, at);
        return;
      case shape::object:
      case shape::list:
      case shape::dictionary:
        return nested(model, object, at);
      default:
        return;
    }
  }

  std::vector<violation> found() && { return std::move(found_); }

 private:
  void nested(const type_model& model, const void* object, const value_path& at) {
    if (depth_left_ == 0) return report(at, {"too_deep", "nested deeper than " + std::to_string(std::min(options_.max_depth, deepest))});
    --depth_left_;
    if (model.kind == shape::object) {
      for (const auto& member : model.members)
        value(member.type(), static_cast<const char*>(object) + member.offset, at.of_member(member.wire_name));
    } else if (model.kind == shape::list) {
      for (std::size_t i = 0, count = model.count(object); i < count; ++i) value(model.element(), model.at(object, i), at.of_element(i));
    } else {
      dictionary(model, object, at);
    }
    ++depth_left_;
  }

  void dictionary(const type_model& model, const void* object, const value_path& at) {
    struct visit {
      refusal_finder& of;
      const type_model& element;
      const value_path& whole;
    } context{*this, model.element(), at};
    model.each(object, &context, [](void* raw_context, std::string_view key, const void* item) {
      auto& [of, element, whole] = *static_cast<visit*>(raw_context);
      if (auto refused = refusal_of_text(key, of.options_)) {
        refused->message = "a name in it " + refused->message;
        return of.report(whole, std::move(*refused));
      }
      of.value(element, item, whole.of_member(key));
    });
  }

  void check(const value_path& at, std::optional<refusal>&& refused) {
    if (refused) report(at, std::move(*refused));
  }
  void report(const value_path& at, refusal&& refused) {
    constexpr std::size_t most = 32;
    if (found_.size() < most) found_.push_back({at.text(), std::string(refused.code), std::move(refused.message)});
  }

  const write_options& options_;
  int depth_left_;
  std::vector<violation> found_;
};

}  // namespace

std::vector<violation> refusals(const type_model& model, const void* object, const write_options& options) {
  refusal_finder finder(options);
  finder.value(model, object, value_path{});
  return std::move(finder).found();
}

void write(std::string& out, const type_model& model, const void* object, const write_options& options) {
  writer to(out, options);
  to.value(model, object);
  to.finish();
  if (!to.has_refused()) return;
  auto found = refusals(model, object, options);
  if (found.empty()) found.push_back({"", "unwritable", "could not be read again"});
  throw validation_error(std::move(found));
}

void write_text(std::string& out, std::string_view text) {
  const write_options as_far_as_it_goes{.unwritable = unwritable::replace};
  writer to(out, as_far_as_it_goes);
  to.quoted(text);
  to.finish();
}

}  // namespace mamey::inline v1::json
