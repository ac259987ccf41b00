#pragma once

/// @file
/// What every store does with a state that is mapped to a table it did not make.

#include <string>
#include <utility>
#include <vector>

#include <mamey/core/decimal.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/domain/repository.hpp>

#include "store_conformance.hpp"
#include "store_examples.hpp"

namespace mamey::testing {

enum class parcel_kind : std::uint8_t { letter, box, on_pallet };

struct stop {
  std::string city;
  int minutes = 0;
};

struct parcel_state {
  uuid sender;
  decimal price;
  wall_time sent_at{};
  parcel_kind kind = parcel_kind::letter;
  bool fragile = false;
  double weight = 0;
  std::optional<std::string> note;
  std::optional<decimal> insured;
  std::vector<stop> stops;
  std::vector<std::uint8_t> seal;

  static constexpr auto indexes() {
    return indexed<&parcel_state::sender, &parcel_state::price, &parcel_state::kind, &parcel_state::note, &parcel_state::sent_at>;
  }
  static table_mapping mapping() {
    return {.table = "Parcels",
            .id = "Id",
            .version = "Version",
            .naming = column_naming::pascal_case,
            .columns = {column<&parcel_state::note>("Remark \"of\" sender")}};
  }
};

class parcel : public aggregate<uuid, parcel_state> {
 public:
  parcel() = default;
  parcel(const uuid& id, parcel_state state) : aggregate(id, std::move(state)) {}
  parcel_state& state_to_change() { return change(); }
};

/// The same table, read by a query.
struct parcel_view {
  uuid id;
  parcel_kind kind = parcel_kind::letter;
  static table_mapping mapping() { return {.table = "Parcels", .id = "Id", .naming = column_naming::pascal_case}; }
};

struct locker_state {
  std::string place;
  parcel_kind largest = parcel_kind::letter;
  static constexpr auto indexes() { return indexed<&locker_state::place>; }
  static table_mapping mapping() {
    return {.table = "lockers", .id = "number", .version = "", .position = "events", .enums = enum_column::snake_case};
  }
};
struct locker_view {
  int id = 0;
  std::string place;
  static table_mapping mapping() { return {.table = "lockers", .id = "number"}; }
};
struct locker_opened {};
class locker : public aggregate<int, locker_state> {
 public:
  locker() = default;
  locker(int number, std::string place) : aggregate(number, {.place = std::move(place), .largest = parcel_kind::on_pallet}) {}
  void move(std::string place) {
    change().place = std::move(place);
    raise(locker_opened{});
  }
};

inline uuid id_of(int number) { return *uuid::parse("0198c0de-0000-7000-8000-00000000000" + std::to_string(number)); }
inline std::string text_of_id(int number) { return to_string(id_of(number)); }

class mapping_conformance : public store_conformance {
 protected:
  void execute(const std::string& sql) { db().commit({.statements = {{.text = sql}}}); }

  /// As its service made it; with columns that nobody here knows.
  void make_parcels() {
    const auto type = [&](column_content content) { return " " + type_for(content); };
    using enum column_content;
    execute("create table \"Parcels\" (\"Id\"" + type(uuid) + " not null primary key, \"Sender\"" + type(uuid) + " not null, \"Price\"" +
            type(decimal) + " not null, \"SentAt\"" + type(time) + " not null, \"Kind\"" + type(integer) + " not null, \"Fragile\"" +
            type(boolean) + " not null, \"Weight\"" + type(real) + " not null, \"Remark \"\"of\"\" sender\"" + type(text) +
            " null, \"Insured\"" + type(decimal) + " null, \"Stops\"" + type(json) + " null, \"Seal\"" + type(bytes) +
            " null, \"Version\"" + type(integer) + " null, \"Clerk\"" + type(text) + " default 'nobody')");
    prepare<parcel>();
  }
  void make_lockers() {
    execute("create table lockers (number integer primary key, place " + type_for(column_content::text) + ", largest " +
            type_for(column_content::text) + ", events integer)");
    prepare<locker>();
  }
  void insert_as_somebody_else(int number, const std::string& version) {
    execute("insert into \"Parcels\" values ('" + text_of_id(number) + "', '" + text_of_id(9) + "', '7.00', '2026-01-02 03:04:05', 1, " +
            (type_for(column_content::boolean) == "boolean" ? "true" : "1") + ", 2, null, null, null, null, " + version + ", 'ada')");
  }

  template <class T>
  void prepare() {
    const collection* const all[] = {&aggregate_collection<T>()};
    db().prepare(all);
  }
  template <class Work>
  void in_unit(Work work) {
    unit_of_work unit(db());
    repository<parcel> parcels(unit);
    work(parcels);
    db().commit({.documents = unit.take_writes()});
  }
  void add(std::vector<parcel> all) {
    in_unit([&](repository<parcel>& parcels) {
      for (auto& each : all) parcels.add(each);
    });
  }
  parcel get(int number) {
    unit_of_work unit(db());
    return repository<parcel>(unit).get(id_of(number));
  }
  sql_value value(const std::string& sql) {
    sql_value found;
    db().sql()->query({.text = sql}, [&](const sql_row& row) { found = row.values.at(0); });
    return found;
  }
  std::string refused_mapping(const collection& of) {
    const collection* const all[] = {&of};
    try {
      db().prepare(all);
    } catch (const error& refused) {
      EXPECT_EQ(refused.kind(), error_kind::unavailable);
      EXPECT_EQ(refused.code(), "mapping_refused");
      return refused.reason();
    }
    ADD_FAILURE() << "the store was prepared";
    return {};
  }
  static std::vector<std::string> ids(const std::vector<parcel>& of) {
    std::vector<std::string> all;
    for (const auto& each : of) all.push_back(to_string(each.id()).substr(35));
    return all;
  }
};

}  // namespace mamey::testing
