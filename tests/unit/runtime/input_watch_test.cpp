// Waiting for input that somebody else reads.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/input_watch.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/sync.hpp>

namespace {

using namespace std::chrono_literals;

struct two_ends {
  two_ends() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0); }
  ~two_ends() {
    for (const int each : ends) ::close(each);
  }
  std::array<int, 2> ends{};
};

/// Reads one byte each time it is told.
class sipper final : public mamey::event_loop::watcher {
 public:
  explicit sipper(int from) : from_(from) {}
  void readable() override {
    char one = 0;
    if (::read(from_, &one, 1) != 1) return;
    taken += one;
    told.release();
  }
  void writable() override { ++told_of_room; }
  std::string taken;
  int told_of_room = 0;
  mamey::semaphore told{0};

 private:
  int from_;
};

TEST(input_watch, tells_of_input_until_all_of_it_is_read_and_never_of_room_to_write) {
  mamey::runtime loops({.threads = 1});
  loops.run([] {
    const two_ends wire;
    sipper reader(wire.ends[0]);
    auto& here = *mamey::event_loop::current();
    ASSERT_EQ(::write(wire.ends[1], "abc", 3), 3);
    mamey::watch_input(here, wire.ends[0], reader);
    for (int each = 0; each < 3; ++each) ASSERT_TRUE(reader.told.try_acquire_until(mamey::steady_now() + 30s)) << reader.taken;
    EXPECT_EQ(reader.taken, "abc");
    EXPECT_EQ(reader.told_of_room, 0);
    here.unwatch(wire.ends[0]);
  });
}

}  // namespace
