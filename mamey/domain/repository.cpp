#include <mamey/domain/repository.hpp>

#include <algorithm>
#include <cstddef>
#include <map>

#include <mamey/core/json.hpp>
#include <mamey/core/text.hpp>
#include <mamey/domain/cursor.hpp>
#include <mamey/domain/document_order.hpp>

namespace mamey::inline v1::detail {

void throw_not_found(const collection& in, const std::string& id) { throw not_found("not_found", "{} {} does not exist", in.name, id); }

void parse_id(const type_model& model, void* id, const std::string& text) {
  std::string expected;
  if (!json::read_text(text, model, id, &expected)) throw internal_error("stored_document_unreadable", "id {} is not {}", text, expected);
}

namespace {

/// The name is the client's: it is looked up, in letters of any case, and never becomes SQL.
void set_order(document_query& of, const collection& in, const std::string& by, bool ascending) {
  if (by.empty()) return;
  of.ascending = ascending;
  const auto is_meant = [&](const member_model& member) {
    return equal_ignoring_case(member.wire_name, by) || equal_ignoring_case(member.name, by);
  };
  const auto column = std::ranges::find_if(
      in.columns, [&](const auto& each) { return (each.member && is_meant(*each.member)) || equal_ignoring_case(each.name, by); });
  if (column != in.columns.end()) {
    of.order_by = column->name;
    return;
  }
  if (equal_ignoring_case(by, "id")) return;
  const auto member = std::ranges::find_if(in.model->members, is_meant);
  if (member == in.model->members.end() || !has_order(*member)) {
    std::string known;
    for (const auto& each : sortable_names(in)) known.append(known.empty() ? "" : ", ").append(each);
    throw validation_error({{.path = "orderBy", .code = "not_sortable", .message = "cannot sort by " + by + ": expected one of " + known}});
  }
  if (in.mapped && in.mapped->id_member == &*member) return;
  of.order_by = member->name;
  of.unindexed = &*member;
}

const type_model& type_at(const collection& in, std::size_t offset) {
  return std::ranges::find(in.model->members, offset, &member_model::offset)->type();
}

column_condition condition_of(const collection& in, const condition_node& node) {
  column_condition made{.column = {}, .value = node.value, .how = node.how, .values = node.values};
  if (!node.parts.empty()) {
    for (const auto& each : node.parts) made.parts.push_back(condition_of(in, each));
    return made;
  }
  made.column = column_name(in, node.offset);
  if (!in.mapped) return made;
  const auto& type = type_at(in, node.offset);
  made.value = mapped_condition(std::move(made.value), type, *in.mapped);
  for (auto& each : made.values) each = mapped_condition(std::move(each), type, *in.mapped);
  return made;
}

std::vector<column_condition> conditions_of(const collection& in, const condition_node& where) {
  if (where.size == 0) return {};
  std::vector<column_condition> made{condition_of(in, where)};
  if (made.front().how != condition_kind::every) return made;
  auto parts = std::move(made.front().parts);
  return parts;
}

/// What a list shows too much, a bulk change would destroy.
void refuse_incomplete(std::string_view what, const collection& in, const condition_node& where) {
  if (!where.incomplete) return;
  throw internal_error("condition_incomplete",
                       "{} on {} compares with an optional that is empty. This comparison would be left out, and more rows would change: "
                       "decide before the call what happens without the value",
                       what, in.name);
}

}  // namespace

document_query make_query(const collection& in, const condition_node& where, const paging& paging) {
  document_query query{.where = conditions_of(in, where), .offset = paging.offset(), .limit = paging.size()};
  set_order(query, in, paging.order_by, paging.ascending());
  return query;
}

document_query make_query(const collection& in, const type_model& id, const condition_node& where, const cursor_paging& paging) {
  document_query query{.where = conditions_of(in, where), .limit = paging.size() + 1};  // one more: is there a next page?
  set_order(query, in, paging.order_by, paging.ascending());
  if (!paging.after.empty()) query.after = read_cursor(paging.after, in, id, query);
  return query;
}

std::int64_t count_rows(unit_of_work& unit, const collection& in, const condition_node& where) {
  return unit.count(in, conditions_of(in, where));
}
bool has_row(unit_of_work& unit, const collection& in, const condition_node& where) {
  return !unit.find(in, {.where = conditions_of(in, where), .limit = 1}).empty();
}

void remove_rows(unit_of_work& unit, const collection& in, const condition_node& where) {
  refuse_incomplete("remove_where", in, where);
  unit.write({.into = &in, .kind = write_kind::remove_where, .content = {}, .where = conditions_of(in, where)});
}

void update_rows(unit_of_work& unit, const collection& in, const condition_node& where, std::span<const assigned_member> assigned) {
  refuse_incomplete("update_where", in, where);
  document_write change{.into = &in, .kind = write_kind::update_where, .content = {}, .where = conditions_of(in, where)};
  // An object with these members, written as every other is: what is refused there is refused here.
  const auto object = in.make();
  for (const auto& each : assigned) each.put(object.get(), each.value);
  document probe;
  fill_document(probe, in, object.get());
  for (const auto& each : assigned) {
    const auto& member = *std::ranges::find(in.model->members, each.offset, &member_model::offset);
    if (in.mapped ? in.mapped->id_member == &member : !in.versioned && member.name == "id")
      throw internal_error("id_assigned", "update_where on {} sets {}, which is the id: an id never changes", in.name, member.name);
    auto& made = change.assigned.emplace_back(member_assignment{.member = &member});
    auto value = probe.columns.begin();
    for (const auto* columns : {&in.columns, in.mapped ? &in.mapped->others : nullptr}) {
      if (columns == nullptr) continue;
      for (const auto& column : *columns) {
        if (column.member == &member) {
          made.column = column.name;
          made.value = *value;
        }
        ++value;
      }
    }
    if (!in.mapped)
      json::write(made.json, member.type(), static_cast<const std::byte*>(static_cast<const void*>(object.get())) + member.offset,
                  json::writing_stored);
  }
  unit.write(std::move(change));
}

namespace {

/// The rows that one call has left out: reported once, when it ends.
class rows_left_out {
 public:
  rows_left_out(const unit_of_work& unit, const collection& in) : rules_(unit.unreadable()), in_(in) {}
  ~rows_left_out() {
    if (rules_ && rules_->left_out && !ids_.empty()) rules_->left_out(in_, ids_, reason_);
  }
  rows_left_out(const rows_left_out&) = delete;
  rows_left_out& operator=(const rows_left_out&) = delete;

