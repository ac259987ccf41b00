#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <random>
#include <set>
#include <string>

#include <mamey/core/error.hpp>
#include <mamey/runtime/baggage.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/correlation_context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/sync.hpp>
#include <mamey/runtime/tracestate.hpp>

namespace {

using namespace std::chrono_literals;

constexpr auto example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(trace_context, reads_and_writes_traceparent) {
  const auto parsed = mamey::trace_context::parse(example);
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->sampled);
  EXPECT_EQ(parsed->trace_id_text(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(parsed->to_traceparent(), example);
}

TEST(trace_context, refuses_what_the_standard_refuses) {
  const std::string good = example;
  for (const auto& bad : {std::string(), good.substr(0, 54), good + "0", good + "-x", "ff" + good.substr(2), "0g" + good.substr(2),
                          "00_" + good.substr(3), std::string("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
                          std::string("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
                          std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"), "01" + good.substr(2) + "x"}) {
    EXPECT_FALSE(mamey::trace_context::parse(bad)) << bad;
  }
  EXPECT_TRUE(mamey::trace_context::parse("01" + good.substr(2) + "-more")) << "a later version may say more";
  EXPECT_FALSE(mamey::trace_context::parse(good.substr(0, 53) + "00")->sampled);
}

TEST(trace_context, a_child_keeps_the_trace_and_has_its_own_span) {
  const auto root = mamey::trace_context::make_root(true);
  EXPECT_TRUE(root.valid());
  const auto child = root.child();
  EXPECT_EQ(child.trace_id, root.trace_id);
  EXPECT_NE(child.span_id, root.span_id);
  EXPECT_EQ(child.parent_id, root.span_id);
  EXPECT_TRUE(child.sampled);
  EXPECT_NE(mamey::trace_context::make_root().trace_id, root.trace_id);
}

TEST(context, belongs_to_the_fiber_and_is_inherited_by_children) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    mamey::current_context().correlation_id = "outer";
    mamey::with_scope([](mamey::task_scope& scope) {
      for (const auto* mine : {"a", "b", "c"}) {
        scope.spawn("child", [mine] {
          EXPECT_EQ(mamey::current_context().correlation_id, "outer");
          mamey::current_context().correlation_id = mine;
          mamey::yield();
          EXPECT_EQ(mamey::current_context().correlation_id, mine);
          mamey::run_blocking([mine] { EXPECT_EQ(mamey::current_context().correlation_id, mine); });
        });
      }
    });
    EXPECT_EQ(mamey::current_context().correlation_id, "outer");
    {
      const mamey::context_scope replaced({.tenant = "t"});
      EXPECT_EQ(mamey::current_context().correlation_id, "");
    }
    EXPECT_EQ(mamey::current_context().correlation_id, "outer");
  });
}

TEST(context, goes_along_to_a_thread_for_blocking_calls) {
  mamey::runtime process({.threads = 1});
  process.run([] {
    mamey::current_context().tenant = "acme";
    EXPECT_EQ(mamey::run_blocking([] { return mamey::current_context().tenant; }), "acme");
  });
}

TEST(deadline, once_passed_every_suspension_point_throws_even_one_that_need_not_wait) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    mamey::mutex free;
    mamey::semaphore available(1);
    mamey::channel<int> filled(1);
    filled.try_send(1);
    const mamey::deadline_scope soon(1s);
    EXPECT_THROW(mamey::sleep_for(1min), mamey::deadline_exceeded);
    EXPECT_THROW(mamey::sleep_for(0s), mamey::deadline_exceeded);
    EXPECT_THROW(mamey::yield(), mamey::deadline_exceeded);
    EXPECT_THROW(free.lock(), mamey::deadline_exceeded);
    EXPECT_THROW(available.acquire(), mamey::deadline_exceeded);
    EXPECT_THROW(filled.receive(), mamey::deadline_exceeded);
    EXPECT_THROW(mamey::run_blocking([] {}), mamey::deadline_exceeded);
    EXPECT_THROW(mamey::check_context(), mamey::deadline_exceeded);
    EXPECT_EQ(filled.try_receive(), 1) << "what never waits does not throw";
  });
}

TEST(deadline, a_scope_tightens_and_never_loosens) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    const auto start = mamey::steady_now();
    const mamey::deadline_scope outer(1s);
    {
      const mamey::deadline_scope inner(1h);
      EXPECT_EQ(mamey::current_context().deadline, start + 1s);
    }
    {
      const mamey::deadline_scope inner(500ms);
      EXPECT_EQ(mamey::current_context().deadline, start + 500ms);
    }
    EXPECT_EQ(mamey::current_context().deadline, start + 1s);
    EXPECT_THROW(mamey::sleep_for(std::chrono::nanoseconds::max()), mamey::deadline_exceeded) << "an endless span does not overflow";
  });
}

TEST(deadline, an_own_limit_that_comes_first_is_no_error) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    mamey::semaphore none(0);
    const mamey::deadline_scope later(2s);
    EXPECT_FALSE(none.try_acquire_until(mamey::steady_now() + 1s));
    EXPECT_THROW(none.try_acquire_until(mamey::steady_now() + 2s), mamey::deadline_exceeded);
  });
}

