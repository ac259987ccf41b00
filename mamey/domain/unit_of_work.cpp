#include <mamey/domain/unit_of_work.hpp>

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/domain/collection.hpp>
#include <mamey/domain/column_times.hpp>
#include <mamey/domain/document_order.hpp>

namespace mamey::inline v1 {
namespace {

std::vector<document> page_of(std::vector<document> sorted, const document_query& query) {
  const auto begin = std::min<std::size_t>(static_cast<std::size_t>(query.offset), sorted.size());
  const auto end = std::min<std::size_t>(begin + static_cast<std::size_t>(query.limit), sorted.size());
  return {std::make_move_iterator(sorted.begin() + static_cast<std::ptrdiff_t>(begin)),
          std::make_move_iterator(sorted.begin() + static_cast<std::ptrdiff_t>(end))};
}

std::string sortable_members(const collection& in) {
  std::string names = "id";
  for (const auto& each : in.columns) names.append(", ").append(each.member ? each.member->wire_name : each.name);
  return names;
}

}  // namespace

unit_of_work::row_change* unit_of_work::recorded(const collection& in, std::string_view id) {
  const auto rows = by_id_.find(&in);
  if (rows == by_id_.end()) return nullptr;
  const auto found = rows->second.find(id_key(in, id));
  return found == rows->second.end() ? nullptr : &changes_[found->second];
}

void unit_of_work::require_recording(std::string_view what) const {
  if (only_reads_.empty()) return;
  throw internal_error("only_reads", "{} only reads, as a query or an endpoint of GET: it cannot {}; let the handler of a command do that",
                       only_reads_, what);
}

std::optional<document> unit_of_work::load(const collection& from, std::string_view id) {
  if (const auto* own = recorded(from, id)) {
    if (own->removed) return std::nullopt;
    return own->change.content;
  }
  require_readable(from);
  return reader_->load(from, id);
}

void unit_of_work::require_readable(const collection& in) const {
  if (std::ranges::find(changed_in_bulk_, &in) == changed_in_bulk_.end()) return;
  throw internal_error(
      "changed_in_bulk",
      "this handler has recorded update_where or remove_where on {}, so it cannot read {} any more: read first, or in another handler",
      in.name, in.name);
}

std::vector<document> unit_of_work::find(const collection& in, const document_query& asked) {
  require_readable(in);
  auto query = asked;
  if (reader_->cuts_times()) cut_times(in, query);
  if (query.unindexed) return find_unindexed(in, query);
  const auto own = by_id_.find(&in);
  if (own == by_id_.end()) return reader_->find(in, query);

  // Own changes may add or remove rows anywhere before the page: fetch from the start, overlay, sort and cut here.
  auto wide = query;
  wide.offset = 0;
  wide.limit = query.offset + query.limit + std::ssize(own->second);
  auto found = with_own(reader_->find(in, wide), in, query, own->second);
  sort_documents(found, in, query);
  return page_of(std::move(found), query);
}

/// `found` without what this unit has changed, and what that is now.
std::vector<document> unit_of_work::with_own(std::vector<document> found, const collection& in, const document_query& query,
                                             const rows_by_id& own) {
  std::erase_if(found, [&](const document& each) { return own.contains(id_key(in, each.id)); });
  for (const auto& [id, place] : own) {
    const auto& each = changes_[place];
    if (each.removed || !meets(in, each.change.content, query.where)) continue;
    if (!query.after || comes_after(in, each.change.content, query)) found.push_back(each.change.content);
  }
  return found;
}

/// There is no index to read the page from: all of them are read and sorted here, so they must be few.
std::vector<document> unit_of_work::find_unindexed(const collection& in, const document_query& query) {
  const auto own = by_id_.find(&in);
  auto all = document_query{.where = query.where, .limit = most_sorted_here + 1 + (own == by_id_.end() ? 0 : std::ssize(own->second))};
  auto found = reader_->find(in, all);
  if (own != by_id_.end()) found = with_own(std::move(found), in, all, own->second);
  if (std::ssize(found) > most_sorted_here) {
    throw validation_error({{.path = "orderBy",
                             .code = "not_sortable",
                             .message = "more than " + std::to_string(most_sorted_here) + " items cannot be sorted by " +
                                        std::string(query.unindexed->wire_name) + ", which is not indexed: expected one of " +
                                        sortable_members(in) + ", or conditions that leave fewer"}});
  }
  if (query.after) std::erase_if(found, [&](const document& each) { return !comes_after(in, each, query); });
  sort_documents(found, in, query);
  return page_of(std::move(found), query);
}

std::int64_t unit_of_work::count(const collection& in, std::span<const column_condition> asked) {
  require_readable(in);
  std::vector<column_condition> where(asked.begin(), asked.end());
  if (reader_->cuts_times()) cut_times(in, where);
  auto total = reader_->count(in, where);
  const auto own = by_id_.find(&in);
  if (own == by_id_.end()) return total;
  for (const auto& [id, place] : own->second) {
    const auto& each = changes_[place];
    const auto stored = reader_->load(in, each.change.content.id);
    total -= stored && meets(in, *stored, where) ? 1 : 0;
    total += !each.removed && meets(in, each.change.content, where) ? 1 : 0;
  }
  return total;
}

/// Rows that were changed before are written before it, and are not looked at again: rows that are changed later are written behind it.
void unit_of_work::write_bulk(document_write change) {
  const auto& in = *change.into;
  require_recording((change.kind == write_kind::remove_where ? "remove from " : "write to ") + in.name);
  if (reader_->cuts_times()) cut_times(in, change);
  by_id_.erase(&in);
  changed_in_bulk_.push_back(&in);
  changes_.push_back({.change = std::move(change)});
}

void unit_of_work::write(document_write change) {
  if (is_bulk(change.kind)) return write_bulk(std::move(change));
  const auto& in = *change.into;
  require_recording(change.kind == write_kind::remove ? "remove from " + in.name : "write to " + in.name);
  if (reader_->cuts_times()) cut_times(in, change.content);
  auto* own = recorded(in, change.content.id);
  if (!own) {
    const bool removes = change.kind == write_kind::remove;
    if (removes) change.content.version = change.expected_version;
    if (change.kind == write_kind::insert) change.content.version = 1;  // also of a copy that was stored elsewhere
    by_id_[&in].emplace(id_key(in, change.content.id), changes_.size());
    changes_.push_back({.change = std::move(change), .removed = removes});
    return;
  }
  auto& first = own->change;
  const auto refuse = [&](std::string_view what) {
    throw concurrency_conflict("concurrency_conflict", "{} {} was {} by this handler already", in.name, first.content.id, what);
  };
  if (change.kind == write_kind::insert && !own->removed)
    throw concurrency_conflict("already_exists", "{} {} was already added by this handler", in.name, first.content.id);
  if (change.kind == write_kind::update && own->removed) refuse("removed");
  if (in.versioned && change.kind != write_kind::insert && change.expected_version != first.content.version) {
    throw concurrency_conflict("concurrency_conflict",
                               "{} {} was saved twice from different copies: version {} is recorded, the copy has {}", in.name,
                               first.content.id, first.content.version, change.expected_version);
  }
  const bool comes_back = own->removed && change.kind != write_kind::remove;
  own->removed = change.kind == write_kind::remove;
  if (own->removed) return;
  // One row, one save: it is counted once.
  const auto version = !comes_back ? first.content.version : first.kind == write_kind::insert ? 1 : first.expected_version + 1;
  first.content = std::move(change.content);
  first.content.version = version;
}

std::vector<document_write> unit_of_work::take_writes() {
  std::vector<document_write> all;
  all.reserve(changes_.size());
  for (auto& [change, removed] : changes_) {
    const auto* into = change.into;
    auto id = change.content.id;
    if (removed) {
      // What was added and removed again still had to be new.
      const bool was_added = change.kind == write_kind::insert;
      const auto expected = was_added ? 1 : change.expected_version;
      if (was_added) all.push_back(std::move(change));
      all.push_back({.into = into,
                     .kind = write_kind::remove,
                     .content = {.id = std::move(id), .body = {}, .columns = {}},
                     .expected_version = expected});
      continue;
    }
    if (change.kind == write_kind::remove)
      change.kind = into->versioned ? write_kind::update : write_kind::upsert;  // removed first, written since
    all.push_back(std::move(change));
  }
  changes_.clear();
  by_id_.clear();
  changed_in_bulk_.clear();
  return all;
}

sql_reader& unit_of_work::sql() const {
  if (auto* const offered = reader_->sql()) return *offered;
  throw internal_error(
      "no_sql",
      "the store of this application offers no SQL: use repositories or read models, or add a store with SQL, e.g. .add(mamey::sqlite())");
}

void unit_of_work::execute(sql_statement statement) {
  static_cast<void>(sql());
  require_recording("execute \"" + statement.text + "\"");
  statements_.push_back(std::move(statement));
}

void unit_of_work::raise(recorded_message event) {
  require_recording("raise " + std::string(event.info->name));
  raised_.push_back(std::move(event));
}

void unit_of_work::publish(recorded_message message) {
  require_recording((message.is_command ? "send " : "publish ") + std::string(message.info->name));
  published_.push_back(std::move(message));
}

void unit_of_work::schedule(recorded_message command, std::chrono::milliseconds delay) {
  require_recording("send " + std::string(command.info->name) + " later");
  scheduled_.push_back({std::move(command), delay});
}

void unit_of_work::cancel_delayed(std::string_view type, std::vector<std::string> ids) {
  require_recording("cancel " + std::string(type));
  cancelled_.insert(cancelled_.end(), std::make_move_iterator(ids.begin()), std::make_move_iterator(ids.end()));
}

const std::shared_ptr<detail::unsaved_changes>& unit_of_work::changes() {
  if (!unsaved_) unsaved_ = std::make_shared<detail::unsaved_changes>();
  return unsaved_;
}

std::optional<detail::unsaved_changes::lost> unit_of_work::take_lost_change() { return unsaved_ ? unsaved_->take() : std::nullopt; }

void detail::unsaved_changes::leave(lost what, const type_model& id_type, const void* id,
                                    const std::vector<recorded_message>& events) noexcept {
  if (std::uncaught_exceptions() > 0) return;  // a handler that throws gives up its changes
  try {
    what.id = id_text(id_type, id);
    if (!events.empty()) what.event = events.front().info->name;
    const std::lock_guard lock(guard_);
    left_.push_back(std::move(what));
  } catch (const std::exception&) {  // no memory: a warning less
  }
}

std::optional<detail::unsaved_changes::lost> detail::unsaved_changes::take() {
  const std::lock_guard lock(guard_);
  const auto left = std::exchange(left_, {});
  const auto found = std::ranges::find_if(left, [&](const lost& each) { return !all_[each.change - 1].saved; });
  return found == left.end() ? std::nullopt : std::optional(*found);
}

std::optional<recorded_message> unit_of_work::take_raised() {
  if (raised_.empty()) return std::nullopt;
  std::optional<recorded_message> oldest(std::move(raised_.front()));
  raised_.pop_front();
  return oldest;
}

}  // namespace mamey::inline v1
