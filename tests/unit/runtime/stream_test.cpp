#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <system_error>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/stream.hpp>
#include <mamey/runtime/sync.hpp>

namespace {

using namespace std::chrono_literals;

std::string read_exactly(mamey::tcp_stream& stream, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t done = 0; done < size;) {
    const auto count = stream.read_some(std::span(text).subspan(done));
    if (count == 0) return text.substr(0, done);
    done += count;
  }
  return text;
}

/// A listener on a free port of the current loop, and what it accepted.
struct server {
  server() {
    listener.start([this](mamey::socket_handle socket) { accepted.try_send(std::move(socket)); });
  }
  ~server() { listener.close(); }

  mamey::tcp_stream connect() { return mamey::tcp_stream::connect("127.0.0.1", listener.port(), 5s); }
  mamey::tcp_stream accept() { return mamey::tcp_stream(std::move(*accepted.receive())); }

  mamey::tcp_listener listener{"127.0.0.1", 0};
  mamey::channel<mamey::socket_handle> accepted{1024};
};

class stream : public testing::Test {
 protected:
  mamey::runtime process{{.threads = 1}};
};

TEST_F(stream, carries_more_than_the_kernel_buffers_both_ways) {
  process.run([] {
    server here;
    auto client = here.connect();
    auto peer = here.accept();
    const std::string large(8'000'000, 'x');
    mamey::with_scope([&](mamey::task_scope& scope) {
      scope.spawn("echo", [&] {
        std::array<char, 65536> buffer;
        while (const auto count = peer.read_some(buffer)) peer.write({buffer.data(), count});
        peer.shutdown_write();
      });
      scope.spawn("writer", [&] {
        client.write(large);
        client.shutdown_write();
      });
      EXPECT_EQ(read_exactly(client, large.size() + 1), large) << "everything, then the end";
    });
  });
}

TEST_F(stream, a_read_ends_at_its_own_limit_or_at_the_contexts_deadline_and_can_be_repeated) {
  process.run([] {
    server here;
    auto client = here.connect();
    auto peer = here.accept();
    std::array<char, 16> buffer;
    EXPECT_THROW(client.read_some(buffer, mamey::steady_now() + 5ms), mamey::deadline_exceeded);
    EXPECT_FALSE(client.wait_readable(mamey::steady_now() + 1ms));
    {
      const mamey::deadline_scope soon(5ms);
      EXPECT_THROW(client.read_some(buffer), mamey::deadline_exceeded);
    }
    peer.write("late");
    EXPECT_EQ(read_exactly(client, 4), "late");
  });
}

TEST_F(stream, a_write_ends_at_its_limit_when_the_peer_does_not_read) {
  process.run([] {
    server here;
    auto client = here.connect();
    auto peer = here.accept();
    EXPECT_THROW(client.write(std::string(64'000'000, 'x'), mamey::steady_now() + 20ms), mamey::deadline_exceeded);
  });
}

TEST_F(stream, trying_never_waits_and_tells_the_end_from_nothing) {
  process.run([] {
    server here;
    auto client = here.connect();
    auto peer = here.accept();
    std::array<char, 16> buffer;
    EXPECT_EQ(client.try_read(buffer), std::nullopt);
    EXPECT_EQ(peer.try_write("ab"), 2U);
    EXPECT_TRUE(client.wait_readable({}));
    EXPECT_EQ(client.try_read(std::span(buffer).first(1)), 1U);
    EXPECT_EQ(client.try_read(std::span(buffer).first(1)), 1U) << "a full buffer may have left something";
    peer.shutdown_write();
    EXPECT_EQ(client.read_some(buffer), 0U);
    EXPECT_EQ(client.try_read(buffer), 0U) << "the end stays";
  });
}

TEST_F(stream, the_end_that_came_with_the_last_bytes_is_seen) {
  process.run([] {
    for (int i = 0; i < 50; ++i) {
      server here;
      auto client = here.connect();
      auto peer = here.accept();
      peer.write("bye");
      peer.close();
      std::array<char, 64> buffer;
      EXPECT_EQ(client.read_some(buffer), 3U);
      EXPECT_EQ(client.read_some(buffer, mamey::steady_now() + 5s), 0U);
    }
  });
}

/// A connection as a server keeps it: no fiber while idle.
struct keep_alive {
  keep_alive(mamey::event_loop& its_loop, mamey::tcp_stream opened) : loop(its_loop), connection(std::move(opened)) { wait(); }

