// A server that is frozen accepts connections and answers nothing.

#include <atomic>

#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>

#include "postgres_fixture.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;

TEST(postgres_frozen_server, holds_no_thread_and_does_not_keep_the_process_from_ending) {
  constexpr int statements = 8;
  postgres_server server;
  postgres_store store({.connection_string = server.connection_string(), .schema = "frozen", .interactive_connections = statements});
  store.prepare({});
  store.check();
  std::atomic<bool> frozen{false};
  std::jthread freezes([&] {
    const auto running = [&] {
      return server.execute(
          "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep(600)%' and pid <> pg_backend_pid()")[0]
                                                                                                                                      [0];
    };
    while (running() != std::to_string(statements)) std::this_thread::yield();
    server.freeze();
    frozen = true;
  });
  const auto begin = steady_now();
  {
    runtime loops({.threads = 1, .blocking_threads = 1});
    loops.run([&] {
      with_scope([&](task_scope& scope) {
        for (int i = 0; i < statements; ++i) {
          scope.spawn("sleeps", [&] {
            const auto unit = store.begin({}, 600s);
            EXPECT_THROW(unit->query({.text = "select pg_sleep(600)"}, [](const sql_row&) {}), cancelled);
          });
        }
        while (!frozen) yield();
        scope.cancel();
      });
      const deadline_scope bound(20s);
      EXPECT_EQ(run_blocking([] { return 7; }), 7) << "what blocks has its thread";
    });
  }
  EXPECT_LT(steady_now() - begin, 60s);
  server.thaw();
  EXPECT_NO_THROW(store.check());
}

}  // namespace mamey::testing
