#include <mamey/observability/detail/log_render.hpp>
#include <mamey/observability/detail/utf8_text.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include <mamey/core/json.hpp>

namespace mamey::inline v1 {

void log_context::add(std::string_view name, const text_argument& value) { values_.push_back(detail::copy_value(name, value)); }

const std::vector<std::string>& logging::default_redacted_names() {
  static const std::vector<std::string> names{"password", "passphrase", "secret",     "token",      "authorization",
                                              "apikey",   "cookie",     "credential", "privatekey", "connectionstring"};
  return names;
}

namespace detail {

namespace {

constexpr std::size_t longest_text = 16 * 1024;
constexpr std::string_view redaction = "***";

/// `Access_Token` and `access-token` are `accesstoken`.
std::string normalised(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c == '_' || c == '-' || c == '.') continue;
    result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return result;
}

std::vector<std::string> normalised(const std::vector<std::string>& names) {
  std::vector<std::string> result;
  for (const auto& name : names) {
    if (auto key = normalised(name); !key.empty()) result.push_back(std::move(key));
  }
  return result;
}

struct value_writer {
  std::string& out;
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(const std::string& value) const { out += value; }
  template <class Number>
  void operator()(Number value) const {
    char buffer[32];
    out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
  }
};

void append_value(std::string& out, const log_value& value) { std::visit(value_writer{out}, value.value); }

void append_json_value(std::string& out, const log_value& value) {
  if (const auto* text = std::get_if<std::string>(&value.value)) {
    json::write_text(out, *text);
  } else if (const auto* real = std::get_if<double>(&value.value); real != nullptr && !std::isfinite(*real)) {
    json::write_text(out, std::isnan(*real) ? "NaN" : *real > 0 ? "Infinity" : "-Infinity");  // JSON has no number for them
  } else {
    append_value(out, value);
  }
}

/// Calls `literal(text)` and `hole(whole, name)` for the parts of a template, in their order.
template <class Literal, class Hole>
void walk_template(std::string_view pattern, Literal literal, Hole hole) {
  while (!pattern.empty()) {
    const auto brace = pattern.find_first_of("{}");
    literal(pattern.substr(0, brace));
    if (brace == std::string_view::npos) return;
    pattern.remove_prefix(brace);
    const bool doubled = pattern.size() > 1 && pattern[1] == pattern[0];
    const auto end = pattern.find('}');
    if (doubled || pattern[0] == '}' || end == std::string_view::npos) {
      literal(pattern.substr(0, 1));
      pattern.remove_prefix(doubled ? 2 : 1);
    } else {
      const auto name = pattern.substr(1, end - 1);
      hole(pattern.substr(0, end + 1), name.substr(0, name.find(':')));
      pattern.remove_prefix(end + 1);
    }
  }
}

void name_values(log_record& record) {
  std::size_t next = 0;
  walk_template(
      record.pattern, [](std::string_view) {},
      [&](std::string_view, std::string_view name) {
        if (next < record.values.size()) record.values[next++].name = name;
      });
  for (std::size_t i = 0; i < record.values.size(); ++i) {
    if (record.values[i].name.empty()) record.values[i].name = std::to_string(i);
  }
}

void render_message(log_record& record) {
  std::size_t next = 0;
  walk_template(
      record.pattern, [&](std::string_view text) { record.message += text; },
      [&](std::string_view whole, std::string_view) {
        if (next < record.values.size()) {
          append_value(record.message, record.values[next++]);
        } else {
          record.message += whole;
        }
      });
}

const log_value* find_value(std::span<const log_value> values, std::string_view name) {
  const auto found = std::find_if(values.begin(), values.end(), [&](const log_value& value) { return value.name == name; });
  return found != values.end() ? &*found : nullptr;
}

/// 2026-01-31?12:00:00.123456, 26 characters
void append_time(std::string& out, std::chrono::sys_time<std::chrono::microseconds> time, char separator) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  char buffer[64];
  const int length = std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02u%c%02d:%02d:%02d.%06d", static_cast<int>(date.year()),
                                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), separator,
                                   static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                                   static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  out.append(buffer, static_cast<std::size_t>(length));
}

std::string_view short_name(log_level level) {
  constexpr std::string_view names[] = {"VRB", "DBG", "INF", "WRN", "ERR", "FTL", "OFF"};
  return names[static_cast<std::size_t>(level)];
}

void append_hex(std::string& out, unsigned value, int digits) {
  constexpr std::string_view names = "0123456789abcdef";
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += names[(value >> shift) & 15U];
}

char32_t code_point(std::string_view sequence) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1) return byte(0);
  char32_t value = byte(0) & (0x7fU >> sequence.size());
  for (std::size_t i = 1; i < sequence.size(); ++i) value = (value << 6) | (byte(i) & 0x3fU);
  return value;
}

/// What commands a terminal, ends a line somewhere, or turns the order of what is shown: C0, DEL, C1, line and paragraph separators, bidi controls.
bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);
}

