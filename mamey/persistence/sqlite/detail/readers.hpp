#pragma once

/// @file
/// Connections for reading: each call sees one committed state while the writer goes on.

#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

#include <mamey/persistence/sqlite/detail/connection.hpp>
#include <mamey/persistence/sqlite/detail/open_file.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1::sqlite_detail {

class reader_pool {
 public:
  explicit reader_pool(const sqlite_options& options);

  /// Runs `body(connection&)` on a thread that may block, with a connection of its own meanwhile; waits for a free one under the deadline.
  /// A statement that outlasts the deadline, or whose caller was cancelled, is stopped.
  template <class Body>
  auto run(Body&& body) {
    const permit turn(free_);
    return run_blocking([&] {
      const lease held(*this);
      return body(*held);
    });
  }

 private:
  class permit {
   public:
    explicit permit(semaphore& from) : from_(from) { from_.acquire(); }
    ~permit() { from_.release(); }
    permit(const permit&) = delete;
    permit& operator=(const permit&) = delete;

   private:
    semaphore& from_;
  };
  class lease {
   public:
    explicit lease(reader_pool& pool);
    ~lease();
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;
    connection& operator*() const noexcept { return *connection_; }

   private:
    reader_pool& pool_;
    std::unique_ptr<connection> connection_;
  };

  const sqlite_options options_;
  open_file file_;  ///< one more connection must not open another file than the writer has
  semaphore free_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<connection>> idle_;  ///< the one used last on top: its pages are warm
};

}  // namespace mamey::inline v1::sqlite_detail
