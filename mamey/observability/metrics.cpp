#include <mamey/observability/metrics.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <thread>

#include <mamey/observability/detail/metrics_state.hpp>
#include <mamey/observability/log.hpp>

namespace mamey::inline v1 {
namespace metrics {

namespace {

const logger log{"mamey.metrics"};

constexpr std::array<double, 16> durations{0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064,  0.128,
                                           0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384, 32.768};

bool is_name(std::string_view name, bool colons) {
  auto starts = [&](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colons && c == ':'); };
  return !name.empty() && starts(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return starts(c) || (c >= '0' && c <= '9'); });
}

void check(const detail::description& about) {
  if (!is_name(about.name, true))
    throw std::logic_error("`" + about.name + "` cannot name a metric: letters, digits, _ and :, no digit first");
  for (const auto& label : about.label_names) {
    const bool reserved = label.starts_with("__") || (label == "le" && about.type == "histogram");
    if (!is_name(label, false) || reserved) throw std::logic_error("`" + label + "` cannot name a label of the metric " + about.name);
  }
}

void check_same(const detail::description& first, const detail::description& second) {
  if (first.type == second.type && first.label_names == second.label_names) return;
  throw std::logic_error("the metric " + first.name + " is already a " + first.type + " with " + std::to_string(first.label_names.size()) +
                         " labels; it cannot also be a " + second.type + " with " + std::to_string(second.label_names.size()) +
                         " (other) labels");
}

template <class Metric>
class typed_family : public detail::family_state {
 public:
  typed_family(detail::description description, std::string constants, std::size_t max, std::function<std::unique_ptr<Metric>()> make)
      : family_state(std::move(description), std::move(constants), max), make_(std::move(make)) {}

  Metric& with(std::span<const std::string_view> values) {
    if (values.size() != about.label_names.size()) {
      throw std::invalid_argument("the metric " + about.name + " has " + std::to_string(about.label_names.size()) + " labels, not " +
                                  std::to_string(values.size()));
    }
    std::lock_guard lock(mutex_);
    auto labels = detail::label_text(about.label_names, values);
    if (const auto found = children_.find(labels); found != children_.end()) return *found->second;
    if (children_.size() >= max_children) return overflow();
    return *children_.emplace(std::move(labels), make_()).first->second;
  }

  void expose(std::string& samples) const override {
    std::lock_guard lock(mutex_);
    for (const auto& [labels, metric] : children_) expose(samples, labels, *metric);
  }

 private:
  Metric& overflow() {
    const std::vector<std::string_view> others(about.label_names.size(), "other");
    auto labels = detail::label_text(about.label_names, others);
    auto found = children_.find(labels);
    if (found == children_.end()) {
      found = children_.emplace(std::move(labels), make_()).first;
      log.warning("metric {metric} has {limit} combinations of labels; further ones are counted as `other`", about.name, max_children);
    }
    return *found->second;
  }

  void expose(std::string& samples, const std::string& labels, const counter& metric) const { integer(samples, labels, metric.value()); }
  void expose(std::string& samples, const std::string& labels, const up_down_counter& metric) const {
    integer(samples, labels, metric.value());
  }
  void expose(std::string& samples, const std::string& labels, const gauge& metric) const {
    detail::append_sample(samples, about.name, "", constant_labels, labels, detail::number_text(metric.value()));
  }
  void expose(std::string& samples, const std::string& labels, const histogram& metric) const {
    const auto snapshot = metric.snapshot();
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < snapshot.counts.size(); ++i) {
      below += snapshot.counts[i];
      const auto bound = i < metric.bounds().size() ? detail::number_text(metric.bounds()[i]) : "+Inf";
      detail::append_sample(samples, about.name, "_bucket", constant_labels, labels + (labels.empty() ? "" : ",") + "le=\"" + bound + '"',
                            std::to_string(below));
    }
    detail::append_sample(samples, about.name, "_sum", constant_labels, labels, detail::number_text(snapshot.sum));
    detail::append_sample(samples, about.name, "_count", constant_labels, labels, std::to_string(below));
  }
  template <class Integer>
  void integer(std::string& samples, const std::string& labels, Integer value) const {
    detail::append_sample(samples, about.name, "", constant_labels, labels, std::to_string(value));
  }

