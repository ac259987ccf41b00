#pragma once

/// @file
/// A session in pipeline mode, used by several fibers and threads at a time. Each sends a whole exchange (statements and one Sync) and
/// waits for its answer; one of those who wait reads for all, on its own loop, and hands over when its own answer is there.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <mamey/persistence/postgres/detail/connect.hpp>
#include <mamey/persistence/postgres/detail/errors.hpp>
#include <mamey/persistence/postgres/detail/socket_wait.hpp>
#include <mamey/persistence/postgres/detail/statement.hpp>
#include <mamey/persistence/postgres/detail/statement_stopper.hpp>
#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1::postgres_detail {

/// Statements that run as one transaction (unless they begin and end one themselves), and what came of them. A refused statement undoes the
/// others: those behind it are not run.
struct exchange {
  std::vector<step> steps;

  enum class ending : std::uint8_t {
    none,
    answered,  ///< see `failed`
    unsent,    ///< the connection broke before the server had all of it: nothing was applied
    lost,      ///< the connection broke without an answer: nobody knows
  } end = ending::none;
  std::optional<std::size_t> failed;  ///< index of the refused statement
  server_error error;                 ///< its refusal
  std::string trouble;                ///< why the connection broke

  rows& result(std::size_t index) { return steps[index].result; }
  /// Throws the exception for the refusal or the broken connection. A lost connection is `unavailable`: a caller that commits checks `end`
  /// first.
  void throw_if_failed() const;
  /// Forgets the answers: to be run again.
  void start_over();

 private:
  friend class connection;
  std::size_t bytes() const noexcept;  ///< about as many as it is on the wire
  struct expected {
    std::size_t step = 0;
    bool is_preparation = false;
  };
  std::deque<expected> answers_;
  bool abandoned_ = false;
  event_loop* loop_ = nullptr;
  semaphore wake_{0};
};
using exchange_ptr = std::shared_ptr<exchange>;

/// Which connections are still good, for all pools of a store. When a write meets "read only", its server is no primary any more: every
/// connection that was opened before is retired, and those who come next walk the list of hosts again. Any thread.
class session_era {
 public:
  std::uint64_t now() const noexcept { return now_.load(std::memory_order_relaxed); }
  /// Ends the era `seen`; who sees that later ends nothing.
  void end(std::uint64_t seen) noexcept { now_.compare_exchange_strong(seen, seen + 1); }

 private:
  std::atomic<std::uint64_t> now_{0};
};

class connection {
 public:
  /// What a connection belongs to; all may be null.
  struct surroundings {
    std::shared_ptr<const statement_stopper> stopper;  ///< null where statements need not be stopped
    std::shared_ptr<session_era> era;                  ///< null: the connection belongs to none
    bool writes = true;                                ///< whether its being refused a write ends the era
    std::chrono::nanoseconds youth{};                  ///< a refusal within it ends no era: there was no better server a moment ago
    std::size_t most_prepared = 500;                   ///< statements the session keeps; others are parsed each time
  };

  /// `session` is connected.
  explicit connection(session_handle session, surroundings around);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// Sends the statements and waits for the answers. Throws only when the ambient context interrupts the wait: then the answer will not be
  /// seen, the server is asked to stop, and the connection is retired.
  void run(const exchange_ptr& work);
  /// Sends without waiting: the next user of the connection drops the answer. Never suspends.
  void post(const exchange_ptr& work) noexcept;
  /// Which process of the server's this is, for `stopper`. Before anybody else uses the connection.
  void is_served_by(int backend) { backend_ = backend; }
  /// Runs a text of several statements, as one transaction; nobody else may use the connection meanwhile.
  void run_script(const std::string& sql);

  /// Whether a transaction is open, broken or not. Asked by who has the connection alone, between exchanges.
  bool in_transaction() const;

  /// Not to be used any more: broken, of an era that has ended, or an answer is still to come that nobody waits for.
  bool retired() const;
  /// Whether an idle session is still there. No round trip.
  bool looks_alive();

 private:
  void send(const exchange_ptr& work);
  bool send_step(exchange& work, std::size_t index);
  void await(const exchange_ptr& work);
  enum class role_in_wait : std::uint8_t { reads, waits, done };
  role_in_wait role_of(const exchange& work);
  void read_for_all(const exchange_ptr& mine);
  void pass_on(const exchange* leaver) noexcept;
  void abandon(const exchange_ptr& work) noexcept;

  // Under the lock.
  void make_progress();
  void take_result(pg_result* owned);
  void take_row(step& to, pg_result* owned);
  step* bounded_head() const;
  bool is_row_too_large();
  bool outlived() const noexcept { return around_.era && around_.era->now() != era_; }
  void give_up_row();
  void take_refusal(exchange& from, std::size_t step, const pg_result* result);
  bool more_input() const;
  bool more_in_tls() const;
  void lose(std::string trouble, exchange::ending unanswered = exchange::ending::lost);
  void settle(const exchange_ptr& done, exchange::ending how);

  mutable std::mutex mutex_;  // never held while waiting
  session_handle session_;
  const surroundings around_;
  const std::uint64_t era_;
  const steady_time opened_;
  int backend_ = 0;
  std::deque<exchange_ptr> in_flight_;
  const exchange* reader_ = nullptr;
  socket_wait socket_;                      ///< of the reader
  std::optional<std::uint64_t> row_began_;  ///< `bytes_read` when the row that is coming was first seen incomplete
  bool unflushed_ = false;
  bool read_while_sending_ = false;  ///< libpq may have answers in its buffer that nobody has looked at
  bool swollen_ = false;             ///< libpq keeps the room that one large row took, so nobody takes this connection again
  bool retired_ = false;
  enum class preparation : std::uint8_t { sent, done };
  struct prepared {
    std::string name;
    preparation state = preparation::sent;
  };
  std::unordered_map<std::string, prepared> prepared_;
  int names_given_ = 0;
};

}  // namespace mamey::inline v1::postgres_detail
