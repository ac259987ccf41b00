#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <mamey/runtime/event_loop.hpp>
#include <mamey/runtime/stream.hpp>
#include <mamey/web/detail/exchange.hpp>
#include <mamey/web/detail/request_context.hpp>
#include <mamey/web/detail/response_text.hpp>
#include <mamey/web/server.hpp>

namespace mamey::inline v1::web::detail {

class connection;
class worker;

/// What the loops of one server share.
struct server_shared {
  server_options options;
  handler& answers;
  std::atomic<bool> draining{false};
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> in_flight{0};
  std::atomic<std::size_t> essential{0};  ///< of those, what is answered under overload
  std::atomic<std::size_t> answers_waiting{0};
  std::atomic<std::size_t> buffered{0};  ///< bytes held by connections that wait for their client
  std::vector<worker*> workers = {};     ///< all, before the first connection comes
  std::string service = {};              ///< the application that is served; set before the first connection comes, as the next one
  trusted_callers trusted = {};
};

/// One loop's share of a server. Everything but the counters is touched on its loop only.
class worker {
 public:
  worker(event_loop& on, server_shared& of);
  ~worker();
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  event_loop& loop() noexcept { return loop_; }
  const server_options& options() const noexcept { return shared_.options; }
  handler& answers() noexcept { return shared_.answers; }
  bool draining() const noexcept { return shared_.draining.load(std::memory_order_relaxed); }
  std::string_view date() { return date_.now(); }
  context_options contexts() const noexcept {
    return {.correlation_context_header = options().correlation_context_header,
            .request_timeout = options().request_timeout,
            .service = shared_.service,
            .trusted = shared_.trusted};
  }

  /// `tls` is null for plain http.
  void adopt(socket_handle socket, const tls_context* tls);
  void remove(connection& gone) noexcept;
  /// Ends the connection that has been idle for longest among some. False when none is.
  bool make_room();

  /// Whether one more request may be handled; counts it.
  bool admit() noexcept;
  /// The same for what is answered under overload; a few at a time.
  bool admit_essential() noexcept;
  void dismiss(bool essential) noexcept;

  // ── What connections hold while they wait for their client: bounded for all together ──

  /// The connection, which has just moved, waits holding so many bytes. Beyond the bound, soon, those that have not moved for longest are
  /// asked to give up.
  void hold(connection& waiting, std::size_t bytes);
  /// It no longer waits, but what it holds still counts: its request is handled.
  void pin(connection& busy) noexcept;
  void let_go(connection& free) noexcept;
  /// A streamed answer waits for its reader; after that it has its place again, in any case.
  void lend_place(bool lent) noexcept {
    lent ? shared_.in_flight.fetch_sub(1, std::memory_order_relaxed) : shared_.in_flight.fetch_add(1, std::memory_order_relaxed);
    count_waiting_answer(lent);
  }
  void count_waiting_answer(bool waits) noexcept {
    waits ? shared_.answers_waiting.fetch_add(1, std::memory_order_relaxed)
          : shared_.answers_waiting.fetch_sub(1, std::memory_order_relaxed);
  }

  std::unique_ptr<exchange> take_exchange();
  void give_exchange(std::unique_ptr<exchange> used) noexcept;

  /// Calls back, once, when no connection is left; at once if that is so.
  void when_empty(std::function<void()> callback);
  /// Closes the connections on which nothing is under way.
  void retire_idle();
  /// Cancels what runs and closes the rest, now and from now on.
  void abandon_all();
  bool abandoned() const noexcept { return abandoned_; }

  struct counters {
    std::atomic<std::uint64_t> accepted{0}, requests{0}, refused{0}, shed{0}, timed_out{0};
    static void count(std::atomic<std::uint64_t>& counter) noexcept {
      counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }  // one writer
  };
  counters& counts() noexcept { return counts_; }

 private:
  void tell_of_want(const std::exception& failure);
  void unlink(connection& one) noexcept;
  void note_first_waiting() noexcept;
  /// Since when the one that has not moved for longest waits here. Any thread, as the next two.
  steady_time waiting_since() const noexcept { return steady_time(steady_time::duration(waiting_since_.load(std::memory_order_relaxed))); }
  void ask_for_relief();
  void relieve();

  event_loop& loop_;
  server_shared& shared_;
  http::parse_limits limits_;
  date_line date_;
  std::vector<std::unique_ptr<connection>> connections_;
  std::vector<std::unique_ptr<exchange>> exchanges_;
  std::vector<std::function<void()>> when_empty_;
  counters counts_;
  connection* first_waiting_ = nullptr;  ///< the one that has not moved for longest
  connection* last_waiting_ = nullptr;
  std::size_t looked_at_ = 0;
  steady_time told_of_pressure_{};
  steady_time told_of_want_{};
  std::atomic<steady_time::rep> waiting_since_{steady_time::max().time_since_epoch().count()};
  std::atomic<bool> relieving_{false};
  bool abandoned_ = false;
};

}  // namespace mamey::inline v1::web::detail
