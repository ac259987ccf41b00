#include <mamey/observability/detail/log_queue.hpp>

#include <algorithm>
#include <utility>

namespace mamey::inline v1::detail {

namespace {
constexpr std::chrono::milliseconds linger{5};
}

void log_queue::set_bounds(std::size_t records, std::size_t bytes) {
  std::lock_guard lock(mutex_);
  record_bound_ = std::max<std::size_t>(records, 1);
  byte_bound_ = bytes;
  pending_.reserve(record_bound_);  // pages are touched only when a burst needs them
}

bool log_queue::push(log_record&& record, std::size_t bytes) noexcept {
  std::lock_guard lock(mutex_);
  const auto bound = record.level >= log_level::warning ? record_bound_ : record_bound_ - record_bound_ / 10;
  if (pending_.size() >= bound || pending_bytes_ + bytes > byte_bound_) return false;
  pending_.push_back(std::move(record));  // within the reserved capacity
  pending_bytes_ += bytes;
  ++pushed_;
  if (reader_waits_ || pending_.size() == record_bound_ / 2) {
    reader_waits_ = false;
    readable_.notify_one();
  }
  return true;
}

bool log_queue::take(std::vector<log_record>& records) {
  std::unique_lock lock(mutex_);
  readable_.wait_for(lock, linger, [&] { return urgent(); });
  while (pending_.empty() && !urgent()) {
    reader_waits_ = true;
    readable_.wait(lock);
  }
  reader_waits_ = false;
  records.reserve(record_bound_);
  records.swap(pending_);
  pending_bytes_ = 0;
  taken_ = pushed_;
  return !stop_;
}

void log_queue::done() {
  std::lock_guard lock(mutex_);
  flushed_ = taken_ + 1;
  flushed_changed_.notify_all();
}

bool log_queue::flush(std::chrono::milliseconds limit) noexcept {
  std::unique_lock lock(mutex_);
  const auto wanted = pushed_ + 1;
  if (flushed_ >= wanted && pending_.empty()) return true;
  flush_wanted_ = std::max(flush_wanted_, wanted);
  readable_.notify_one();
  return flushed_changed_.wait_for(lock, limit, [&] { return flushed_ >= wanted; });
}

void log_queue::request_stop() noexcept {
  std::lock_guard lock(mutex_);
  stop_ = true;
  readable_.notify_one();
}

void log_queue::reopen() noexcept {
  std::lock_guard lock(mutex_);
  stop_ = false;
}

}  // namespace mamey::inline v1::detail
