#pragma once

/// @file
/// Where a type's objects are stored: the collection follows from the type.

#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

#include <mamey/domain/document.hpp>
#include <mamey/domain/table_mapping.hpp>

namespace mamey::inline v1 {

/// Members that become columns, so that they can be searched and sorted by:
/// `static constexpr auto indexes() { return mamey::indexed<&OrderState::customer_id, &OrderState::status>; }`. Likewise `unique_indexes()`.
template <auto... Members>
struct member_list {};
template <auto... Members>
inline constexpr member_list<Members...> indexed{};

namespace detail {

/// `OrderDto` ⇒ `order_dtos`.
std::string default_collection_name(std::string_view type_name);
void add_column(collection& to, std::size_t offset, bool unique);

template <auto Member>
struct member_parts;
template <class T, class V, V T::*Member>
struct member_parts<Member> {
  using owner = T;
  using value = V;
};

template <class T, auto Member>
std::size_t offset_of() {
  static const T probe{};
  return static_cast<std::size_t>(reinterpret_cast<const char*>(&(probe.*Member)) - reinterpret_cast<const char*>(&probe));
}

template <class T, auto... Members>
void add_columns(collection& to, member_list<Members...>, bool unique) {
  (add_column(to, offset_of<T, Members>(), unique), ...);
}

template <class Owner>
const type_model& id_model() {
  if constexpr (requires { typename Owner::id_type; }) return model_of<typename Owner::id_type>();
  else return model_of<decltype(Owner::id)>();
}

/// `Owner` names the collection, `Stored` has the members.
template <class Owner, class Stored>
collection make_collection(bool versioned) {
  collection made{.name = {}, .model = &model_of<Stored>(), .columns = {}, .versioned = versioned};
  if constexpr (requires { { Owner::collection } -> std::convertible_to<std::string>; }) made.name = Owner::collection;
  else made.name = default_collection_name(unqualified(type_key_of<Owner>.name));
  if constexpr (requires { Stored::indexes(); }) add_columns<Stored>(made, Stored::indexes(), false);
  if constexpr (requires { Stored::unique_indexes(); }) add_columns<Stored>(made, Stored::unique_indexes(), true);
  constexpr bool maps_its_members = std::is_same_v<Owner, Stored> || !requires { Owner::mapping(); };
  static_assert(maps_its_members, "mamey: mapping() stands beside the members that it maps: move it from the aggregate into its state.");
  if constexpr (requires { Stored::mapping(); }) map_collection(made, Stored::mapping(), id_model<Owner>());
  return made;
}

}  // namespace detail

/// The column of a member that `table_mapping::naming` does not find: `column<&OrderState::customer_id>("ClientId")`.
template <auto Member>
named_column column(std::string name) {
  using owner = typename detail::member_parts<Member>::owner;
  return {.owner = &type_key_of<owner>, .offset = detail::offset_of<owner, Member>(), .name = std::move(name)};
}

/// The collection of an aggregate: named by its class in the plural (`Order` ⇒ `orders`, or `static constexpr const char* collection`), shaped by its state.
template <class Aggregate>
const collection& aggregate_collection() {
  static const collection made = detail::make_collection<Aggregate, typename Aggregate::state_type>(true);
  return made;
}

/// The collection of a read model: a plain struct with a member `id`.
template <class Model>
const collection& read_model_collection() {
  static const collection made = detail::make_collection<Model, Model>(false);
  return made;
}

/// The name of a declared column; throws std::logic_error naming the member when it is not declared.
const std::string& column_name(const collection& in, std::size_t offset);

/// A member's value as a column holds it: numbers as numbers, the rest as text, an empty optional as null.
sql_value column_value(const type_model& model, const void* object);

/// The text form of an id.
std::string id_text(const type_model& model, const void* id);

/// JSON body and columns of `object`; of a mapped collection, the columns of all its members.
void fill_document(document& into, const collection& of, const void* object);

}  // namespace mamey::inline v1
