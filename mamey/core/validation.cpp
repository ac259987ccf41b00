#include <re2/re2.h>

#include <algorithm>

#include <mamey/core/detail/json_path.hpp>
#include <mamey/core/detail/numbers.hpp>
#include <mamey/core/detail/required.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/validation.hpp>

namespace mamey::inline v1 {
namespace {

using detail::value_path;

constexpr auto duration_format = text_codec<std::chrono::microseconds>::format;

std::size_t characters_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string plural(std::size_t count, std::string_view noun) {
  return std::to_string(count) + ' ' + std::string(noun) + (count == 1 ? "" : "s");
}

std::string allowed_texts(const std::vector<std::string>& allowed) {
  std::string texts;
  for (const auto& text : allowed) texts += (texts.empty() ? "" : ", ") + text;
  return texts;
}

/// Whether anything below a value of this type could break a rule: most lists hold plain numbers or texts.
bool is_worth_visiting(const type_model& model, bool refuse_nil) {
  switch (model.kind) {
    case shape::object:
    case shape::list:
    case shape::optional:
    case shape::dictionary:
      return true;
    case shape::scalar:
      return refuse_nil && model.is_nil;
    default:
      return false;
  }
}

class validator {
 public:
  explicit validator(const validation_options& options) : options_(options) {}

  void object(const type_model& model, const void* value, const presence& present, const value_path& at) {
    const auto found_before = found_.size();
    const rule_set* rules = model.rules ? &model.rules() : nullptr;
    for (std::size_t i = 0; i < model.members.size(); ++i) {
      const auto& member = model.members[i];
      const auto* own_rules = rules ? rules->find(i) : nullptr;
      const auto member_at = at.of_member(member.wire_name);
      if (own_rules && own_rules->required && !present.has(i))
        report(member_at, "required", "is required");
      else
        any(member.type(), static_cast<const char*>(value) + member.offset, {own_rules, present.has(i)}, member_at);
    }
    if (rules && rules->check() && options_.check_across && found_.size() == found_before) check_across(*rules, value, at);
  }

  std::vector<violation> found() && { return std::move(found_); }

 private:
  struct context {
    const member_rules* rules = nullptr;
    bool is_present = true;
  };

  void any(const type_model& model, const void* value, const context& in, const value_path& at) {
    switch (model.kind) {
      case shape::object:
        object(model, value, presence::of_all(), at);
        return;
      case shape::optional:
        if (const void* held = model.get(value)) any(model.element(), held, in, at);
        return;
      case shape::list:
        list(model, value, in, at);
        return;
      case shape::dictionary:
        dictionary(model, value, in, at);
        return;
      case shape::text:
        if (in.rules) text(*static_cast<const std::string*>(value), *in.rules, at);
        return;
      case shape::integer:
      case shape::unsigned_integer:
      case shape::real:
        number(model, value, in.rules, at);
        return;
      case shape::scalar:
        scalar(model, value, in, at);
        return;
      case shape::boolean:
      case shape::enumeration:
        return;
    }
  }

  void list(const type_model& model, const void* value, const context& in, const value_path& at) {
    const auto count = model.count(value);
    if (in.rules) length(count, "element", *in.rules, at);
    const auto& element = model.element();
    if (!is_worth_visiting(element, options_.refuse_nil)) return;
    for (std::size_t i = 0; i < count && has_room(); ++i) any(element, model.at(value, i), of_elements(in), at.of_element(i));
  }

  void dictionary(const type_model& model, const void* value, const context& in, const value_path& at) {
    if (in.rules) length(model.count(value), "entry", *in.rules, at);
    struct visit {
      validator& self;
      const type_model& element;
      const context in;
      const value_path& at;
    } each{*this, model.element(), of_elements(in), at};
    if (!is_worth_visiting(each.element, options_.refuse_nil)) return;
    model.each(value, &each, [](void* raw_context, std::string_view key, const void* item) {
      auto& [self, element, inner, parent] = *static_cast<visit*>(raw_context);
      self.any(element, item, inner, parent.of_member(key));
    });
  }

  /// Rules are about the member itself; of its elements only whether they may be nil.
  static context of_elements(const context& in) {
    static const member_rules nil_allowed{.may_be_nil = true};
    return {in.rules && in.rules->may_be_nil ? &nil_allowed : nullptr};
  }

  void text(const std::string& value, const member_rules& rules, const value_path& at) {
    length(rules.min_length || rules.max_length || rules.not_empty ? characters_of(value) : 0, "character", rules, at);
    if (!rules.allowed.empty() && std::ranges::find(rules.allowed, value) == rules.allowed.end()) {
      report(at, "not_allowed", "must be one of " + allowed_texts(rules.allowed));
    }
    if (!rules.compiled_pattern) return;
    const auto& pattern = *static_cast<const re2::RE2*>(rules.compiled_pattern.get());
    if (!re2::RE2::FullMatch(value, pattern)) report(at, "pattern_mismatch", "must match " + rules.pattern);
  }

  void length(std::size_t count, std::string_view noun, const member_rules& rules, const value_path& at) {
    if (rules.not_empty && count == 0)
      report(at, "empty", "must not be empty");
    else if (rules.min_length && count < *rules.min_length)
      report(at, "too_short", "must have at least " + plural(*rules.min_length, noun));
    if (rules.max_length && count > *rules.max_length) report(at, "too_long", "must have at most " + plural(*rules.max_length, noun));
  }