void append_printable(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const auto length = utf8_sequence_length(text);
    const auto sequence = text.substr(0, std::max<std::size_t>(length, 1));
    text.remove_prefix(sequence.size());
    const auto c = length == 0 ? static_cast<unsigned char>(sequence.front()) : code_point(sequence);
    if (length != 0 && !is_control(c)) {
      out += sequence;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (length <= 1) {  // a byte that is no text of UTF-8, too
      append_hex(out += "\\x", c, 2);
    } else {
      append_hex(out += "\\u", c, 4);
    }
  }
}

/// Members of one JSON object, each name at most once: the first wins.
class member_writer {
 public:
  explicit member_writer(std::string& out) : out_(out) {}

  void text(std::string_view name, std::string_view value) {
    if (begin(name)) json::write_text(out_, value);
  }
  void values(std::span<const log_value> values) {
    for (const auto& value : values) {
      if (begin(value.name)) append_json_value(out_, value);
    }
  }
  bool begin(std::string_view name) {
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) return false;
    out_ += names_.empty() ? '{' : ',';
    names_.push_back(name);
    json::write_text(out_, name);
    out_ += ':';
    return true;
  }
  void end() { out_ += names_.empty() ? "{}" : "}"; }

 private:
  std::string& out_;
  std::vector<std::string_view> names_;
};

}  // namespace

log_policy::log_policy(const log_options& options)
    : redacted_(normalised(logging::default_redacted_names())), excluded_properties_(normalised(options.exclude_properties)) {
  for (auto& name : normalised(options.redact)) redacted_.push_back(std::move(name));
  std::copy_if(options.exclude_paths.begin(), options.exclude_paths.end(), std::back_inserter(excluded_paths_),
               [](const std::string& path) { return !path.empty(); });
  auto tags = std::make_shared<std::vector<log_value>>();
  for (const auto& [name, value] : options.tags) tags->push_back({name, redacts(name) ? std::string(redaction) : value});
  if (!tags->empty()) tags_ = std::move(tags);
}

bool log_policy::complete(log_record& record) const {
  name_values(record);
  if (excludes(record)) return false;
  for (auto* values : {&record.values, &record.context}) {
    for (auto& value : *values) {
      if (redacts(value.name)) value.value = std::string(redaction);
    }
  }
  render_message(record);
  record.tags = tags_;
  return true;
}

bool log_policy::excludes(const log_record& record) const {
  if (excluded_properties_.empty() && excluded_paths_.empty()) return false;
  auto excluded = [&](const log_value& value) {
    const auto name = normalised(value.name);
    if (std::find(excluded_properties_.begin(), excluded_properties_.end(), name) != excluded_properties_.end()) return true;
    const auto* path = name == "requestpath" ? std::get_if<std::string>(&value.value) : nullptr;
    return path != nullptr &&
           std::any_of(excluded_paths_.begin(), excluded_paths_.end(), [&](const auto& suffix) { return path->ends_with(suffix); });
  };
  return std::any_of(record.values.begin(), record.values.end(), excluded) ||
         std::any_of(record.context.begin(), record.context.end(), excluded);
}

bool log_policy::redacts(std::string_view name) const {
  const auto key = normalised(name);
  return std::any_of(redacted_.begin(), redacted_.end(), [&](const auto& word) { return key.find(word) != std::string::npos; });
}

log_value copy_value(std::string_view name, const text_argument& argument) {
  log_value copy{std::string(name), false};
  switch (argument.type()) {
    case text_argument::kind::boolean:
      copy.value = argument.integer() != 0;
      break;
    case text_argument::kind::integer:
      copy.value = argument.integer();
      break;
    case text_argument::kind::unsigned_integer:
      copy.value = static_cast<std::uint64_t>(argument.integer());
      break;
    case text_argument::kind::real:
      copy.value = argument.real();
      break;
    case text_argument::kind::text: {
      const auto text = argument.text();
      std::string& target = copy.value.emplace<std::string>(text.substr(0, longest_text));
      if (text.size() > longest_text) target += "… (cut)";
      break;
    }
  }
  return copy;
}

void append_human_line(std::string& out, const log_record& record) {
  append_time(out, record.time, ' ');
  out.resize(out.size() - 3);  // milliseconds are enough for people
  out += ' ';
  out += short_name(record.level);
  out += ' ';
  if (const auto* service = find_value(record.context, "service")) {
    out += '[';
    std::string name;
    append_value(name, *service);
    append_printable(out, name);
    out += "] ";
  }
  out += record.category;
  out += ": ";
  append_printable(out, record.message);
  for (const char* separator = "  "; const auto& value : record.context) {
    if (value.name == "service" || value.name == "traceId" || value.name == "spanId") continue;  // long, and for machines
    out += separator;
    std::string text = value.name + '=';
    append_value(text, value);
    append_printable(out, text);
    separator = " ";
  }
}

void append_json_line(std::string& out, const log_record& record) {
  member_writer line(out);
  std::string time;
  append_time(time, record.time, 'T');
  line.text("time", time + 'Z');
  line.text("level", name_of(record.level));
  line.text("category", record.category);
  line.text("message", record.message);
  line.text("template", record.pattern);
  line.values(record.context);
  if (record.tags) line.values(*record.tags);
  if (!record.values.empty() && line.begin("values")) {
    member_writer values(out);
    values.values(record.values);
    values.end();
  }
  line.end();
}

}  // namespace detail
}  // namespace mamey::inline v1
