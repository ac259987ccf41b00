#pragma once

/// @file
/// Random sequences of everything a unit of work does, beside plain maps that do the same: every answer, every refusal and the rows that
/// remain must be equal.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <mamey/core/error.hpp>
#include <mamey/domain/repository.hpp>

namespace mamey::testing {

struct walked_state {
  std::string owner;
  int amount = 0;
  std::optional<std::string> note;
  double weight = 0;  // no index: sorted by the unit of work
  static constexpr auto indexes() { return indexed<&walked_state::owner, &walked_state::amount, &walked_state::note>; }
  bool operator==(const walked_state&) const = default;
};
class walked_account : public aggregate<std::string, walked_state> {
 public:
  walked_account() = default;
  walked_account(std::string id, walked_state state) : aggregate(std::move(id), std::move(state)) {}
  void set(walked_state state) { change() = std::move(state); }
};
struct walked_card {
  std::string id;
  std::string owner;
  int amount = 0;
  std::optional<std::string> note;
  double weight = 0;
  static constexpr auto indexes() { return indexed<&walked_card::owner, &walked_card::amount, &walked_card::note>; }
  bool operator==(const walked_card&) const = default;
};

/// What the store holds, and the dice.
class walked_world {
 public:
  struct stored_account {
    std::int64_t version = 0;
    walked_state state;
  };

  explicit walked_world(std::uint64_t seed) : dice(seed) {}

  std::mt19937_64 dice;
  std::map<std::string, stored_account> accounts;
  std::map<std::string, walked_card> cards;
  std::size_t commits = 0, refused = 0, conflicts = 0;  ///< so that a test can say that something happened

  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(dice); }
  bool once_in(std::size_t times) { return below(times) == 0; }
  std::string some_id() { return std::string(1, static_cast<char>('a' + below(5))); }
  walked_state some_state() {
    static const std::vector<std::string> owners{"ann", "Bob", "", "zoë", "a b"};
    static const std::vector<std::optional<std::string>> notes{std::nullopt, "", "n1", "n10", "n2"};
    return {.owner = owners[below(owners.size())],
            .amount = static_cast<int>(below(4)) - 1,
            .note = notes[below(notes.size())],
            .weight = static_cast<double>(below(3)) / 4};
  }
};

/// One unit of work and its double.
class walked_unit {
 public:
  walked_unit(walked_world& world, repository<walked_account>& accounts, read_models<walked_card>& cards)
      : world_(world), accounts_(accounts), cards_(cards) {}

  void step() {
    switch (world_.below(12)) {
      case 0:
        return take();
      case 1:
        return make();
      case 2:
        return change();
      case 3:
        return add();
      case 4:
        return save();
      case 5:
        return remove();
      case 6:
        return put_card();
      case 7:
        return remove_card();
      case 8:
        return find();
      case 9:
        return list();
      case 10:
        return scroll();
      default:
        return world_.once_in(2) ? save() : put_card();
    }
  }

  /// Whether a commit now would be refused.
  bool is_stale() const {
    return std::ranges::any_of(own_accounts_, [&](const auto& each) {
      const auto found = world_.accounts.find(each.first);
      if (!each.second.expected) return found != world_.accounts.end();
      return found == world_.accounts.end() || found->second.version != *each.second.expected;
    });
  }
  /// What a commit does.
  void apply() {
    for (const auto& [id, own] : own_accounts_) {
      if (!own.now)
        world_.accounts.erase(id);
      else
        world_.accounts[id] = {.version = own.expected.value_or(0) + 1, .state = *own.now};
    }
    for (const auto& [id, own] : own_cards_) {
      if (!own)
        world_.cards.erase(id);
      else
        world_.cards[id] = *own;
    }
    ++world_.commits;
  }

  /// Every answer at once.
  void look_at_everything() {
    for (const auto* id : {"a", "b", "c", "d", "e"}) find(id);
    for (int i = 0; i < 4; ++i) list(), scroll();
  }

 private:
  struct own_account {
    std::optional<std::int64_t> expected;  ///< the version the store must hold; none: it must hold no such row
    std::int64_t version = 0;              ///< that a copy has to have
    std::optional<walked_state> now;
  };
  struct copy {
    walked_account real;
    bool stored = false;
    std::int64_t version = 0;
  };
  template <class Row>
  using rows = std::vector<std::pair<std::string, Row>>;

  // -- what the double sees ------------------------------------------------------------------------------------------