  void number(const type_model& model, const void* value, const member_rules* rules, const value_path& at) {
    if (!rules || (!rules->minimum && !rules->maximum)) return;
    if (model.kind == shape::real) {
      const double real = detail::load_real(model, value);
      bounds(*rules, at, [&](const limit& bound) { return real < bound.real; }, [&](const limit& bound) { return real > bound.real; });
      return;
    }
    const auto integer = detail::load_integer(model, value);
    exact_bounds(model.is_signed ? decimal(integer) : decimal(static_cast<std::uint64_t>(integer)), *rules, at);
  }

  void scalar(const type_model& model, const void* value, const context& in, const value_path& at) {
    const bool may_be_nil = !options_.refuse_nil || (in.rules && in.rules->may_be_nil);
    if (model.is_nil && !may_be_nil && model.is_nil(value)) {
      if (in.is_present)
        report(at, "nil", "must not be nil");
      else
        report(at, "required", "is required");
    }
    if (!in.rules || (!in.rules->minimum && !in.rules->maximum)) return;
    std::string text;
    model.to_text(text, value);
    if (const auto number = as_number(model, text)) exact_bounds(*number, *in.rules, at);
  }

  static std::optional<decimal> as_number(const type_model& model, std::string_view text) {
    if (model.format != duration_format) return decimal::parse(text);
    const auto span = parse_duration(text);
    return span ? std::optional<decimal>(std::chrono::duration_cast<std::chrono::microseconds>(*span).count()) : std::nullopt;
  }

  void exact_bounds(const decimal& value, const member_rules& rules, const value_path& at) {
    bounds(rules, at, [&](const limit& bound) { return value < bound.exact; }, [&](const limit& bound) { return value > bound.exact; });
  }

  template <class Below, class Above>
  void bounds(const member_rules& rules, const value_path& at, Below below, Above above) {
    if (rules.minimum && below(*rules.minimum)) report(at, "too_small", "must be at least " + rules.minimum->text);
    if (rules.maximum && above(*rules.maximum)) report(at, "too_large", "must be at most " + rules.maximum->text);
  }

  void check_across(const rule_set& rules, const void* value, const value_path& at) {
    struct collector final : violations {
      collector(validator& validator, const value_path& path) : self(validator), at(path) {}
      void add(std::string_view member, std::string code, std::string message) override {
        self.report(member.empty() ? at : at.of_member(member), std::move(code), std::move(message));
      }
      validator& self;
      const value_path& at;
    } found(*this, at);
    rules.check()(value, found);
  }

  void report(const value_path& at, std::string code, std::string message) {
    if (has_room()) found_.push_back({at.text(), std::move(code), std::move(message)});
  }
  bool has_room() const { return found_.size() < options_.max_violations; }

  const validation_options& options_;
  std::vector<violation> found_;
};

void fill_generated_below(const type_model& model, void* value);

void fill_member(const type_model& type, void* value, const member_rules* rules) {
  const bool generated = rules && rules->generated;
  if (generated && type.kind == shape::optional) {
    const void* held = type.get(value);
    fill_member(type.element(), held ? const_cast<void*>(held) : type.emplace(value), rules);
  } else if (generated && type.is_nil && type.generate && type.is_nil(value)) {
    type.generate(value);
  } else {
    fill_generated_below(type, value);
  }
}

void fill_generated_below(const type_model& model, void* value) {
  switch (model.kind) {
    case shape::object:
      fill_generated(model, value);
      return;
    case shape::optional:
      if (const void* held = model.get(value)) fill_generated_below(model.element(), const_cast<void*>(held));
      return;
    case shape::list: {
      const auto& element = model.element();
      if (element.kind != shape::object && element.kind != shape::list && element.kind != shape::optional) return;
      for (std::size_t i = 0, count = model.count(value); i < count; ++i)
        fill_generated_below(element, const_cast<void*>(model.at(value, i)));
      return;
    }
    default:
      return;
  }
}

/// Whether `path` is `outer` or a place inside it.
bool is_within(std::string_view path, std::string_view outer) {
  return path.starts_with(outer) && (path.size() == outer.size() || path[outer.size()] == '.' || path[outer.size()] == '[');
}

}  // namespace

void fill_generated(const type_model& model, void* object) {
  const rule_set* rules = model.rules ? &model.rules() : nullptr;
  for (std::size_t i = 0; i < model.members.size(); ++i) {
    const auto& member = model.members[i];
    fill_member(member.type(), static_cast<char*>(object) + member.offset, rules ? rules->find(i) : nullptr);
  }
}

std::vector<violation> validate(const type_model& model, const void* object, const presence& present, const validation_options& options) {
  validator rules(options);
  if (model.kind == shape::object) rules.object(model, object, present, {});
  return std::move(rules).found();
}

void append_unreported(std::vector<violation>& found, std::vector<violation> more) {
  const auto reported = found.size();
  for (auto& violation : more) {
    const bool is_reported = std::any_of(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(reported),
                                         [&](const auto& earlier) { return is_within(violation.path, earlier.path); });
    if (!is_reported) found.push_back(std::move(violation));
  }
}

std::vector<violation> read_and_validate(std::string_view text, const type_model& model, void* object, presence& present,
                                         const json::read_options& reading, const validation_options& validation) {
  auto found = json::read(text, model, object, reading, &present);
  const bool unreadable = std::ranges::any_of(found, [](const auto& violation) { return violation.path.empty(); });
  if (unreadable) return found;
  auto options = validation;
  options.check_across = options.check_across && found.empty();
  fill_generated(model, object);
  append_unreported(found, validate(model, object, present, options));
  return found;
}

std::vector<violation> read_and_validate(std::string_view text, const type_model& model, void* object, const json::read_options& reading,
                                         const validation_options& validation) {
  presence present;
  return read_and_validate(text, model, object, present, reading, validation);
}

}  // namespace mamey::inline v1
