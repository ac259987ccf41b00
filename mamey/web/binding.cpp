#include <mamey/web/binding.hpp>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

#include <mamey/core/json.hpp>
#include <mamey/core/text.hpp>
#include <mamey/core/validation.hpp>
#include <mamey/http/url.hpp>
#include <mamey/web/problem.hpp>

namespace mamey::inline v1::web {
namespace {

constexpr int deepest_nesting = 4;

std::string_view trimmed(std::string_view text) noexcept {
  const auto begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view{} : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// A place that a plain text can fill.
struct target {
  const type_model* model = nullptr;
  void* place = nullptr;
  std::size_t outermost = 0;  ///< index of the outer struct's member that it is or lies in
  std::string path;
};

std::optional<target> find_own(const type_model& model, void* object, std::string_view name) {
  for (std::size_t i = 0; i < model.members.size(); ++i) {
    const auto& member = model.members[i];
    if (equal_ignoring_case(member.wire_name, name)) {
      return target{&member.type(), static_cast<char*>(object) + member.offset, i, std::string(member.wire_name)};
    }
  }
  return std::nullopt;
}

std::optional<target> find_nested(const type_model& model, void* object, std::string_view name, int depth);

/// In the object itself, else flat in the structs within it: the outer wins.
std::optional<target> find_member(const type_model& model, void* object, std::string_view name, int depth = 0) {
  if (auto own = find_own(model, object, name)) return own;
  if (depth == deepest_nesting) return std::nullopt;
  if (const auto dot = name.find('.'); dot != std::string_view::npos) {
    const auto outer = find_own(model, object, name.substr(0, dot));
    if (!outer || outer->model->kind != shape::object) return std::nullopt;
    auto inner = find_member(*outer->model, outer->place, name.substr(dot + 1), depth + 1);
    if (!inner) return std::nullopt;
    inner->outermost = outer->outermost;
    inner->path = outer->path + "." + inner->path;
    return inner;
  }
  return find_nested(model, object, name, depth);
}

std::optional<target> find_nested(const type_model& model, void* object, std::string_view name, int depth) {
  for (std::size_t i = 0; i < model.members.size(); ++i) {
    const auto& member = model.members[i];
    const auto& type = member.type();
    if (type.kind != shape::object) continue;
    if (auto inner = find_member(type, static_cast<char*>(object) + member.offset, name, depth + 1)) {
      inner->outermost = i;
      inner->path = std::string(member.wire_name) + "." + inner->path;
      return inner;
    }
  }
  return std::nullopt;
}

bool is_json(std::string_view content_type) noexcept {
  const auto semicolon = content_type.find(';');
  const auto type = trimmed(content_type.substr(0, semicolon));
  const bool named =
      equal_ignoring_case(type, "application/json") || (type.size() > 5 && equal_ignoring_case(type.substr(type.size() - 5), "+json"));
  if (!named || semicolon == std::string_view::npos) return named;
  const auto parameter = trimmed(content_type.substr(semicolon + 1));
  if (parameter.size() < 8 || !equal_ignoring_case(parameter.substr(0, 8), "charset=")) return true;
  const auto charset = parameter.substr(8);
  return equal_ignoring_case(charset, "utf-8") || equal_ignoring_case(charset, "\"utf-8\"");
}

class binder {
 public:
  binder(const http::request& request, const type_model& model, void* object) : request_(request), model_(model), object_(object) {}

  std::vector<violation> run(const binding_options& options) {
    if (options.body == body_use::when_present && !request_.body().empty() && !read_body()) return std::move(found_);
    for (const auto& each : options.headers) {
      if (const auto value = request_.header(each.header)) assign(each.member, *value, no_repetition);
    }
    if (!request_.query().empty()) read_query();
    for (const auto& each : request_.parameters()) assign(each.name, each.value, no_repetition);
    check_rules();
    return std::move(found_);
  }

 private:
  using seen_places = std::vector<const void*>;
  static constexpr seen_places* no_repetition = nullptr;

  /// False when the body as a whole is no object: then nothing else about it is worth saying.
  bool read_body() {
    const auto type = request_.header("content-type");
    if (type && (http::count_headers(request_.headers(), "content-type") > 1 || !is_json(*type))) {
      throw http_error(415, "unsupported_media_type", "the body must be application/json in UTF-8, not " + std::string(*type));
    }
    found_ = json::read(request_.body(), model_, object_, {.duplicates = json::duplicates::refuse}, &present_);
    return std::none_of(found_.begin(), found_.end(), [](const violation& each) { return each.path.empty(); });
  }

  void read_query() {
    seen_places seen;
    http::query_reader query(request_.query());
    while (query.next()) {
      if (!request_.parameter(query.name())) assign(query.name(), query.value(), &seen);
    }
  }

  void assign(std::string_view name, std::string_view value, seen_places* seen) {
    const auto found = find_member(model_, object_, name);
    if (!found) {
      if (model_.strict) found_.push_back({std::string(name), "unknown_member", "is not known"});
      return;
    }
    const bool repeated = seen && std::find(seen->begin(), seen->end(), found->place) != seen->end();
    if (seen && !repeated) seen->push_back(found->place);
    if (repeated && found->model->kind != shape::list) {
      found_.push_back({found->path, "duplicate", "comes twice"});
      return;
    }
    // A list given here replaces the one that the body brought.
    if (!repeated && found->model->kind == shape::list) found->model->clear(found->place);
    if ((found->model->written_as_json && !json::is_valid(value)) || !json::read_text(value, *found->model, found->place)) {
      const auto& wanted = found->model->kind == shape::list ? found->model->element() : *found->model;
      found_.push_back(json::mismatch(wanted, found->path, "\"" + std::string(value) + "\""));
    }
    present_.add(found->outermost);
  }

  void check_rules() {
    const validation_options options{.check_across = found_.empty()};
    fill_generated(model_, object_);
    append_unreported(found_, validate(model_, object_, present_, options));
  }

  const http::request& request_;
  const type_model& model_;
  void* object_;
  presence present_;
  std::vector<violation> found_;
};

/// The quality that an element of Accept gives JSON, and how specific it is (0: does not match).
struct preference {
  int specificity = 0;
  double quality = 1;
};

preference preference_for_json(std::string_view element) {
  const auto semicolon = element.find(';');
  const auto range = trimmed(element.substr(0, semicolon));
  preference result;
  if (equal_ignoring_case(range, "application/json") || equal_ignoring_case(range, "application/problem+json")) {
    result.specificity = 3;
  } else if (equal_ignoring_case(range, "application/*")) {
    result.specificity = 2;
  } else if (range == "*/*" || range == "*") {
    result.specificity = 1;
  }
  for (auto rest = semicolon == std::string_view::npos ? std::string_view{} : element.substr(semicolon + 1); !rest.empty();) {
    const auto end = std::min(rest.find(';'), rest.size());
    const auto parameter = trimmed(rest.substr(0, end));
    if (parameter.size() > 2 && (parameter[0] == 'q' || parameter[0] == 'Q') && parameter[1] == '=')
      result.quality = std::strtod(std::string(parameter.substr(2)).c_str(), nullptr);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return result;
}

}  // namespace

body_use body_of(http_method method) noexcept {
  const bool reads_only =
      method == http_method::get || method == http_method::head || method == http_method::del || method == http_method::options;
  return reads_only ? body_use::never : body_use::when_present;
}

std::vector<violation> bind(const http::request& request, const type_model& model, void* object, const binding_options& options) {
  return binder(request, model, object).run(options);
}

void require_json_acceptable(const http::request& request) {
  const auto accept = request.header("accept");
  if (!accept || trimmed(*accept).empty() || *accept == "*/*") return;
  preference best;
  for (auto rest = *accept; !rest.empty();) {
    const auto end = std::min(rest.find(','), rest.size());
    if (const auto offered = preference_for_json(rest.substr(0, end)); offered.specificity > best.specificity) best = offered;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (best.specificity == 0 || best.quality <= 0) throw http_error(406, "not_acceptable", "answers are application/json here");
}

}  // namespace mamey::inline v1::web
