#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <tuple>

#include <mamey/core/configuration.hpp>
#include <mamey/core/detail/configuration_scalars.hpp>
#include <mamey/core/detail/configuration_state.hpp>
#include <mamey/core/json.hpp>
#include <mamey/core/secrets.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/validation.hpp>

namespace mamey::inline v1 {

using detail::configuration_node;
using content = configuration_node::content;

namespace {

constexpr auto duration_format = text_codec<std::chrono::microseconds>::format;
constexpr std::chrono::hours longest_duration{24 *
                                              36'500};  // a hundred years: a few of them added to "now" are far from the end of a clock

void* member_at(void* object, const member_model& member) noexcept { return static_cast<std::byte*>(object) + member.offset; }

std::string_view trimmed(std::string_view text) noexcept {
  const auto begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  const auto end = text.find_last_not_of(" \t\r\n");
  return end == text.npos ? std::string_view() : text.substr(begin, end - begin + 1);
}

std::string lower_case(std::string text) {
  for (auto& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

/// Walks a section and the model of a struct side by side.
class binder {
 public:
  explicit binder(configuration_report& report) : report_(report) {}

  /// `rules`: those of the member that is bound.
  void bind(const configuration_node& node, const std::string& path, const type_model& model, void* object,
            const member_rules* rules = nullptr) {
    switch (model.kind) {
      case shape::object:
        return bind_object(node, path, model, object);
      case shape::list:
        return bind_list(node, path, model, object);
      case shape::dictionary:
        return bind_dictionary(node, path, model, object);
      case shape::optional:
        return bind_optional(node, path, model, object, rules);
      default:
        return bind_value(node, path, model, object, rules);
    }
  }

 private:
  void bind_object(const configuration_node& node, const std::string& path, const type_model& model, void* object) {
    presence present;
    const configuration_node* overruled = nullptr;
    if (!bind_address(node, path, model, object, present, overruled) && !refuse_text(node, path, "an object with keys of its own")) return;
    const auto errors_before = report_.errors.size();
    const rule_set* rules = model.rules ? &model.rules() : nullptr;
    for (const auto& child : node.children) {
      if (&child == overruled) continue;
      const auto index = member_named(model, child.key);
      if (index == model.members.size()) {
        if (!child.is_surrounding) warn_unknown(child, path, model);
        continue;
      }
      const auto& member = model.members[index];
      if (child.holds != content::null || !child.children.empty()) present.add(index);
      bind(child, below(path, member.wire_name), member.type(), member_at(object, member), rules ? rules->find(index) : nullptr);
    }
    const bool is_read = report_.errors.size() == errors_before;
    check_rules(node, path, model, object, present, {.refuse_nil = false, .check_across = is_read});
  }

  /// A text in the place of an object with a `url` is that url: `"pricing": "http://localhost:5003"`. False when this is another case.
  /// Of the two forms, the one that is no default of the application counts; `overruled` is the other.
  bool bind_address(const configuration_node& node, const std::string& path, const type_model& model, void* object, presence& present,
                    const configuration_node*& overruled) {
    const auto index = member_named(model, "url");
    if (node.holds != content::text || node.is_surrounding || index == model.members.size()) return false;
    const auto& member = model.members[index];
    if (member.type().kind != shape::text) return false;
    if (const auto* url = node.child("url"); url && url->holds == content::text) {
      const bool is_default = node.origin == default_origin, url_is_default = url->origin == default_origin;
      if (is_default == url_is_default) {
        report_.errors.push_back(
            {node.origin, path, "is an address, and " + below(path, "url") + " (" + url->origin + ") is one, too: leave one of them"});
        return true;
      }
      if (is_default) return true;
      overruled = url;
    }
    present.add(index);
    auto text = node;
    text.children.clear();
    bind_value(text, path, member.type(), member_at(object, member), nullptr);
    return true;
  }

  static std::size_t member_named(const type_model& model, std::string_view key) {
    const auto named = [key](std::string_view member_model::* name) {
      return [key, name](const member_model& member) { return detail::same_key(member.*name, key); };
    };
    auto found = std::ranges::find_if(model.members, named(&member_model::wire_name));
    if (found == model.members.end()) found = std::ranges::find_if(model.members, named(&member_model::name));
    return static_cast<std::size_t>(found - model.members.begin());
  }

  /// In the order of .NET: by number, then by name; of those that say the same (`0` and `00`) the later first.
  static std::vector<const configuration_node*> elements_of(const configuration_node& node) {
    struct element {
      std::size_t index;
      std::string name;  ///< of one without an index
      const configuration_node* node;
    };
    std::vector<element> elements;
    for (const auto& child : node.children) {
      std::size_t index = 0;
      const auto* end = child.key.data() + child.key.size();
      const auto [stop, failure] = std::from_chars(child.key.data(), end, index);
      const bool is_index = failure == std::errc() && stop == end;
      if (is_index)
        elements.push_back({index, {}, &child});
      else
        elements.push_back({std::numeric_limits<std::size_t>::max(), lower_case(child.key), &child});
    }
    std::ranges::reverse(elements);
    std::ranges::stable_sort(elements, {}, [](const element& each) { return std::tie(each.index, each.name); });
    std::vector<const configuration_node*> sorted;
    for (const auto& each : elements) sorted.push_back(each.node);
    return sorted;
  }

  void bind_list(const configuration_node& node, const std::string& path, const type_model& model, void* list) {
    if (!refuse_text(node, path, "a list")) return;
    if (node.children.empty() && !node.is_list) return;
    model.clear(list);
    for (const auto* child : elements_of(node)) {
      if (child->holds == content::null && child->children.empty()) continue;  // an overlay's way to strike an element
      bind_element(*child, path, model, model.append(list));
    }
  }

  void bind_dictionary(const configuration_node& node, const std::string& path, const type_model& model, void* dictionary) {
    if (!refuse_text(node, path, "an object with keys of its own")) return;
    for (const auto& child : node.children) {
      if (child.holds == content::null && child.children.empty()) continue;
      bind_element(child, path, model, model.insert(dictionary, child.key));
    }
  }

  void bind_element(const configuration_node& child, const std::string& path, const type_model& model, void* element) {
    ++elements_around_;
    bind(child, below(path, child.key), model.element(), element);
    --elements_around_;
  }

  void bind_optional(const configuration_node& node, const std::string& path, const type_model& model, void* optional,
                     const member_rules* rules) {
    const auto& element = model.element();
    const bool is_null = node.holds == content::null || (node.holds == content::text && node.value.empty() && element.kind != shape::text);
    if (is_null && node.children.empty()) return model.clear(optional);
    bind(node, path, element, model.emplace(optional), rules);
  }

  void bind_value(const configuration_node& node, const std::string& path, const type_model& model, void* value,
                  const member_rules* rules) {
    if (!node.children.empty()) {
      return refuse(node.children.front().origin, path, json::expected(model), node.is_list ? "a list" : "an object");
    }
    if (node.holds != content::text) return;  // null, {} or []: the initialiser stays
    if (model.format == duration_format && model.key != &type_key_of<ticks>) return bind_duration(node, path, model, value, rules);
    std::string expected;
    if (!read(node.value, model, value, expected)) refuse(node, path, expected);
  }

  /// Not negative and within what clocks can count on from now, unless the member has bounds of its own. A member that is `ticks` takes all
  /// a TimeSpan holds.
  void bind_duration(const configuration_node& node, const std::string& path, const type_model& model, void* value,
                     const member_rules* rules) {
    const auto text = trimmed(node.value);
    if (is_infinite(text)) {
      if (!rules || !rules->zero_is_none)
        return refuse(node, path, "a duration that ends (hh:mm:ss or d.hh:mm:ss): there is no \"never\" here");
      model.from_text(value, "00:00:00");
      return;
    }
    const auto span = parse_duration(text);
    std::string expected;
    if (span && *span < span->zero() && !(rules && rules->minimum))
      refuse(node, path, "a duration that is not negative (hh:mm:ss or d.hh:mm:ss)");
    else if (span && *span > longest_duration && !(rules && rules->maximum))
      refuse(node, path, "a duration of at most " + format_duration(longest_duration) + hint_for_days(text));
    else if (!read(node.value, model, value, expected))
      refuse(node, path, span ? expected_of(*span, model, value, expected) : expected);
    else if (const auto hint = hint_for_days(text); !hint.empty())
      report_.warnings.push_back({node.origin, path, "read as " + std::to_string(*span / std::chrono::days(1)) + " days" + hint});
  }

  /// A duration that the option's type does not hold: it counts in larger units, or its number is too large for it.
  static std::string expected_of(ticks span, const type_model& model, void* value, const std::string& otherwise) {
    using namespace std::chrono;
    static constexpr std::pair<ticks, std::string_view> units[] = {{microseconds(1), "microseconds"},
                                                                   {milliseconds(1), "milliseconds"},
                                                                   {seconds(1), "seconds"},
                                                                   {minutes(1), "minutes"},
                                                                   {hours(1), "hours"},
                                                                   {days(1), "days"},
                                                                   {weeks(1), "weeks"}};
    for (const auto& [unit, name] : units) {
      if (!model.from_setting || !model.from_setting(value, format_duration(unit))) continue;
      return span % unit == span.zero() ? otherwise : "a whole number of " + std::string(name) + " (hh:mm:ss or d.hh:mm:ss)";
    }
    return otherwise;
  }

  /// `Timeout.InfiniteTimeSpan` and `TimeSpan.MaxValue`, as .NET writes them.
  static bool is_infinite(std::string_view text) {
    constexpr std::string_view one_below_zero = "-00:00:00.001", longest = "10675199.02:48:05.4775807";
    const auto end = text.starts_with(one_below_zero) ? text.find_first_not_of('0', one_below_zero.size()) : 0;
    return text == longest || end == std::string_view::npos;
  }

  /// Texts that .NET reads as days though hardly anybody means them.
  static std::string hint_for_days(std::string_view text) {
    const auto hint = hint_for_bare_number(text);
    return hint.empty() ? hint_for_many_hours(text) : hint;
  }

  /// `336:00:00`: d:hh:mm, as there is no 336th hour.
  static std::string hint_for_many_hours(std::string_view text) {
    std::array<std::int64_t, 3> numbers{};
    const auto* at = text.data();
    const auto* const end = at + text.size();
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const auto [behind, wrong] = std::from_chars(at, end, numbers[i]);
      const bool ends_well = i + 1 == numbers.size() ? behind == end : behind != end && *behind == ':';
      if (wrong != std::errc() || numbers[i] < 0 || !ends_well) return {};
      at = behind == end ? end : behind + 1;
    }
    if (numbers[0] < 24 || numbers[0] > 10'675'199) return {};
    using namespace std::chrono;
    const auto meant = hours(numbers[0]) + minutes(numbers[1]) + seconds(numbers[2]);
    return ", as .NET reads d:hh:mm where there are more than 23 hours: if hours are meant, write " + format_duration(meant) +
           ", for days " + format_duration(days(numbers[0]) + hours(numbers[1]) + minutes(numbers[2]));
  }

  static std::string hint_for_bare_number(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (wrong != std::errc() || end != text.data() + text.size() || number <= 0 || number > std::int64_t{1} << 40) return {};
    const auto shown = [](std::chrono::microseconds span) {
      auto written = format_duration(span);
      if (written.find('.', written.find(':')) != std::string::npos) written.erase(written.find_last_not_of('0') + 1);
      return written;
    };
    return ", as .NET reads a bare number: if milliseconds are meant, write " + shown(std::chrono::milliseconds(number)) +
           ", for seconds " + shown(std::chrono::seconds(number)) + ", for days " + std::string(text) + ".00:00:00";
  }

  static bool read(std::string_view text, const type_model& model, void* value, std::string& expected) {
    if (model.kind == shape::text) return json::read_text(text, model, value, &expected);
    const auto plain = detail::plain_setting(trimmed(text), model);
    if (model.kind == shape::boolean) {
      if (plain == "1" || detail::same_key(plain, "true")) return json::read_text("true", model, value, &expected);
      if (plain == "0" || detail::same_key(plain, "false")) return json::read_text("false", model, value, &expected);
      expected = "true or false";
      return false;
    }
    if (model.kind == shape::real && detail::store_real_setting(plain, model, value)) return true;
    if (model.from_setting) {
      if (model.from_setting(value, plain)) return true;
      expected = json::expected(model);
      return false;
    }
    return json::read_text(plain, model, value, &expected);
  }

  bool refuse_text(const configuration_node& node, const std::string& path, const std::string& expected) {
    const bool is_fine = node.holds != content::text || node.is_surrounding || (node.value.empty() && node.children.empty());
    if (!is_fine) refuse(node, path, expected);
    return is_fine;
  }

  void refuse(const configuration_node& node, const std::string& path, const std::string& expected) {
    refuse(node.origin, path, expected, "\"" + masked(path, node.value) + "\"");
  }

  void refuse(const std::string& origin, const std::string& path, const std::string& expected, const std::string& got) {
    const std::string_view note = elements_around_ > 0 ? " (.NET leaves such an element out silently)" : "";
    report_.errors.push_back({origin, path, "expected " + expected + ", got " + got + std::string(note)});
  }

  static std::string below(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : path + ":" + std::string(key);
  }

  void warn_unknown(const configuration_node& child, const std::string& path, const type_model& model) {
    std::vector<std::string_view> known;
    for (const auto& member : model.members) known.push_back(member.wire_name);
    const auto meant = detail::nearest(child.key, known);
    report_.warnings.push_back({child.origin, below(path, child.key),
                                "unknown key" + (meant.empty() ? std::string() : ": did you mean " + std::string(meant) + "?")});
  }

  /// Nested objects have been checked before; what was said of them, or of a value that could not be read, is not said again.
  void check_rules(const configuration_node& node, const std::string& path, const type_model& model, const void* object,
                   const presence& present, const validation_options& options) {
    if (!model.rules) return;
    for (const auto& violation : validate(model, object, present, options)) {
      const auto key = key_of(violation.path);
      auto full = key.empty() ? path : below(path, key);
      if (std::ranges::any_of(report_.errors, [&full](const configuration_problem& said) { return said.key == full; })) continue;
      report_.errors.push_back({nearest_origin(node, key), std::move(full), violation.message});
    }
  }

  /// Of the value, or of what it is missing from.
  static const std::string& nearest_origin(const configuration_node& node, std::string_view key) {
    const auto* at = &node;
    detail::path_parts parts(key);
    for (std::string_view part; !key.empty() && parts.next(part);) {
      const auto* next = at->child(part);
      if (!next) break;
      at = next;
    }
    return at->origin;
  }

  /// `hosts[0].port` as `hosts:0:port`.
  static std::string key_of(std::string_view path) {
    std::string key;
    for (const char c : path) {
      if (c == '.' || c == '[')
        key += ':';
      else if (c != ']')
        key += c;
    }
    return key;
  }

  configuration_report& report_;
  int elements_around_ = 0;  ///< lists and dictionaries that hold what is being bound
};

}  // namespace

void configuration::bind(std::string_view section, const type_model& model, void* value, configuration_report& report) const {
  {
    const std::lock_guard lock(state_->mutex);
    state_->bound.emplace(section);
  }
  if (const auto* node = state_->root.find(section)) binder(report).bind(*node, std::string(section), model, value);
}

void configuration::bind_or_throw(std::string_view section, const type_model& model, void* value) const {
  configuration_report report;
  bind(section, model, value, report);
  {
    const std::lock_guard lock(state_->mutex);
    state_->warnings.insert(state_->warnings.end(), report.warnings.begin(), report.warnings.end());
  }
  report.throw_if_any();
}

}  // namespace mamey::inline v1