  /// Whether `read` could read it.
  bool reads(const document& each, const document_reading& read) {
    try {
      read(each);
      return true;
    } catch (const internal_error& failure) {
      if (failure.code() != "stored_document_unreadable" || (rules_ && rules_->refused)) throw;
      if (ids_.empty()) reason_ = failure.reason();
      ids_.push_back(each.id);
      return false;
    }
  }

 private:
  const unreadable_rows* rules_;
  const collection& in_;
  std::vector<std::string> ids_;
  std::string reason_;
};

}  // namespace

void read_page(unit_of_work& unit, const collection& in, const document_query& query, const document_reading& read) {
  rows_left_out unreadable(unit, in);
  for (const auto& each : unit.find(in, query)) unreadable.reads(each, read);
}

void read_many(unit_of_work& unit, const collection& in, std::vector<std::string> ids, const document_reading& read) {
  std::map<std::string, std::size_t> places;  // id_key ⇒ place in the answer
  column_condition wanted{.column = "id", .value = {}, .how = condition_kind::one_of};
  for (auto& each : ids) {
    if (places.try_emplace(id_key(in, each), places.size()).second) wanted.values.emplace_back(std::move(each));
  }
  check_searched_values("id", wanted.values.size());
  if (wanted.values.empty()) return;
  std::vector<const document*> sorted(places.size());
  const auto limit = std::ssize(places);
  const auto found = unit.find(in, {.where = {std::move(wanted)}, .limit = limit});
  for (const auto& each : found) sorted.at(places.at(id_key(in, each.id))) = &each;
  rows_left_out unreadable(unit, in);
  for (const auto* each : sorted) {
    if (each != nullptr) unreadable.reads(*each, read);
  }
}

std::optional<std::string> read_next_page(unit_of_work& unit, const collection& in, document_query query, const document_reading& read) {
  rows_left_out unreadable(unit, in);
  const auto size = query.limit - 1;
  std::int64_t count = 0;
  document_place last;  // of those on the page
  for (;;) {
    const auto found = unit.find(in, query);
    for (const auto& each : found) {
      if (!unreadable.reads(each, read)) continue;
      // A cursor is a place that could be read: one that could not may have no text that the next query takes.
      if (++count == size) last = {.key = sort_key(in, each, query), .id = each.id};
      if (count > size) return write_cursor(last, in, query);
    }
    if (std::ssize(found) < query.limit) return std::nullopt;
    query.after = document_place{.key = sort_key(in, found.back(), query), .id = found.back().id};
  }
}

void record_save(unit_of_work& unit, const collection& in, std::string id, const void* state, std::int64_t& version, std::int64_t& position,
                 std::vector<recorded_message>& raised, write_kind kind) {
  const auto events = static_cast<std::int64_t>(raised.size());
  document_write change{.into = &in,
                        .kind = kind,
                        .content = {.id = id, .version = version + 1, .position = position + events, .body = {}, .columns = {}},
                        .expected_version = version};
  if (kind != write_kind::remove) fill_document(change.content, in, state);
  unit.write(std::move(change));
  // The copy follows what was recorded, so that saving it again is no conflict with itself.
  if (const auto recorded = unit.load(in, id)) version = recorded->version;
  for (auto& event : raised) {
    event.stream = in.name + "/" + id;
    event.position = ++position;
    if (event.key.empty()) event.key = id;
    unit.raise(std::move(event));
  }
  raised.clear();
}

void note_save(origin& from, const collection& in, const std::shared_ptr<unsaved_changes>& unit) {
  if (from.unit) from.unit->save(from.last_change);
  if (from.unit != unit) from = {.of = &in, .unit = unit};
  from.saved_change = from.last_change;
  from.saved = true;
}

}  // namespace mamey::inline v1::detail
