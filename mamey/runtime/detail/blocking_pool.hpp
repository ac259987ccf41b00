#pragma once

/// @file
/// Threads for calls that block.

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include <mamey/runtime/detail/function_view.hpp>

namespace mamey::inline v1::detail {

class blocking_pool {
 public:
  blocking_pool(int most_threads, std::size_t most_waiting);
  ~blocking_pool();  ///< after the last call returned
  blocking_pool(const blocking_pool&) = delete;
  blocking_pool& operator=(const blocking_pool&) = delete;

  /// Runs `call` on a thread of the pool while the calling fiber waits. Gives up with the context's interruption as long as no thread took
  /// the call. Throws what the call throws; `unavailable` when too many wait already.
  void run(function_view call);

 private:
  struct job;
  void submit(job& added);
  bool add_thread();
  bool withdraw(job& queued) noexcept;
  void work();
  void execute(job& taken) noexcept;

  const std::size_t most_threads_;
  const std::size_t most_waiting_;
  std::mutex guard_;
  std::condition_variable filled_;
  job* first_ = nullptr;
  job* last_ = nullptr;
  std::size_t waiting_ = 0;
  std::size_t idle_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace mamey::inline v1::detail
