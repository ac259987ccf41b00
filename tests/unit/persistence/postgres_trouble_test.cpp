#include <signal.h>

#include <atomic>
#include <filesystem>
#include <future>

#include <mamey/persistence/postgres/detail/connection.hpp>
#include <mamey/persistence/postgres/detail/connection_string.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>

#include "../../support/tcp_gate.hpp"
#include "postgres_fixture.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;

class postgres_trouble : public postgres_fixture {
 protected:
  /// The server is reached through a gate from now on.
  tcp_gate& gate() {
    if (!gate_) {
      gate_ = std::make_unique<tcp_gate>(server_.port());
      options_.connection_string =
          "Host=127.0.0.1;Port=" + std::to_string(gate_->port()) + ";Database=postgres;Username=mamey;SSL Mode=Disable";
      open();
    }
    return *gate_;
  }
  ~postgres_trouble() override { store_.reset(); }

 private:
  std::unique_ptr<tcp_gate> gate_;
};

TEST_F(postgres_trouble, a_connection_lost_during_commit_leaves_the_outcome_unknown_and_nothing_is_tried_again) {
  gate();
  insert("p1");
  gate().hold_answers(true);
  std::jthread unit([&] {
    EXPECT_EQ(refusal_kind([&] { db().commit({.statements = {{.text = "update parts set amount = amount + 1 where id = 'p1'"}}}); }),
              error_kind::commit_unknown);
  });
  wait_for([&] { return admin("select amount from parts") == "1"; });
  gate().hold_answers(true);
  gate().cut();
  unit.join();
  gate().hold_answers(false);
  EXPECT_EQ(amount_of("p1"), 1);
}

TEST_F(postgres_trouble, the_same_holds_for_an_interactive_unit_and_an_inbox_row_tells_what_happened) {
  gate();
  insert("p1");
  const inbox_key key{"count", "m1"};
  auto unit = db().begin(key, 30s);
  unit->execute({.text = "update parts set amount = amount + 1 where id = 'p1'"});
  gate().hold_answers(true);
  std::jthread commits([&] { EXPECT_EQ(refusal_kind([&] { unit->commit({.inbox = key}); }), error_kind::commit_unknown); });
  wait_for([&] { return admin("select amount from parts") == "1"; });
  gate().cut();
  commits.join();
  gate().hold_answers(false);
  EXPECT_FALSE(db().begin(key, 30s)) << "who tries again finds it done";
}

TEST_F(postgres_trouble, a_commit_that_is_not_answered_within_its_bound_is_unknown) {
  options_.answer_bound = 2s;
  gate();
  insert("p1");
  gate().hold_answers(true);
  EXPECT_EQ(refusal_kind([&] { insert("p2"); }), error_kind::commit_unknown);
  gate().hold_answers(false);
}

TEST_F(postgres_trouble, a_buffered_unit_of_work_is_one_round_trip) {
  gate();
  const auto unit = [&](const std::string& id) {
    db().commit({.inbox = inbox_key{"count", id},
                 .documents = {insert_part(id, {.sku = id})},
                 .statements = {{.text = "update parts set amount = amount + 1 where id = ?", .parameters = {id}}},
                 .outbox = {message(id, "k"), message(id + "b")}});
  };
  unit("m1");  // which connects and prepares its statements
  unit("m2");
  const auto before = gate().turns();
  unit("m3");
  EXPECT_EQ(gate().turns() - before, 1U);
  EXPECT_EQ(amount_of("m3"), 1);
}

TEST_F(postgres_trouble, a_deadline_does_not_cut_a_commit_short) {
  gate();
  runtime loops({.threads = 1});
  loops.run([&] {
    insert("p1");
    gate().hold_answers(true);
    const auto already = gate().held_bytes();
    const auto deadline = steady_now() + 500ms;
    with_scope([&](task_scope& scope) {
      scope.spawn("commits", [&] {
        const deadline_scope bound(deadline);
        insert("p2");
      });
      scope.spawn("answers late", [&] {
        wait_for([&] { return yield(), gate().held_bytes() > already; });
        while (steady_now() < deadline) yield();
        gate().hold_answers(false);
      });
    });
  });
  EXPECT_TRUE(db().load(parts(), "p2"));
}

