#pragma once

/// @file
/// For services.
/// Metrics in the Prometheus model. A family has a name and label names; `with` resolves label values to a child once; counting on a child
/// is one relaxed add on a cache line of the calling thread.
///
///     auto sent = registry.counters("outbox_messages_sent_total", "Messages a broker has confirmed.", {"transport"});
///     mamey::metrics::counter& sql = sent.with({"sql"});   // keep it
///     sql.increment();
///
/// Names follow Prometheus: a counter ends in `_total`, units are base units and part of the name (`_seconds`, `_bytes`).

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mamey::inline v1 {
namespace metrics {

namespace detail {

class family_state;
struct registry_state;

/// Threads spread over this many cells; a power of two.
std::size_t shard_count() noexcept;
std::size_t assign_shard() noexcept;
inline constinit thread_local std::size_t assigned_shard = 0;  // plus one; zero until the thread's first use
inline std::size_t shard() noexcept { return (assigned_shard != 0 ? assigned_shard : assign_shard()) - 1; }

struct alignas(64) integer_cell {
  std::atomic<std::uint64_t> value{0};
};

/// Sums integers without contention between threads.
class sharded_sum {
 public:
  sharded_sum() : cells_(new integer_cell[shard_count()]) {}
  void add(std::uint64_t amount) noexcept { cells_[shard()].value.fetch_add(amount, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept;

 private:
  std::unique_ptr<integer_cell[]> cells_;
};

}  // namespace detail

/// Label names and values, as pairs: `{{"app", "orders"}}`.
using label_list = std::vector<std::pair<std::string, std::string>>;

/// Only ever grows. Any thread; never waits.
class counter {
 public:
  void increment(std::uint64_t by = 1) noexcept { sum_.add(by); }
  std::uint64_t value() const noexcept { return sum_.value(); }

 private:
  detail::sharded_sum sum_;
};

/// A level made of many increments and decrements (requests in progress); as cheap as a counter. Exposed as a gauge.
class up_down_counter {
 public:
  void increment(std::int64_t by = 1) noexcept { sum_.add(static_cast<std::uint64_t>(by)); }
  void decrement(std::int64_t by = 1) noexcept { sum_.add(static_cast<std::uint64_t>(-by)); }
  std::int64_t value() const noexcept { return static_cast<std::int64_t>(sum_.value()); }

 private:
  detail::sharded_sum sum_;
};

/// A value that is set. Any thread. All threads share one cache line, so use `up_down_counter` in hot paths.
class gauge {
 public:
  void set(double value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(double amount) noexcept { value_.fetch_add(amount, std::memory_order_relaxed); }
  double value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// The counts of a histogram.
struct histogram_snapshot {
  std::vector<std::uint64_t> counts;  ///< one per bound, not cumulated, then the count above the last bound
  double sum = 0;
  std::uint64_t count() const noexcept;
};

/// Counts observations by size. Any thread; never waits: a search among the bounds and two relaxed adds.
class histogram {
 public:
  /// `bounds`: upper bounds of the buckets, ascending; the last, infinite one is implied.
  explicit histogram(std::span<const double> bounds);
  void observe(double value) noexcept;
  histogram_snapshot snapshot() const;
  std::uint64_t count() const noexcept;
  std::span<const double> bounds() const noexcept { return bounds_; }

 private:
  struct alignas(64) line {
    std::atomic<std::uint64_t> words[8];
  };
  std::atomic<std::uint64_t>& word(std::size_t shard, std::size_t index) const noexcept {
    return lines_[shard * lines_per_shard_ + index / 8].words[index % 8];
  }
  std::vector<double> bounds_;
  std::size_t lines_per_shard_;
  std::unique_ptr<line[]> lines_;  // a shard's counts, then its sum as the bits of a double
};

/// 1 ms doubling to 32.768 s: requests, handlers, statements.
std::span<const double> duration_buckets() noexcept;

/// The children of one metric. References to children are valid as long as the registry.
template <class Metric>
class family {
 public:
  explicit family(detail::family_state& state) noexcept : state_(&state) {}
  /// The child of these label values, in the order of the names; made when new. Takes a lock: resolve once and keep the child. When the
  /// family is full (`max_children`), all further combinations share the child whose labels are `other`.
  /// Throws std::invalid_argument when the number of values is not that of the names.
  Metric& with(std::span<const std::string_view> values) const;
  Metric& with(std::initializer_list<std::string_view> values) const { return with(std::span(values.begin(), values.size())); }

 private:
  detail::family_state* state_;
};
extern template class family<counter>;
extern template class family<up_down_counter>;
extern template class family<gauge>;
extern template class family<histogram>;

enum class sample_kind : std::uint8_t { counter, gauge };

/// Passed to a collecting function, which calls it for each sample: label values in the order of the names, then the value.
using sample_sink = std::function<void(std::initializer_list<std::string_view> label_values, double value)>;

/// Ends a collecting function when destroyed; waits for a scrape that is calling it. May outlive the registry.
class [[nodiscard]] registration {
 public:
  registration() noexcept = default;
  explicit registration(std::function<void()> cancel) : cancel_(std::move(cancel)) {}
  registration(registration&& other) noexcept : cancel_(std::exchange(other.cancel_, nullptr)) {}
  registration& operator=(registration&& other) noexcept;
  ~registration();

 private:
  std::function<void()> cancel_;
};

struct registry_options {
  label_list constant_labels;        ///< on every sample: section `metrics`, key `tags`
  std::size_t max_children = 2'000;  ///< maximum number of label combinations in a family
};

/// The metrics of one application, or of the process. Thread-safe. Registering a name again with the same kind and labels gives the same
/// family; anything else, and a name Prometheus would not take, throws std::logic_error.
class registry {
 public:
  explicit registry(const registry_options& options = {});
  ~registry();
  registry(const registry&) = delete;
  registry& operator=(const registry&) = delete;

  family<counter> counters(std::string_view name, std::string_view help, std::vector<std::string> label_names);
  family<up_down_counter> up_down_counters(std::string_view name, std::string_view help, std::vector<std::string> label_names);
  family<gauge> gauges(std::string_view name, std::string_view help, std::vector<std::string> label_names);
  family<histogram> histograms(std::string_view name, std::string_view help, std::vector<std::string> label_names,
                               std::span<const double> bounds = duration_buckets());

  /// Without labels.
  counter& make_counter(std::string_view name, std::string_view help) { return counters(name, help, {}).with({}); }
  up_down_counter& make_up_down_counter(std::string_view name, std::string_view help) { return up_down_counters(name, help, {}).with({}); }
  gauge& make_gauge(std::string_view name, std::string_view help) { return gauges(name, help, {}).with({}); }
  histogram& make_histogram(std::string_view name, std::string_view help, std::span<const double> bounds = duration_buckets()) {
    return histograms(name, help, {}, bounds).with({});
  }

  /// Calls `function` at each scrape, on the scraping thread and under a lock: it must not suspend, use this registry or end its own
  /// registration. If it throws, its samples are missing from that scrape. Several functions may serve one name.
  registration collect(sample_kind kind, std::string_view name, std::string_view help, std::vector<std::string> label_names,
                       std::function<void(const sample_sink&)> function);
  /// The same for a single sample without labels.
  registration collect(sample_kind kind, std::string_view name, std::string_view help, std::function<double()> function);

 private:
  friend std::string expose(std::span<const registry* const> registries);
  std::shared_ptr<detail::registry_state> state_;
};

/// The process's own registry: CPU, memory, descriptors, start time, the log, event loops. Lives as long as the process.
registry& process();

/// Prometheus text format 0.0.4 of several registries as one page: `expose({&metrics::process(), &application_metrics})`. A name that two
/// of them have with different kinds is shown from the first.
std::string expose(std::span<const registry* const> registries);
inline std::string expose(std::initializer_list<const registry*> registries) {
  return expose(std::span(registries.begin(), registries.size()));
}

/// The content type of that text.
inline constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace metrics
}  // namespace mamey::inline v1