  void wait() {
    connection.on_readable([this] { loop.start_fiber("request", [this] { serve(); }); });
  }
  void serve() {
    std::array<char, 256> buffer;
    const auto count = connection.try_read(buffer);
    if (count == 0U) return closed.release();
    if (count) {
      ++requests;
      connection.write({buffer.data(), *count});
    }
    wait();
  }

  mamey::event_loop& loop;
  mamey::tcp_stream connection;
  int requests = 0;
  mamey::semaphore closed{0};
};

TEST_F(stream, an_idle_connection_owns_no_fiber_and_wakes_for_each_request) {
  process.run([this] {
    server here;
    auto client = here.connect();
    keep_alive served(process.loop(0), here.accept());
    for (int i = 0; i < 100; ++i) {
      client.write("ping");
      EXPECT_EQ(read_exactly(client, 4), "ping");
    }
    mamey::yield();
    EXPECT_EQ(process.loop(0).read_statistics().fibers_alive, 1U) << "ours";
    client.close();
    served.closed.acquire();
    EXPECT_EQ(served.requests, 100);
  });
}

TEST_F(stream, a_callback_asked_for_while_bytes_are_left_comes_without_new_bytes) {
  process.run([] {
    server here;
    auto client = here.connect();
    auto peer = here.accept();
    peer.write("ab");
    char one = 0;
    EXPECT_EQ(client.read_some({&one, 1}), 1U);
    mamey::semaphore called(0);
    client.on_readable([&] { called.release(); });
    called.acquire();
    EXPECT_EQ(client.try_read({&one, 1}), 1U);
    EXPECT_EQ(one, 'b');
  });
}

TEST_F(stream, a_callback_can_be_taken_back_and_may_destroy_the_stream) {
  process.run([] {
    server here;
    auto client = here.connect();
    auto peer = std::make_unique<mamey::tcp_stream>(here.accept());
    bool called = false;
    peer->on_readable([&] { called = true; });
    peer->on_readable({});
    client.write("x");
    EXPECT_TRUE(peer->wait_readable({}));
    EXPECT_FALSE(called);
    mamey::semaphore gone(0);
    peer->on_readable([&] {
      peer.reset();
      gone.release();
    });
    gone.acquire();
    std::array<char, 4> buffer;
    EXPECT_THROW(client.read_some(buffer), std::system_error) << "closed with unread bytes: reset";
  });
}

TEST_F(stream, closing_wakes_the_fiber_that_reads) {
  process.run([] {
    server here;
    auto client = here.connect();
    mamey::with_scope([&](mamey::task_scope& scope) {
      scope.spawn("reader", [&] {
        std::array<char, 4> buffer;
        EXPECT_THROW(client.read_some(buffer), std::system_error);
      });
      mamey::yield();
      client.close();
    });
    EXPECT_FALSE(client.is_open());
  });
}

TEST_F(stream, an_abort_resets_the_peer) {
  process.run([] {
    server here;
    auto client = here.connect();
    auto peer = here.accept();
    peer.abort();
    std::array<char, 4> buffer;
    try {
      client.read_some(buffer);
      FAIL() << "an orderly end instead of a reset";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::connection_reset);
    }
  });
}

TEST_F(stream, connecting_resolves_names_and_names_what_it_cannot_reach) {
  process.run([] {
    server here;
    const auto port = here.listener.port();
    EXPECT_EQ(mamey::tcp_stream::connect("localhost", port, 5s).peer(), "127.0.0.1:" + std::to_string(port));
    here.listener.close();
    try {
      mamey::tcp_stream::connect("127.0.0.1", port, 5s);
      FAIL() << "connected to a closed port";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::connection_refused);
      EXPECT_NE(std::string(error.what()).find("127.0.0.1:" + std::to_string(port)), std::string::npos) << error.what();
    }
    try {
      mamey::tcp_stream::connect("no-such-host.invalid", 1, 5s);
      FAIL() << "resolved a name that cannot exist";
    } catch (const std::system_error& error) {
      EXPECT_NE(std::string(error.what()).find("cannot resolve no-such-host.invalid"), std::string::npos) << error.what();
    }
  });
}

TEST_F(stream, connecting_gives_up_in_time) {
  process.run([] {
    mamey::tcp_listener deaf("127.0.0.1", 0, {.backlog = 0});  // queues one and ignores the rest
    std::vector<mamey::tcp_stream> queued;
    EXPECT_THROW(
        {
          for (int i = 0; i < 10; ++i) queued.push_back(mamey::tcp_stream::connect("127.0.0.1", deaf.port(), 30ms));
        },
        mamey::deadline_exceeded);
  });
}

