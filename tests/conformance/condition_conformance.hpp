#pragma once

/// @file
/// What every store answers when it is asked with conditions on declared members.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <mamey/core/decimal.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/domain/repository.hpp>

#include "store_conformance.hpp"

namespace mamey::testing {

enum class genre : std::uint8_t { poetry, prose, long_prose };

/// A member of every kind that can be searched. The same in a table of ours and in one that somebody made.
#define MEMBERS                                              \
  std::string id;                                            \
  std::string title;                                         \
  std::optional<std::string> note;                           \
  std::int32_t pages = 0;                                    \
  std::optional<std::int64_t> sold;                          \
  double weight = 0;                                         \
  bool lent = false;                                         \
  genre kind = genre::poetry;                                \
  std::optional<genre> other;                                \
  decimal price;                                             \
  std::optional<decimal> was;                                \
  timestamp at{};                                            \
  std::optional<std::chrono::system_clock::time_point> seen; \
  std::chrono::sys_days day{};                               \
  uuid owner;

struct book {
  MEMBERS
  ticks wait{};
  bool operator==(const book&) const = default;
  static constexpr auto indexes() {
    return indexed<&book::title, &book::note, &book::pages, &book::sold, &book::weight, &book::lent, &book::kind, &book::other,
                   &book::price, &book::was, &book::at, &book::seen, &book::day, &book::owner, &book::wait>;
  }
};

struct mapped_book {
  MEMBERS
  bool operator==(const mapped_book&) const = default;
  static constexpr auto indexes() {
    return indexed<&mapped_book::title, &mapped_book::note, &mapped_book::pages, &mapped_book::sold, &mapped_book::weight,
                   &mapped_book::lent, &mapped_book::kind, &mapped_book::other, &mapped_book::price, &mapped_book::was, &mapped_book::at,
                   &mapped_book::seen, &mapped_book::day, &mapped_book::owner>;
  }
  static table_mapping mapping() { return {.table = "mapped_books"}; }
};
#undef MEMBERS

template <class Rows>
std::vector<std::string> ids_of(const Rows& rows) {
  std::vector<std::string> ids;
  for (const auto& each : rows) ids.push_back(each.id);
  return ids;
}

inline const paging all_on_one_page{.results_per_page = 100};

class condition_conformance : public store_conformance {
 protected:
  void prepare(const collection& of) {
    const collection* const all[] = {&of};
    db().prepare(all);
  }
  void put(const std::vector<book>& books) {
    unit_of_work unit(db());
    read_models<book>(unit).put_many(books);
    db().commit({.documents = unit.take_writes()});
  }
  template <class Work>
  void in_unit(Work work) {
    unit_of_work unit(db());
    work(read_models<book>(unit));
    db().commit({.documents = unit.take_writes()});
  }
  std::vector<std::string> found(const member_condition<book>& what) {
    unit_of_work unit(db());
    return ids_of(read_models<book>(unit).list(what, all_on_one_page).items);
  }
  void remove_all() {
    in_unit([](read_models<book> books) { books.remove_where({}); });
  }
};
class mapped_condition_conformance : public condition_conformance {};

}  // namespace mamey::testing
