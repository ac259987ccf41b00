#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include <mamey/observability/logging.hpp>

namespace mamey::inline v1::detail {

/// Many writers, one reader, bounded in records and bytes. Writers hold the lock for a move of a few pointers; nobody waits for room.
class log_queue {
 public:
  void set_bounds(std::size_t records, std::size_t bytes);

  /// False when there is no room: the last tenth is for `warning` and above.
  bool push(log_record&& record, std::size_t bytes) noexcept;

  /// Waits for records, a flush or the stop, and moves what is there into `records`, which must be empty. False after the stop, when this
  /// is the last time. Between two batches it lingers for a few milliseconds, so that a busy service pays a wake-up for a batch and not for
  /// each record.
  bool take(std::vector<log_record>& records);
  /// The reader's: what the last `take` gave is written and flushed.
  void done();

  /// Waits until everything pushed before is done and flushed.
  bool flush(std::chrono::milliseconds limit) noexcept;
  void request_stop() noexcept;
  /// Makes the queue usable again for a new reader.
  void reopen() noexcept;

 private:
  bool urgent() const noexcept { return stop_ || flush_wanted_ > flushed_ || pending_.size() >= record_bound_ / 2; }

  std::mutex mutex_;
  std::condition_variable readable_;
  std::condition_variable flushed_changed_;
  std::vector<log_record> pending_;
  std::size_t record_bound_ = 0;
  std::size_t byte_bound_ = 0;
  std::size_t pending_bytes_ = 0;
  std::uint64_t pushed_ = 0;
  std::uint64_t taken_ = 0;         // of pushed_, what the reader has moved out
  std::uint64_t flush_wanted_ = 0;  // one more than the highest pushed_ somebody waits for
  std::uint64_t flushed_ = 0;       // in the same terms
  bool reader_waits_ = false;
  bool stop_ = false;
};

}  // namespace mamey::inline v1::detail
