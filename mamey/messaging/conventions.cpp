#include <mamey/messaging/conventions.hpp>

#include <algorithm>

#include <mamey/core/error.hpp>

namespace mamey::inline v1 {

namespace {

constexpr std::string_view default_template = "{{assembly}}/{{exchange}}.{{message}}";

bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
char to_lower(char c) noexcept { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_blank(std::string_view text) noexcept { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) text.replace(at, what.size(), with);
}

}  // namespace

name_casing parse_name_casing(std::string_view text) noexcept {
  constexpr std::string_view snake = "snakecase";
  const bool same = std::ranges::equal(text, snake, [](char given, char wanted) { return to_lower(given) == wanted; });
  return same ? name_casing::snake_case : name_casing::as_written;
}

name_casing casing_of(std::string_view text, bool section_is_given) noexcept {
  return text.empty() && !section_is_given ? name_casing::snake_case : parse_name_casing(text);
}

std::string exchange_of(const std::string& named, const std::string& assembly, bool section_is_given, const std::string& application,
                        name_casing casing) {
  if (!named.empty()) return named;
  return in_casing(section_is_given && !assembly.empty() ? assembly : application, casing);
}

std::string in_casing(std::string_view text, name_casing casing) {
  if (casing == name_casing::as_written) return std::string(text);
  std::string out;
  out.reserve(text.size() + 8);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && is_upper(text[i]) && text[i - 1] != '.' && text[i - 1] != '/') out += '_';
    out += to_lower(text[i]);
  }
  return out;
}

message_names names_of(std::string_view type_name, const message_options& declared, const naming_conventions& conventions) {
  const std::string_view message = is_blank(declared.name) ? type_name : std::string_view(declared.name);
  const std::string_view declared_exchange = conventions.ignore_exchange ? "" : declared.exchange;
  const std::string_view declared_key = conventions.ignore_routing_key ? "" : declared.routing_key;
  const std::string_view declared_queue = conventions.ignore_queue ? "" : declared.queue;

  // The queue names the publisher's exchange, and stays empty there when only the assembly could stand in for it.
  const std::string_view exchange = is_blank(declared_exchange) ? std::string_view(conventions.exchange) : declared_exchange;
  message_names names;
  names.exchange = in_casing(is_blank(exchange) ? std::string_view(conventions.assembly) : exchange, conventions.casing);
  names.routing_key = in_casing(is_blank(declared_key) ? message : declared_key, conventions.casing);
  if (!is_blank(declared_queue)) {
    names.queue = in_casing(declared_queue, conventions.casing);
    return names;
  }
  std::string queue(is_blank(conventions.queue_template) ? default_template : std::string_view(conventions.queue_template));
  if (queue.find("{{assembly}}") != std::string::npos && is_blank(conventions.assembly)) {
    throw validation_error(
        {{.path = "app.assembly",
          .code = "required",
          .message = "the queue template " + queue + " needs app.assembly (or give rabbitmq.queue.template a text without {{assembly}})"}});
  }
  replace_all(queue, "{{assembly}}", conventions.assembly);
  replace_all(queue, "{{exchange}}", exchange);
  replace_all(queue, "{{message}}", message);
  names.queue = in_casing(queue, conventions.casing);
  return names;
}

}  // namespace mamey::inline v1
