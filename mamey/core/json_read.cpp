#include <mamey/core/json.hpp>

#include <algorithm>
#include <optional>

#include <mamey/core/detail/json_expected.hpp>
#include <mamey/core/detail/json_grammar.hpp>
#include <mamey/core/detail/json_path.hpp>
#include <mamey/core/detail/json_tokens.hpp>
#include <mamey/core/detail/required.hpp>
#include <mamey/core/detail/scalar_text.hpp>
#include <mamey/core/text.hpp>

namespace mamey::inline v1::json {
namespace {

using mamey::detail::text_result;
using mamey::detail::value_path;

/// The members of one object that have come so far, and which is likely next: writers keep the order of declaration.
struct member_cursor {
  std::span<const member_model> members;
  std::size_t expected = 0;
  presence seen;   ///< those with a value
  presence named;  ///< those whose name came

  std::size_t find(std::string_view key) noexcept {
    if (expected < members.size() && members[expected].wire_name == key) return expected++;
    const auto found = std::ranges::find_if(members, [&](const auto& member) { return equal_ignoring_case(member.wire_name, key); });
    const auto index = static_cast<std::size_t>(found - members.begin());
    expected = index + 1;
    return index;
  }
};

/// Reads one document. A function answers false when the text is malformed: everything stops there; a value that does not fit its type
/// is a violation, and reading goes on behind it.
class reader {
 public:
  reader(std::string_view text, const read_options& options, presence* present)
      : tokens_(text), options_(options), depth_left_(std::min(options.max_depth, deepest)), present_(present) {}

  std::vector<violation> read(const type_model& model, void* target) {
    if (tokens_.error()) {
      malformed(tokens_.error(), tokens_.error_offset());
    } else if (value(model, target, {}) && !tokens_.at_end()) {
      malformed("something behind the value");
    }
    return std::move(violations_);
  }

  bool validate() { return !tokens_.error() && skip_value() && tokens_.at_end(); }

 private:
  bool value(const type_model& model, void* target, const value_path& at) {
    switch (model.kind) {
      case shape::boolean:
        return boolean(model, target, at);
      case shape::integer:
      case shape::unsigned_integer:
      case shape::real:
        return number(model, target, at);
      case shape::text:
        return text(model, target, at);
      case shape::enumeration:
        return enumerator(model, target, at);
      case shape::scalar:
        return scalar(model, target, at);
      case shape::object:
        return object(model, target, at);
      case shape::list:
        return list(model, target, at);
      case shape::optional:
        return optional(model, target, at);
      case shape::dictionary:
        return dictionary(model, target, at);
    }
    return false;
  }

  bool boolean(const type_model& model, void* target, const value_path& at) {
    const auto token = next_token();
    if (token != "true" && token != "false") return misfit(model, at);
    *static_cast<bool*>(target) = token == "true";
    return step();
  }

  bool number(const type_model& model, void* target, const value_path& at) {
    const bool wants_integer = model.kind != shape::real;
    const auto token = next_token();
    const auto content = detail::string_content(token);
    auto digits = content.value_or(token);
    if (content && digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);  // as .NET reads numbers in texts
    const auto form = detail::number_form_of(digits);
    if (form == detail::number_form::none || (wants_integer && form == detail::number_form::real)) return misfit(model, at);
    const auto result =
        wants_integer ? mamey::detail::store_integer_text(model, target, digits) : mamey::detail::store_real_text(model, target, digits);
    if (result == text_result::malformed) return misfit(model, at);
    if (result == text_result::out_of_range && has_room()) violations_.push_back(detail::out_of_range(model, at.text(), token));
    return step();
  }

  bool text(const type_model& model, void* target, const value_path& at) {
    const auto content = detail::string_content(next_token());
    if (!content) return misfit(model, at);
    auto& out = *static_cast<std::string*>(target);
    if (!detail::has_escapes(*content)) {
      out = *content;
      return step();
    }
    out.clear();
    return detail::unescape(*content, out) ? step() : malformed("a malformed escape");
  }

