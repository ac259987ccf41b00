#pragma once

/// @file
/// For providers and the framework.
/// The collection in which a type's objects are stored; it follows from the type.

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <mamey/domain/document.hpp>
#include <mamey/domain/table_mapping.hpp>

namespace mamey::inline v1 {

template <class Id, class State>
class aggregate;

/// Members that become columns, for search and sort:
/// `static constexpr auto indexes() { return mamey::indexed<&OrderState::customer_id, &OrderState::status>; }`. Likewise
/// `unique_indexes()`.
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
template <class T, class V, V T::* Member>
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
  if constexpr (requires { typename Owner::id_type; })
    return model_of<typename Owner::id_type>();
  else
    return model_of<decltype(Owner::id)>();
}

template <auto Left, auto Right>
consteval bool is_same_member() {
  if constexpr (std::is_same_v<decltype(Left), decltype(Right)>)
    return Left == Right;
  else
    return false;
}
template <auto Member, auto... Members>
consteval bool is_listed(member_list<Members...>) {
  return (is_same_member<Member, Members>() || ...);
}

/// Whether the member's struct declares it as an index.
template <auto Member>
consteval bool is_indexed() {
  using owner = typename member_parts<Member>::owner;
  bool found = false;
  if constexpr (requires { owner::indexes(); }) found = found || is_listed<Member>(decltype(owner::indexes()){});
  if constexpr (requires { owner::unique_indexes(); }) found = found || is_listed<Member>(decltype(owner::unique_indexes()){});
  return found;
}

template <class T>
inline constexpr bool is_member_list = false;
template <auto... Members>
inline constexpr bool is_member_list<const member_list<Members...>> = true;

template <class T>
concept declares_collection = requires { requires of_the_type<decltype(&T::collection)>; };
template <class T>
concept declares_indexes = requires { requires of_the_type<decltype(&T::indexes)>; };
template <class T>
concept declares_unique_indexes = requires { requires of_the_type<decltype(&T::unique_indexes)>; };
template <class T>
concept declares_mapping = requires { requires of_the_type<decltype(&T::mapping)>; };
template <class T>
concept has_indexes = requires { requires is_member_list<const decltype(T::indexes())>; };
template <class T>
concept has_unique_indexes = requires { requires is_member_list<const decltype(T::unique_indexes())>; };
template <class T>
concept has_mapping = requires { T::mapping(); };
/// Names that are likely spelling mistakes.
template <class T>
concept misspells_indexes = requires { requires is_member_list<const decltype(T::index())>; } ||
                            requires { requires is_member_list<const decltype(T::indices())>; } ||
                            requires { requires is_member_list<const decltype(T::indexed())>; } ||
                            requires { requires is_member_list<const decltype(T::unique())>; } ||
                            requires { requires is_member_list<const decltype(T::unique_index())>; } ||
                            requires { requires is_member_list<const decltype(T::unique_indices())>; };

/// True when the special members of a stored type have the right form; otherwise one sentence shows the right form.
template <class T>
consteval bool declares_storage_rightly() {
  constexpr bool names_a_collection =
      !declares_collection<T> || requires { requires std::convertible_to<decltype(T::collection), std::string>; };
  static_assert(names_a_collection, "mamey: a type names its collection with `static constexpr const char* collection = \"orders\";`.");
  constexpr bool has_static_indexes = (!declares_indexes<T> || has_indexes<T>) && (!declares_unique_indexes<T> || has_unique_indexes<T>);
  static_assert(has_static_indexes,
                "mamey: indexes() and unique_indexes() are static, take nothing and return members: `static constexpr auto indexes() { "
                "return mamey::indexed<&OrderState::status>; }`.");
  constexpr bool calls_indexes_so = !misspells_indexes<T>;
  static_assert(
      calls_indexes_so,
      "mamey: what can be searched and sorted by stands in `indexes()`, what is unique in `unique_indexes()`: this name nobody reads.");
  constexpr bool maps_statically = !declares_mapping<T> || has_mapping<T>;
  static_assert(maps_statically, "mamey: mapping() is static and takes nothing: `static mamey::table_mapping mapping() { return …; }`.");
  return names_a_collection && has_static_indexes && calls_indexes_so && maps_statically;
}

/// `Owner` names the collection, `Stored` has the members.
template <class Owner, class Stored>
collection make_collection(bool versioned) {
  collection made{.name = {},
                  .model = &model_of<Stored>(),
                  .columns = {},
                  .versioned = versioned,
                  .owner = &type_key_of<Owner>,
                  .make = []() -> std::shared_ptr<void> { return std::make_shared<Stored>(); }};
  if constexpr (declares_storage_rightly<Stored>() && declares_storage_rightly<Owner>()) {
    if constexpr (declares_collection<Owner>)
      made.name = Owner::collection;
    else
      made.name = default_collection_name(unqualified(type_key_of<Owner>.name));
    if constexpr (has_indexes<Stored>) add_columns<Stored>(made, Stored::indexes(), false);
    if constexpr (has_unique_indexes<Stored>) add_columns<Stored>(made, Stored::unique_indexes(), true);
  }
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

/// The collection of an aggregate: named by its class in the plural (`Order` ⇒ `orders`, or `static constexpr const char* collection`),
/// shaped by its state.
template <class Aggregate>
const collection& aggregate_collection() {
  static const collection made = [] {
    auto of = detail::make_collection<Aggregate, typename Aggregate::state_type>(true);
    of.base = &type_key_of<aggregate<typename Aggregate::id_type, typename Aggregate::state_type>>;
    return of;
  }();
  return made;
}

/// The collection of a read model: a plain struct with a member `id`.
template <class Model>
const collection& read_model_collection() {
  static const collection made = detail::make_collection<Model, Model>(false);
  return made;
}

/// Throws `internal_error` (`name_taken`) when two types would be kept in one table, naming both. Tables of a mapping belong to another
/// program and may be shared.
void check_tables(std::vector<const collection*> all);

/// The longest texts that every store can keep in an index, in bytes: a longer one is a validation_error that names the member.
inline constexpr std::size_t longest_indexed_text = 2000;
inline constexpr std::size_t longest_id = 500;

/// The name of a declared column; throws std::logic_error naming the member when it is not declared.
const std::string& column_name(const collection& in, std::size_t offset);

/// A member's value as a column holds it: numbers as numbers, all other values as text, an empty optional as null.
sql_value column_value(const type_model& model, const void* object);

/// The text form of an id.
std::string id_text(const type_model& model, const void* id);

/// JSON body and columns of `object`; of a mapped collection, the columns of all its members. Throws validation_error for an id or an
/// indexed text that is too long (of a mapped table its owner decides).
void fill_document(document& into, const collection& of, const void* object);

/// Reads the stored document into `state`, an object of the model. Throws `internal_error` (`stored_document_unreadable`) when it does not
/// fit the type.
void read_document(const document& from, const collection& in, void* state);

/// Does what an `update_where` does to one row: sets members in body and columns, and counts the version.
void assign_members(document& row, const collection& in, std::span<const member_assignment> assigned);

/// The value of one member of the stored object, as a column would hold it; null where the row cannot be read.
sql_value member_value(const collection& in, const document& of, const member_model& member);

/// The values of the declared columns as reading the body gives them: to fill a column that is declared later. Empty where the row cannot
/// be read.
std::optional<std::vector<sql_value>> columns_of_body(const collection& of, std::string id, std::string body);

}  // namespace mamey::inline v1