  std::optional<std::pair<std::int64_t, walked_state>> account(const std::string& id) const {
    if (const auto own = own_accounts_.find(id); own != own_accounts_.end()) {
      if (!own->second.now) return std::nullopt;
      return std::pair(own->second.version, *own->second.now);
    }
    const auto found = world_.accounts.find(id);
    if (found == world_.accounts.end()) return std::nullopt;
    return std::pair(found->second.version, found->second.state);
  }
  std::optional<walked_card> card(const std::string& id) const {
    if (const auto own = own_cards_.find(id); own != own_cards_.end()) return own->second;
    const auto found = world_.cards.find(id);
    return found == world_.cards.end() ? std::nullopt : std::optional(found->second);
  }
  rows<walked_state> all_accounts() const {
    rows<walked_state> all;
    for (const auto* id : {"a", "b", "c", "d", "e"}) {
      if (auto found = account(id)) all.emplace_back(id, std::move(found->second));
    }
    return all;
  }
  rows<walked_card> all_cards() const {
    rows<walked_card> all;
    for (const auto* id : {"a", "b", "c", "d", "e"}) {
      if (auto found = card(id)) all.emplace_back(id, std::move(*found));
    }
    return all;
  }

  // -- steps ---------------------------------------------------------------------------------------------------------

  /// Does it, and expects the refusal that the double foresees.
  template <class Work>
  bool refused(bool foreseen, const std::string& what, Work work) {
    try {
      work();
      EXPECT_FALSE(foreseen) << what << " went through";
      return false;
    } catch (const concurrency_conflict& conflict) {
      EXPECT_TRUE(foreseen) << what << ": " << conflict.reason();
      ++world_.refused;
      return true;
    }
  }

  void take() {
    const auto id = world_.some_id();
    const auto found = accounts_.find(id);
    const auto expected = account(id);
    ASSERT_EQ(found.has_value(), expected.has_value()) << id;
    if (!found) return;
    EXPECT_EQ(found->state(), expected->second);
    EXPECT_EQ(found->version(), expected->first);
    copies_.push_back({.real = *found, .stored = true, .version = expected->first});
  }
  void make() { copies_.push_back({.real = walked_account(world_.some_id(), world_.some_state())}); }
  copy* some_copy() { return copies_.empty() ? nullptr : &copies_[world_.below(copies_.size())]; }
  void change() {
    if (auto* const one = some_copy()) one->real.set(world_.some_state());
  }
  void add() {
    if (auto* const one = some_copy()) add(*one);
  }
  void add(copy& one) {
    const auto& id = one.real.id();
    const auto own = own_accounts_.find(id);
    if (refused(own != own_accounts_.end() && own->second.now, "add " + id, [&] { accounts_.add(one.real); })) return;
    if (own == own_accounts_.end())
      own_accounts_[id] = {.expected = std::nullopt, .version = 1, .now = one.real.state()};
    else
      own->second.version = own->second.expected.value_or(0) + 1, own->second.now = one.real.state();
    one.stored = true;
    one.version = own_accounts_[id].version;
    EXPECT_EQ(one.real.version(), one.version);
  }
  void save() {
    auto* const one = some_copy();
    if (!one) return;
    if (!one->stored) {
      // Saving what is new adds it.
      const auto& id = one->real.id();
      const auto own = own_accounts_.find(id);
      if (refused(own != own_accounts_.end() && own->second.now, "save new " + id, [&] { accounts_.save(one->real); })) return;
      if (own == own_accounts_.end())
        own_accounts_[id] = {.expected = std::nullopt, .version = 1, .now = one->real.state()};
      else
        own->second.version = own->second.expected.value_or(0) + 1, own->second.now = one->real.state();
      one->stored = true;
      one->version = own_accounts_[id].version;
      return;
    }
    const auto& id = one->real.id();
    const auto own = own_accounts_.find(id);
    const bool known = own != own_accounts_.end();
    if (refused(known && (!own->second.now || own->second.version != one->version), "save " + id, [&] { accounts_.save(one->real); }))
      return;
    if (known)
      own->second.now = one->real.state();
    else
      own_accounts_[id] = {.expected = one->version, .version = one->version + 1, .now = one->real.state()};
    one->version = own_accounts_[id].version;
    EXPECT_EQ(one->real.version(), one->version);
  }
  void remove() {
    auto* const one = some_copy();
    if (!one) return;
    const auto& id = one->real.id();
    const auto own = own_accounts_.find(id);
    const bool known = own != own_accounts_.end();
    if (refused(known && own->second.version != one->version, "remove " + id, [&] { accounts_.remove(one->real); })) return;
    if (known)
      own->second.now.reset();
    else
      own_accounts_[id] = {.expected = one->version, .version = one->version, .now = std::nullopt};
    one->stored = true;
  }
  void put_card() {
    const auto state = world_.some_state();
    const walked_card made{
        .id = world_.some_id(), .owner = state.owner, .amount = state.amount, .note = state.note, .weight = state.weight};
    cards_.put(made);
    own_cards_[made.id] = made;
  }
  void remove_card() {
    const auto id = world_.some_id();
    cards_.remove(id);
    own_cards_[id] = std::nullopt;
  }

