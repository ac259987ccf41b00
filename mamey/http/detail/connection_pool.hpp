#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <mamey/http/client.hpp>
#include <mamey/runtime/stream.hpp>
#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1::http::detail {

/// The connections of one loop to all addresses. Touched on that loop only. Addresses come and go where a resolver knows them, so an
/// address that nobody calls is forgotten with its connections: after `idleTimeout`, and the one called longest ago when there are too many.
class connection_pool {
  struct address {
    explicit address(std::size_t most) : places(most) {}
    struct idle_connection {
      tcp_stream stream;
      steady_time since;
    };
    std::vector<idle_connection> idle;  ///< the one used last at the end
    semaphore places;
    std::size_t users = 0;  ///< leases, and calls that wait for one: it stays as long as there are any
    steady_time used{};     ///< when the last lease began or ended
  };

 public:
  static constexpr std::size_t most_addresses = 256;  ///< more only while calls to all of them run

  explicit connection_pool(const client_options& options) : options_(options) {}

  /// The right to one connection to an address, and perhaps one that is open already.
  class lease {
   public:
    lease(lease&& other) noexcept
        : stream(std::move(other.stream)), reused(other.reused), pool_(other.pool_), address_(std::exchange(other.address_, nullptr)) {}
    lease& operator=(lease&&) = delete;
    ~lease() {
      if (address_) address_->places.release(), leave(*address_);
    }

    std::optional<tcp_stream> stream;  ///< empty: connect one
    bool reused = false;
    /// The connection may serve another call.
    void keep();

   private:
    friend class connection_pool;
    lease(connection_pool& of, address& at) : pool_(&of), address_(&at) {}
    connection_pool* pool_;
    address* address_;
  };

  /// Waits for a free place until `until`; nothing when none came.
  std::optional<lease> take(const std::string& authority, steady_time until);
  void clear() noexcept { addresses_.clear(); }
  std::size_t addresses() const noexcept { return addresses_.size(); }

 private:
  static void leave(address& of) noexcept {
    --of.users;
    of.used = steady_now();
  }
  address& at(const std::string& authority);
  void forget_unused(steady_time now);

  const client_options& options_;
  std::map<std::string, std::unique_ptr<address>> addresses_;
  steady_time next_look_{};  ///< for addresses that nobody calls
};

}  // namespace mamey::inline v1::http::detail
