#include <mamey/web/detail/route_tree.hpp>

#include <algorithm>
#include <charconv>

#include <mamey/core/error.hpp>
#include <mamey/core/text.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/http/method.hpp>

namespace mamey::inline v1::web::detail {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

/// Orders lower-case `left` and `right` of any case.
int compare_folded(std::string_view left, std::string_view right) noexcept {
  if (left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (const char c = lower(right[i]); left[i] != c) return left[i] < c ? -1 : 1;
  }
  return 0;
}

template <class Integer>
bool is_integer(std::string_view text) noexcept {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

bool satisfies(constraint accepts, std::string_view text) noexcept {
  switch (accepts) {
    case constraint::any:
      return true;
    case constraint::guid:
      return uuid::parse(text).has_value();
    case constraint::integer:
      return is_integer<std::int32_t>(text);
    case constraint::long_integer:
      return is_integer<std::int64_t>(text);
    case constraint::boolean:
      return equal_ignoring_case(text, "true") || equal_ignoring_case(text, "false");
    case constraint::alpha:
      return std::all_of(text.begin(), text.end(), [](char c) { return lower(c) >= 'a' && lower(c) <= 'z'; });
  }
  return false;
}

std::string describe(const route& declared) {
  auto text = std::string(http::name_of(declared.method)) + " " + declared.pattern;
  if (!declared.name.empty()) text += " for " + declared.name;
  if (!declared.place.empty()) text += " (" + declared.place + ")";
  return text;
}

[[noreturn]] void refuse(const route& declared, std::string_view why) {
  throw internal_error("route_invalid", "{}: {}", describe(declared), why);
}

constraint parse_constraint(const route& declared, std::string_view name) {
  if (name == "guid") return constraint::guid;
  if (name == "int") return constraint::integer;
  if (name == "long") return constraint::long_integer;
  if (name == "bool") return constraint::boolean;
  if (name == "alpha") return constraint::alpha;
  refuse(declared, "the constraint " + std::string(name) + " is unknown; there are guid, int, long, bool and alpha");
}

segment parse_parameter(const route& declared, std::string_view text) {
  segment result{.is = segment::kind::parameter};
  if (text.starts_with('*')) {
    result.is = segment::kind::rest;
    text.remove_prefix(text.starts_with("**") ? 2 : 1);
  }
  if (text.ends_with('?')) {
    result.optional = true;
    text.remove_suffix(1);
  }
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    result.accepts = parse_constraint(declared, text.substr(colon + 1));
    text = text.substr(0, colon);
  }
  const bool named = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!named) refuse(declared, "a parameter is a name of letters, digits and _ in braces: {orderId}");
  if (result.is == segment::kind::rest && (result.optional || result.accepts != constraint::any))
    refuse(declared, "a rest {*name} takes neither a constraint nor ?");
  result.text = text;
  return result;
}

segment parse_segment(const route& declared, std::string_view text) {
  if (text.empty()) refuse(declared, "a segment is empty (two slashes in a row)");
  if (text.starts_with('{') && text.ends_with('}')) return parse_parameter(declared, text.substr(1, text.size() - 2));
  if (text.find_first_of("{}") != std::string_view::npos) refuse(declared, "a parameter must be a whole segment, not part of one");
  if (text.find_first_of("?#%\\ ") != std::string_view::npos) refuse(declared, "a literal is written decoded, without ? # % \\ and spaces");
  segment result{.text = std::string(text)};
  std::transform(result.text.begin(), result.text.end(), result.text.begin(), lower);
  return result;
}

void check_parameters(const route& declared, const std::vector<segment>& parts) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& part = parts[i];
    if (part.is == segment::kind::literal) continue;
    if ((part.is == segment::kind::rest || part.optional) && i + 1 < parts.size())
      refuse(declared, "only the last segment may be optional or a rest");
    if (std::any_of(names.begin(), names.end(), [&](auto earlier) { return equal_ignoring_case(earlier, part.text); }))
      refuse(declared, "the parameter " + part.text + " comes twice");
    names.push_back(part.text);
  }
  if (names.size() > route_tree::most_parameters) refuse(declared, "more than 16 parameters");
}

/// The end of a path, as opposed to an empty last segment.
constexpr std::string_view no_more{};
bool is_end(std::string_view path) noexcept { return path.data() == nullptr; }