  std::function<std::unique_ptr<Metric>()> make_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Metric>, std::less<>> children_;
};

template <class Metric>
family<Metric> find_or_add(detail::registry_state& state, detail::description about, std::function<std::unique_ptr<Metric>()> make) {
  check(about);
  std::lock_guard lock(state.families_mutex);
  if (const auto collected = state.collected_names.find(about.name); collected != state.collected_names.end()) {
    throw std::logic_error("the metric " + about.name + " is already given by a collecting function");
  }
  auto& place = state.families[about.name];
  if (place == nullptr) {
    place = std::make_unique<typed_family<Metric>>(std::move(about), state.constant_label_text, state.max_children, std::move(make));
  } else {
    check_same(place->about, about);
    if (dynamic_cast<typed_family<Metric>*>(place.get()) == nullptr)
      throw std::logic_error("the metric " + about.name + " is another kind of gauge already");
  }
  return family<Metric>(*place);
}

template <class Metric>
std::unique_ptr<Metric> make_plain() {
  return std::make_unique<Metric>();
}

}  // namespace

std::size_t detail::shard_count() noexcept {
  static const std::size_t count =
      std::clamp<std::size_t>(2 * std::bit_ceil<std::size_t>(std::max(1U, std::thread::hardware_concurrency())), 4, 64);
  return count;
}

std::size_t detail::assign_shard() noexcept {
  static std::atomic<std::size_t> next{0};
  return assigned_shard = next.fetch_add(1, std::memory_order_relaxed) % shard_count() + 1;
}

std::uint64_t detail::sharded_sum::value() const noexcept {
  return std::accumulate(cells_.get(), cells_.get() + shard_count(), std::uint64_t{0},
                         [](std::uint64_t sum, const integer_cell& cell) { return sum + cell.value.load(std::memory_order_relaxed); });
}

std::span<const double> duration_buckets() noexcept { return durations; }

std::uint64_t histogram_snapshot::count() const noexcept { return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}); }

histogram::histogram(std::span<const double> bounds)
    : bounds_(bounds.begin(), bounds.end()), lines_per_shard_((bounds.size() + 2 + 7) / 8) {
  const bool ascending = std::adjacent_find(bounds_.begin(), bounds_.end(), std::greater_equal<>()) == bounds_.end();
  if (!ascending || !std::all_of(bounds_.begin(), bounds_.end(), [](double bound) { return std::isfinite(bound); })) {
    throw std::invalid_argument("the bounds of a histogram are finite and ascend");
  }
  lines_.reset(new line[detail::shard_count() * lines_per_shard_]());
}

void histogram::observe(double value) noexcept {
  if (std::isnan(value)) return;  // would make the sum useless for ever
  const auto shard = detail::shard();
  const auto bucket = static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  word(shard, bucket).fetch_add(1, std::memory_order_relaxed);
  auto& sum = word(shard, bounds_.size() + 1);
  auto before = sum.load(std::memory_order_relaxed);
  while (
      !sum.compare_exchange_weak(before, std::bit_cast<std::uint64_t>(std::bit_cast<double>(before) + value), std::memory_order_relaxed)) {}
}

histogram_snapshot histogram::snapshot() const {
  histogram_snapshot result;
  result.counts.resize(bounds_.size() + 1);
  for (std::size_t shard = 0; shard < detail::shard_count(); ++shard) {
    for (std::size_t i = 0; i < result.counts.size(); ++i) result.counts[i] += word(shard, i).load(std::memory_order_relaxed);
    result.sum += std::bit_cast<double>(word(shard, bounds_.size() + 1).load(std::memory_order_relaxed));
  }
  return result;
}

