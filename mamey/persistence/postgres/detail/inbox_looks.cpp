#include <mamey/persistence/postgres/detail/inbox_looks.hpp>

#include <algorithm>
#include <exception>
#include <mutex>

#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1::postgres_detail {

/// Shared: who gives up waiting leaves it to the one that asks.
struct inbox_looks::look {
  explicit look(inbox_key of) : key(std::move(of)) {}
  inbox_key key;
  bool is_answered = false, was_handled = false;
  std::exception_ptr failed;
};

bool inbox_looks::was_handled(const inbox_key& key) {
  const masked_section undisturbed;
  const auto mine = std::make_shared<look>(key);
  std::unique_lock lock(guard_);
  waiting_.push_back(mine);
  while (!mine->is_answered) {
    if (asking_) {
      answered_.wait(lock);
      continue;
    }
    asking_ = true;
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), most));
    const std::vector<std::shared_ptr<look>> together(waiting_.begin(), end);
    waiting_.erase(waiting_.begin(), end);
    lock.unlock();
    answer(together);
    lock.lock();
    for (const auto& each : together) each->is_answered = true;
    asking_ = false;
    answered_.notify_all();
  }
  if (mine->failed) std::rethrow_exception(mine->failed);
  return mine->was_handled;
}

void inbox_looks::answer(std::span<const std::shared_ptr<look>> those) noexcept {
  try {
    std::vector<inbox_key> keys;
    keys.reserve(those.size());
    for (const auto& each : those) keys.push_back(each->key);
    const auto answers = ask_(keys);
    for (std::size_t i = 0; i < those.size(); ++i) those[i]->was_handled = answers.at(i);
  } catch (...) {  // rethrown to each of them
    for (const auto& each : those) each->failed = std::current_exception();
  }
}

}  // namespace mamey::inline v1::postgres_detail
