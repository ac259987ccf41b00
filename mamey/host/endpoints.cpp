#include <mamey/host/detail/endpoints.hpp>

#include <algorithm>
#include <functional>

#include <mamey/core/json.hpp>
#include <mamey/core/suggestion.hpp>
#include <mamey/core/text.hpp>
#include <mamey/domain/collection.hpp>
#include <mamey/domain/document_order.hpp>
#include <mamey/domain/paging.hpp>
#include <mamey/host/exchange_headers.hpp>
#include <mamey/http/url.hpp>
#include <mamey/web/binding.hpp>

namespace mamey::inline v1 {
namespace {

constexpr std::string_view json_type = "application/json; charset=utf-8";

/// `/orders/{orderId}` taken apart: a text, then a value to fill in, and so on.
struct location_part {
  std::string text;
  const type_model* value = nullptr;  ///< null: none behind the text
  std::size_t offset = 0;
  bool of_result = false;
};

const member_model* find_member(const type_model* model, std::string_view wire_name) {
  if (!model || model->kind != shape::object) return nullptr;
  const auto found = std::ranges::find(model->members, wire_name, &member_model::wire_name);
  return found == model->members.end() ? nullptr : &*found;
}

/// What a handler returned, without the optional around it.
const type_model* inner_of(const type_model* result) { return result && result->kind == shape::optional ? &result->element() : result; }

/// A text, an integer, or a type with a text form.
bool is_an_id(const type_model* model) {
  return model && (model->kind == shape::text || model->kind == shape::integer || model->kind == shape::unsigned_integer ||
                   (model->kind == shape::scalar && !model->written_as_json));
}

/// `name` in the result, else in the message; empty is the result itself.
void find_value(location_part& part, std::string_view name, const message_info& message, const type_model* result) {
  if (name.empty() && is_an_id(result)) {
    part.value = result;
    part.of_result = true;
    return;
  }
  const auto* made = find_member(result, name);
  const auto* member = made ? made : find_member(message.model, name);
  if (!member) return;
  part.value = &member->type();
  part.offset = member->offset;
  part.of_result = made != nullptr;
}

std::vector<location_part> parse_location(std::string_view pattern, const message_info& message, const type_model* result) {
  std::vector<location_part> parts;
  while (!pattern.empty()) {
    const auto open = pattern.find('{');
    parts.push_back({.text = std::string(pattern.substr(0, open))});
    if (open == std::string_view::npos) break;
    const auto close = pattern.find('}', open);
    const auto name = pattern.substr(open + 1, close == std::string_view::npos ? close : close - open - 1);
    if (close != std::string_view::npos) find_value(parts.back(), name, message, result);
    if (!parts.back().value) {
      std::vector<std::string_view> known;
      for (const auto& member : message.model->members) known.push_back(member.wire_name);
      const bool has_members = result && result->kind == shape::object;
      if (has_members) {
        for (const auto& member : result->members) known.push_back(member.wire_name);
      }
      throw internal_error("location_invalid", "the Location of an endpoint names {}, which is no member of {}{}{}",
                           "{" + std::string(name) + "}", message.name, has_members ? ", nor of its result" : "", suggestion(name, known));
    }
    pattern.remove_prefix(close + 1);
  }
  return parts;
}

/// `result` may be null where no part is of it.
std::string fill_location(const std::vector<location_part>& parts, const void* message, const void* result) {
  std::string location;
  for (const auto& part : parts) {
    location += part.text;
    if (part.value)
      http::percent_encode(location, id_text(*part.value, static_cast<const std::byte*>(part.of_result ? result : message) + part.offset));
  }
  return location;
}

/// What an endpoint collects while its handler runs.
struct exchange {
  explicit exchange(const http::request& from) : asked(from) {}
  request_headers asked;
  answer_headers answered;
  std::string location;
};

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
    try {
      json::write(response.body(), inner, inside, {.max_depth = json::deepest});
    } catch (const validation_error& refused) {  // not what the client sent, but what the handler made
      const auto& first = refused.violations().front();
      throw internal_error("result_unwritable", "{} of the result {}", first.path, first.message);
    }
  }
}

/// A parameter that fills nothing would leave its member empty at every request.
void check_parameters(const endpoint_definition& endpoint, const message_info& message, const std::string& module) {
  const auto known = web::bindable_names(*message.model);
  for (const auto& each : web::parameter_names(endpoint.pattern)) {
    if (std::ranges::any_of(known, [&](std::string_view name) { return equal_ignoring_case(name, each); })) continue;
    throw internal_error("route_invalid", "{} {} ({}) has the parameter {}, which is no member of {}{}", http::name_of(endpoint.method),
                         endpoint.pattern, place_of(module), "{" + each + "}", message.name, suggestion(each, known));
  }
}

/// Whether it asks for pages in an order, itself or in a struct of it.
bool takes_order(const type_model& input, int depth = 0) {
  if (input.key == model_of<paging>().key || input.key == model_of<cursor_paging>().key) return true;
  return depth < 4 &&
         std::ranges::any_of(
             input.members,
             [&](const member_model& each) { return each.type().kind == shape::object && takes_order(each.type(), depth + 1); });
}

}  // namespace

std::vector<std::string> order_of(const handler_entry& handler) {
  if (handler.collections.size() != 1 || !handler.message->model || !takes_order(*handler.message->model)) return {};
  return sortable_names(*handler.collections.front());
}

std::string place_of(std::string_view module) { return module.empty() ? "the application" : "module " + std::string(module); }

web::route make_route(const endpoint_definition& endpoint, const handler_entry& handler, pipeline& runs, const std::string& module,
                      bool bodies_without_type) {
  check_parameters(endpoint, *handler.message, module);
  auto answer_with = [&handler, &runs, message = handler.message, how = endpoint.how, body = web::body_of(endpoint.method),
                      bodies_without_type, location = parse_location(endpoint.how.location, *handler.message, inner_of(handler.result))](
                         http::request& request, http::response& response) {
    const auto object = message->make();
    const auto bound = [&]() -> const void* {
      if (auto wrong = web::bind(request, *message->model, object.get(), {.body = body, .body_without_type = bodies_without_type});
          !wrong.empty())
        throw validation_error(std::move(wrong));
      return object.get();
    };
    exchange headers(request);
    const auto offer = [&headers](scope& to) {
      headers.answered.clear();
      to.place(headers.asked);
      to.place(headers.answered);
    };
    const auto take_result = [&](void* result) {
      write_result(response, *handler.result, result);
      if (!location.empty())
        headers.location =
            fill_location(location, object.get(), handler.result->kind == shape::optional ? handler.result->get(result) : result);
    };
    runs.run(handler, std::ref(bound), std::ref(take_result), nullptr, std::ref(offer));
    response.set_status(how.status);
    if (!location.empty())
      response.set_header("Location", handler.result ? headers.location : fill_location(location, object.get(), nullptr));
    headers.answered.write_to(response);
  };
  return {.method = endpoint.method,
          .pattern = endpoint.pattern,
          .handle = std::move(answer_with),
          .name = std::string(handler.message->name),
          .place = place_of(module),
          .module = module,
          .when_client_leaves = handler.only_reads ? web::route::on_disconnect::cancel : web::route::on_disconnect::ignore};
}

}  // namespace mamey::inline v1
