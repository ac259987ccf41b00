#pragma once

/// @file
/// Aggregates and read models of a module's store. Asked for by a handler as `repository<Order>&` and `read_models<OrderDto>&`; writes are recorded in the
/// handler's unit of work and flushed after it.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/domain/aggregate.hpp>
#include <mamey/domain/collection.hpp>
#include <mamey/domain/paging.hpp>
#include <mamey/domain/unit_of_work.hpp>

namespace mamey::inline v1 {

/// `member = value`, made by `where<&OrderDto::status>(Status::placed)`; an empty optional means "any".
struct member_condition {
  std::size_t offset = 0;
  bool any = false;
  sql_value value;
};

namespace detail {

template <class V>
struct without_optional { using type = V; };
template <class V>
struct without_optional<std::optional<V>> { using type = V; };

// The untyped part of both repositories, compiled once.
void read_state(const document& from, const collection& in, void* state);
[[noreturn]] void throw_not_found(const collection& in, const std::string& id);
document_query make_query(const collection& in, std::vector<member_condition> where, const paging& paging);
/// Asks for one document more than the page has. Throws validation_error for a cursor of another collection or order, or of none.
document_query make_query(const collection& in, const type_model& id, std::vector<member_condition> where, const cursor_paging& paging);
/// Cuts what is more than a page off: the cursor of the next page, if there is one.
std::optional<std::string> cut_page(std::vector<document>& found, const collection& in, const document_query& query);
void record_save(unit_of_work& unit, const collection& in, std::string id, const void* state, std::int64_t& version, std::int64_t& position,
                 std::vector<recorded_message>& raised, write_kind kind);

}  // namespace detail

template <auto Member>
member_condition where(const typename detail::without_optional<typename detail::member_parts<Member>::value>::type& value) {
  using owner = typename detail::member_parts<Member>::owner;
  using plain = typename detail::without_optional<typename detail::member_parts<Member>::value>::type;
  return {.offset = detail::offset_of<owner, Member>(), .any = false, .value = column_value(model_of<plain>(), &value)};
}
template <auto Member, class Optional>
  requires requires(const Optional& o) { o.has_value(); *o; }
member_condition where(const Optional& value) {
  if (!value) return {.offset = 0, .any = true, .value = {}};
  return where<Member>(*value);
}

template <class T>
class repository {
  static constexpr bool keeps_an_aggregate = requires { typename T::id_type; typename T::state_type; };
  static_assert(keeps_an_aggregate, "mamey: a repository keeps aggregates: derive the type from mamey::aggregate<Id, State>, or ask for mamey::read_models<T>& of a plain struct.");

 public:
  using id_type = typename T::id_type;

  explicit repository(unit_of_work& unit) : unit_(&unit) {}

  std::optional<T> find(const id_type& id) const {
    auto found = unit_->load(where_stored(), text_of(id));
    if (!found) return std::nullopt;
    return restore(id, *found);
  }
  /// Throws `not_found`.
  T get(const id_type& id) const {
    auto found = find(id);
    if (!found) detail::throw_not_found(where_stored(), text_of(id));
    return std::move(*found);
  }
  bool exists(const id_type& id) const { return unit_->load(where_stored(), text_of(id)).has_value(); }

  /// Records a new aggregate and its events. At the flush, an id that exists is a concurrency_conflict.
  void add(T& item) { save_as(item, write_kind::insert); }
  void add(T&& item) { save_as(item, write_kind::insert); }
  /// Records the changed aggregate and its events; at the flush, a version that moved on is a concurrency_conflict.
  void save(T& item) { save_as(item, item.stored_ ? write_kind::update : write_kind::insert); }
  void remove(T& item) { save_as(item, write_kind::remove); }

  /// Aggregates by declared members: `orders.list({where<&OrderState::customer_id>(id)}, query.paging)`.
  page<T> list(std::vector<member_condition> conditions, const paging& asked = {}) const {
    const auto query = detail::make_query(where_stored(), std::move(conditions), asked);
    std::vector<T> items;
    for (const auto& found : unit_->find(where_stored(), query)) {
      id_type id{};
      set_id(id, found.id);
      items.push_back(restore(id, found));
    }
    return page<T>::of(std::move(items), asked, unit_->count(where_stored(), query.where));
  }