std::uint64_t histogram::count() const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t shard = 0; shard < detail::shard_count(); ++shard) {
    for (std::size_t i = 0; i <= bounds_.size(); ++i) sum += word(shard, i).load(std::memory_order_relaxed);
  }
  return sum;
}

template <class Metric>
Metric& family<Metric>::with(std::span<const std::string_view> values) const {
  return static_cast<typed_family<Metric>&>(*state_).with(values);
}
template class family<counter>;
template class family<up_down_counter>;
template class family<gauge>;
template class family<histogram>;

registration& registration::operator=(registration&& other) noexcept {
  if (this == &other) return *this;
  if (cancel_) cancel_();
  cancel_ = std::exchange(other.cancel_, nullptr);
  return *this;
}

registration::~registration() {
  if (cancel_) cancel_();
}

registry::registry(const registry_options& options) : state_(std::make_shared<detail::registry_state>()) {
  std::vector<std::string> names;
  std::vector<std::string_view> values;
  for (const auto& [name, value] : options.constant_labels) {
    names.push_back(name);
    values.emplace_back(value);
  }
  check({.name = "constant_labels", .type = "histogram", .label_names = names});
  state_->constant_label_text = detail::label_text(names, values);
  state_->max_children = options.max_children;
}

registry::~registry() = default;

family<counter> registry::counters(std::string_view name, std::string_view help, std::vector<std::string> label_names) {
  return find_or_add<counter>(*state_, {std::string(name), std::string(help), "counter", std::move(label_names)}, make_plain<counter>);
}

family<up_down_counter> registry::up_down_counters(std::string_view name, std::string_view help, std::vector<std::string> label_names) {
  return find_or_add<up_down_counter>(*state_, {std::string(name), std::string(help), "gauge", std::move(label_names)},
                                      make_plain<up_down_counter>);
}

family<gauge> registry::gauges(std::string_view name, std::string_view help, std::vector<std::string> label_names) {
  return find_or_add<gauge>(*state_, {std::string(name), std::string(help), "gauge", std::move(label_names)}, make_plain<gauge>);
}

family<histogram> registry::histograms(std::string_view name, std::string_view help, std::vector<std::string> label_names,
                                       std::span<const double> bounds) {
  auto make = [bounds = std::vector(bounds.begin(), bounds.end())] { return std::make_unique<histogram>(bounds); };
  return find_or_add<histogram>(*state_, {std::string(name), std::string(help), "histogram", std::move(label_names)}, std::move(make));
}

registration registry::collect(sample_kind kind, std::string_view name, std::string_view help, std::vector<std::string> label_names,
                               std::function<void(const sample_sink&)> function) {
  detail::description about{std::string(name), std::string(help), kind == sample_kind::counter ? "counter" : "gauge",
                            std::move(label_names)};
  check(about);
  {
    std::lock_guard lock(state_->families_mutex);
    if (state_->families.contains(name)) throw std::logic_error("the metric " + about.name + " is already registered with children");
    check_same(state_->collected_names.try_emplace(about.name, about).first->second, about);
  }
  std::lock_guard lock(state_->collect_mutex);
  const auto id = state_->next_collector++;
  state_->collectors.emplace(id, detail::collector{std::move(about), std::move(function)});
  return registration([weak = std::weak_ptr(state_), id] {
    const auto state = weak.lock();
    if (state == nullptr) return;
    std::lock_guard unlist(state->collect_mutex);
    state->collectors.erase(id);
  });
}

registration registry::collect(sample_kind kind, std::string_view name, std::string_view help, std::function<double()> function) {
  return collect(kind, name, help, {}, [function = std::move(function)](const sample_sink& sink) { sink({}, function()); });
}

}  // namespace metrics
}  // namespace mamey::inline v1
