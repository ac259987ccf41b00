// Each allocation of a start fails, alone or with those behind it, and each thread: the program says so and ends with 1, or goes on.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <new>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mamey/application.hpp>
#include <mamey/feature/composition.hpp>
#include <mamey/persistence/sqlite/feature.hpp>
#include <mamey/runtime/fiber.hpp>

#include "../../../support/soak.hpp"

namespace {

constexpr long forever = 1L << 40;

std::atomic<long> place{0};      ///< of the next allocation
std::atomic<long> first{0};      ///< the place of the first that fails; 0: none does
std::atomic<long> that_fail{0};  ///< how many in a row
std::atomic<int> thread_that_fails{-1};
std::atomic<int> threads{0};

void* allocate(std::size_t size) {
  if (first != 0) {
    const auto mine = ++place;
    if (mine >= first && mine < first + that_fail) {
      if (const auto handler = std::get_new_handler()) handler();
      throw std::bad_alloc();
    }
  }
  if (void* const made = std::malloc(size == 0 ? 1 : size)) return made;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* gone) noexcept { std::free(gone); }
void operator delete[](void* gone) noexcept { std::free(gone); }
void operator delete(void* gone, std::size_t) noexcept { std::free(gone); }
void operator delete[](void* gone, std::size_t) noexcept { std::free(gone); }

extern "C" int pthread_create(pthread_t* made, const pthread_attr_t* with, void* (*body)(void*), void* of) noexcept {
  using function = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto real = reinterpret_cast<function>(::dlsym(RTLD_NEXT, "pthread_create"));
  return threads++ == thread_that_fails ? EAGAIN : real(made, with, body, of);
}

namespace starts {

struct Order {
  mamey::uuid id;
  int lines = 0;
};
struct OrderPlaced {
  static constexpr mamey::message_options message{.exchange = "orders"};
  mamey::uuid id;
};
struct PlaceOrder {
  mamey::uuid id;
};
struct GetOrder {
  using result = std::optional<Order>;
  mamey::uuid id;
};

void place_order(const PlaceOrder& command, mamey::read_models<Order>& orders, mamey::publisher& messages) {
  orders.put({.id = command.id});
  messages.publish(OrderPlaced{command.id});
}
void on_order_placed(const OrderPlaced& event, mamey::read_models<Order>& orders) {
  auto order = orders.find(event.id).value();
  ++order.lines;
  orders.put(order);
}
std::optional<Order> get_order(const GetOrder& query, mamey::read_models<Order>& orders) { return orders.find(query.id); }

void tick() { mamey::sleep_for(std::chrono::hours(1)); }
void end() { ::kill(::getpid(), SIGTERM); }

mamey::application service() {
  return mamey::application("orders")
      .add(mamey::sqlite())
      .add(mamey::messaging())
      .background<&tick>("ticker")
      .background<&end>("end")  // the last step of a start
      .add(mamey::module("orders")
               .commands<place_order>()
               .queries<get_order>()
               .events<on_order_placed>()
               .post<PlaceOrder>("/orders")
               .get<GetOrder>("/orders/{id}"));
}

}  // namespace starts

namespace {

struct outcome {
  int status = 0;       ///< as of waitpid
  bool reached = true;  ///< what was to fail
  std::string said;
};

/// Where it was, for people: `addr2line -Cfe PROGRAM ADDRESS…`.
void show_where(int signal) {
  void* frames[64];
  ::backtrace_symbols_fd(frames, ::backtrace(frames, 64), STDERR_FILENO);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

/// Starts the service in a process of its own, which ends it as soon as it has started.
outcome start(const std::filesystem::path& data, long from, long count, int thread = -1) {
  int pipe[2];
  if (::pipe(pipe) != 0) throw std::runtime_error("no pipe");
  const auto child = ::fork();
  if (child == 0) {
    ::dup2(pipe[1], STDERR_FILENO);
    ::dup2(pipe[1], STDOUT_FILENO);
    ::close(pipe[0]);
    ::close(pipe[1]);
    void* loaded[1];
    ::backtrace(loaded, 1);  // its library is loaded while there is memory
    for (const int each : {SIGABRT, SIGSEGV, SIGBUS, SIGALRM}) ::signal(each, &show_where);
    ::alarm(60);
    const auto folder = data.string();
    std::vector<const char*> arguments{
        "orders", "--data", folder.c_str(), "--urls", "http://127.0.0.1:0", "--runtime:threads=1", "--logger:level=error"};
    auto made = starts::service();
    that_fail = count;
    thread_that_fails = thread;
    first = from;
    const int code = made.run(static_cast<int>(arguments.size()), const_cast<char**>(arguments.data()));
    const bool reached = from == 0 ? threads > thread : place >= from;
    first = 0;
    ::_exit(code == 0 && !reached ? 100 : code);
  }
  ::close(pipe[1]);
  outcome made;
  char text[4096];
  for (ssize_t got = 0; (got = ::read(pipe[0], text, sizeof text)) > 0;) made.said.append(text, static_cast<std::size_t>(got));
  ::close(pipe[0]);
  ::waitpid(child, &made.status, 0);
  made.reached = !WIFEXITED(made.status) || WEXITSTATUS(made.status) != 100;
  return made;
}

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

class start_test : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "mamey-start-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// True when it ended with 1 and a sentence, false when it went on without.
  bool refused(const outcome& ended, const std::string& what) {
    EXPECT_TRUE(WIFEXITED(ended.status)) << what << " ended it with signal " << WTERMSIG(ended.status) << "\n" << ended.said;
    if (!WIFEXITED(ended.status) || WEXITSTATUS(ended.status) == 0) return false;
    EXPECT_EQ(WEXITSTATUS(ended.status), 1) << what << "\n" << ended.said;
    const auto sentence = last_line(ended.said);
    EXPECT_TRUE(sentence.starts_with("orders: ") || sentence.find("out of memory") != std::string::npos ||
                sentence.find("for want of memory") != std::string::npos)
        << what << "\n"
        << ended.said;
    return true;
  }
  std::filesystem::path fresh() { return folder_ / std::to_string(++number_); }

  std::filesystem::path folder_;
  int number_ = 0;
};

class failing_start : public start_test, public ::testing::WithParamInterface<long> {};

TEST_P(failing_start, says_so_and_ends_with_1_or_goes_on) {
  long all = 0;
  for (long step = 4096; step > 0 && all == 0; step *= 2) {
    if (!start(fresh(), step, 0).reached) all = step;
  }
  const auto wanted = static_cast<long>(mamey::testing::rounds(60, 3'000));
  int refusals = 0, tried = 0, failures = 0;
  for (long at = 1; at < all; at += std::max(1L, all / wanted) + tried % 7, ++tried) {
    const auto ended = start(fresh(), at, GetParam());
    if (!ended.reached) break;
    if (refused(ended, "allocation " + std::to_string(at))) ++refusals;
    if (HasFailure() && ++failures == 3) break;
  }
  std::cout << "[ starts   ] " << tried << ", of which " << refusals << " were refused\n";
  EXPECT_GT(refusals, 5);
}

INSTANTIATE_TEST_SUITE_P(of, failing_start, ::testing::Values(1, 25, forever));

class start_without_threads : public start_test {};
TEST_F(start_without_threads, says_so_and_ends_with_1_or_goes_on) {
  int refusals = 0;
  for (int at = 0; at < 30; ++at) {
    const auto ended = start(fresh(), 0, 0, at);
    if (!ended.reached) break;
    if (refused(ended, "thread " + std::to_string(at))) ++refusals;
  }
  EXPECT_GT(refusals, 2);
}

}  // namespace