  bool enumerator(const type_model& model, void* target, const value_path& at) {
    std::string unescaped;
    const auto token = next_token();
    auto name = detail::string_content(token);
    if (!name && detail::number_form_of(token) == detail::number_form::integer) name = token;
    if (!name) return misfit(model, at);
    if (!plain(*name, unescaped)) return malformed("a malformed escape");
    return mamey::detail::store_enumerator_text(model, target, *name) == text_result::stored ? step() : misfit(model, at);
  }

  bool scalar(const type_model& model, void* target, const value_path& at) {
    if (model.written_as_json) return json_text(model, target);
    std::string unescaped;
    const auto token = next_token();
    auto content = detail::string_content(token);
    if (!content && model.written_as_number && detail::number_form_of(token) != detail::number_form::none) content = token;
    if (!content) return misfit(model, at);
    if (!plain(*content, unescaped)) return malformed("a malformed escape");
    return model.from_text(target, *content) ? step() : misfit(model, at);
  }

  bool json_text(const type_model& model, void* target) {
    const auto begin = tokens_.offset();
    return skip_value() && model.from_text(target, tokens_.text_since(begin));
  }

  bool optional(const type_model& model, void* target, const value_path& at) {
    const auto& element = model.element();
    if (tokens_.peek() != 'n') return value(element, model.emplace(target), at);
    if (element.kind == shape::optional)
      model.emplace(target);  // null is a value, and absent is none
    else
      model.clear(target);
    return skip_literal();
  }

  bool list(const type_model& model, void* target, const value_path& at) {
    if (tokens_.peek() != '[') return misfit(model, at);
    model.clear(target);
    const auto& element = model.element();
    std::size_t index = 0;
    return enter() && each_element([&] { return value(element, model.append(target), at.of_element(index++)); });
  }

  bool dictionary(const type_model& model, void* target, const value_path& at) {
    if (tokens_.peek() != '{') return misfit(model, at);
    model.clear(target);
    const auto& element = model.element();
    return enter() && each_member([&](std::string_view key) {
             const auto count = model.count(target);
             const auto value_at = at.of_member(key);
             void* item = model.insert(target, key);
             if (model.count(target) == count) repeated(element, item, value_at);
             return value(element, item, value_at);
           });
  }

  bool object(const type_model& model, void* target, const value_path& at) {
    if (tokens_.peek() != '{') return misfit(model, at);
    member_cursor cursor{.members = model.members};
    const bool read = enter() && each_member([&](std::string_view key) { return member(model, cursor, target, key, at); });
    if (read) finish_object(model, cursor.seen, at);
    return read;
  }

  bool member(const type_model& model, member_cursor& cursor, void* target, std::string_view key, const value_path& at) {
    const auto index = cursor.find(key);
    if (index == cursor.members.size()) {
      if (model.strict) report(at.of_member(key), "unknown_member", "is not known");
      return skip_value();
    }
    const auto& found = cursor.members[index];
    const auto& type = found.type();
    void* place = static_cast<char*>(target) + found.offset;
    const auto member_at = at.of_member(found.wire_name);
    if (cursor.named.has(index)) repeated(type, place, member_at);
    cursor.named.add(index);
    if (tokens_.peek() != 'n' || refuses_null(type)) cursor.seen.add(index);
    return value(type, place, member_at);
  }

  /// Only the outermost object's members may come from elsewhere, and only when the caller asked which came.
  void finish_object(const type_model& model, const presence& seen, const value_path& at) {
    if (at.parent == nullptr && present_) {
      present_->add(seen);
    } else if (model.rules) {
      mamey::detail::for_each_missing(
          model, seen, [&](const member_model& missing) { report(at.of_member(missing.wire_name), "required", "is required"); });
    }
  }

  void repeated(const type_model& type, void* place, const value_path& at) {
    if (options_.duplicates == duplicates::refuse) report(at, "duplicate", "comes twice");
    if (type.clear)
      type.clear(place);
    else if (type.reset)
      type.reset(place);
  }

  // What follows walks the grammar.

  std::string_view next_token() const { return tokens_.at_end() ? std::string_view() : tokens_.token(); }

  bool step() {
    tokens_.skip();
    return true;
  }