TEST_F(postgres_trouble, rows_whose_claim_was_never_answered_are_freed_by_its_token_uncounted) {
  gate();
  const auto claim = [&](const std::string& token) { return db().claim_due({.token = token, .lease = 1h, .except = {}}); };
  EXPECT_TRUE(claim("none").empty());  // a connection is there
  db().commit({.delayed = {{.id = "d1"}, {.id = "d2"}}});
  gate().hold_answers(true);
  std::jthread claims([&] { EXPECT_EQ(refusal_kind([&] { claim("lost"); }), error_kind::unavailable); });
  wait_for([&] { return admin("select count(*) from mamey_delayed where token = 'lost'") == "2"; });
  gate().cut();
  claims.join();
  gate().hold_answers(false);
  EXPECT_TRUE(claim("next").empty());
  db().release_due("lost");
  const auto due = claim("last");
  ASSERT_EQ(due.size(), 2U);
  for (const auto& each : due) EXPECT_EQ(each.starts, 1);
}

TEST_F(postgres_trouble, connections_that_broke_while_idle_are_replaced_without_a_word) {
  gate();
  insert("p1");
  EXPECT_TRUE(db().load(parts(), "p1"));
  gate().cut();
  insert("p2");
  EXPECT_TRUE(db().load(parts(), "p2"));
  EXPECT_TRUE(db().begin({}, 1s));
  EXPECT_GE(db().statistics().lost, 2U);
}

TEST_F(postgres_trouble, a_write_that_crosses_the_end_of_an_idle_session_is_sent_again) {
  const auto role = postgres_server::fresh_name();
  admin("create role " + role + " login superuser");
  gate();
  options_.connection_string += ";Username=" + role;
  options_.flush_connections = options_.interactive_connections = 1;
  open();
  insert("p1");
  admin("alter role " + role + " set idle_session_timeout = '2s'");
  const auto crosses = [&](const std::string& like, const std::vector<std::string>& together, const auto& write) {
    // Sessions from before the setting have no such end: new ones get it.
    admin("select pg_terminate_backend(pid) from pg_stat_activity where usename = '" + role + "'");
    wait_for([&] { return admin("select count(*) from pg_stat_activity where usename = '" + role + "'") == "0"; });
    gate().hold_answers(false);
    wait_for([&] {
      try {
        write(like + "a");
        return true;
      } catch (const error&) {  // the farewell of a terminated session may still be on its way
        return false;
      }
    });
    const auto ended = gate().ended();
    gate().hold_answers(true);  // the client does not hear that the session has ended
    wait_for([&] { return gate().ended() > ended; });
    std::vector<std::jthread> writers;
    for (const auto& each : together) {
      const auto before = gate().lost_bytes();
      writers.emplace_back([&] { EXPECT_NO_THROW(write(like + each)); });
      wait_for([&] { return gate().lost_bytes() > before; });
    }
    gate().hold_answers(false);
  };
  crosses("p", {"b", "c"}, [&](const std::string& id) { insert(id); });
  EXPECT_EQ(admin("select string_agg(id, ' ' order by id) from parts"), "p1 pa pb pc");
  crosses("", {"b"}, [&](const std::string&) {
    db().commit({.statements = {{.text = "update parts set amount = amount + 1 where id = 'p1'", .expected_rows = 1}}});
  });
  EXPECT_EQ(admin("select amount from parts where id = 'p1'"), "2");
}

TEST_F(postgres_trouble, a_read_whose_connection_breaks_is_asked_again) {
  gate();
  insert("p1");
  db().load(parts(), "p1");
  gate().hold_answers(true);
  const auto already = gate().held_bytes();
  std::jthread reads([&] { EXPECT_TRUE(db().load(parts(), "p1")); });
  wait_for([&] { return gate().held_bytes() > already; });
  gate().hold_answers(false);
  gate().cut();
  reads.join();
}

