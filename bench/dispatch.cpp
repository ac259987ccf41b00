// What the pipeline costs a command that does nothing: context, a log line below its level, metrics, an unsampled span, validation, an empty unit of work.
// Against a plain call.

#include <chrono>
#include <cstdio>

#include <mamey/observability/metrics.hpp>
#include <mamey/runtime/context.hpp>

#include "account.hpp"

namespace {

template <class Work>
double nanoseconds_each(int count, Work work) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) work(i);
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() / count;
}

}  // namespace

int main() {
  mamey::handler_registry handlers;
  handlers.add(mamey::function_handler<mamey::handler_kind::command, bench::do_nothing>());
  mamey::services registrations;
  registrations.add_placed<mamey::unit_of_work>();
  mamey::service_provider provider(std::move(registrations));
  provider.start();
  mamey::metrics::registry metrics;
  mamey::pipeline pipeline(provider, handlers, nullptr, metrics, {.outgoing = {.service = "bench", .names = {}}});

  mamey::current_context().trace = mamey::trace_context::make_root(false);  // as every request has one

  constexpr int count = 1'000'000;
  void (*volatile plain)(const bench::Nothing&) = bench::do_nothing;
  nanoseconds_each(count / 10, [&](int i) { pipeline.send(bench::Nothing{i}); });
  const auto direct = nanoseconds_each(count, [&](int i) { plain(bench::Nothing{i}); });
  const auto dispatched = nanoseconds_each(count, [&](int i) { pipeline.send(bench::Nothing{i}); });
  std::printf("plain call          %8.1f ns\ncommand dispatch    %8.1f ns   goal < 1000 ns: %s\n", direct, dispatched,
              dispatched < 1000 ? "met" : "MISSED");
  return bench::handled == 0;
}
