#include <mamey/core/rules.hpp>

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include <mamey/core/time.hpp>

namespace mamey::inline v1 {
namespace {

std::string place_of(const type_model& model, const member_rules& rules) {
  return "the rules of " + std::string(model.key->name) + "::" + std::string(model.members[rules.member].name);
}

std::string shortest_text(double value) {
  std::array<char, 32> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

std::optional<limit> limit_of(const detail::bound& bound, const std::string& place) {
  using kind = detail::bound::kind;
  switch (bound.type) {
    case kind::none:
      return std::nullopt;
    case kind::real:
      return limit{.exact = 0, .real = bound.real, .text = shortest_text(bound.real)};
    case kind::integer:
      return limit{.exact = bound.integer, .real = static_cast<double>(bound.integer), .text = std::to_string(bound.integer)};
    case kind::unsigned_integer: {
      const auto value = static_cast<std::uint64_t>(bound.integer);
      return limit{.exact = value, .real = static_cast<double>(value), .text = std::to_string(value)};
    }
    case kind::duration:
      return limit{.exact = bound.integer,
                   .real = static_cast<double>(bound.integer),
                   .text = format_duration(std::chrono::microseconds(bound.integer))};
    case kind::text:
      break;
  }
  const auto parsed = decimal::parse(bound.text);
  if (!parsed) throw std::logic_error("mamey: " + place + ": the bound \"" + bound.text + "\" is no number");
  return limit{.exact = *parsed, .real = parsed->to_double(), .text = to_string(*parsed)};
}

std::shared_ptr<const void> compile(const std::string& pattern, const std::string& place) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto compiled = std::make_shared<const re2::RE2>(pattern, options);
  if (!compiled->ok()) throw std::logic_error("mamey: " + place + ": the pattern \"" + pattern + "\" is refused: " + compiled->error());
  return compiled;
}

member_rules build(const type_model& model, const detail::field_entry& entry) {
  const auto& written = entry.written;
  member_rules rules;
  rules.member = static_cast<std::size_t>(&entry.member() - model.members.data());
  rules.required = written.required;
  rules.not_empty = written.not_empty;
  rules.may_be_nil = written.may_be_nil;
  rules.generated = written.generated;
  rules.zero_is_none = written.zero_is_none;
  if (written.has_min_length) rules.min_length = written.min_length;
  if (written.has_max_length) rules.max_length = written.max_length;
  const auto place = place_of(model, rules);
  rules.minimum = limit_of(written.minimum, place);
  rules.maximum = limit_of(written.maximum, place);
  rules.allowed.assign(written.allowed.begin(), written.allowed.begin() + static_cast<std::ptrdiff_t>(written.allowed_count));
  if (written.pattern) {
    rules.pattern = written.pattern;
    rules.compiled_pattern = compile(rules.pattern, place);
  }
  return rules;
}

}  // namespace

rule_set::rule_set(const type_model& model, std::span<const detail::field_entry> entries, check_function across) : check_(across) {
  for (const auto& entry : entries) members_.push_back(build(model, entry));
  std::ranges::sort(members_, {}, &member_rules::member);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    auto& place = places_[members_[i].member];
    if (place != 0) throw std::logic_error("mamey: " + place_of(model, members_[i]) + " stand in two entries; chain them in one");
    place = static_cast<std::uint8_t>(i + 1);
  }
}

const member_rules* rule_set::find(std::size_t member) const noexcept {
  const auto place = places_[member];
  return place == 0 ? nullptr : &members_[place - 1U];
}

}  // namespace mamey::inline v1