TEST_F(postgres_trouble, whoever_reads_hears_at_once_that_another_who_sends_has_found_the_connection_broken) {
  using namespace postgres_detail;
  connection shared(open_session(parse_connection_string(options_.connection_string), std::chrono::steady_clock::now() + 30s), {});
  const auto asks = [](std::string text) {
    auto made = std::make_shared<postgres_detail::exchange>();
    made->steps.push_back({.text = std::move(text), .values = {}, .result = {}});
    return made;
  };
  const auto who = asks("select pg_backend_pid()");
  shared.run(who);
  const std::string backend(who->result(0).text(0, 0));

  runtime loops({.threads = 2});
  const auto waits = asks("select pg_sleep(600)");
  std::promise<void> ended, is_broken;
  loops.loop(0).start_fiber("reads", [&] {
    const deadline_scope bound(60s);
    try {
      shared.run(waits);
    } catch (const error& late) {
      ADD_FAILURE() << late.reason();
    }
    ended.set_value();
  });
  wait_for([&] { return server_.execute("select state from pg_stat_activity where pid = " + backend).at(0).at(0) == "active"; });
  loops.loop(0).post([&] { is_broken.get_future().wait(); });  // the reader's loop is late, and another notices first
  server_.execute("select pg_terminate_backend(" + backend + ")");
  wait_for([&] {
    shared.post(asks("select 1"));
    return shared.retired();
  });
  is_broken.set_value();
  EXPECT_EQ(ended.get_future().wait_for(20s), std::future_status::ready);
  EXPECT_EQ(waits->end, postgres_detail::exchange::ending::lost);
}

