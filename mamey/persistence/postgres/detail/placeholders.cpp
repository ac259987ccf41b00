#include <mamey/persistence/postgres/detail/placeholders.hpp>

#include <algorithm>
#include <charconv>

#include <mamey/core/ascii.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

bool is_word(char c) { return is_ascii_alphanumeric(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80; }

/// Reads over strings, names and comments, and calls `each` for what stands outside them.
template <class Each>
void for_code(std::string_view sql, Each each) {
  const auto end_of = [&](std::size_t from, std::string_view mark) {
    const auto found = sql.find(mark, from);
    return found == std::string_view::npos ? sql.size() : found + mark.size();
  };
  for (std::size_t at = 0; at < sql.size();) {
    const auto rest = sql.substr(at);
    std::size_t end = at + 1;
    bool literal = true;
    if (rest.starts_with("--")) {
      end = end_of(at, "\n");
    } else if (rest.starts_with("/*")) {
      int depth = 1;
      for (end = at + 2; end < sql.size() && depth > 0; ++end) {
        if (sql.substr(end).starts_with("/*"))
          ++depth, ++end;
        else if (sql.substr(end).starts_with("*/"))
          --depth, ++end;
      }
    } else if (rest[0] == '\'' || rest[0] == '"') {
      const bool escapes = rest[0] == '\'' && at > 0 && (sql[at - 1] | 0x20) == 'e' && (at < 2 || !is_word(sql[at - 2]));
      for (; end < sql.size(); ++end) {
        if (escapes && sql[end] == '\\')
          ++end;
        else if (sql[end] == rest[0])
          break;
      }
      end = std::min(end + 1, sql.size());
    } else if (const auto close = rest[0] == '$' && (at == 0 || !is_word(sql[at - 1])) ? rest.find('$', 1) : std::string_view::npos;
               close != std::string_view::npos && std::ranges::all_of(rest.substr(1, close - 1), is_word) &&
               (close == 1 || !is_ascii_digit(rest[1]))) {
      end = end_of(at + close + 1, rest.substr(0, close + 1));
    } else {
      literal = false;
    }
    each(sql.substr(at, end - at), literal, at);
    at = end;
  }
}

}  // namespace

std::string_view without_leading_comments(std::string_view sql) {
  auto first = sql.size();
  for_code(sql, [&](std::string_view part, bool literal, std::size_t at) {
    const bool says_something = !literal && part[0] != ';' && !is_ascii_space(part[0]);
    if (says_something) first = std::min(first, at);
  });
  return sql.substr(first);
}

numbered_sql number_placeholders(std::string_view sql) {
  numbered_sql made;
  std::size_t highest = 0;
  for_code(sql, [&](std::string_view part, bool literal, std::size_t at) {
    if (literal || part[0] != '$') return;
    std::size_t number = 0;
    std::from_chars(sql.data() + at + 1, sql.data() + sql.size(), number);
    highest = std::max(highest, number);
  });
  if (highest > 0) return {.text = std::string(sql), .parameters = highest};
  bool is_second = false;
  for_code(sql, [&](std::string_view part, bool literal, std::size_t at) {
    if (literal || part[0] != '?') {
      made.text += part;
    } else if (is_second) {
      is_second = false;
    } else if (sql.substr(at + 1).starts_with('?')) {
      made.text += '?';
      is_second = true;
    } else {
      made.text += '$' + std::to_string(++made.parameters);
    }
  });
  return made;
}

}  // namespace mamey::inline v1::postgres_detail
