#include <mamey/host/detail/endpoints.hpp>

#include <algorithm>
#include <functional>

#include <mamey/core/json.hpp>
#include <mamey/domain/collection.hpp>
#include <mamey/http/url.hpp>
#include <mamey/web/binding.hpp>

namespace mamey::inline v1 {
namespace {

constexpr std::string_view json_type = "application/json; charset=utf-8";

/// `/orders/{orderId}` taken apart: a text, then a member to fill in, and so on.
struct location_part {
  std::string text;
  const member_model* member = nullptr;
};

const member_model* find_member(const type_model& model, std::string_view wire_name) {
  const auto found = std::ranges::find(model.members, wire_name, &member_model::wire_name);
  return found == model.members.end() ? nullptr : &*found;
}

std::vector<location_part> parse_location(std::string_view pattern, const message_info& message) {
  std::vector<location_part> parts;
  while (!pattern.empty()) {
    const auto open = pattern.find('{');
    parts.push_back({.text = std::string(pattern.substr(0, open)), .member = nullptr});
    if (open == std::string_view::npos) break;
    const auto close = pattern.find('}', open);
    const auto name = pattern.substr(open + 1, close == std::string_view::npos ? close : close - open - 1);
    parts.back().member = find_member(*message.model, name);
    if (!parts.back().member || close == std::string_view::npos) {
      throw internal_error("location_invalid", "the Location of an endpoint names {}, which is no member of {}", "{" + std::string(name) + "}", message.name);
    }
    pattern.remove_prefix(close + 1);
  }
  return parts;
}

std::string fill_location(const std::vector<location_part>& parts, const void* message) {
  std::string location;
  for (const auto& part : parts) {
    location += part.text;
    if (part.member) http::percent_encode(location, id_text(part.member->type(), static_cast<const std::byte*>(message) + part.member->offset));
  }
  return location;
}

/// An empty optional is "there is none".
void write_result(http::response& response, const type_model& model, const void* result) {
  const auto* inside = model.kind == shape::optional ? model.get(result) : result;
  const auto& inner = model.kind == shape::optional ? model.element() : model;
  response.body().clear();
  if (!inside) throw not_found("not_found", "there is none");
  if (inner.kind == shape::text) {
    response.set_content_type("text/plain; charset=utf-8");
    response.body() = *static_cast<const std::string*>(inside);
  } else {
    response.set_content_type(json_type);
    json::write(response.body(), inner, inside);
  }
}

}  // namespace

web::route make_route(const endpoint_definition& endpoint, const handler_entry& handler, pipeline& runs, const std::string& module) {
  auto answer_with = [&handler, &runs, message = handler.message, how = endpoint.how, body = web::body_of(endpoint.method),
                      location = parse_location(endpoint.how.location, *handler.message)](http::request& request, http::response& response) {
    if (handler.result) web::require_json_acceptable(request);
    const auto object = message->make();
    const auto bound = [&]() -> const void* {
      if (auto wrong = web::bind(request, *message->model, object.get(), {.headers = {}, .body = body}); !wrong.empty()) throw validation_error(std::move(wrong));
      return object.get();
    };
    runs.run(handler, std::ref(bound), [&](void* result) { write_result(response, *handler.result, result); });
    response.set_status(how.status);
    if (!location.empty()) response.set_header("Location", fill_location(location, object.get()));
  };
  return {.method = endpoint.method,
          .pattern = endpoint.pattern,
          .handle = std::move(answer_with),
          .name = std::string(handler.message->name),
          .place = "module " + module,
          .when_client_leaves = handler.kind == handler_kind::query ? web::route::on_disconnect::cancel : web::route::on_disconnect::ignore};
}

}  // namespace mamey::inline v1