  void find() { find(world_.some_id()); }
  void find(const std::string& id) {
    EXPECT_EQ(cards_.find(id), card(id)) << id;
    const auto expected = account(id);
    const auto found = accounts_.find(id);
    EXPECT_EQ(accounts_.exists(id), expected.has_value());
    ASSERT_EQ(found.has_value(), expected.has_value()) << id;
    if (!found) return;
    EXPECT_EQ(found->state(), expected->second) << id;
    EXPECT_EQ(found->version(), expected->first) << id;
  }

  // -- lists ---------------------------------------------------------------------------------------------------------

  struct order {
    std::string by;
    std::string direction;
  };
  order some_order() {
    static const std::vector<std::string> members{"", "id", "owner", "amount", "Note", "NOTE", "weight"};
    return {.by = members[world_.below(members.size())], .direction = world_.once_in(2) ? "asc" : "desc"};
  }

  /// What a list answers: which, and how they follow each other.
  template <class Row>
  static std::vector<std::string> sorted(rows<Row> all, const order& by) {
    std::ranges::sort(all, [&](const auto& left, const auto& right) {
      const auto key = [&](const auto& each) {
        std::tuple<bool, std::string, double> made{true, "", 0};  // without a value first
        if (by.by == "owner") std::get<1>(made) = each.second.owner;
        if (by.by == "amount") std::get<2>(made) = each.second.amount;
        if (by.by == "weight") std::get<2>(made) = each.second.weight;
        if (by.by == "Note" || by.by == "NOTE") made = {each.second.note.has_value(), each.second.note.value_or(""), 0};
        return std::pair(made, each.first);
      };
      const bool ascending = by.by.empty() || by.direction == "asc";
      return ascending ? key(left) < key(right) : key(right) < key(left);
    });
    std::vector<std::string> ids;
    for (const auto& each : all) ids.push_back(each.first);
    return ids;
  }

  template <class Row>
  struct filter {
    member_condition<Row> where;
    std::function<bool(const Row&)> fits = [](const Row&) { return true; };
  };
  template <class Row>
  filter<Row> some_filter() {
    const auto state = world_.some_state();
    switch (world_.below(6)) {
      case 4:
        return {.where = where<&Row::amount>.at_most(state.amount) || !where<&Row::owner>.starts_with(state.owner),
                .fits = [amount = state.amount, owner = state.owner](const Row& row) {
                  return row.amount <= amount || !row.owner.starts_with(owner);
                }};
      case 5:
        return {.where = where<&Row::note>.is_null() || where<&Row::owner>.in({state.owner, "nobody"}),
                .fits = [owner = state.owner](const Row& row) { return !row.note || row.owner == owner || row.owner == "nobody"; }};
      case 0:
        return {.where = {where<&Row::owner>(state.owner)}, .fits = [owner = state.owner](const Row& row) { return row.owner == owner; }};
      case 1:
        return {.where = {where<&Row::amount>(state.amount), where<&Row::owner>(std::optional<std::string>())},
                .fits = [amount = state.amount](const Row& row) { return row.amount == amount; }};
      default:
        return {.where = {}};
    }
  }

