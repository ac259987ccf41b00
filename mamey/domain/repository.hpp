#pragma once

/// @file
/// For services.
/// Aggregates and read models of a module's store. Asked for by a handler as `repository<Order>&` and `read_models<OrderDto>&`; writes are
/// recorded in the handler's unit of work and flushed after it.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/domain/aggregate.hpp>
#include <mamey/domain/collection.hpp>
#include <mamey/domain/condition.hpp>
#include <mamey/domain/paging.hpp>
#include <mamey/domain/unit_of_work.hpp>

namespace mamey::inline v1 {

namespace detail {

// The untyped part of both repositories, compiled once.
[[noreturn]] void throw_not_found(const collection& in, const std::string& id);
document_query make_query(const collection& in, const condition_node& where, const paging& paging);
/// Throws validation_error for a cursor of another collection or order, or of none.
document_query make_query(const collection& in, const type_model& id, const condition_node& where, const cursor_paging& paging);
std::int64_t count_rows(unit_of_work& unit, const collection& in, const condition_node& where);
bool has_row(unit_of_work& unit, const collection& in, const condition_node& where);
void remove_rows(unit_of_work& unit, const collection& in, const condition_node& where);
/// One `assignment` without its type.
struct assigned_member {
  std::size_t offset = 0;
  const void* value = nullptr;
  void (*put)(void* into, const void* value) = nullptr;
};
void update_rows(unit_of_work& unit, const collection& in, const condition_node& where, std::span<const assigned_member> assigned);
/// Takes a stored document. An exception `stored_document_unreadable` means a row that cannot be read.
using document_reading = std::function<void(const document&)>;
/// Hands a page's documents to `read`; unreadable ones are left out (see unreadable_rows).
void read_page(unit_of_work& unit, const collection& in, const document_query& query, const document_reading& read);
/// The documents with these ids in the order of the ids, each once; those that do not exist or cannot be read are left out. Throws
/// validation_error (`too_many_values`).
void read_many(unit_of_work& unit, const collection& in, std::vector<std::string> ids, const document_reading& read);
/// The same from a place on. Stops after one document more than the page holds, or at the end. Returns the cursor of the next page, if
/// there is one.
std::optional<std::string> read_next_page(unit_of_work& unit, const collection& in, document_query query, const document_reading& read);
void record_save(unit_of_work& unit, const collection& in, std::string id, const void* state, std::int64_t& version, std::int64_t& position,
                 std::vector<recorded_message>& raised, write_kind kind);
/// What was changed before is recorded; what is changed from here on is not.
void note_save(origin& from, const collection& in, const std::shared_ptr<unsaved_changes>& unit);

}  // namespace detail

template <class T>
class repository {
  static constexpr bool keeps_an_aggregate = requires {
                                               typename T::id_type;
                                               typename T::state_type;
                                             };
  static_assert(keeps_an_aggregate,
                "mamey: a repository keeps aggregates: derive the type from mamey::aggregate<Id, State>, or ask for mamey::read_models<T>& "
                "of a plain struct.");

 public:
  using id_type = typename T::id_type;
  using condition = member_condition<typename T::state_type>;

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
  /// The aggregates with these ids that exist, in the order of the ids, each once. At most `most_searched_values`. One that cannot be read
  /// is left out, as in lists.
  std::vector<T> find_many(const std::vector<id_type>& ids) const {
    std::vector<std::string> texts;
    for (const auto& each : ids) texts.push_back(text_of(each));
    std::vector<T> items;
    detail::read_many(*unit_, where_stored(), std::move(texts), [&](const document& each) { items.push_back(restore(each)); });
    return items;
  }
  std::int64_t count(const condition& where = {}) const { return detail::count_rows(*unit_, where_stored(), where.node()); }
  bool exists(const condition& where) const { return detail::has_row(*unit_, where_stored(), where.node()); }

