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

/// The connections of one loop to all addresses. Touched on that loop only.
class connection_pool {
  struct address {
    explicit address(std::size_t most) : places(most) {}
    struct idle_connection {
      tcp_stream stream;
      steady_time since;
    };
    std::vector<idle_connection> idle;  ///< the one used last at the end
    semaphore places;
  };

 public:
  explicit connection_pool(const client_options& options) : options_(options) {}

  /// The right to one connection to an address, and perhaps one that is open already.
  class lease {
   public:
    lease(lease&& other) noexcept
        : stream(std::move(other.stream)), reused(other.reused), pool_(other.pool_), address_(std::exchange(other.address_, nullptr)) {}
    lease& operator=(lease&&) = delete;
    ~lease() {
      if (address_) address_->places.release();
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

 private:
  const client_options& options_;
  std::map<std::string, std::unique_ptr<address>> addresses_;
};

}  // namespace mamey::inline v1::http::detail
