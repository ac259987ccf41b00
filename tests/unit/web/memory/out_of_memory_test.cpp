// Each allocation of a loop fails, alone or with many after it: the server answers, refuses or closes, and goes on.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include "../server_fixture.hpp"

namespace {

std::atomic<int> place{0};      ///< of the next allocation on a loop
std::atomic<int> first{0};      ///< the place of the first that fails; 0: none does
std::atomic<int> that_fail{0};  ///< how many in a row

bool must_fail() noexcept {
  if (first == 0 || mamey::event_loop::current() == nullptr) return false;
  const int mine = ++place;
  return mine >= first && mine < first + that_fail;
}

void* allocate(std::size_t size) {
  if (must_fail()) throw std::bad_alloc();
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

namespace {

using namespace mamey_test;

class out_of_memory : public ::testing::TestWithParam<int> {};

TEST_P(out_of_memory, costs_a_connection_and_never_the_server) {
  running_server server([](mamey::http::request& request, mamey::http::response& response) {
    response.set_body("text/plain", std::string(request.body().size() + 100'000, 'x'));
  });
  const auto status_of_a_request = [&] {
    auto client = server.connect();
    const auto answer = client.ask(post("/", std::string(20'000, 'y')));
    if (!answer) {
      EXPECT_NE(client.wait_for_end(), closing::not_at_all) << "neither an answer nor an end; allocation " << first;
    }
    return answer ? answer->status : 0;
  };
  for (std::size_t i = 0; i < server.runtime.loops(); ++i) server.runtime.run_on(server.runtime.loop(i), [] {});
  server.runtime.run_on(server.runtime.system_loop(), [] {});  // a thread that is only starting has nothing to give up
  int tried = 0, refused = 0, last = 0;
  for (bool reached = true; reached && tried < 500;) {
    place = 0;
    that_fail = GetParam();
    first = ++tried;
    const int status = status_of_a_request();
    reached = place >= tried;
    first = 0;
    if (status != 200) ++refused;
    ASSERT_TRUE(status == 0 || status == 200 || status == 503) << status << ", allocation " << tried;
    last = status_of_a_request();
    ASSERT_EQ(last, 200) << "after allocation " << tried;
  }
  EXPECT_GT(refused, 3);
  EXPECT_TRUE(eventually([&] {
    const auto now = server.server.read_statistics();
    return now.in_flight == 0 && now.connections_open == 0 && now.buffered_bytes == 0;
  }));
}

INSTANTIATE_TEST_SUITE_P(of, out_of_memory, ::testing::Values(1, 3, 25));

}  // namespace
