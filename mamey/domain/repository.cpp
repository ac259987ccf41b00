#include <mamey/domain/repository.hpp>

#include <algorithm>

#include <mamey/core/json.hpp>
#include <mamey/domain/cursor.hpp>
#include <mamey/domain/document_order.hpp>

namespace mamey::inline v1::detail {

namespace {

void read_mapped(const document& from, const collection& in, void* state) {
  const auto at = [&](const member_model& member) { return static_cast<std::byte*>(state) + member.offset; };
  const auto read = [&](const indexed_column& column, const sql_value& value) {
    const auto expected = read_mapped_value(value, column.member->type(), at(*column.member));
    if (!expected.empty())
      throw internal_error("stored_document_unreadable", "{} {}: the column {} of {} holds something else than {}", in.name, from.id, column.name, in.mapped->table, expected);
  };
  if (in.mapped->id_member) read({.name = in.mapped->id, .member = in.mapped->id_member}, from.id);
  auto value = from.columns.begin();
  for (const auto* each : {&in.columns, &in.mapped->others}) {
    for (const auto& column : *each) read(column, *value++);
  }
}

}  // namespace

void read_state(const document& from, const collection& in, void* state) {
  if (in.mapped) return read_mapped(from, in, state);
  const auto wrong = json::read(from.body, *in.model, state);
  if (!wrong.empty()) {
    // Ours, not the caller's: the stored document no longer fits the type.
    throw internal_error("stored_document_unreadable", "{} {}: {} {}", in.name, from.id, wrong.front().path, wrong.front().message);
  }
}

void throw_not_found(const collection& in, const std::string& id) { throw not_found("not_found", "{} {} does not exist", in.name, id); }

void parse_id(const type_model& model, void* id, const std::string& text) {
  std::string expected;
  if (!json::read_text(text, model, id, &expected)) throw internal_error("stored_document_unreadable", "id {} is not {}", text, expected);
}

namespace {

/// Only declared columns: a client must not make the database sort by whatever it likes.
void set_order(document_query& of, const collection& in, const std::string& by, bool ascending) {
  if (by.empty()) return;
  const auto chosen = std::ranges::find_if(in.columns, [&](const auto& each) { return each.member->wire_name == by || each.name == by; });
  if (chosen == in.columns.end() && by != "id") throw validation_error({{.path = "orderBy", .code = "not_sortable", .message = "cannot sort by " + by}});
  if (chosen != in.columns.end()) of.order_by = chosen->name;
  of.ascending = ascending;
}

const type_model& type_at(const collection& in, std::size_t offset) { return std::ranges::find(in.model->members, offset, &member_model::offset)->type(); }

std::vector<column_condition> conditions_of(const collection& in, std::vector<member_condition> where) {
  std::vector<column_condition> made;
  for (auto& each : where) {
    if (each.any) continue;
    made.push_back({column_name(in, each.offset), std::move(each.value)});
    if (in.mapped) made.back().value = mapped_condition(std::move(made.back().value), type_at(in, each.offset), *in.mapped);
  }
  return made;
}

}  // namespace

document_query make_query(const collection& in, std::vector<member_condition> where, const paging& paging) {
  document_query query{.where = conditions_of(in, std::move(where)), .offset = paging.offset(), .limit = paging.size()};
  set_order(query, in, paging.order_by, paging.ascending());
  return query;
}

document_query make_query(const collection& in, const type_model& id, std::vector<member_condition> where, const cursor_paging& paging) {
  document_query query{.where = conditions_of(in, std::move(where)), .limit = paging.size() + 1};
  set_order(query, in, paging.order_by, paging.ascending());
  if (!paging.after.empty()) query.after = read_cursor(paging.after, in, id, query);
  return query;
}

std::optional<std::string> cut_page(std::vector<document>& found, const collection& in, const document_query& query) {
  if (std::ssize(found) < query.limit) return std::nullopt;
  found.resize(static_cast<std::size_t>(query.limit - 1));
  return write_cursor({.key = sort_key(in, found.back(), query.order_by), .id = found.back().id}, in, query);
}

void record_save(unit_of_work& unit, const collection& in, std::string id, const void* state, std::int64_t& version, std::int64_t& position,
                 std::vector<recorded_message>& raised, write_kind kind) {
  const auto events = static_cast<std::int64_t>(raised.size());
  document_write change{.into = &in, .kind = kind, .content = {.id = id, .version = version + 1, .position = position + events, .body = {}, .columns = {}}, .expected_version = version};
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

}  // namespace mamey::inline v1::detail
