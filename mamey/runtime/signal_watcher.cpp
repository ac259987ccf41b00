#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include <mamey/runtime/detail/wait_list.hpp>
#include <mamey/runtime/shutdown.hpp>
#include <mamey/runtime/stream.hpp>

namespace mamey::inline v1 {
namespace {

constexpr int exit_code_of_second_signal = 130;       // as shells report SIGINT
constexpr std::chrono::milliseconds one_signal{500};  // timeout(1) and other wrappers signal the process and then its group

sigset_t watched_signals() noexcept {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  struct sigaction hang_up{};
  // nohup(1) ignores it, and a blocked signal would arrive all the same.
  if (::sigaction(SIGHUP, nullptr, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN) ::sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

/// A thread of its own, so that the second signal works even when every loop is stuck.
struct signal_watcher::state {
  state() : signals(blocked_signals_descriptor()), stop(::eventfd(0, EFD_CLOEXEC)), watching([this] { watch(); }) {}

  ~state() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(stop.get(), &one, sizeof one);  // an empty eventfd takes it
    watching.join();
    const auto set = watched_signals();
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);  // nobody reads them any more: they end the process as they do by default
  }

  static int blocked_signals_descriptor() {
    const auto set = watched_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    const int descriptor = ::signalfd(-1, &set, SFD_CLOEXEC);
    if (descriptor < 0) throw std::system_error(errno, std::system_category(), "cannot watch for signals");
    return descriptor;
  }

  void watch() {
    std::array<pollfd, 2> sources{pollfd{.fd = signals.get(), .events = POLLIN, .revents = 0},
                                  pollfd{.fd = stop.get(), .events = POLLIN, .revents = 0}};
    for (;;) {
      if (::poll(sources.data(), sources.size(), -1) < 0) continue;  // EINTR
      if (sources[1].revents != 0) return;
      signalfd_siginfo info{};
      if (::read(signals.get(), &info, sizeof info) == sizeof info) arrived();
    }
  }

  void arrived() {
    const std::lock_guard lock(guard);
    const auto now = std::chrono::steady_clock::now();
    if (first && now - *first < one_signal) return;
    if (requested) ::_exit(exit_code_of_second_signal);
    first = now;
    requested = true;
    waiting.wake_all();
  }

  std::mutex guard;
  std::optional<std::chrono::steady_clock::time_point> first;
  detail::wait_list waiting;
  bool requested = false;
  socket_handle signals;
  socket_handle stop;
  std::thread watching;
};

signal_watcher::signal_watcher() : state_(std::make_unique<state>()) {}
signal_watcher::~signal_watcher() = default;

void signal_watcher::wait() {
  detail::check_interruption();
  std::unique_lock lock(state_->guard);
  while (!state_->requested) state_->waiting.wait(lock);
}

void signal_watcher::request() {
  const std::lock_guard lock(state_->guard);
  state_->requested = true;
  state_->waiting.wake_all();
}

}  // namespace mamey::inline v1
