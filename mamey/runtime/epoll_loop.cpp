#include <mamey/runtime/detail/epoll_loop.hpp>

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <system_error>

#include <mamey/observability/log.hpp>
#include <mamey/runtime/detail/random.hpp>
#include <mamey/runtime/detail/runtime_core.hpp>

namespace mamey::inline v1::detail {
namespace {

const logger log{"mamey.runtime"};

constexpr int resumes_a_round = 128;        // between two looks at the descriptors
constexpr std::size_t timers_a_round = 32;  // likewise: thousands of connections may time out at once
constexpr auto trim_interval = std::chrono::seconds(1);
constexpr auto stop_grace = std::chrono::seconds(3);
constexpr auto stacks_again = std::chrono::milliseconds(20);  // memory comes back without telling us
constexpr auto between_lines = std::chrono::seconds(10);
constexpr std::uint64_t wake_tag = ~std::uint64_t{0};

std::uint64_t tag_of(int descriptor, std::uint32_t generation) noexcept {
  return (std::uint64_t{generation} << 32) | static_cast<std::uint32_t>(descriptor);
}

std::int64_t nanoseconds_of(steady_time time) noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

[[noreturn]] void throw_errno(const char* what) { throw std::system_error(errno, std::system_category(), what); }

}  // namespace

epoll_loop::epoll_loop(runtime_core& process)
    : process_(process),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      random_state_(random_seed()) {
  callbacks.reserve(256);  // a loop that gets no memory takes at least these from others: among them is what ends it
  if (epoll_ < 0 || wake_ < 0) throw_errno("cannot create an event loop");
  epoll_event interest{};
  interest.events = EPOLLIN | EPOLLET;  // edges: each write to the eventfd is one, and nobody needs to read it
  interest.data.u64 = wake_tag;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &interest) != 0) throw_errno("cannot create an event loop");
}

epoll_loop::~epoll_loop() {
  ::close(epoll_);
  ::close(wake_);
}

wall_time epoll_loop::wall_now() const noexcept { return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()); }

std::uint64_t epoll_loop::random() noexcept { return next_random(random_state_); }

void epoll_loop::run_until_stopped() {
  const loop_binding bound(*this);
  const overflow_guard overflow;
  clockid_t cpu_clock{};
  if (::pthread_getcpuclockid(::pthread_self(), &cpu_clock) == 0) cpu_clock_.store(cpu_clock, std::memory_order_relaxed);
  last_now = now();
  round_start_.store(nanoseconds_of(last_now), std::memory_order_relaxed);  // the first round begins without a sleep
  while (!may_end()) {
    timers.expire(last_now, timers_a_round);
    if (waits_for_stacks()) start_what_waits();
    run_what_is_ready();
    wait_for_events();
  }
}

void epoll_loop::start_what_waits() {
  launch_waiting();
  if (!waits_for_stacks() || (told_of_want_ != steady_time{} && last_now - told_of_want_ < between_lines)) return;
  told_of_want_ = last_now;
  log.warning("fibers wait for a stack: the process has {count} of at most {limit} (vm.max_map_count), or no memory for another",
              mapped_stack_count(), stack_limit());
}

bool epoll_loop::may_end() noexcept {
  if (!process_.stopping.load(std::memory_order_acquire)) return false;
  if (stop_seen_ == steady_time{}) stop_seen_ = last_now;
  if (process_.alive() == 0 && !has_work() && may_sleep() && !is_being_interrupted()) return true;
  if (last_now - stop_seen_ > stop_grace && first_fiber != nullptr) fatal("the runtime ends but these fibers do not: " + names_of_fibers());
  return false;
}

void epoll_loop::run_what_is_ready() {
  for (int resumed = 0; resumed < resumes_a_round; ++resumed) {
    take_what_others_posted();
    for (auto count = callbacks.size(); count > 0; --count) run_next_callback();
    if (ready.empty()) return;
    run(*ready.pop());
  }
}

int epoll_loop::sleep_span() noexcept {
  if (has_work() || !again_.empty()) return 0;
  auto until = steady_time::max();
  if (!timers.empty()) until = timers.next();
  if (waits_for_stacks()) until = std::min(until, last_now + stacks_again);
  if (stacks.needs_trimming()) until = std::min(until, trimmed_ + trim_interval);
  if (process_.stopping.load(std::memory_order_acquire)) {
    if (process_.alive() == 0) return 0;  // the last round did the last work, and nobody wakes for `may_end`
    until = std::min(until, last_now + stop_grace);
  }
  if (until == steady_time::max()) return -1;
  if (until <= last_now) return 0;
  // Rounded up, or the last fraction of a millisecond would be spent spinning.
  const auto span = std::chrono::ceil<std::chrono::milliseconds>(until - last_now).count();
  return static_cast<int>(std::min<std::int64_t>(span, 3'600'000));
}