  /// Steps into an array or object.
  bool enter() {
    if (depth_left_ == 0) return malformed("nested deeper than " + std::to_string(std::min(options_.max_depth, deepest)), "too_deep");
    --depth_left_;
    return step();
  }
  bool leave() {
    ++depth_left_;
    return true;
  }

  template <class Use>
  bool each_element(Use use) {
    if (tokens_.take(']')) return leave();
    do {
      if (!use()) return false;
    } while (tokens_.take(','));
    return tokens_.take(']') ? leave() : malformed("neither , nor ] behind an element");
  }

  template <class Use>
  bool each_member(Use use) {
    if (tokens_.take('}')) return leave();
    do {
      std::string unescaped;
      auto key = detail::string_content(next_token());
      if (!key) return malformed("no member name");
      if (!plain(*key, unescaped)) return malformed("a malformed escape");
      tokens_.skip();
      if (!tokens_.take(':')) return malformed("no : behind a member name");
      if (!use(*key)) return false;
    } while (tokens_.take(','));
    return tokens_.take('}') ? leave() : malformed("neither , nor } behind a member");
  }

  bool skip_value() {
    switch (tokens_.peek()) {
      case '{':
        return enter() && each_member([this](std::string_view) { return skip_value(); });
      case '[':
        return enter() && each_element([this] { return skip_value(); });
      case '"':
        return skip_string();
      default:
        return skip_literal();
    }
  }

  bool skip_string() {
    const auto content = detail::string_content(next_token());
    return content && detail::escapes_are_valid(*content) ? step() : malformed("a malformed escape");
  }

  bool skip_literal() {
    const auto token = next_token();
    const bool valid = token == "null" || token == "true" || token == "false" || detail::number_form_of(token) != detail::number_form::none;
    return valid ? step() : malformed("no value");
  }

  /// Resolves escapes, if there are any, into `storage`.
  static bool plain(std::string_view& content, std::string& storage) {
    if (!detail::has_escapes(content)) return true;
    if (!detail::unescape(content, storage)) return false;
    content = storage;
    return true;
  }

  // What follows reports.

  bool refuses_null(const type_model& model) const {
    if (options_.nulls == nulls::keep_value) return false;
    switch (model.kind) {
      case shape::text:
      case shape::object:
      case shape::list:
      case shape::dictionary:
      case shape::optional:
        return false;
      default:
        return !model.written_as_json;
    }
  }

  /// The next value is none of this type: steps over it, and keeps what was there when it is a null that may be.
  bool misfit(const type_model& model, const value_path& at) {
    const auto first = tokens_.peek();
    const auto token = next_token();
    if (!skip_value()) return false;
    const bool is_the_whole = at.parent == nullptr && options_.nulls == nulls::refuse;
    if (token == "null" && !is_the_whole && !refuses_null(model)) return true;
    const auto got = first == '{' ? "an object" : first == '[' ? "an array" : token;
    if (has_room()) violations_.push_back(mismatch(model, at.text(), got));
    return true;
  }

  void report(const value_path& at, std::string code, std::string message) {
    if (has_room()) violations_.push_back({at.text(), std::move(code), std::move(message)});
  }
  bool has_room() const { return violations_.size() < options_.max_violations; }

  bool malformed(std::string_view what) { return malformed(what, tokens_.offset()); }
  bool malformed(std::string_view what, std::size_t offset) {
    return malformed("malformed JSON at byte " + std::to_string(offset) + ": " + std::string(what), "malformed_json");
  }
  /// Nothing said of the values of a malformed text is worth telling.
  bool malformed(std::string message, std::string code) {
    violations_.clear();
    violations_.push_back({"", std::move(code), std::move(message)});
    return false;
  }

  detail::tokens tokens_;
  const read_options& options_;
  int depth_left_;
  presence* present_;
  std::vector<violation> violations_;
};

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

}  // namespace

std::vector<violation> read(std::string_view text, const type_model& model, void* object, const read_options& options, presence* present) {
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  return reader(text, options, present).read(model, object);
}

bool is_valid(std::string_view text, int max_depth) {
  const read_options options{.max_depth = max_depth};
  return reader(text, options, nullptr).validate();
}

}  // namespace mamey::inline v1::json
