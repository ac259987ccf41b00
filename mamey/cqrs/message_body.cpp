#include <mamey/cqrs/message_body.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include <mamey/core/error.hpp>
#include <mamey/core/json.hpp>
#include <mamey/core/text.hpp>
#include <mamey/core/validation.hpp>

namespace mamey::inline v1 {
namespace {

using members_of_body = std::map<std::string, json::raw>;

bool has_member(const type_model& model, std::string_view name) {
  return std::ranges::any_of(model.members, [&](const member_model& each) { return equal_ignoring_case(each.wire_name, name); });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const auto begin = std::min(text.find_first_not_of(space), text.size());
  return text.substr(begin, text.find_last_not_of(space) + 1 - begin);
}

/// Of an object; empty when there is none, or when it takes a parser to tell.
std::string_view first_member(std::string_view body) {
  if (!body.starts_with('{')) return {};
  body = trimmed(body.substr(1));
  if (!body.starts_with('"')) return {};
  const auto name = body.substr(1, body.find('"', 1) - 1);
  return name.find('\\') == std::string_view::npos ? name : std::string_view();
}

/// Nearly all messages end here, without a second look at the body.
bool is_plainly_ours(std::string_view body, const type_model& model) {
  const auto first = first_member(body);
  return !first.empty() && has_member(model, first) && body.find("\"specversion\"") == std::string_view::npos &&
         body.find("\"messageType\"") == std::string_view::npos;
}

/// The envelope in words; empty when it is none that we know.
std::string envelope_in_words(const members_of_body& there, const type_model& model) {
  const auto names = [&](const char* member) { return there.contains(member) && !has_member(model, member); };
  if (names("messageType") && names("message")) {
    const bool fault = there.at("messageType").text.find(":Fault") != std::string::npos;
    return fault ? "a Fault in an envelope of MassTransit" : "in an envelope of MassTransit: let its publisher use the raw JSON serializer";
  }
  if (!names("specversion") || !there.contains("type")) return {};
  return names("pubsubname") ? "in a CloudEvent of Dapr: let its publisher set rawPayload"
                             : "in a structured CloudEvent: let its publisher use the binary mode";
}

std::string listed(const auto& names) {
  constexpr std::size_t most = 8;
  std::string text;
  std::size_t count = 0;
  for (const auto& each : names) {
    if (++count > most) return text + ", …";
    text.append(text.empty() ? "" : ", ").append(each);
  }
  return text;
}

void refuse_other_forms(std::string_view body, const message_info& info) {
  const auto& model = *info.model;
  if (model.kind != shape::object || model.members.empty() || !body.starts_with('{') || is_plainly_ours(body, model)) return;
  members_of_body there;
  if (!json::read(body, model_of<members_of_body>(), &there).empty() || there.empty()) return;  // what is malformed, the reader says
  if (const auto words = envelope_in_words(there, model); !words.empty())
    throw domain_error("foreign_form", "the message is {}; {} is expected as it is", words, info.name);
  if (std::ranges::any_of(there, [&](const auto& each) { return has_member(model, each.first); })) return;
  std::vector<std::string> has, wanted;
  for (const auto& [name, value] : there) has.push_back(name);
  for (const auto& each : model.members) wanted.emplace_back(each.wire_name);
  throw domain_error("foreign_form", "the message has none of the members of {} ({}), but {}", info.name, listed(wanted), listed(has));
}

}  // namespace

std::shared_ptr<void> read_body(const message_info& info, const envelope& message, message_purpose purpose) {
  const auto body = trimmed(message.body);
  if (body == "null") throw validation_error({json::mismatch(*info.model, "", "null")});
  refuse_other_forms(body, info);
  auto object = info.make();
  // Events of .NET publishers may leave ids out; a command is refused as it is at an endpoint.
  auto wrong = read_and_validate(message.body, *info.model, object.get(), {}, {.refuse_nil = purpose == message_purpose::command});
  if (!wrong.empty()) throw validation_error(std::move(wrong));
  return object;
}

}  // namespace mamey::inline v1
