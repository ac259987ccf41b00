#include <mamey/http/message.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>

#include <mamey/core/text.hpp>

#include <mamey/http/url.hpp>

namespace mamey::inline v1::http {
namespace {

constexpr std::array<std::string_view, http_method_count> method_names{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", ""};

void refuse_managed(std::string_view name) {
  for (const std::string_view managed : {"content-length", "transfer-encoding", "connection", "date"}) {
    if (equal_ignoring_case(name, managed)) throw std::invalid_argument("the server sets the header " + std::string(name) + " itself");
  }
}

}  // namespace

std::string_view name_of(http_method value) noexcept { return method_names[static_cast<std::size_t>(value)]; }

http_method parse_method(std::string_view name) noexcept {
  for (std::size_t i = 0; i + 1 < method_names.size(); ++i) {
    if (method_names[i] == name) return static_cast<http_method>(i);
  }
  return http_method::other;
}

bool is_idempotent(http_method value) noexcept {
  return value != http_method::post && value != http_method::patch && value != http_method::other;
}

// ── request ──

request request::make(http_method method, std::string_view target, std::span<const header_field> headers, std::string_view body) {
  std::size_t size = target.size() + body.size();
  for (const auto& each : headers) size += each.name.size() + each.value.size();

  request made;
  made.owned_text_ = std::make_unique<char[]>(size + 1);
  auto* free = made.owned_text_.get();
  const auto keep = [&free](std::string_view text) {
    const std::string_view kept(free, text.size());
    free = std::ranges::copy(text, free).out;
    return kept;
  };
  for (const auto& each : headers) {
    const auto name = keep(each.name);
    made.owned_headers_.push_back({name, keep(each.value)});
  }
  const auto kept_target = keep(target);
  if (!made.assign(
          {.method = name_of(method), .target = kept_target, .body = keep(body), .peer = "127.0.0.1", .headers = made.owned_headers_})) {
    throw std::invalid_argument("not a target for a request: \"" + std::string(target) + "\"");
  }
  return made;
}

bool request::assign(const parts& from) {
  method_text_ = from.method;
  method_ = parse_method(from.method);
  minor_version_ = from.minor_version;
  headers_ = from.headers;
  body_ = from.body;
  peer_ = from.peer;
  hooks_ = from.hooks;
  route_ = {};
  parameters_.clear();
  return assign_target(from.target);
}

bool request::assign_target(std::string_view target) {
  target_ = target;
  path_ = query_ = {};  // of the request before
  if (target == "*") {
    path_ = target;
    return method_ == http_method::options;
  }
  if (!target.starts_with('/')) {
    // absolute-form: the authority must be what Host says, or a cache in front and we would think of different sites.
    // Either scheme, as TLS may have ended before us.
    const auto colon = target.find("://");
    if (colon == std::string_view::npos) return false;
    const auto scheme = target.substr(0, colon);
    const bool secure = equal_ignoring_case(scheme, "https");
    if (!secure && !equal_ignoring_case(scheme, "http")) return false;
    const auto rest = target.substr(colon + 3);
    const auto authority = rest.substr(0, rest.find_first_of("/?"));
    const auto host = header("host");
    const std::string_view usual_port = secure ? ":443" : ":80";
    const auto without_usual_port = [usual_port](std::string_view text) {
      return text.ends_with(usual_port) ? text.substr(0, text.size() - usual_port.size()) : text;
    };
    if (authority.empty() || authority.find('@') != std::string_view::npos ||
        (host && !equal_ignoring_case(without_usual_port(*host), without_usual_port(authority))))
      return false;
    target = rest.substr(authority.size());
    if (target.empty()) target = "/";
  }
  const auto question = target.find('?');
  if (question != std::string_view::npos) query_ = target.substr(question + 1);
  const auto raw = target.substr(0, question);
  if (raw.find('%') == std::string_view::npos && raw.find("/.") == std::string_view::npos && raw.find('\\') == std::string_view::npos &&
      raw.starts_with('/')) {
    path_ = raw;
    return true;
  }
  if (!resolved_) resolved_ = std::make_unique<std::string>();
  const auto resolved = resolve_path(raw.empty() ? "/" : raw, *resolved_);
  if (resolved) path_ = *resolved;
  return resolved.has_value();
}

std::optional<std::string_view> request::parameter(std::string_view name) const noexcept {
  for (const auto& each : parameters_) {
    if (equal_ignoring_case(each.name, name)) return each.value;
  }
  return std::nullopt;
}

// ── response ──

response& response::add_header(std::string_view name, std::string_view value) {
  refuse_managed(name);
  if (equal_ignoring_case(name, "content-type")) return set_content_type(value);
  headers_.add(name, value);
  return *this;
}

response& response::set_header(std::string_view name, std::string_view value) {
  headers_.remove(name);
  return add_header(name, value);
}

std::optional<std::string_view> response::header(std::string_view name) const noexcept {
  if (equal_ignoring_case(name, "content-type"))
    return content_type_.empty() ? std::nullopt : std::optional<std::string_view>(content_type_);
  return headers_.find(name);
}

response& response::set_content_type(std::string_view type) {
  if (!is_field_value(type)) throw std::invalid_argument("the content type holds a line end or another control character");
  content_type_ = type;
  return *this;
}

response& response::set_body(std::string_view content_type, std::string_view content) {
  set_content_type(content_type);
  body_ = content;
  return *this;
}

response& response::stream(body_producer produce) {
  producer_ = std::move(produce);
  return *this;
}

void response::clear() noexcept {
  status_ = 200;
  close_ = false;
  content_type_.clear();
  headers_.clear();
  body_.clear();
  producer_ = nullptr;
}

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return {};
  }
}

}  // namespace mamey::inline v1::http