  /// As `list`, from page to page: `orders.scroll({where<&OrderState::customer_id>(id)}, query.paging)`. Throws validation_error for a malformed cursor.
  cursor_page<T> scroll(std::vector<member_condition> conditions, const cursor_paging& asked = {}) const {
    const auto query = detail::make_query(where_stored(), model_of<id_type>(), std::move(conditions), asked);
    auto found = unit_->find(where_stored(), query);
    cursor_page<T> page{.items = {}, .next = detail::cut_page(found, where_stored(), query)};
    for (const auto& each : found) {
      id_type id{};
      set_id(id, each.id);
      page.items.push_back(restore(id, each));
    }
    return page;
  }

 private:
  static const collection& where_stored() { return aggregate_collection<T>(); }
  static std::string text_of(const id_type& id) { return id_text(model_of<id_type>(), &id); }
  static void set_id(id_type& id, const std::string& text);

  static T restore(const id_type& id, const document& from) {
    constexpr bool restorable = std::is_default_constructible_v<T>;
    static_assert(restorable, "mamey: an aggregate needs its default constructor, so that a repository can restore it: do not declare another, or add `Order() = default;`.");
    T item;
    auto& base = static_cast<aggregate<id_type, typename T::state_type>&>(item);
    base.id_ = id;
    detail::read_state(from, where_stored(), &base.state_);
    base.version_ = from.version;
    base.position_ = from.position;
    base.stored_ = true;
    return item;
  }

  void save_as(T& item, write_kind kind) {
    auto& base = static_cast<aggregate<id_type, typename T::state_type>&>(item);
    detail::record_save(*unit_, where_stored(), text_of(base.id_), &base.state_, base.version_, base.position_, base.raised_, kind);
    base.stored_ = true;
  }

  unit_of_work* unit_;
};

namespace detail {
void parse_id(const type_model& model, void* id, const std::string& text);
}

template <class T>
void repository<T>::set_id(id_type& id, const std::string& text) {
  detail::parse_id(model_of<id_type>(), &id, text);
}

/// Plain structs with a member `id`, for queries. The last write wins; update them from domain events, so that they commit with what they show.
template <class T>
class read_models {
  static constexpr bool has_id = requires(const T& model) { model.id; };
  static_assert(has_id, "mamey: a read model is a plain struct with a member `id`, under which it is stored; ask for mamey::repository<T>& of an aggregate.");

 public:
  using id_type = decltype(T::id);

  explicit read_models(unit_of_work& unit) : unit_(&unit) {}

  std::optional<T> find(const id_type& id) const {
    auto found = unit_->load(where_stored(), id_text(model_of<id_type>(), &id));
    if (!found) return std::nullopt;
    T model{};
    detail::read_state(*found, where_stored(), &model);
    return model;
  }
  T get(const id_type& id) const {
    auto found = find(id);
    if (!found) detail::throw_not_found(where_stored(), id_text(model_of<id_type>(), &id));
    return std::move(*found);
  }
  void put(const T& model) { write(model, write_kind::upsert); }
  void remove(const id_type& id) {
    unit_->write({.into = &where_stored(), .kind = write_kind::remove, .content = {.id = id_text(model_of<id_type>(), &id), .body = {}, .columns = {}}});
  }

  /// `orders.list({where<&OrderDto::customer_id>(query.customer_id)}, query.paging)`
  page<T> list(std::vector<member_condition> conditions, const paging& asked = {}) const {
    const auto query = detail::make_query(where_stored(), std::move(conditions), asked);
    std::vector<T> items;
    for (const auto& found : unit_->find(where_stored(), query)) detail::read_state(found, where_stored(), &items.emplace_back());
    return page<T>::of(std::move(items), asked, unit_->count(where_stored(), query.where));
  }
  page<T> list(const paging& asked = {}) const { return list({}, asked); }

  /// As `list`, from page to page. Throws validation_error for a malformed cursor.
  cursor_page<T> scroll(std::vector<member_condition> conditions, const cursor_paging& asked = {}) const {
    const auto query = detail::make_query(where_stored(), model_of<id_type>(), std::move(conditions), asked);
    auto found = unit_->find(where_stored(), query);
    cursor_page<T> page{.items = {}, .next = detail::cut_page(found, where_stored(), query)};
    for (const auto& each : found) detail::read_state(each, where_stored(), &page.items.emplace_back());
    return page;
  }

 private:
  static const collection& where_stored() { return read_model_collection<T>(); }
  void write(const T& model, write_kind kind) {
    document_write change{.into = &where_stored(), .kind = kind, .content = {.id = id_text(model_of<id_type>(), &model.id), .body = {}, .columns = {}}};
    fill_document(change.content, where_stored(), &model);
    unit_->write(std::move(change));
  }

  unit_of_work* unit_;
};

}  // namespace mamey::inline v1