  /// Records a new aggregate and its events. At the commit, an id that exists is a concurrency_conflict.
  void add(T& item) { save_as(item, write_kind::insert); }
  void add(T&& item) { save_as(item, write_kind::insert); }
  void add_many(std::vector<T>& items) {
    for (auto& each : items) add(each);
  }
  /// Records the changed aggregate and its events; at the commit, a changed version is a concurrency_conflict.
  void save(T& item) { save_as(item, parts_of(item).stored ? write_kind::update : write_kind::insert); }
  void remove(T& item) { save_as(item, write_kind::remove); }
  /// Records the removal of all aggregates that meet the condition when the unit of work is applied, as one statement. No rule of the
  /// aggregate runs, no event is raised and no version is checked. Afterwards the collection cannot be read in this unit of work. `{}`
  /// means all rows. Throws internal_error (`condition_incomplete`) for a comparison with an empty optional.
  void remove_where(const condition& where) { detail::remove_rows(*unit_, where_stored(), where.node()); }
  /// As `remove_where`, but sets members: `books.update_where(where<&BookState::year>.less(1900), assign<&BookState::genre>(Genre::old))`.
  /// The version of each row counts up, so that a copy that was loaded before cannot be saved.
  template <class... Assigned>
  void update_where(const condition& where, const assignment<typename T::state_type>& first, const Assigned&... others) {
    const detail::assigned_member all[] = {{first.offset, first.value.get(), first.put},
                                           {others.offset, others.value.get(), others.put}...};
    static_assert((std::is_same_v<Assigned, assignment<typename T::state_type>> && ...),
                  "mamey: update_where takes assign<&State::member>(value) of members of the aggregate's state.");
    detail::update_rows(*unit_, where_stored(), where.node(), all);
  }

  /// Aggregates by declared members: `orders.list(where<&OrderState::customer_id>(id), query.paging)`.
  page<T> list(const condition& where, const paging& asked = {}) const {
    const auto query = detail::make_query(where_stored(), where.node(), asked);
    std::vector<T> items;
    detail::read_page(*unit_, where_stored(), query, [&](const document& each) { items.push_back(restore(each)); });
    return page<T>::of(std::move(items), asked, unit_->count(where_stored(), query.where));
  }

  /// As `list`, from page to page: `orders.scroll(where<&OrderState::customer_id>(id), query.paging)`. Throws validation_error for a malformed
  /// cursor.
  cursor_page<T> scroll(const condition& where, const cursor_paging& asked = {}) const {
    cursor_page<T> page;
    page.next = detail::read_next_page(*unit_, where_stored(), detail::make_query(where_stored(), model_of<id_type>(), where.node(), asked),
                                       [&](const document& each) { page.items.push_back(restore(each)); });
    if (page.next) page.items.pop_back();  // the first of the next one
    return page;
  }

 private:
  static const collection& where_stored() { return aggregate_collection<T>(); }
  static std::string text_of(const id_type& id) { return id_text(model_of<id_type>(), &id); }
  static auto& parts_of(T& item) { return static_cast<aggregate<id_type, typename T::state_type>&>(item).parts_; }
  static void set_id(id_type& id, const std::string& text);

  T restore(const document& from) const {
    id_type id{};
    set_id(id, from.id);
    return restore(id, from);
  }
  T restore(const id_type& id, const document& from) const {
    constexpr bool restorable = std::is_default_constructible_v<T>;
    static_assert(restorable,
                  "mamey: an aggregate needs its default constructor, so that a repository can restore it: do not declare another, or add "
                  "`Order() = default;`.");
    T item;
    auto& parts = parts_of(item);
    parts.id = id;
    read_document(from, where_stored(), &parts.state);
    parts.version = from.version;
    parts.position = from.position;
    parts.stored = true;
    parts.origin = {.of = &where_stored(), .unit = unit_->changes()};
    return item;
  }

