#include <mamey/persistence/postgres/detail/statement_stopper.hpp>

#include <atomic>
#include <chrono>

#include <mamey/core/error.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/persistence/postgres/detail/pool.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

const logger log{"mamey.postgres"};

constexpr int most_stopping = 4;                 ///< in this process; the server's own bound ends what nobody stops
constexpr std::chrono::seconds longest_wait{2};  ///< for a connection
std::atomic<int> stopping{0};

/// What runs by the time the request arrives may be somebody else's.
step stop_step(int backend, const std::vector<std::string>& texts) {
  return {.text =
              "select pg_cancel_backend(pid) from pg_stat_activity where pid = $1::integer and state = 'active' and "
              "exists (select 1 from unnest($2::text[]) as ours where starts_with(ours, query))",  // which may be cut short
          .values = std::move(parameters().add(backend).add_texts(texts)),
          .result = {}};
}

void send_request(pool& through, int backend, const std::vector<std::string>& texts) {
  try {
    const deadline_scope bound(longest_wait);
    const auto on = through.acquire();
    std::vector<step> steps;
    steps.push_back(stop_step(backend, texts));
    on->post(make_exchange(std::move(steps)));
  } catch (...) {
    log.debug("a statement could not be stopped: {cause}", describe_current_exception().detail);
  }
}

}  // namespace

void statement_stopper::stop(int backend, std::vector<std::string> texts) const noexcept {
  if (stopping.fetch_add(1) >= most_stopping) {
    --stopping;
    return;
  }
  try {
    auto through = through_.lock();
    if (!through) throw std::logic_error("the store is being closed");
    event_loop::current()->start_fiber(
        "postgres-cancel",
        [through = std::move(through), backend, texts = std::move(texts)] {
          send_request(*through, backend, texts);
          --stopping;
        },
        ambient_context{});
  } catch (...) {
    --stopping;
    log.debug("a statement could not be stopped: {cause}", describe_current_exception().detail);
  }
}

}  // namespace mamey::inline v1::postgres_detail