TEST(cancellation, is_sticky_and_wakes_who_waits) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    const auto cancel = std::make_shared<mamey::cancellation>();
    mamey::current_context().cancel = cancel;
    mamey::event_loop::current()->add_timer(mamey::steady_now() + 1s, [cancel] { cancel->request(); });
    const auto start = mamey::steady_now();
    EXPECT_THROW(mamey::sleep_for(1h), mamey::cancelled);
    EXPECT_EQ(mamey::steady_now(), start + 1s);
    EXPECT_THROW(mamey::sleep_for(1s), mamey::cancelled);
    EXPECT_THROW(mamey::check_context(), mamey::cancelled);
    mamey::current_context().cancel = nullptr;
    mamey::check_context();
  });
}

TEST(cancellation, of_a_parent_reaches_its_children_and_not_the_other_way) {
  const auto parent = std::make_shared<mamey::cancellation>();
  mamey::cancellation first(parent);
  mamey::cancellation second(parent);
  first.request();
  EXPECT_FALSE(parent->requested());
  EXPECT_FALSE(second.requested());
  parent->request();
  EXPECT_TRUE(second.requested());
  EXPECT_TRUE(mamey::cancellation(parent).requested()) << "one made too late is requested at once";
}

TEST(cancellation, from_another_thread_ends_waits_on_a_loop) {
  mamey::runtime process({.threads = 2});
  for (int round = 0; round < 50; ++round) {
    process.run([&] {
      const auto cancel = std::make_shared<mamey::cancellation>();
      process.loop(1).post([cancel] { cancel->request(); });
      mamey::current_context().cancel = cancel;
      EXPECT_THROW(mamey::sleep_for(1h), mamey::cancelled);
      mamey::current_context().cancel = nullptr;
    });
  }
}

TEST(masked_section, lets_a_commit_end_after_the_deadline_and_throws_at_the_next_point_outside) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    bool committed = false;
    const mamey::deadline_scope soon(1s);
    {
      const mamey::masked_section commit;
      mamey::sleep_for(10s);  // the deadline expires in here
      mamey::run_blocking([] {});
      committed = true;
    }
    EXPECT_TRUE(committed);
    EXPECT_THROW(mamey::check_context(), mamey::deadline_exceeded);
  });
}

TEST(masked_section, holds_off_cancellation_for_its_grace_and_no_longer) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    const auto cancel = std::make_shared<mamey::cancellation>();
    mamey::current_context().cancel = cancel;
    const auto start = mamey::steady_now();
    const mamey::masked_section settle(5s);
    cancel->request();
    mamey::sleep_for(1s);
    EXPECT_THROW(mamey::sleep_for(1h), mamey::cancelled);
    EXPECT_EQ(mamey::steady_now(), start + 5s);
    mamey::current_context().cancel = nullptr;
  });
}

TEST(masked_section, outlived_by_a_wait_without_interruption_does_not_end_it) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    mamey::current_context().cancel = std::make_shared<mamey::cancellation>();
    const auto start = mamey::steady_now();
    const mamey::masked_section section(1s);
    mamey::sleep_for(1min);
    EXPECT_EQ(mamey::steady_now(), start + 1min);
  });
}

TEST(masked_section, an_inner_one_does_not_shorten_the_outer_grace) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    const mamey::deadline_scope soon(1s);
    const mamey::masked_section outer(10s);
    {
      const mamey::masked_section inner(1s);
      mamey::sleep_for(9s);
    }
    EXPECT_THROW(mamey::sleep_for(2s), mamey::deadline_exceeded);
  });
}

TEST(suspension, in_a_destructor_that_runs_because_of_an_exception_waits_instead_of_throwing) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    bool waited = false;
    struct on_exit {
      bool& done;
      ~on_exit() {
        mamey::semaphore none(0);
        done = !none.try_acquire_until(mamey::steady_now() + 3s);
      }
    };
    const mamey::deadline_scope soon(1s);
    try {
      const on_exit guard{waited};
      mamey::sleep_for(1h);
      FAIL() << "the deadline must end the sleep";
    } catch (const mamey::deadline_exceeded&) {}
    EXPECT_TRUE(waited);
  });
}

TEST(baggage, what_cannot_be_read_or_written_is_left_out) {
  std::map<std::string, std::string> read;
  mamey::read_baggage(read, " a = 1 ,b=%20;p=q,,=x,c=%4,d=%zz,e f=1,g=%,h,i=\n,j=a b,k=\"q\",l=\\,m=\xc3\xa9");
  EXPECT_EQ(read, (std::map<std::string, std::string>{{"a", "1"}, {"b", " "}}));
  EXPECT_EQ(mamey::to_baggage_text({{"b", "\xff ,;=\\\"%"}, {"no token", "x"}, {"whole", "x"}}, "whole"), "b=%FF%20%2C%3B=%5C%22%25");
  EXPECT_EQ(mamey::carried_context(" { \"a b\" : [ 1 , \"\\\" : \" ] } "), R"({"a b":[1,"\" : "]})");
  for (const auto* nothing : {"", " ", "{", "null", "{}", "{ }", "5", "true", "{\"a\":1} x", "{\"a\":\"\xff\"}"})
    EXPECT_EQ(mamey::carried_context(nothing), "") << nothing;
  EXPECT_EQ(mamey::ascii_json("\"a\xC5\xBC\xE2\x82\xAC\xF0\x9F\x98\x80\""), R"("a\u017C\u20AC\uD83D\uDE00")");
}