std::string_view take_segment(std::string_view& path) noexcept {
  const auto slash = path.find('/');
  const auto part = path.substr(0, slash);
  path = slash == std::string_view::npos ? no_more : path.substr(slash + 1);
  return part;
}

}  // namespace

std::vector<segment> parse_pattern(const route& declared) {
  std::string_view rest = declared.pattern;
  if (rest.starts_with('/')) rest.remove_prefix(1);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  std::vector<segment> parts;
  while (!rest.empty()) {
    parts.push_back(parse_segment(declared, take_segment(rest)));
    if (rest.empty() && !is_end(rest)) refuse(declared, "a segment is empty (two slashes in a row)");
  }
  check_parameters(declared, parts);
  return parts;
}

// ── Building ──

void route_tree::add(const std::vector<route>& routes, std::uint32_t index) {
  const auto& declared = routes[index];
  if (declared.method == http_method::other) refuse(declared, "the method has no name");
  std::uint32_t at = 0;
  for (const auto& part : parse_pattern(declared)) {
    if (part.is == segment::kind::rest) return claim(nodes_[at].rest, routes, index);
    if (part.optional) claim(nodes_[at].here, routes, index);
    at = child_for(at, part);
  }
  claim(nodes_[at].here, routes, index);
}

std::uint32_t route_tree::child_for(std::uint32_t parent, const segment& part) {
  const auto fresh = static_cast<std::uint32_t>(nodes_.size());
  if (part.is == segment::kind::literal) {
    auto& edges = nodes_[parent].literals;
    const auto at = std::lower_bound(edges.begin(), edges.end(), part.text,
                                     [](const literal_edge& edge, const std::string& text) { return compare_folded(edge.text, text) < 0; });
    if (at != edges.end() && at->text == part.text) return at->child;
    edges.insert(at, {part.text, fresh});
  } else {
    auto& edges = nodes_[parent].parameters;
    const auto at = std::find_if(edges.begin(), edges.end(), [&](const parameter_edge& edge) { return edge.accepts == part.accepts; });
    if (at != edges.end()) return at->child;
    edges.insert(part.accepts == constraint::any ? edges.end() : edges.begin(), {part.accepts, fresh});
  }
  nodes_.emplace_back();
  return fresh;
}

void route_tree::claim(terminal& at, const std::vector<route>& routes, std::uint32_t index) {
  auto& holder = at[static_cast<std::size_t>(routes[index].method)];
  if (holder != 0)
    throw internal_error("route_conflict", "{} and {} match the same requests", describe(routes[holder - 1]), describe(routes[index]));
  holder = index + 1;
}

// ── Finding ──

struct route_tree::search {
  http_method method;
  values& matched;
  result found;
};

bool route_tree::take(search& looking, const terminal& at, std::size_t parameters) {
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (at[i] != 0) looking.found.allowed.add(static_cast<http_method>(i));
  }
  auto index = at[static_cast<std::size_t>(looking.method)];
  if (index == 0 && looking.method == http_method::head) index = at[static_cast<std::size_t>(http_method::get)];
  if (index == 0) return false;
  looking.found.route = index - 1;
  looking.found.parameters = parameters;
  return true;
}

bool route_tree::walk(search& looking, std::uint32_t at, std::string_view path, std::size_t depth) const {
  const auto& here = nodes_[at];
  if (is_end(path)) {
    if (take(looking, here.here, depth)) return true;
  } else {
    auto rest = path;
    const auto part = take_segment(rest);
    const auto edge = std::lower_bound(here.literals.begin(), here.literals.end(), part,
                                       [](const literal_edge& each, std::string_view text) { return compare_folded(each.text, text) < 0; });
    if (edge != here.literals.end() && compare_folded(edge->text, part) == 0 && walk(looking, edge->child, rest, depth)) return true;
    if (!part.empty() && depth < most_parameters) {
      looking.matched[depth] = part;
      for (const auto& each : here.parameters) {
        if (satisfies(each.accepts, part) && walk(looking, each.child, rest, depth + 1)) return true;
      }
    }
  }
  if (depth == most_parameters) return false;
  looking.matched[depth] = path;
  return take(looking, here.rest, depth + 1);
}

route_tree::result route_tree::find(http_method method, std::string_view path, values& matched) const {
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  search looking{method, matched, {}};
  walk(looking, 0, path.empty() ? no_more : path, 0);
  return looking.found;
}

}  // namespace mamey::inline v1::web::detail
