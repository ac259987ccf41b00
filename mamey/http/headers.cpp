#include <mamey/http/headers.hpp>

#include <algorithm>
#include <initializer_list>
#include <stdexcept>

#include <mamey/core/text.hpp>

#include <mamey/http/detail/characters.hpp>

namespace mamey::inline v1::http {
namespace {

std::string_view trimmed(std::string_view text) noexcept {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Where the line of that name stands in a block, and its value.
struct found_line {
  std::size_t begin = 0, end = 0;
  std::string_view value;
};

std::optional<found_line> find_line(std::string_view block, std::string_view name) noexcept {
  for (std::size_t begin = 0; begin < block.size();) {
    const auto end = block.find("\r\n", begin) + 2;
    const auto line = block.substr(begin, end - 2 - begin);
    if (line.size() > name.size() && line[name.size()] == ':' && equal_ignoring_case(line.substr(0, name.size()), name)) {
      return found_line{begin, end, line.substr(name.size() + 2)};
    }
    begin = end;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> find_header(std::span<const header_field> headers, std::string_view name) noexcept {
  for (const auto& each : headers) {
    if (each.name.size() == name.size() && equal_ignoring_case(each.name, name)) return each.value;
  }
  return std::nullopt;
}

bool is_set_by_client(std::string_view name) noexcept {
  return std::ranges::any_of(std::initializer_list<std::string_view>{"host", "content-length", "transfer-encoding", "connection"},
                             [&](std::string_view each) { return equal_ignoring_case(each, name); });
}

std::string complaint_of_header_name(std::string_view name) {
  if (trimmed(name).empty() || (is_token(name) && !is_set_by_client(name))) return {};
  return "expected a header's name, such as Correlation-Context, or nothing for none, got \"" + std::string(name) + '"';
}

std::size_t count_headers(std::span<const header_field> headers, std::string_view name) noexcept {
  return static_cast<std::size_t>(
      std::count_if(headers.begin(), headers.end(), [&](const header_field& each) { return equal_ignoring_case(each.name, name); }));
}

bool list_contains(std::string_view list, std::string_view token) noexcept {
  while (!list.empty()) {
    const auto comma = list.find(',');
    const auto element = list.substr(0, comma);
    if (equal_ignoring_case(trimmed(element.substr(0, element.find(';'))), token)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

bool header_contains(std::span<const header_field> headers, std::string_view name, std::string_view token) noexcept {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const header_field& each) { return equal_ignoring_case(each.name, name) && list_contains(each.value, token); });
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return detail::is(c, detail::characters::token); });
}

bool is_field_value(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return detail::is(c, detail::characters::field_value); });
}

void header_block::add(std::string_view name, std::string_view value) {
  if (!is_token(name)) throw std::invalid_argument("not a header name: \"" + std::string(name) + "\"");
  if (!is_field_value(value))
    throw std::invalid_argument("the value of header " + std::string(name) + " holds a line end or another control character");
  text_.append(name).append(": ").append(trimmed(value)).append("\r\n");
}

void header_block::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

void header_block::remove(std::string_view name) noexcept {
  while (const auto line = find_line(text_, name)) text_.erase(line->begin, line->end - line->begin);
}

std::optional<std::string_view> header_block::find(std::string_view name) const noexcept {
  const auto line = find_line(text_, name);
  return line ? std::optional(line->value) : std::nullopt;
}

}  // namespace mamey::inline v1::http
