#include "server_fixture.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace mamey_test {

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  std::mutex guard;
  std::condition_variable never;
  std::unique_lock lock(guard);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    never.wait_for(lock, std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace mamey_test