TEST_F(stream, works_on_a_plain_thread_too) {
  mamey::semaphore ready(0), done(0);
  std::uint16_t port = 0;
  std::thread client([&] {
    ready.acquire();
    auto connection = mamey::tcp_stream::connect("127.0.0.1", port, 5s);
    connection.write("hello");
    EXPECT_EQ(read_exactly(connection, 5), "hello");
    std::array<char, 4> buffer;
    EXPECT_THROW(connection.read_some(buffer, mamey::steady_now() + 2ms), mamey::deadline_exceeded);
    done.release();
  });
  process.run([&] {
    server here;
    port = here.listener.port();
    ready.release();
    auto peer = here.accept();
    peer.write(read_exactly(peer, 5));
    done.acquire();
  });
  client.join();
}

TEST_F(stream, a_taken_port_is_an_error_that_names_the_place) {
  mamey::tcp_listener first("127.0.0.1", 0);
  const auto place = "127.0.0.1:" + std::to_string(first.port());
  try {
    mamey::tcp_listener second("127.0.0.1", first.port());
    FAIL() << "two listeners on one port";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::address_in_use);
    EXPECT_EQ(std::string(error.what()), "cannot listen on " + place + ": Address already in use");
  }
}

/// What listening says on a machine whose kernel was built without IPv6: "listens", or why not.
void print_without_ipv6(const std::string& host) {
  std::array<sock_filter, 6> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) std::exit(2);
  try {
    const mamey::tcp_listener listener(host, 0);
    std::fputs("listens", stderr);
  } catch (const std::system_error& error) {
    std::fputs(error.what(), stderr);
  }
  std::exit(0);
}

TEST(stream_without_ipv6, every_address_is_what_the_machine_has_and_an_ipv6_address_is_refused_in_brackets) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto exits = ::testing::ExitedWithCode(0);
  EXPECT_EXIT(print_without_ipv6("*"), exits, "^listens$");
  EXPECT_EXIT(print_without_ipv6("::"), exits,
              R"(^cannot listen on \[::\]:0, because this machine has no IPv6 .*: Address family not supported)");
  EXPECT_EXIT(print_without_ipv6("::1"), exits, R"(^cannot listen on \[::1\]:0, because this machine has no IPv6)");
}

TEST_F(stream, a_listener_takes_the_names_of_this_machine_and_refuses_others) {
  EXPECT_NE(mamey::tcp_listener("localhost", 0).port(), 0);
  EXPECT_NE(mamey::tcp_listener("0.0.0.0", 0).port(), 0);
  EXPECT_THROW(mamey::tcp_listener("example.invalid", 0), std::system_error);
  process.run([] {
    mamey::tcp_listener everywhere("*", 0);
    everywhere.start([](mamey::socket_handle) {});
    EXPECT_TRUE(mamey::tcp_stream::connect("127.0.0.1", everywhere.port(), 5s).is_open());
  });
}

TEST_F(stream, closing_a_listener_loses_no_queued_connection) {
  process.run([] {
    mamey::tcp_listener listener("127.0.0.1", 0);
    std::vector<mamey::tcp_stream> clients;
    for (int i = 0; i < 100; ++i) clients.push_back(mamey::tcp_stream::connect("127.0.0.1", listener.port(), 5s));
    std::vector<mamey::tcp_stream> accepted;
    listener.start([&](mamey::socket_handle socket) { accepted.emplace_back(std::move(socket)); });
    listener.close();
    EXPECT_EQ(accepted.size(), clients.size());
  });
}

TEST_F(stream, when_descriptors_run_out_accepting_pauses_and_goes_on_by_itself) {
  process.run([] {
    server here;
    mamey::socket_handle client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // One goes well before, and a timer: what the sanitizer of undefined behaviour checks the first time takes descriptors of its own.
    here.connect();
    here.accept();
    mamey::event_loop::current()->add_timer(mamey::steady_now(), [] {});
    mamey::sleep_for(1ms);
    const int next_free = ::dup(0);
    ::close(next_free);
    rlimit former{};
    ::getrlimit(RLIMIT_NOFILE, &former);
    const rlimit none_left{.rlim_cur = static_cast<rlim_t>(next_free), .rlim_max = former.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none_left);

    const sockaddr_in address{
        .sin_family = AF_INET, .sin_port = htons(here.listener.port()), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    ::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    EXPECT_EQ(here.accepted.receive_until(mamey::steady_now() + 20ms).has_value(), false);
    ::setrlimit(RLIMIT_NOFILE, &former);
    EXPECT_TRUE(here.accepted.receive_until(mamey::steady_now() + 5s).has_value());
  });
}

}  // namespace