  void save_as(T& item, write_kind kind) {
    auto& parts = parts_of(item);
    detail::record_save(*unit_, where_stored(), text_of(parts.id), &parts.state, parts.version, parts.position, parts.raised, kind);
    parts.stored = true;
    detail::note_save(parts.origin, where_stored(), unit_->changes());
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

/// Plain structs with a member `id`, for queries. The last write wins; update them from domain events, so that they commit with what they
/// show.
template <class T>
class read_models {
  static constexpr bool has_id = requires(const T& model) { model.id; };
  static_assert(
      has_id,
      "mamey: a read model is a plain struct with a member `id`, under which it is stored; ask for mamey::repository<T>& of an aggregate.");

 public:
  using id_type = decltype(T::id);
  using condition = member_condition<T>;

  explicit read_models(unit_of_work& unit) : unit_(&unit) {}

  std::optional<T> find(const id_type& id) const {
    auto found = unit_->load(where_stored(), id_text(model_of<id_type>(), &id));
    if (!found) return std::nullopt;
    return restore(*found);
  }
  T get(const id_type& id) const {
    auto found = find(id);
    if (!found) detail::throw_not_found(where_stored(), id_text(model_of<id_type>(), &id));
    return std::move(*found);
  }
  bool exists(const id_type& id) const { return unit_->load(where_stored(), id_text(model_of<id_type>(), &id)).has_value(); }
  /// The models with these ids that exist, in the order of the ids, each once. At most `most_searched_values`. One that cannot be read is
  /// left out, as in lists.
  std::vector<T> find_many(const std::vector<id_type>& ids) const {
    std::vector<std::string> texts;
    for (const auto& each : ids) texts.push_back(id_text(model_of<id_type>(), &each));
    std::vector<T> items;
    detail::read_many(*unit_, where_stored(), std::move(texts), [&](const document& each) { items.push_back(restore(each)); });
    return items;
  }
  std::int64_t count(const condition& where = {}) const { return detail::count_rows(*unit_, where_stored(), where.node()); }
  bool exists(const condition& where) const { return detail::has_row(*unit_, where_stored(), where.node()); }

  void put(const T& model) { write(model, write_kind::upsert); }
  void put_many(const std::vector<T>& models) {
    for (const auto& each : models) put(each);
  }
  void remove(const id_type& id) {
    unit_->write({.into = &where_stored(),
                  .kind = write_kind::remove,
                  .content = {.id = id_text(model_of<id_type>(), &id), .body = {}, .columns = {}}});
  }
  /// Records the removal of all models that meet the condition when the unit of work is applied, as one statement. Afterwards the collection
  /// cannot be read in this unit of work. `{}` means all rows. Throws internal_error (`condition_incomplete`) for a comparison with an empty
  /// optional.
  void remove_where(const condition& where) { detail::remove_rows(*unit_, where_stored(), where.node()); }
  /// As `remove_where`, but sets members: `loans.update_where(where<&LoanDto::due>.less(today), assign<&LoanDto::late>(true))`.
  template <class... Assigned>
  void update_where(const condition& where, const assignment<T>& first, const Assigned&... others) {
    static_assert((std::is_same_v<Assigned, assignment<T>> && ...),
                  "mamey: update_where takes assign<&Model::member>(value) of members of the read model.");
    const detail::assigned_member all[] = {{first.offset, first.value.get(), first.put},
                                           {others.offset, others.value.get(), others.put}...};
    detail::update_rows(*unit_, where_stored(), where.node(), all);
  }

  /// `orders.list(where<&OrderDto::customer_id>(query.customer_id), query.paging)`
  page<T> list(const condition& where, const paging& asked = {}) const {
    const auto query = detail::make_query(where_stored(), where.node(), asked);
    std::vector<T> items;
    detail::read_page(*unit_, where_stored(), query, [&](const document& each) { items.push_back(restore(each)); });
    return page<T>::of(std::move(items), asked, unit_->count(where_stored(), query.where));
  }
  page<T> list(const paging& asked = {}) const { return list({}, asked); }

  /// As `list`, from page to page. Throws validation_error for a malformed cursor.
  cursor_page<T> scroll(const condition& where, const cursor_paging& asked = {}) const {
    cursor_page<T> page;
    page.next = detail::read_next_page(*unit_, where_stored(), detail::make_query(where_stored(), model_of<id_type>(), where.node(), asked),
                                       [&](const document& each) { page.items.push_back(restore(each)); });
    if (page.next) page.items.pop_back();  // the first of the next one
    return page;
  }

 private:
  static const collection& where_stored() { return read_model_collection<T>(); }
  static T restore(const document& from) {
    T model{};
    read_document(from, where_stored(), &model);
    return model;
  }
  void write(const T& model, write_kind kind) {
    document_write change{
        .into = &where_stored(), .kind = kind, .content = {.id = id_text(model_of<id_type>(), &model.id), .body = {}, .columns = {}}};
    fill_document(change.content, where_stored(), &model);
    unit_->write(std::move(change));
  }

  unit_of_work* unit_;
};

}  // namespace mamey::inline v1