  template <class Row, class Repository, class IdOf>
  void check_list(const Repository& in, rows<Row> all, IdOf id_of) {
    auto asked = some_filter<Row>();
    const auto by = some_order();
    std::erase_if(all, [&](const auto& each) { return !asked.fits(each.second); });
    const auto expected = sorted(all, by);
    const paging page{.page = static_cast<std::int64_t>(world_.below(3)) + 1,
                      .results_per_page = static_cast<std::int64_t>(world_.below(4)) + 1,
                      .order_by = by.by,
                      .sort_order = by.direction};
    const auto found = in.list(asked.where, page);
    std::vector<std::string> ids;
    for (const auto& each : found.items) ids.push_back(id_of(each));
    const auto begin = std::min<std::size_t>(static_cast<std::size_t>(page.offset()), expected.size()),
               end = std::min<std::size_t>(begin + static_cast<std::size_t>(page.size()), expected.size());
    EXPECT_EQ(ids, std::vector<std::string>(expected.begin() + static_cast<std::ptrdiff_t>(begin),
                                            expected.begin() + static_cast<std::ptrdiff_t>(end)))
        << by.by << " " << by.direction;
    EXPECT_EQ(found.total_results, std::ssize(expected));
    EXPECT_EQ(found.current_page, std::min(page.page, found.total_pages));
  }
  template <class Row, class Repository, class IdOf>
  void check_scroll(const Repository& in, rows<Row> all, IdOf id_of) {
    auto asked = some_filter<Row>();
    const auto by = some_order();
    std::erase_if(all, [&](const auto& each) { return !asked.fits(each.second); });
    cursor_paging page{
        .after = {}, .results_per_page = static_cast<std::int64_t>(world_.below(4)) + 1, .order_by = by.by, .sort_order = by.direction};
    std::vector<std::string> ids;
    for (int pages = 0; pages < 10; ++pages) {
      const auto found = in.scroll(asked.where, page);
      for (const auto& each : found.items) ids.push_back(id_of(each));
      if (!found.next) break;
      EXPECT_EQ(std::ssize(found.items), page.size());
      page.after = *found.next;
    }
    EXPECT_EQ(ids, sorted(all, by)) << by.by << " " << by.direction << " by " << page.size();
  }
  void list() {
    if (world_.once_in(2))
      check_list<walked_state>(accounts_, all_accounts(), [](const walked_account& each) { return each.id(); });
    else
      check_list<walked_card>(cards_, all_cards(), [](const walked_card& each) { return each.id; });
  }
  void scroll() {
    if (world_.once_in(2))
      check_scroll<walked_state>(accounts_, all_accounts(), [](const walked_account& each) { return each.id(); });
    else
      check_scroll<walked_card>(cards_, all_cards(), [](const walked_card& each) { return each.id; });
  }

  walked_world& world_;
  repository<walked_account>& accounts_;
  read_models<walked_card>& cards_;
  std::map<std::string, own_account> own_accounts_;
  std::map<std::string, std::optional<walked_card>> own_cards_;
  std::vector<copy> copies_;
};

/// `sequences` walks over one to three units that are open at a time, on `db`. Needs both collections prepared.
template <class Store>
void walk_units(Store& db, std::uint64_t seed, std::size_t sequences) {
  walked_world world(seed);
  struct open_unit {
    explicit open_unit(Store& db, walked_world& world) : unit(db), accounts(unit), cards(unit), twin(world, accounts, cards) {}
    unit_of_work unit;
    repository<walked_account> accounts;
    read_models<walked_card> cards;
    walked_unit twin;
  };
  for (std::size_t sequence = 0; sequence < sequences; ++sequence) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", sequence " + std::to_string(sequence));
    std::vector<std::unique_ptr<open_unit>> open;
    for (auto count = world.below(3) + 1; count > 0; --count) open.push_back(std::make_unique<open_unit>(db, world));
    for (auto steps = world.below(6 * open.size()) + 3; steps > 0; --steps) open[world.below(open.size())]->twin.step();
    std::ranges::shuffle(open, world.dice);
    for (auto& each : open) {
      const bool stale = each->twin.is_stale();
      try {
        auto writes = each->unit.take_writes();
        if (!writes.empty()) db.commit({.documents = std::move(writes)});
        EXPECT_FALSE(stale);
        each->twin.apply();
      } catch (const concurrency_conflict& conflict) {
        EXPECT_TRUE(stale) << conflict.reason();
        ++world.conflicts;
      }
    }
    if (sequence % 16 == 0) open_unit(db, world).twin.look_at_everything();
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(world.commits, sequences / 2);
  EXPECT_GT(world.conflicts, sequences / 100);
  EXPECT_GT(world.refused, sequences / 100);
}

/// What the store has to be prepared for.
inline std::vector<const collection*> walked_collections() {
  return {&aggregate_collection<walked_account>(), &read_model_collection<walked_card>()};
}

}  // namespace mamey::testing
