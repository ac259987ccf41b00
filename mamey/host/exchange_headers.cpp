#include <mamey/host/exchange_headers.hpp>

#include <algorithm>
#include <stdexcept>

#include <mamey/core/text.hpp>
#include <mamey/http/message.hpp>

namespace mamey::inline v1 {
namespace {

constexpr std::string_view cookie_header = "cookie";

/// The value of a cookie in `a=1; b=2`.
std::optional<std::string_view> find_cookie(std::string_view list, std::string_view name) noexcept {
  while (!list.empty()) {
    const auto end = std::min(list.find(';'), list.size());
    auto pair = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    while (pair.starts_with(' ') || pair.starts_with('\t')) pair.remove_prefix(1);
    while (pair.ends_with(' ') || pair.ends_with('\t')) pair.remove_suffix(1);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') return pair.substr(name.size() + 1);
  }
  return std::nullopt;
}

void require(bool fits, std::string_view what, std::string_view cookie) {
  if (!fits)
    throw std::invalid_argument("the " + std::string(what) + " of the cookie " + std::string(cookie) + " holds what no cookie can hold");
}

/// RFC 6265 §4.1.1, without the quotes around it.
bool is_cookie_value(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F && c != '"' && c != ',' && c != ';' && c != '\\'; });
}

bool is_attribute(std::string_view text) noexcept { return http::is_field_value(text) && text.find(';') == std::string_view::npos; }

}  // namespace

std::optional<std::string_view> request_headers::find(std::string_view name) const noexcept {
  if (request_) return request_->header(name);
  const auto found = std::ranges::find_if(own_, [&](const field& each) { return equal_ignoring_case(each.first, name); });
  return found == own_.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

std::optional<std::string_view> request_headers::cookie(std::string_view name) const noexcept {
  std::optional<std::string_view> found;
  if (request_) {
    for (const auto& each : request_->headers()) {
      if (!found && equal_ignoring_case(each.name, cookie_header)) found = find_cookie(each.value, name);
    }
  } else {
    for (const auto& [header, value] : own_) {
      if (!found && equal_ignoring_case(header, cookie_header)) found = find_cookie(value, name);
    }
  }
  return found;
}

void answer_headers::set(std::string_view name, std::string_view value) {
  http::response().set_header(name, value);  // throws here, where the mistake is
  std::erase_if(fields_, [&](const field& each) { return equal_ignoring_case(each.name, name); });
  fields_.push_back({std::string(name), std::string(value), true});
}

void answer_headers::add(std::string_view name, std::string_view value) {
  http::response().add_header(name, value);
  fields_.push_back({std::string(name), std::string(value), false});
}

void answer_headers::set_cookie(const answer_cookie& cookie) {
  require(http::is_token(cookie.name), "name", cookie.name);
  require(is_cookie_value(cookie.value), "value", cookie.name);
  require(is_attribute(cookie.path), "path", cookie.name);
  require(is_attribute(cookie.domain), "domain", cookie.name);
  using site = answer_cookie::same_site;
  if (cookie.site == site::none && !cookie.secure)
    throw std::invalid_argument("the cookie " + cookie.name + " has SameSite=None, which browsers take from secure cookies only");
  auto text = cookie.name + "=" + cookie.value;
  if (!cookie.path.empty()) text += "; Path=" + cookie.path;
  if (!cookie.domain.empty()) text += "; Domain=" + cookie.domain;
  if (cookie.max_age) text += "; Max-Age=" + std::to_string(cookie.max_age->count());
  if (cookie.secure) text += "; Secure";
  if (cookie.http_only) text += "; HttpOnly";
  text += cookie.site == site::strict ? "; SameSite=Strict" : cookie.site == site::none ? "; SameSite=None" : "; SameSite=Lax";
  add("Set-Cookie", text);
}

std::optional<std::string_view> answer_headers::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find_if(fields_, [&](const field& each) { return equal_ignoring_case(each.name, name); });
  return found == fields_.end() ? std::nullopt : std::optional<std::string_view>(found->value);
}

void answer_headers::write_to(http::response& answer) const {
  for (const auto& each : fields_) {
    if (each.replaces)
      answer.set_header(each.name, each.value);
    else
      answer.add_header(each.name, each.value);
  }
}

}  // namespace mamey::inline v1
