#include <mamey/persistence/postgres/detail/slots.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

constexpr const char* expired = "(s.claimed_until_ms <= mamey_now_ms() or s.claimed_until_ms - mamey_now_ms() > s.lease_ms)";

}  // namespace

std::vector<step> lease_slots(const std::string& owner, std::size_t most, std::int64_t lease_ms) {
  const auto limit = static_cast<std::int64_t>(most);
  std::vector<step> steps;
  const auto add = [&](std::string text, parameters values) {
    steps.push_back({.text = std::move(text), .values = std::move(values), .result = {}});
  };
  // One owner at a time looks and takes; the lock goes with the transaction.
  add("select pg_advisory_xact_lock(hashtextextended('mamey.slots.' || current_schema(), 0))", {});
  // What ran out is anybody's, the owner's own included: somebody may have had it in between.
  static const auto drop_expired = std::string("delete from mamey_slots s where s.owner = $1 and ") + expired;
  add(drop_expired, std::move(parameters().add(owner)));
  add("delete from mamey_slots where slot in (select slot from mamey_slots where owner = $1 order by slot offset $2::bigint)",
      std::move(parameters().add(owner).add(limit)));
  static const auto take_free = std::string(
                                    "insert into mamey_slots (slot, owner, claimed_until_ms, lease_ms) select n, $1, 0, 0 from "
                                    "generate_series(0, 1023) as n where not exists "
                                    "(select 1 from mamey_slots s where s.slot = n and not ") +
                                expired +
                                ") order by n limit greatest($2::bigint - (select count(*) from mamey_slots where owner = $1), 0) "
                                "on conflict (slot) do update set owner = excluded.owner";
  add(take_free, std::move(parameters().add(owner).add(limit)));
  add("with held as (update mamey_slots set claimed_until_ms = mamey_now_ms() + $2::bigint, lease_ms = $2::bigint where owner = $1 "
      "returning slot) "
      "select slot from held order by slot",
      std::move(parameters().add(owner).add(lease_ms)));
  return steps;
}

step release_slots(const std::string& owner) {
  return {.text = "delete from mamey_slots where owner = $1", .values = std::move(parameters().add(owner)), .result = {}};
}

}  // namespace mamey::inline v1::postgres_detail
