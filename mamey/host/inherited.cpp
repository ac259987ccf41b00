#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <mamey/host/detail/inherited.hpp>

namespace mamey::inline v1::detail {
namespace {

constexpr rlim_t most_descriptors = 1 << 20;

void open_console() noexcept {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    ::open("/dev/null", descriptor == STDIN_FILENO ? O_RDONLY : O_WRONLY);  // takes the lowest: this one
  }
}

/// A shell's soft limit of 1 024 is there for programs that use select(2).
void raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const auto wanted = std::min(limit.rlim_max, most_descriptors);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  ::setrlimit(RLIMIT_NOFILE, &limit);  // where it fails, the server says what does not fit
}

}  // namespace

void tidy_inherited() noexcept {
  open_console();
  ::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
}

}  // namespace mamey::inline v1::detail
