#pragma once

/// @file
/// A connection that reconnects automatically. It connects to one of several hosts, passes bytes between the socket and a
/// `connection_machine`, hands events to the channels' owners, and starts again when the broker goes away.
///
/// Everything that touches the machine runs on the link's loop: `post` gets there from any thread.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <mamey/messaging/rabbitmq/detail/amqp_connection_machine.hpp>
#include <mamey/messaging/rabbitmq/options.hpp>
#include <mamey/runtime/stream.hpp>
#include <mamey/runtime/supervisor.hpp>
#include <mamey/runtime/sync.hpp>
#include <mamey/runtime/tls.hpp>

namespace mamey::inline v1::rabbitmq_detail {

/// What lives on one channel of a link. Called on the loop; must not suspend.
class channel_user {
 public:
  virtual ~channel_user() = default;
  /// After `channel_closed` the channel is gone.
  virtual void on_event(amqp_event&& event) = 0;
  /// The connection went, and the channel with it.
  virtual void on_lost(std::string_view reason) = 0;
  /// All events of one read have been handed over.
  virtual void on_batch_end() {}
};

/// Receives events of the connection itself. On the loop; must not suspend.
class link_observer {
 public:
  virtual ~link_observer() = default;
  virtual void on_up() = 0;
  virtual void on_down(std::string_view reason) = 0;
  virtual void on_blocked(bool blocked, std::string_view reason) = 0;
  /// The output has been written.
  virtual void on_written() {}
};

struct link_settings {
  rabbitmq_options options;
  std::string name;  ///< as the broker shows it
  std::optional<tls_context> tls;
};

class broker_link : public std::enable_shared_from_this<broker_link> {
 public:
  broker_link(event_loop& loop, link_settings settings);
  ~broker_link();  ///< ends what `stop` has not ended
  /// Any thread.
  void start();
  /// Says goodbye to the broker, waits at most `grace`. May suspend.
  void stop(std::chrono::nanoseconds grace);

  /// Runs `work` on the loop, soon, and writes what it put out. Any thread.
  void post(std::function<void(broker_link&)> work);
  /// Waits for a connection while it is just being made. Throws `unavailable` with the reason when the broker is away. May suspend.
  void await_open(steady_time until);
  bool is_open() const noexcept { return open_; }        ///< any thread
  bool is_blocked() const noexcept { return blocked_; }  ///< any thread
  std::string trouble() const;                           ///< why it is not open; any thread
  std::uint64_t connects() const noexcept { return connects_; }

  // On the loop.
  connection_machine& amqp() noexcept { return *machine_; }
  std::uint16_t open_channel(std::shared_ptr<channel_user> user);  ///< 0: none to be had
  void observe(std::weak_ptr<link_observer> observer);
  void drop(std::string reason) { fail(std::move(reason)); }  ///< ends this connection: the next may do better
  event_loop& loop() noexcept { return loop_; }
  std::size_t unwritten() const noexcept { return unsent_.size() + (machine_ ? machine_->output().size() : 0); }

 private:
  void run();
  void use(const std::string& host, std::uint16_t port);
  void read_until_closed();
  void write_the_rest();
  void deliver_events();
  void schedule_flush();
  void flush();
  void fail_soon(std::string reason);
  void fail(std::string reason);
  void up();
  void down(std::string_view reason);
  void set_trying(bool trying);
  template <class What>
  void tell(What what);

  event_loop& loop_;
  const link_settings settings_;
  std::unique_ptr<supervisor> fiber_;

  // Of the loop.
  std::unique_ptr<tcp_stream> stream_;  ///< null while there is no connection, as the machine
  std::unique_ptr<connection_machine> machine_;
  std::uint64_t opened_ = 0;  ///< sockets, this one included
  std::string unsent_;        ///< on its way into the socket
  std::string failure_;       ///< why the socket was given up
  std::map<std::uint16_t, std::shared_ptr<channel_user>> users_;
  std::vector<std::weak_ptr<link_observer>> observers_;
  semaphore rest_to_write_{0};
  bool flush_scheduled_ = false;

  std::atomic<bool> open_{false}, blocked_{false}, stopping_{false};
  std::atomic<std::uint64_t> connects_{0};
  semaphore wake_{0}, ended_{0};

  mutex waiting_;  // guards `trying_`
  condition changed_;
  bool trying_ = true;
  mutable std::mutex guard_;  // guards `trouble_`
  std::string trouble_ = "not yet connected";
};

}  // namespace mamey::inline v1::rabbitmq_detail
