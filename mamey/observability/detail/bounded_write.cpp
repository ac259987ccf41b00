#include <mamey/observability/detail/bounded_write.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mamey::inline v1::detail {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds look{50};  // between two looks at the end of all writing

std::atomic<clock::rep> end_of_writing{clock::time_point::max().time_since_epoch().count()};

clock::time_point end_of_all() noexcept { return clock::time_point(clock::duration(end_of_writing.load(std::memory_order_relaxed))); }

/// A file takes everything at once; of a pipe, a socket or a terminal poll says only that a little fits.
std::size_t piece_for(int descriptor) noexcept {
  struct stat about{};
  return ::fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode) ? std::size_t{1} << 20 : std::size_t{PIPE_BUF};
}

/// False when there was no room in time.
bool wait_for_room(int descriptor, clock::time_point until) noexcept {
  for (;;) {
    pollfd waiting{.fd = descriptor, .events = POLLOUT, .revents = 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::min(until, end_of_all()) - clock::now());
    const int found = ::poll(&waiting, 1, static_cast<int>(std::clamp(left, std::chrono::milliseconds(0), look).count()));
    if (found > 0) return true;  // an error as well: the write tells which
    if (found == 0 && left.count() <= 0) return false;
  }
}

}  // namespace

bounded_write write_bounded(int descriptor, std::string_view text, std::chrono::milliseconds patience) noexcept {
  bounded_write done;
  const auto piece = piece_for(descriptor);
  auto until = clock::now() + patience;
  while (done.bytes < text.size()) {
    if (!wait_for_room(descriptor, until)) return {done.bytes, ETIMEDOUT};
    const auto written = ::write(descriptor, text.data() + done.bytes, std::min(piece, text.size() - done.bytes));
    if (written > 0) {
      done.bytes += static_cast<std::size_t>(written);
      until = clock::now() + patience;
    } else if (written < 0 && errno == EAGAIN) {
      if (clock::now() >= until) return {done.bytes, ETIMEDOUT};
      ::poll(nullptr, 0, 1);  // less room than poll thinks worth telling
    } else if (written < 0 && errno != EINTR) {
      return {done.bytes, errno};
    }
  }
  return done;
}

void end_writing_by(std::chrono::steady_clock::time_point moment) noexcept {
  end_of_writing.store(moment.time_since_epoch().count(), std::memory_order_relaxed);
}

}  // namespace mamey::inline v1::detail
