#include <mamey/domain/repository.hpp>

#include <mamey/core/json.hpp>

namespace mamey::inline v1::detail {

void read_state(const document& from, const collection& in, void* state) {
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

document_query make_query(const collection& in, std::vector<member_condition> where, const paging& paging) {
  document_query query{.where = {}, .offset = paging.offset(), .limit = paging.size()};
  for (auto& each : where) {
    if (!each.any) query.where.push_back({column_name(in, each.offset), std::move(each.value)});
  }
  if (!paging.order_by.empty()) {
    // Only declared columns: a client must not make the database sort by whatever it likes.
    const member_model* chosen = nullptr;
    for (const auto& column : in.columns) {
      if (column.member->wire_name == paging.order_by || column.name == paging.order_by) chosen = column.member, query.order_by = column.name;
    }
    if (!chosen && paging.order_by != "id") {
      throw validation_error({{.path = "orderBy", .code = "not_sortable", .message = "cannot sort by " + paging.order_by}});
    }
    query.ascending = paging.ascending();
  }
  return query;
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
