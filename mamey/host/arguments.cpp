#include <mamey/host/detail/arguments.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

#include <mamey/core/error.hpp>
#include <mamey/core/suggestion.hpp>
#include <mamey/core/text.hpp>

namespace mamey::inline v1 {
namespace {

[[noreturn]] void refuse(std::string_view argument, std::string expected) {
  throw validation_error({{.path = std::string(argument), .code = "bad_argument", .message = std::move(expected)}}, "bad_arguments");
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

/// Walks `--name value`, `--name=value` and `/name …` alike, and `name=value`.
class argument_reader {
 public:
  argument_reader(int argc, const char* const* argv) : rest_(argv + 1, argv + std::max(argc, 1)) {}

  bool next() {
    if (position_ == rest_.size()) return false;
    text_ = rest_[position_++];
    const auto equals = text_.find('=');
    name_ = text_.substr(0, equals);
    inline_value_ = equals == std::string_view::npos ? std::nullopt : std::optional(text_.substr(equals + 1));
    const bool is_marked = name_.starts_with("--") || name_.starts_with('/');
    key_ = is_marked ? name_.substr(name_.starts_with("--") ? 2 : 1)
           : inline_value_ && !name_.starts_with('-') && name_.find('/') == std::string_view::npos ? name_
                                                                                                   : "";
    return true;
  }
  std::string_view text() const { return text_; }
  std::string_view name() const { return name_; }
  /// Without what marks it; empty: the argument is a word.
  std::string_view key() const { return key_; }
  std::string value(std::string expected) {
    if (inline_value_) return std::string(*inline_value_);
    if (position_ == rest_.size() || rest_[position_].starts_with("--")) refuse(name_, "expected " + expected);
    return std::string(rest_[position_++]);
  }

 private:
  std::vector<std::string_view> rest_;
  std::size_t position_ = 0;
  std::string_view text_, name_, key_;
  std::optional<std::string_view> inline_value_;
};

/// A single word may be a key (`--greeting hello`), but rather a slip of the pen when it looks like an option.
void refuse_misspelled(const argument_reader& argument, const std::vector<std::string>& applications) {
  std::vector<std::string_view> options{"help", "urls", "environment", "data"};
  options.insert(options.end(), applications.begin(), applications.end());
  auto meant = suggestion(argument.key(), options);
  if (meant.empty()) return;
  meant.insert(meant.rfind(' ') + 1, "--");
  refuse(argument.name(), "unknown argument" + meant);
}

}  // namespace

process_arguments parse_arguments(int argc, const char* const* argv, const std::vector<std::string>& applications) {
  process_arguments parsed;
  argument_reader reader(argc, argv);
  while (reader.next()) {
    const auto name = reader.name();
    const auto key = std::string(reader.key());
    const auto set = [&](const std::string& value) { parsed.settings.push_back("--" + key + "=" + value); };
    if (name == "--help" || name == "-h")
      parsed.help = true;
    else if (equal_ignoring_case(key, "urls")) {
      const auto urls = reader.value("http://HOST:PORT[;…]");
      parsed.urls = split(urls, ';');
      set(urls);
    } else if (equal_ignoring_case(key, "environment"))
      set(parsed.environment = reader.value("a name"));
    else if (name == "--data")
      parsed.data = reader.value("a directory");
    else if (name.starts_with("--") && std::ranges::find(applications, key) != applications.end()) {
      const auto port = reader.value("a port, 0 for a free one");
      if (!parse_port(port)) refuse(name, "expected a port from 0 to 65535, got \"" + port + "\"");
      parsed.ports[key] = port;
    } else if (!key.empty()) {
      if (key.find(':') == std::string::npos) refuse_misspelled(reader, applications);
      set(reader.value("a value: --section:key=value"));
    } else {
      refuse(reader.text(), "unknown argument; --help lists them");
    }
  }
  for (const auto& url : parsed.urls) (void)parse_url(url);
  if (!parsed.urls.empty() && applications.size() > 1)
    refuse("--urls", "this program runs several applications; give each its port: --" + applications.front() + " PORT");
  return parsed;
}

std::string usage(std::string_view program, const std::vector<std::string>& applications) {
  std::string text = "usage: " + std::string(program) + " [options]\n\n";
  if (applications.size() > 1) {
    for (const auto& each : applications)
      text +=
          "  --" + each + " PORT" + std::string(each.size() < 12 ? 12 - each.size() : 1, ' ') + "port of " + each + ", 0 for a free one\n";
  } else {
    text += "  --urls http://HOST:PORT[;…]  where to listen; port 0 takes a free one; https as well\n";
  }
  return text +
         "  --data DIR                   where to store (default: data)\n"
         "  --environment NAME           chooses appsettings.NAME.json\n"
         "  --contentRoot DIR            where appsettings.json is (default: the working directory)\n"
         "  --section:key=value          any setting; the environment's SECTION__KEY does the same\n"
         "  --help                       this text\n";
}

listen_address parse_url(std::string_view url) {
  const auto original = url;
  const auto wrong = [&]() { refuse("--urls", "expected http://HOST:PORT or https://HOST:PORT, got \"" + std::string(original) + "\""); };
  const bool secure = url.starts_with("https://");
  if (!secure && !url.starts_with("http://")) wrong();
  url.remove_prefix(secure ? 8 : 7);
  if (url.starts_with("unix:/")) return {.host = std::string(url), .port = 0};
  if (url.ends_with('/')) url.remove_suffix(1);
  const auto colon = url.rfind(':');
  const bool bracketed = url.starts_with('[');
  if (colon == std::string_view::npos || (bracketed && url.find(']') > colon)) {
    return {.host = std::string(bracketed ? url.substr(1, url.size() - 2) : url), .port = static_cast<std::uint16_t>(secure ? 443 : 80)};
  }
  const auto port = parse_port(url.substr(colon + 1));
  auto host = url.substr(0, colon);
  if (bracketed && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (!port || host.empty()) wrong();
  return {.host = host == "+" ? "*" : std::string(host), .port = *port};
}

}  // namespace mamey::inline v1
