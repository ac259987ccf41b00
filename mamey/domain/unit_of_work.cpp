#include <mamey/domain/unit_of_work.hpp>

#include <algorithm>

#include <mamey/core/error.hpp>
#include <mamey/domain/document_order.hpp>

namespace mamey::inline v1 {
namespace {

bool matches(const collection& in, const document& found, std::span<const column_condition> where) {
  return std::ranges::all_of(where, [&](const column_condition& condition) {
    if (condition.column == "id") return sql_value(found.id) == condition.value;
    const auto index = column_index(in, condition.column);
    return index && same_value(in, *index, found.columns[*index], condition.value);
  });
}

}  // namespace

document_write* unit_of_work::recorded(const collection& in, std::string_view id) {
  const auto found = std::ranges::find_if(writes_, [&](const document_write& each) { return each.into == &in && each.content.id == id; });
  return found == writes_.end() ? nullptr : &*found;
}

std::optional<document> unit_of_work::load(const collection& from, std::string_view id) {
  if (const auto* own = recorded(from, id)) {
    if (own->kind == write_kind::remove) return std::nullopt;
    return own->content;
  }
  return reader_->load(from, id);
}

std::vector<document> unit_of_work::find(const collection& in, const document_query& query) {
  const auto own = static_cast<std::int64_t>(std::ranges::count_if(writes_, [&](const document_write& each) { return each.into == &in; }));
  if (own == 0) return reader_->find(in, query);

  // Own changes may add or remove rows anywhere before the page: fetch from the start, overlay, sort and cut here.
  auto wide = query;
  wide.offset = 0;
  wide.limit = query.offset + query.limit + own;
  auto found = reader_->find(in, wide);
  std::erase_if(found, [&](const document& each) {
    return std::ranges::any_of(writes_, [&](const document_write& change) { return change.into == &in && same_id(in, change.content.id, each.id); });
  });
  for (const auto& each : writes_) {
    if (each.into != &in || each.kind == write_kind::remove || !matches(in, each.content, query.where)) continue;
    if (!query.after || comes_after(in, each.content, query)) found.push_back(each.content);
  }
  std::ranges::stable_sort(found, [&](const document& left, const document& right) { return comes_before(in, left, right, query); });
  const auto begin = std::min<std::size_t>(static_cast<std::size_t>(query.offset), found.size());
  const auto end = std::min<std::size_t>(begin + static_cast<std::size_t>(query.limit), found.size());
  return {std::make_move_iterator(found.begin() + static_cast<std::ptrdiff_t>(begin)), std::make_move_iterator(found.begin() + static_cast<std::ptrdiff_t>(end))};
}

std::int64_t unit_of_work::count(const collection& in, std::span<const column_condition> where) {
  auto total = reader_->count(in, where);
  for (const auto& each : writes_) {
    if (each.into != &in) continue;
    const auto stored = reader_->load(in, each.content.id);
    total -= stored && matches(in, *stored, where) ? 1 : 0;
    total += each.kind != write_kind::remove && matches(in, each.content, where) ? 1 : 0;
  }
  return total;
}

void unit_of_work::write(document_write change) {
  auto* own = recorded(*change.into, change.content.id);
  if (!own) {
    writes_.push_back(std::move(change));
    return;
  }
  if (change.into->versioned) {
    if (change.kind == write_kind::insert && own->kind != write_kind::remove) {
      throw concurrency_conflict("already_exists", "{} {} was already added by this handler", change.into->name, change.content.id);
    }
    if (change.kind != write_kind::insert && change.expected_version != own->content.version) {
      throw concurrency_conflict("concurrency_conflict", "{} {} was saved twice from different copies: version {} is recorded, the copy has {}",
                                 change.into->name, change.content.id, own->content.version, change.expected_version);
    }
  }
  // One row, one write: what was recorded first says against which stored version it applies; its save is counted once.
  const auto stays_insert = own->kind == write_kind::insert;
  if (stays_insert && change.kind == write_kind::remove) {
    writes_.erase(writes_.begin() + (own - writes_.data()));
    return;
  }
  own->kind = stays_insert ? write_kind::insert : own->kind == write_kind::remove ? write_kind::update : change.kind;
  if (change.kind != write_kind::remove) {
    const auto version = own->content.version;
    own->content = std::move(change.content);
    own->content.version = version;
  }
}

std::optional<recorded_message> unit_of_work::take_raised() {
  if (raised_.empty()) return std::nullopt;
  std::optional<recorded_message> oldest(std::move(raised_.front()));
  raised_.pop_front();
  return oldest;
}

}  // namespace mamey::inline v1
