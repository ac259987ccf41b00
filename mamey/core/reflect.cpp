#include <mamey/core/reflect.hpp>

#include <algorithm>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <vector>

#include <mamey/core/text.hpp>

namespace mamey::inline v1 {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_identifier(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

/// The identifier that ends where `text` ends.
std::string_view last_identifier(std::string_view text) {
  auto begin = text.size();
  while (begin > 0 && is_identifier(text[begin - 1])) --begin;
  return text.substr(begin);
}

[[noreturn]] void refuse_name(std::string_view signature) {
  throw std::logic_error("mamey: this compiler prints members in a way mamey does not know: " + std::string(signature));
}

// g++ prints each address as `(& storage_of<T>.…::mamey_members_of.T::customer_id)}`, clang as
// `&storage_of.held.mamey_members_of.customer_id}`.
std::vector<std::string_view> member_names(std::string_view signature, std::size_t count) {
  constexpr std::string_view mark = "mamey_members_of.";
  std::vector<std::string_view> names;
  auto begin = signature.find(mark);
  while (begin != std::string_view::npos) {
    begin += mark.size();
    const auto next = signature.find(mark, begin);
    auto piece = signature.substr(begin, next == std::string_view::npos ? next : next - begin);
#ifdef __clang__
    piece = piece.substr(0, piece.find('}'));
#else
    piece = piece.substr(0, piece.rfind(")}"));
#endif
    names.push_back(last_identifier(piece));
    begin = next;
  }
  if (names.size() != count || std::ranges::any_of(names, &std::string_view::empty)) refuse_name(signature);
  return names;
}

/// What tables are made of, kept as long as the process: they may be read while static objects are destroyed.
template <class T>
T& keep(T value) {
  static std::mutex guard;
  static auto& kept = *new std::deque<T>;
  const std::scoped_lock lock(guard);
  return kept.emplace_back(std::move(value));
}

std::string_view wire_name_of(std::string_view name, const detail::aggregate_description& description) {
  for (const auto& [member, wire_name] : description.renamed)
    if (member == name) return wire_name;
  auto wire_name = camel_case(name);
  return wire_name == name ? name : std::string_view(keep(std::move(wire_name)));
}

void refuse_renames_of_nothing(std::span<const member_model> members, const detail::aggregate_description& description) {
  for (const auto& [member, wire_name] : description.renamed)
    if (std::ranges::find(members, member, &member_model::name) == members.end())
      throw std::logic_error("mamey: wire_names of " + std::string(description.type_name) + " renames \"" + std::string(member) +
                             "\", which is no member");
}

void refuse_shared_names(std::span<const member_model> members, std::string_view type_name) {
  for (std::size_t i = 0; i < members.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (equal_ignoring_case(members[i].wire_name, members[j].wire_name))
        throw std::logic_error("mamey: the members " + std::string(members[j].name) + " and " + std::string(members[i].name) + " of " +
                               std::string(type_name) + " share the wire name \"" + std::string(members[i].wire_name) +
                               "\"; rename one in mamey::wire_names");
}

/// Splits at commas outside of any bracket.
template <class Use>
void for_each_argument(std::string_view list, Use use) {
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    const char c = i < list.size() ? list[i] : ',';
    if (c == '<' || c == '(' || c == '{')
      ++depth;
    else if (c == '>' || c == ')' || c == '}')
      --depth;
    else if (c == ',' && depth == 0) {
      use(list.substr(begin, i - begin));
      begin = i + 1;
    }
  }
}

/// A value with a name ends in it (`orders::Status::placed`); one without is a cast (`(orders::Status)5`).
std::string_view enumerator_name(std::string_view printed) {
  const auto name = last_identifier(printed);
  const bool is_cast =
      name.empty() || is_digit(name.front()) || (name.size() < printed.size() && printed[printed.size() - name.size() - 1] == ')');
  return is_cast ? std::string_view() : name;
}

}  // namespace

namespace detail {

std::span<const member_model> describe_members(const aggregate_description& description) {
  const auto names = member_names(description.signature, description.addresses.size());
  std::vector<member_model> members(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto wire_name = wire_name_of(names[i], description);
    members[i] = {
        .name = names[i],
        .wire_name = wire_name,
        .type = description.models[i],
        .offset =
            static_cast<std::size_t>(static_cast<const char*>(description.addresses[i]) - static_cast<const char*>(description.object)),
        .json_key = keep('"' + std::string(wire_name) + "\":"),
    };
  }
  refuse_renames_of_nothing(members, description);
  refuse_shared_names(members, description.type_name);
  return keep(std::move(members));
}

std::span<const enumerator_model> describe_enumerators(std::string_view signature, std::int64_t first) {
  // g++: `… [with auto ...Values = {…}; std::string_view = …]`, clang: `… [Values = <…>]`.
  const auto begin = signature.find_first_of("{<", signature.find("Values = ")) + 1;
#ifdef __clang__
  const auto end = signature.rfind(">]");
#else
  const auto end = signature.rfind("};");
#endif
  std::vector<enumerator_model> enumerators;
  auto value = first;
  for_each_argument(signature.substr(begin, end - begin), [&](std::string_view printed) {
    const auto name = enumerator_name(printed);
    if (!name.empty()) enumerators.push_back({.wire_name = keep(camel_case(name)), .value = value});
    ++value;
  });
  return keep(std::move(enumerators));
}

const member_model& find_member(const type_model& model, std::size_t offset, model_function type) {
  for (const auto& member : model.members)
    if (member.offset == offset && member.type == type) return member;
  throw std::logic_error("mamey: this pointer names no member of " + std::string(model.key->name));
}

}  // namespace detail

const enumerator_model* find_enumerator(const type_model& model, std::int64_t value) noexcept {
  const auto found = std::ranges::find(model.enumerators, value, &enumerator_model::value);
  return found == model.enumerators.end() ? nullptr : &*found;
}

const enumerator_model* find_enumerator(const type_model& model, std::string_view wire_name) noexcept {
  const auto found = std::ranges::find_if(model.enumerators, [&](const auto& e) { return equal_ignoring_case(e.wire_name, wire_name); });
  return found == model.enumerators.end() ? nullptr : &*found;
}

}  // namespace mamey::inline v1