void epoll_loop::wait_for_events() {
  last_now = now();
  note_lag(last_now);
  if (stacks.needs_trimming() && last_now - trimmed_ >= trim_interval) {
    stacks.trim(last_now);
    trimmed_ = last_now;
  }
  int span = sleep_span();
  if (span != 0 && !may_sleep()) span = 0;
  std::array<epoll_event, 128> events;
  const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), span);
  if (span != 0) woke_up();
  last_now = now();
  round_start_.store(nanoseconds_of(last_now), std::memory_order_relaxed);
  for (int i = 0; i < count; ++i) deliver(events[static_cast<std::size_t>(i)].data.u64, events[static_cast<std::size_t>(i)].events);
  deliver_again();
}

bool epoll_loop::present(std::uint64_t tag) const noexcept {
  const auto& slot = watched_[static_cast<std::uint32_t>(tag)];
  return slot.target != nullptr && slot.generation == static_cast<std::uint32_t>(tag >> 32);
}

void epoll_loop::deliver(std::uint64_t tag, std::uint32_t events) {
  if (tag == wake_tag || !present(tag)) return;  // gone: another event of this batch closed it
  const auto target = [&] { return watched_[static_cast<std::uint32_t>(tag)].target; };
  try {
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) target()->hung_up();
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0 && present(tag)) target()->writable();
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 && present(tag)) target()->readable();
  } catch (const std::bad_alloc&) {  // the fiber that waits for it ends at its own deadline
    log.error("out of memory: an event of a socket is lost");
  }
}

void epoll_loop::deliver_again() {
  if (again_.empty()) return;
  delivering_again_.swap(again_);
  for (const auto tag : delivering_again_) {
    if (present(tag)) watched_[static_cast<std::uint32_t>(tag)].target->readable();
  }
  delivering_again_.clear();
}

void epoll_loop::watch(int descriptor, event_loop::watcher& target) {
  watch(descriptor, target, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

void epoll_loop::watch_input(int descriptor, event_loop::watcher& target) { watch(descriptor, target, EPOLLIN | EPOLLRDHUP); }

void epoll_loop::watch(int descriptor, event_loop::watcher& target, std::uint32_t events) {
  const auto place = static_cast<std::size_t>(descriptor);
  if (place >= watched_.size()) watched_.resize(std::max<std::size_t>(place + 1, watched_.size() * 2));
  auto& slot = watched_[place];
  ++slot.generation;
  epoll_event interest{};
  interest.events = events;
  interest.data.u64 = tag_of(descriptor, slot.generation);
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &interest) != 0) throw_errno("cannot watch a descriptor");
  slot.target = &target;
}

void epoll_loop::unwatch(int descriptor) noexcept {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);  // closing would not do while a child process has a copy
  watched_[static_cast<std::size_t>(descriptor)].target = nullptr;
}

void epoll_loop::call_readable_again(int descriptor) {
  again_.push_back(tag_of(descriptor, watched_[static_cast<std::size_t>(descriptor)].generation));
}

void epoll_loop::run_blocking(function_view call) { process_.pool.run(call); }

std::size_t epoll_loop::fiber_capacity_left() noexcept {
  if (waits_for_stacks()) return 0;
  const auto alive_now = process_.alive();
  const auto limit = process_.options.max_fibers;
  return std::min(limit - std::min(limit, alive_now), stacks.available());
}

void epoll_loop::interrupt_sleep() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);  // fails only when the counter is full, which wakes as well
}

void epoll_loop::became_empty() noexcept {
  if (process_.stopping.load(std::memory_order_acquire)) process_.wake_all();
}

void epoll_loop::note_lag(steady_time round_end) noexcept {
  const auto start = round_start_.load(std::memory_order_relaxed);
  if (start == 0) return;
  const auto lag = nanoseconds_of(round_end) - start;
  if (lag > worst_lag_.load(std::memory_order_relaxed)) worst_lag_.store(lag, std::memory_order_relaxed);
  round_start_.store(0, std::memory_order_relaxed);
}

std::string epoll_loop::what_runs() {
  const std::lock_guard lock(working.inspection);
  const auto* running = working.fiber.load(std::memory_order_acquire);
  if (running == nullptr) return "a callback";
  auto text = "fiber '" + std::string(running->name) + "'";
  if (running->activity[0] != '\0') text += " (" + std::string(running->activity) + ")";
  return text;
}

std::chrono::nanoseconds epoll_loop::cpu_time() const noexcept {
  timespec used{};
  ::clock_gettime(cpu_clock_.load(std::memory_order_relaxed), &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

std::chrono::nanoseconds epoll_loop::take_worst_lag() noexcept {
  auto worst = worst_lag_.exchange(0, std::memory_order_relaxed);
  const auto start = round_start_.load(std::memory_order_relaxed);
  if (start != 0) worst = std::max(worst, nanoseconds_of(now()) - start);  // a round that still runs
  return std::chrono::nanoseconds(worst);
}

}  // namespace mamey::inline v1::detail
