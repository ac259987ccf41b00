#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <mamey/runtime/event_loop.hpp>
#include <mamey/runtime/stream.hpp>
#include <mamey/web/detail/exchange.hpp>
#include <mamey/web/detail/request_context.hpp>
#include <mamey/web/detail/response_text.hpp>
#include <mamey/web/server.hpp>

namespace mamey::inline v1::web::detail {

class connection;

/// What the loops of one server share.
struct server_shared {
  server_options options;
  handler& answers;
  std::optional<tls_context> tls = {};  ///< of https addresses
  std::atomic<bool> draining{false};
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> in_flight{0};
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
  const context_options& contexts() const noexcept { return contexts_; }

  /// `tls` is null for plain http.
  void adopt(socket_handle socket, const tls_context* tls);
  void remove(connection& gone) noexcept;

  /// Whether one more request may be handled; counts it.
  bool admit() noexcept;
  void dismiss() noexcept;

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
  event_loop& loop_;
  server_shared& shared_;
  context_options contexts_;
  http::parse_limits limits_;
  date_line date_;
  std::vector<std::unique_ptr<connection>> connections_;
  std::vector<std::unique_ptr<exchange>> exchanges_;
  std::vector<std::function<void()>> when_empty_;
  counters counts_;
  bool abandoned_ = false;
};

}  // namespace mamey::inline v1::web::detail