TEST_F(postgres_trouble, nobody_waits_long_when_sessions_end_under_load) {
  options_.read_connections = 2;
  options_.flush_connections = 2;
  insert("p1");
  runtime loops({.threads = 3});
  std::atomic<bool> over{false};
  std::atomic<std::int64_t> longest{0}, calls{0};
  std::jthread ends([&] {
    for (int i = 0; i < 20; ++i) {
      const auto before = calls.load();
      wait_for([&] { return calls > before + 24; });
      server_.execute(
          "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'");
    }
    over = true;
  });
  loops.run([&] {
    with_scope([&](task_scope& scope) {
      for (std::size_t i = 0; i < 24; ++i) {
        scope.spawn_on(loops.loop(i % 3), "asks", [&, i] {
          while (!over) {
            const deadline_scope bound(30s);
            const auto begun = steady_now();
            try {
              if (i % 2 == 0)
                db().load(parts(), "p1");
              else
                db().commit({.statements = {{.text = "update parts set amount = amount + 1 where id = 'p1'"}}});
            } catch (const error&) {  // unavailable, or unknown whether it was committed: what matters is when
            }
            ++calls;
            const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(steady_now() - begun).count();
            if (took > longest) longest = took;
          }
        });
      }
    });
  });
  EXPECT_GT(calls, 100);
  EXPECT_LT(longest, 15'000) << "ms";
}

TEST_F(postgres_trouble, a_network_that_swallows_everything_is_noticed_by_the_deadline) {
  gate();
  insert("p1");
  gate().swallow(true);
  gate().hold_answers(true);
  const deadline_scope bound(200ms);
  EXPECT_EQ(refusal_kind([&] { db().load(parts(), "p1"); }), error_kind::deadline_exceeded);
  gate().swallow(false);
  gate().hold_answers(false);
}

TEST_F(postgres_trouble, a_crashed_server_is_unavailable_and_used_again_when_it_is_back) {
  insert("p1");
  auto open_unit = db().begin({}, 30s);
  open_unit->execute({.text = "update parts set amount = 7 where id = 'p1'"});
  server_.stop(SIGQUIT);
  EXPECT_EQ(refusal_kind([&] { insert("p2"); }), error_kind::unavailable);
  EXPECT_EQ(refusal_kind([&] { db().load(parts(), "p1"); }), error_kind::unavailable);
  EXPECT_EQ(refusal_kind([&] { db().check(); }), error_kind::unavailable);
  EXPECT_EQ(refusal_kind([&] { db().begin({}, 1s); }), error_kind::unavailable);
  EXPECT_GE(db().statistics().refused, 1U);
  server_.start();
  wait_for([&] {
    try {
      return db().check(), true;
    } catch (const unavailable&) {
      return false;
    }
  });
  EXPECT_EQ(refusal_kind([&] { open_unit->commit({}); }), error_kind::unavailable);
  EXPECT_EQ(amount_of("p1"), 0) << "what was answered is there, what was not committed is not";
  insert("p3");
}

TEST_F(postgres_trouble, a_table_that_somebody_has_locked_holds_up_the_others_on_its_connection_for_the_lock_timeout_at_most) {
  options_.lock_timeout = 300ms;
  options_.flush_connections = options_.read_connections = 1;
  insert("p1");
  auto locks = db().begin({}, 60s);
  locks->execute({.text = "lock table part_views"});
  const auto refused = [](const auto& work) {
    try {
      work();
      return std::string("nothing");
    } catch (const unavailable& busy) {
      return busy.code() + " " + busy.reason();
    }
  };
  const auto begin = steady_now();
  runtime loops({.threads = 1});
  loops.run([&] {
    with_scope([&](task_scope& scope) {
      scope.spawn("writes into the locked table", [&] {
        const auto told = refused([&] { db().commit({.statements = {{.text = "delete from part_views"}}}); });
        EXPECT_TRUE(told.starts_with("database_busy") && told.find("\"delete from part_views\"") != std::string::npos) << told;
      });
      scope.spawn("writes into another", [&] { insert("p2"); });
      scope.spawn("reads the locked one",
                  [&] { EXPECT_TRUE(refused([&] { value("select count(*) from part_views"); }).starts_with("database_busy")); });
      scope.spawn("reads another", [&] { EXPECT_EQ(amount_of("p1"), 0); });
    });
  });
  EXPECT_LT(steady_now() - begin, 20s) << "and not as long as a statement may take";
  locks->rollback();
  db().commit({.statements = {{.text = "delete from part_views"}}});
  EXPECT_TRUE(db().load(parts(), "p2"));
}

TEST_F(postgres_trouble, callers_share_the_connections_that_are_open_while_the_server_lets_in_no_further_one) {
  open();
  const auto role = postgres_server::fresh_name();
  admin("create role " + role + " login");
  admin("grant all on schema " + schema_ + " to " + role + "; grant all on all tables in schema " + schema_ + " to " + role +
        "; grant all on all sequences in schema " + schema_ + " to " + role);
  tcp_gate counts(server_.port());
  options_.connection_string =
      "Host=127.0.0.1;Port=" + std::to_string(counts.port()) + ";Database=postgres;SSL Mode=Disable;Username=" + role;
  options_.flush_connections = 8;
  options_.pipelined_flushes = 1;
  options_.interactive_connections = 2;
  options_.longest_back_off = 200ms;
  postgres_store store(options_, environment_);
  auto unit = store.begin({}, 30s);
  const auto write = [&](const std::string& id) { store.commit({.outbox = {message(id)}}); };
  write("m0");
  admin("alter role " + role + " connection limit 2");
  const auto accepted = counts.accepted();
  const auto began = steady_now();
  {
    std::vector<std::jthread> writers;
    for (int i = 1; i <= 8; ++i)
      writers.emplace_back([&, i] {
        for (int n = 0; n < 50; ++n) EXPECT_NO_THROW(write("m" + std::to_string(i) + "-" + std::to_string(n)));
      });
  }
  // A try at most per pause, which begins with 20 ms.
  EXPECT_LE(counts.accepted() - accepted, 5U + static_cast<std::uint64_t>((steady_now() - began) / 100ms));
  EXPECT_EQ(admin("select count(*) from mamey_outbox"), "401");
  {  // an exclusive connection comes free when its holder ends
    std::jthread waits([&] { EXPECT_TRUE(store.begin({}, 30s)); });
    wait_for([&] { return store.statistics().waiting == 1; });
    unit.reset();
  }
  // None is open: there is nothing to wait for.
  options_.acquire_timeout = 60s;
  postgres_store none(options_, environment_);
  const auto asked = steady_now();
  EXPECT_EQ(refusal_kind([&] { none.commit({.outbox = {message("never")}}); }), error_kind::unavailable);
  EXPECT_LT(steady_now() - asked, 30s);
}

TEST_F(postgres_trouble, a_connection_that_does_not_come_free_in_time_is_named_with_what_keeps_others_out) {
  const auto role = postgres_server::fresh_name();
  admin("create role " + role + " login superuser");
  options_.connection_string += ";Username=" + role;
  options_.interactive_connections = 2;
  options_.acquire_timeout = 100ms;
  open();
  const auto unit = db().begin({}, 30s);
  admin("alter role " + role + " nosuperuser connection limit 1");
  try {
    db().begin({}, 30s);
    FAIL();
  } catch (const unavailable& refused) {
    EXPECT_EQ(refused.code(), "pool_exhausted");
    EXPECT_NE(refused.reason().find("1 of 2 are open"), std::string::npos) << refused.reason();
    EXPECT_NE(refused.reason().find(role), std::string::npos) << refused.reason();
  }
}

TEST_F(postgres_trouble, a_server_that_is_away_is_not_stormed) {
  tcp_gate nobody(1);
  options_.connection_string = "Host=127.0.0.1;Port=" + std::to_string(nobody.port()) + ";SSL Mode=Disable";
  options_.longest_back_off = 60s;
  postgres_store away(options_);
  for (int i = 0; i < 2'000; ++i) EXPECT_EQ(refusal_kind([&] { away.count_errors(); }), error_kind::unavailable);
  EXPECT_LE(nobody.accepted(), 20U);
}

TEST_F(postgres_trouble, a_server_that_accepts_and_says_nothing_is_given_up_in_time) {
  tcp_gate silent(server_.port());
  silent.hold_answers(true);
  options_.connection_string = "Host=127.0.0.1;Port=" + std::to_string(silent.port()) + ";Username=mamey;SSL Mode=Disable";
  options_.connect_timeout = 150ms;
  postgres_store store(options_);
  EXPECT_EQ(refusal([&] { store.count_errors(); }), (std::pair{error_kind::unavailable, std::string("database_unreachable")}));
}

TEST_F(postgres_trouble, a_wrong_database_is_named_without_the_password) {
  options_.connection_string += ";Database=nowhere;Password=s3cret";
  postgres_store store(options_);
  try {
    store.count_errors();
    FAIL();
  } catch (const unavailable& refused) {
    EXPECT_NE(refused.reason().find("nowhere"), std::string::npos) << refused.reason();
    EXPECT_EQ(refused.reason().find("s3cret"), std::string::npos) << refused.reason();
  }
}

// -- TLS --------------------------------------------------------------------------------------------------------------

class postgres_tls : public postgres_fixture {
 protected:
  /// Whether a session of that kind is encrypted; throws when there is none.
  bool is_encrypted(const std::string& host, const std::string& how) {
    auto options = options_;
    options.connection_string = "Host=" + host + ";Port=" + std::to_string(server_.port()) + ";Database=postgres;Username=mamey;" + how;
    postgres_store store(options);
    sql_value found;
    store.query({.text = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"},
                [&](const sql_row& row) { found = row.values.at(0); });
    return found == sql_value(std::int64_t{1});
  }
};

TEST_F(postgres_tls, each_mode_means_what_it_says) {
  const auto ca = ";Root Certificate=" + server_.authority_file();
  EXPECT_FALSE(is_encrypted("127.0.0.1", "SSL Mode=Disable"));
  EXPECT_FALSE(is_encrypted("127.0.0.1", "SSL Mode=Allow"));
  EXPECT_TRUE(is_encrypted("127.0.0.1", "SSL Mode=Prefer"));
  EXPECT_TRUE(is_encrypted("127.0.0.1", "SSL Mode=Require"));
  EXPECT_TRUE(is_encrypted("127.0.0.1", "SSL Mode=VerifyCA" + ca));
  EXPECT_TRUE(is_encrypted("localhost", "SSL Mode=VerifyFull" + ca)) << "the name is resolved by us and still checked";
  const postgres_server other;
  const auto of_another = ";Root Certificate=" + other.authority_file();
  for (const auto& how : {"SSL Mode=VerifyFull" + ca, "SSL Mode=VerifyCA" + of_another, "SSL Mode=VerifyFull" + of_another,
                          std::string("SSL Mode=VerifyCA;Root Certificate=/nowhere.crt")}) {
    EXPECT_EQ(refusal([&] { is_encrypted("127.0.0.1", how); }), (std::pair{error_kind::unavailable, std::string("database_refused")}))
        << how;
  }
}

/// Our own certificate and the authority that we believe, in files of ours that are replaced while the store is open.
class postgres_renewal : public ::testing::Test {
 protected:
  postgres_renewal() {
    server_.issue_certificate("mamey", folder_.file("own"));
    renew_authority();
    options_.connection_string = "Host=localhost;Port=" + std::to_string(server_.port()) +
                                 ";Database=postgres;Username=mamey;SSL Mode=VerifyFull;Root Certificate=" + folder_.file("ca.crt") +
                                 ";SSL Certificate=" + folder_.file("own.crt") + ";SSL Key=" + folder_.file("own.key");
    store_ = std::make_unique<postgres_store>(options_);
  }
  void renew_authority() const {
    std::filesystem::copy_file(server_.authority_file(), folder_.file("ca.new"), std::filesystem::copy_options::overwrite_existing);
    std::filesystem::rename(folder_.file("ca.new"), folder_.file("ca.crt"));
  }
  /// The serial number of the certificate that a connection of the store has shown.
  std::string shown() {
    sql_value found;
    store_->query({.text = "select client_serial::text from pg_stat_ssl where pid = pg_backend_pid()"},
                  [&](const sql_row& row) { found = row.values.at(0); });
    return std::get<std::string>(found);
  }
  void cut() const {
    server_.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()");
  }
  /// Tries until it holds: a connection that was cut is noticed when it is used.
  template <class Condition>
  static bool eventually(Condition holds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (std::chrono::steady_clock::now() < until) {
      try {
        if (holds()) return true;
      } catch (const unavailable&) {}
      std::this_thread::yield();
    }
    return false;
  }

  postgres_server server_;
  temporary_directory folder_;
  postgres_options options_;
  std::unique_ptr<postgres_store> store_;
};

TEST_F(postgres_renewal, a_certificate_of_ours_that_was_renewed_is_shown_by_the_next_connection) {
  const auto first = shown();
  EXPECT_NE(first, "");
  server_.issue_certificate("mamey", folder_.file("own"));
  EXPECT_EQ(shown(), first) << "what is open stays as it is";
  cut();
  EXPECT_TRUE(eventually([&] { return shown() != first; }));
}

TEST_F(postgres_renewal, an_authority_that_was_replaced_is_believed_by_the_next_connection) {
  EXPECT_NE(shown(), "");
  server_.replace_authority();
  cut();
  EXPECT_TRUE(eventually([&] { return refusal([&] { shown(); }) == std::pair(error_kind::unavailable, std::string("database_refused")); }))
      << "the old authority did not sign the server's new certificate";
  renew_authority();
  EXPECT_TRUE(eventually([&] { return shown() != ""; }));
}

TEST(postgres_without_tls, is_taken_where_the_mode_lets_it_be_and_refused_where_it_does_not) {
  const postgres_server plain({"-c", "ssl=off"});
  const auto speaks = [&](const std::string& how) {
    postgres_store store(
        {.connection_string = "Host=127.0.0.1;Port=" + std::to_string(plain.port()) + ";Database=postgres;Username=mamey;SSL Mode=" + how});
    store.query({.text = "select 1"}, [](const sql_row&) {});
  };
  for (const auto* how : {"Disable", "Allow", "Prefer"}) EXPECT_NO_THROW(speaks(how)) << how;
  const auto ca = ";Root Certificate=" + plain.authority_file();
  for (const auto& how : {std::string("Require"), "VerifyCA" + ca, "VerifyFull" + ca})
    EXPECT_EQ(refusal([&] { speaks(how); }), (std::pair{error_kind::unavailable, std::string("database_refused")})) << how;
}

TEST_F(postgres_tls, much_goes_through_an_encrypted_connection) {
  options_.connection_string =
      "Host=localhost;Port=" + std::to_string(server_.port()) + ";Database=postgres;Username=mamey;SSL Mode=Require";
  runtime loops({.threads = 1});
  loops.run([&] {
    EXPECT_EQ(std::get<std::string>(value("select repeat('x', 5000000)")).size(), 5'000'000U);
    with_scope([&](task_scope& scope) {
      for (int i = 0; i < 50; ++i)
        scope.spawn("reads", [&] { EXPECT_EQ(std::get<std::string>(value("select repeat('x', 40000)")).size(), 40'000U); });
    });
    insert("p1");
  });
}

}  // namespace mamey::testing
