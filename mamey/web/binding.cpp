#include <mamey/web/binding.hpp>

#include <algorithm>
#include <optional>
#include <string>

#include <mamey/core/json.hpp>
#include <mamey/core/text.hpp>
#include <mamey/core/utf8.hpp>
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

/// UTF-8 by each of its names, and what is a part of it.
bool is_utf8(std::string_view charset) noexcept {
  if (charset.size() > 1 && charset.front() == '"' && charset.back() == '"') charset = charset.substr(1, charset.size() - 2);
  return std::ranges::any_of(std::initializer_list<std::string_view>{"utf-8", "utf8", "us-ascii", "ascii"},
                             [&](std::string_view each) { return equal_ignoring_case(charset, each); });
}

bool is_json(std::string_view content_type) noexcept {
  const auto semicolon = content_type.find(';');
  const auto type = trimmed(content_type.substr(0, semicolon));
  const bool named =
      equal_ignoring_case(type, "application/json") || (type.size() > 5 && equal_ignoring_case(type.substr(type.size() - 5), "+json"));
  if (!named || semicolon == std::string_view::npos) return named;
  for (auto rest = content_type.substr(semicolon + 1);;) {
    const auto end = rest.find(';');
    const auto parameter = trimmed(rest.substr(0, end));
    if (parameter.size() >= 8 && equal_ignoring_case(parameter.substr(0, 8), "charset=") && !is_utf8(parameter.substr(8))) return false;
    if (end == std::string_view::npos) return true;
    rest.remove_prefix(end + 1);
  }
}

class binder {
 public:
  binder(const http::request& request, const type_model& model, void* object) : request_(request), model_(model), object_(object) {}

  std::vector<violation> run(const binding_options& options) {
    if (options.body == body_use::when_present && !request_.body().empty() && !read_body(options.body_without_type))
      return std::move(found_);
    if (!request_.query().empty()) read_query();
    for (const auto& each : request_.parameters()) assign(each.name, each.value, no_repetition);
    if (options.body == body_use::when_present && body_of(request_.method()) == body_use::when_present && request_.body().empty())
      miss_body();
    check_rules();
    if (body_of(request_.method()) == body_use::never) name_as_parameters();
    return std::move(found_);
  }

 private:
  using seen_places = std::vector<const void*>;
  static constexpr seen_places* no_repetition = nullptr;

  /// False when the body as a whole is no object: then nothing else about it is worth saying.
  bool read_body(bool may_be_untyped) {
    const auto coding = request_.header("content-encoding");
    if (coding && !equal_ignoring_case(*coding, "identity")) {
      throw http_error(415, "unsupported_content_encoding", "the body must not be encoded, and is " + std::string(*coding))
          .with_header("Accept-Encoding", "identity");
    }
    const auto type = request_.header("content-type");
    if (!type && !may_be_untyped)
      throw http_error(415, "unsupported_media_type", "the body must say that it is application/json: Content-Type is missing");
    if (type && (http::count_headers(request_.headers(), "content-type") > 1 || !is_json(*type))) {
      throw http_error(415, "unsupported_media_type", "the body must be application/json in UTF-8, not " + std::string(*type));
    }
    found_ = json::read(request_.body(), model_, object_, {.duplicates = json::duplicates::refuse}, &present_);
    return std::none_of(found_.begin(), found_.end(), [](const violation& each) { return each.path.empty(); });
  }

  /// Without a body, what it alone could bring must be such as may be absent: nobody means to add a thing without a name.
  void miss_body() {
    const rule_set* rules = model_.rules ? &model_.rules() : nullptr;
    std::string missing;
    for (std::size_t i = 0; i < model_.members.size(); ++i) {
      const auto& member = model_.members[i];
      const auto* const rule = rules ? rules->find(i) : nullptr;
      if (present_.has(i) || member.type().kind == shape::optional || (rule && rule->generated)) continue;
      missing += (missing.empty() ? "" : ", ") + std::string(member.wire_name);
    }
    if (!missing.empty()) found_.push_back({"", "body_missing", "must have a JSON body with " + missing + "; {} takes their defaults"});
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
    // .NET services take a list in a query as JSON, and only so.
    const bool as_json =
        seen && !repeated && value.starts_with('[') && found->model->kind == shape::list && found->model->element().kind != shape::text;
    if (as_json) {
      for (auto& each : json::read(value, *found->model, found->place))
        found_.push_back({found->path + each.path, std::move(each.code), std::move(each.message)});
    } else if ((found->model->written_as_json && !json::is_valid(value)) || !json::read_text(value, *found->model, found->place)) {
      const auto& wanted = found->model->kind == shape::list ? found->model->element() : *found->model;
      if (is_utf8_text(value))
        found_.push_back(json::mismatch(wanted, found->path, "\"" + std::string(value) + "\""));
      else
        found_.push_back({found->path, "not_utf8", "must be UTF-8 without U+0000"});
    }
    present_.add(found->outermost);
  }

  /// Without a body all members stand flat, and that is how their sender knows them: `page`, not `paging.page`.
  void name_as_parameters() {
    for (auto& each : found_) {
      const auto plain = each.path.substr(0, each.path.find('['));
      const auto dot = plain.rfind('.');
      if (dot == std::string::npos) continue;
      const auto flat = find_member(model_, object_, std::string_view(plain).substr(dot + 1));
      if (flat && flat->path == plain) each.path.erase(0, dot + 1);
    }
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

}  // namespace

body_use body_of(http_method method) noexcept {
  const bool reads_only =
      method == http_method::get || method == http_method::head || method == http_method::del || method == http_method::options;
  return reads_only ? body_use::never : body_use::when_present;
}

namespace {

void add_names(std::vector<std::string_view>& to, const type_model& model, int depth) {
  for (const auto& member : model.members) to.push_back(member.wire_name);
  if (depth == deepest_nesting) return;
  for (const auto& member : model.members) {
    if (member.type().kind == shape::object) add_names(to, member.type(), depth + 1);
  }
}

}  // namespace

std::vector<std::string_view> bindable_names(const type_model& model) {
  std::vector<std::string_view> names;
  add_names(names, model, 0);
  return names;
}

std::vector<violation> bind(const http::request& request, const type_model& model, void* object, const binding_options& options) {
  return binder(request, model, object).run(options);
}

}  // namespace mamey::inline v1::web