TEST(baggage, it_ends_at_64_members_and_8192_bytes_and_what_is_beyond_is_dropped) {
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "k" + std::to_string(i) + "=v,";
  std::map<std::string, std::string> read;
  mamey::read_baggage(read, many);
  EXPECT_EQ(read.size(), 64U);
  EXPECT_EQ(mamey::to_baggage_text([&] {
              std::map<std::string, std::string> made;
              for (int i = 0; i < 100; ++i) made["k" + std::to_string(100 + i)] = "v";
              return made;
            }())
                .size(),
            64U * 7 - 1);

  read.clear();
  mamey::read_baggage(read, "small=1,large=" + std::string(12'000, '(') + ",later=2");
  EXPECT_EQ(read, (std::map<std::string, std::string>{{"small", "1"}, {"later", "2"}}));
  const std::map<std::string, std::string> huge{{"a", std::string(3'000, '\n')}, {"b", "2"}};
  EXPECT_EQ(mamey::to_baggage_text(huge), "b=2") << "9000 bytes as a header";
}

TEST(baggage, what_passes_through_does_not_grow) {
  std::string octets;  // all that a value may have, W3C Baggage §3.3.1.3
  for (char c = 0x21; c < 0x7f; ++c) {
    if (c != '"' && c != ',' && c != ';' && c != '\\' && c != '%') octets += c;
  }
  std::minstd_rand random(1);
  for (int round = 0; round < 1'000; ++round) {
    std::string text;
    for (auto members = 1 + random() % 80; members > 0; --members) {
      text += (text.empty() ? "k" : ",k") + std::to_string(random() % 100) + "=";
      for (auto length = random() % 300; length > 0; --length) {
        if (random() % 8 == 0)
          text += "%" + std::string(1, "0123456789ABCDEF"[random() % 16]) + "1";
        else
          text += octets[random() % octets.size()];
      }
    }
    std::map<std::string, std::string> read, again;
    mamey::read_baggage(read, text);
    const auto written = mamey::to_baggage_text(read);
    ASSERT_LE(written.size(), std::min<std::size_t>(text.size(), 8192)) << text;
    mamey::read_baggage(again, written);
    ASSERT_EQ(again, read) << text;
  }
}

TEST(tracestate, what_the_grammar_takes_is_passed_on_word_for_word) {
  for (const auto& right : std::vector<std::string>{"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "a=1 ,\t b=2", "a=1,,b=2,", "0tenant@sys=1",
                                                    "a_-*/9=1", std::string(256, 'k') + "=" + std::string(256, 'v'),
                                                    std::string(241, 't') + "@" + std::string(14, 's') + "=1",
                                                    "a=!\"#$%&'()*+-./:;<>?@[]^_`{|}~", "a=in  side", "a=1,a=2"})
    EXPECT_EQ(mamey::checked_tracestate(right), right);
  EXPECT_EQ(mamey::checked_tracestate(" \ta=1 "), "a=1");
}

TEST(tracestate, what_it_refuses_makes_the_whole_none) {
  for (const auto& nothing : {"", " ", ",", " , ,"}) EXPECT_EQ(mamey::checked_tracestate(nothing), "");
  for (const auto& wrong : std::vector<std::string>{
           "a", "a=", "=1", "A=1", "9=1", "a b=1", "a =1", "a=x=y", "a=\x7f", "a=\xc3\xa9", "a=1\n", "@s=1", "t@=1", "t@9=1", "t@s@s=1",
           std::string(257, 'k') + "=1", "k=" + std::string(257, 'v'), std::string(242, 't') + "@s=1", "t@" + std::string(15, 's') + "=1"})
    EXPECT_EQ(mamey::checked_tracestate("ok=1," + wrong), "") << wrong;
}

TEST(tracestate, it_ends_at_32_members_and_8192_bytes) {
  const auto members = [](int count, std::size_t value) {
    std::string text;
    for (int i = 0; i < count; ++i) text += (text.empty() ? "k" : ",k") + std::to_string(i) + "=" + std::string(value, 'v');
    return text;
  };
  EXPECT_EQ(mamey::checked_tracestate(members(32, 16)), members(32, 16)) << "more than 512 bytes";
  EXPECT_EQ(mamey::checked_tracestate(members(33, 1)), "");
  EXPECT_EQ(mamey::checked_tracestate(members(31, 256)), members(31, 256));
  EXPECT_EQ(mamey::checked_tracestate(members(32, 256)), "") << "8373 bytes";
}

}  // namespace
