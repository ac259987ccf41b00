#include <mamey/core/detail/configuration_scalars.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <limits>

#include <mamey/core/detail/numbers.hpp>
#include <mamey/core/text.hpp>

namespace mamey::inline v1::detail {
namespace {

std::string plain_integer(std::string_view text, const type_model& model) {
  auto digits = text;
  for (const std::string_view prefix : {"0x", "0X", "#", "&h", "&H"}) {
    if (!digits.starts_with(prefix)) continue;
    digits.remove_prefix(prefix.size());
    std::uint64_t bits = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), bits, 16);
    const bool fits = bits <= std::numeric_limits<std::uint64_t>::max() >> (64 - 8 * model.width);
    if (failure != std::errc() || end != digits.data() + digits.size() || !fits) return std::string(text);
    if (!model.is_signed) return std::to_string(bits);
    const auto unused = 64 - 8 * model.width;
    return std::to_string(static_cast<std::int64_t>(bits << unused) >> unused);
  }
  return std::string(text);
}

/// `{0xa92b8a40,0x45e8,0x4a65,{0x84,0x2b,…}}` as `a92b8a4045e84a65842b…`.
std::string plain_uuid(std::string_view text) {
  if (text.starts_with('(') && text.ends_with(')')) return std::string(text.substr(1, text.size() - 2));
  if (!text.starts_with("{0x") || !text.ends_with("}}")) return std::string(text);
  constexpr std::size_t widths[] = {8, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2};
  std::string digits;
  auto rest = text.substr(1, text.size() - 3);
  for (std::size_t part = 0; part < std::size(widths); ++part) {
    if (part == 3 && rest.starts_with('{')) rest.remove_prefix(1);
    auto number = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(number.size() + 1, rest.size()));
    if (!number.starts_with("0x") || number.size() - 2 > widths[part]) return std::string(text);
    number.remove_prefix(2);
    digits.append(widths[part] - number.size(), '0').append(number);
  }
  return rest.empty() ? digits : std::string(text);
}

}  // namespace

std::string plain_setting(std::string_view text, const type_model& model) {
  if (model.kind == shape::boolean) return std::string(text.substr(0, text.find_last_not_of('\0') + 1));
  if (model.kind == shape::scalar && model.format == "uuid") return plain_uuid(text);
  const bool is_integer = model.kind == shape::integer || model.kind == shape::unsigned_integer;
  if (!is_integer && model.kind != shape::real) return std::string(text);
  if (text.size() > 1 && text[0] == '+' && (text[1] == '.' || (text[1] >= '0' && text[1] <= '9'))) text.remove_prefix(1);
  return is_integer ? plain_integer(text, model) : std::string(text);
}

bool store_real_setting(std::string_view text, const type_model& model, void* value) {
  const auto store = [&](double number) {
    return model.width == sizeof(float) ? store_as(value, static_cast<float>(number)) : store_as(value, number);
  };
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  if (equal_ignoring_case(text, "NaN")) return store(std::numeric_limits<double>::quiet_NaN());
  if (equal_ignoring_case(text, "Infinity")) return store(infinity);
  if (equal_ignoring_case(text, "-Infinity")) return store(-infinity);
  double number = 0;
  float narrow = 0;
  const bool is_narrow = model.width == sizeof(float);
  const auto [end, failure] = is_narrow ? std::from_chars(text.data(), text.data() + text.size(), narrow)
                                        : std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size() || text.find_first_of("0123456789") == text.npos) return false;
  const bool is_small = text.find("e-") != text.npos || text.find("E-") != text.npos;
  return failure == std::errc::result_out_of_range && store(is_small ? 0 : text.starts_with('-') ? -infinity : infinity);
}

}  // namespace mamey::inline v1::detail
