#include <mamey/messaging/rabbitmq/detail/link.hpp>

#include <algorithm>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/messaging/rabbitmq/detail/connecting.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1::rabbitmq_detail {

namespace {

const logger log{"mamey.messaging.rabbitmq"};

constexpr std::size_t read_at_once = 64 * 1024;
constexpr std::chrono::milliseconds last_words{500};

}  // namespace

broker_link::broker_link(event_loop& loop, link_settings settings)
    : loop_(loop), settings_(std::move(settings)), fiber_(std::make_unique<supervisor>(loop)) {}
broker_link::~broker_link() { fiber_.reset(); }  // before what it uses

void broker_link::start() {
  fiber_->start("rabbitmq " + settings_.name, [this] { run(); });
}

void broker_link::stop(std::chrono::nanoseconds grace) {
  const masked_section masked(grace + std::chrono::seconds(30));
  if (!stopping_.exchange(true)) {
    wake_.release();
    post([](broker_link& self) {
      if (self.machine_) self.machine_->close(steady_now());
    });
    ended_.try_acquire_until(steady_now() + grace);
  }
  fiber_->stop(std::chrono::seconds(10));
}

void broker_link::post(std::function<void(broker_link&)> work) {
  loop_.post([self = shared_from_this(), work = std::move(work)] {
    work(*self);
    self->schedule_flush();
  });
}

std::string broker_link::trouble() const {
  const std::lock_guard lock(guard_);
  return trouble_;
}

void broker_link::set_trying(bool trying) {
  const masked_section masked;
  const std::unique_lock lock(waiting_);
  trying_ = trying;
  changed_.notify_all();
}

void broker_link::await_open(steady_time until) {
  {
    std::unique_lock lock(waiting_);
    while (!open_ && trying_ && !stopping_) {
      if (!changed_.wait_until(lock, until)) break;
    }
  }
  if (!open_) throw unavailable("rabbitmq_unavailable", "RabbitMQ is away: {}", trouble());
}

std::uint16_t broker_link::open_channel(std::shared_ptr<channel_user> user) {
  if (!machine_ || !machine_->is_open()) return 0;
  const auto number = machine_->open_channel();
  if (number != 0) users_[number] = std::move(user);
  return number;
}

void broker_link::observe(std::weak_ptr<link_observer> observer) {
  std::erase_if(observers_, [](const auto& each) { return each.expired(); });
  observers_.push_back(std::move(observer));
}

template <class What>
void broker_link::tell(What what) {
  for (const auto& each : std::vector(observers_)) {
    if (const auto alive = each.lock()) what(*alive);
  }
}

// -- the connection's fiber -----------------------------------------------------------------------------------------------

void broker_link::run() {
  std::size_t host = 0;
  reconnect_pace pace(settings_.options.network_recovery_interval, std::hash<std::string>{}(settings_.name));
  const auto& hosts = settings_.options.host_names;
  while (!stopping_) {
    const auto before = steady_now();
    bool was_open = false;
    for (std::size_t tried = 0; tried < hosts.size() && !was_open && !stopping_; ++tried) {
      const auto connects_before = connects_.load();
      std::string reason;
      const auto [name, port] = address_of(hosts[host % hosts.size()], settings_.options);
      try {
        use(name, port);
      } catch (...) {
        const auto report = describe_current_exception();
        if (report.kind == error_kind::cancelled) {
          down("stopped");
          throw;
        }
        reason = report.detail.empty() ? report.code + ": " + report.reason : report.detail;
      }
      was_open = connects_ != connects_before;
      down(reason.empty() ? failure_ : reason);
      failure_.clear();
      if (!was_open) ++host;  // the one that worked is asked first
    }
    if (stopping_) break;
    const auto pause = pace.after(was_open, steady_now() - before);
    set_trying(pace.is_hopeful());
    log.debug("{connection}: next try in {pause} ms", settings_.name, pause.count());
    wake_.try_acquire_until(steady_now() + pause);
  }
  set_trying(false);
  ended_.release();
}

/// One connection, from connect to its end.
void broker_link::use(const std::string& host, std::uint16_t port) {
  const auto timeout = settings_.options.requested_connection_timeout;
  const auto until = steady_now() + timeout;
  ++opened_;
  stream_ = std::make_unique<tcp_stream>(tcp_stream::connect(host, port, timeout));
  if (settings_.tls)
    stream_->start_tls(*settings_.tls, settings_.options.ssl.server_name.empty() ? host : settings_.options.ssl.server_name, until);
  if (stopping_) return;
  machine_ = std::make_unique<connection_machine>(settings_of(settings_.options, settings_.name));
  unsent_.clear();
  machine_->start(steady_now());
  flush();
  with_scope([this](task_scope& scope) {
    scope.spawn("rabbitmq-write", [this] {
      try {
        write_the_rest();
      } catch (const cancelled&) {  // the connection has ended
      }
    });
    read_until_closed();
    scope.cancel();
  });
}

void broker_link::read_until_closed() {
  std::string buffer(read_at_once, '\0');
  while (!machine_->has_ended()) {
    try {
      if (const auto count = stream_->try_read(buffer)) {
        if (*count == 0)
          machine_->lost(failure_.empty() ? "the broker closed the connection" : failure_);
        else
          machine_->receive(std::string_view(buffer).substr(0, *count), steady_now());
      } else if (!stream_->wait_readable(machine_->wake_at())) {
        machine_->tick(steady_now());
      }
    } catch (const std::system_error& broken) {
      machine_->lost(failure_.empty() ? broken.what() : failure_);
    }
    deliver_events();
    flush();
    yield();  // a broker that never pauses must not own the loop
  }
}

void broker_link::deliver_events() {
  auto events = machine_->take_events();
  if (events.empty()) return;
  std::vector<std::shared_ptr<channel_user>> touched;
  for (auto& each : events) {
    switch (each.type) {
      case amqp_event_type::opened:
        up();
        break;
      case amqp_event_type::closed:
        failure_ = each.code == 0 ? each.text : std::to_string(each.code) + ' ' + each.text;
        break;
      case amqp_event_type::blocked:
      case amqp_event_type::unblocked: {
        const bool now_blocked = each.type == amqp_event_type::blocked;
        blocked_ = now_blocked;
        if (now_blocked)
          log.warning("{connection}: the broker takes no more messages for now: {reason}", settings_.name, each.text);
        else
          log.info("{connection}: the broker takes messages again", settings_.name);
        tell([&](link_observer& to) { to.on_blocked(now_blocked, each.text); });
        break;
      }
      default: {
        const auto found = users_.find(each.channel);
        if (found == users_.end()) break;
        const auto user = found->second;
        if (each.type == amqp_event_type::channel_closed) users_.erase(found);
        user->on_event(std::move(each));
        if (touched.empty() || touched.back() != user) touched.push_back(user);
      }
    }
  }
  for (const auto& each : touched) each->on_batch_end();
}

// -- writing ------------------------------------------------------------------------------------------------------------

/// Once a turn of the loop, so that all that was asked for in it goes out in one write.
void broker_link::schedule_flush() {
  if (std::exchange(flush_scheduled_, true)) return;
  loop_.post([self = shared_from_this()] {
    self->flush_scheduled_ = false;
    self->flush();
  });
}

void broker_link::flush() {
  if (!machine_ || !stream_ || !stream_->is_open() || !unsent_.empty() || machine_->output().empty()) return;
  unsent_.swap(machine_->output());
  machine_->wrote(steady_now());
  try {
    const auto written = stream_->try_write(unsent_);
    unsent_.erase(0, written);
  } catch (const std::system_error& broken) {
    return fail_soon(broken.what());
  }
  if (!unsent_.empty()) return rest_to_write_.release();
  tell([](link_observer& to) { to.on_written(); });
  if (!machine_->output().empty()) schedule_flush();
}

/// What the socket would not take at once.
void broker_link::write_the_rest() {
  while (true) {
    rest_to_write_.acquire();
    while (!unsent_.empty()) {
      if (!stream_->wait_writable(steady_now() + settings_.options.socket_write_timeout)) {
        // A broker that blocks us reads nothing: that is no fault of the connection.
        if (machine_->is_blocked()) continue;
        return fail("the broker took nothing for " + std::to_string(settings_.options.socket_write_timeout.count()) + " ms");
      }
      try {
        unsent_.erase(0, stream_->try_write(unsent_));
      } catch (const std::system_error& broken) {
        return fail(broken.what());
      }
    }
    tell([](link_observer& to) { to.on_written(); });
    flush();
  }
}

/// A broker that refuses us says why and closes at once: a write may fail before that has been read. Nothing is written any more, and the reader is left
/// a moment to hear it.
void broker_link::fail_soon(std::string reason) {
  loop_.add_timer(steady_now() + last_words, [weak = weak_from_this(), reason = std::move(reason), of = opened_] {
    const auto self = weak.lock();
    if (self && self->opened_ == of) self->fail(reason);
  });
}

void broker_link::fail(std::string reason) {
  if (failure_.empty()) failure_ = std::move(reason);
  if (stream_) stream_->close();  // wakes the reader, which ends the connection
}

// -- up and down ----------------------------------------------------------------------------------------------------------

void broker_link::up() {
  ++connects_;
  {
    const std::lock_guard lock(guard_);
    trouble_.clear();
  }
  open_ = true;
  log.info("{connection} is connected to RabbitMQ at {peer}", settings_.name, stream_->peer());
  tell([](link_observer& to) { to.on_up(); });
  set_trying(true);  // wakes who waits
}

void broker_link::down(std::string_view reason) {
  const std::string why(reason.empty() ? std::string_view("the connection ended") : reason);
  const bool was_open = open_.exchange(false);
  blocked_ = false;
  bool news = was_open;
  {
    const std::lock_guard lock(guard_);
    news = news || trouble_ != why;
    trouble_ = why;
  }
  if (news && !stopping_) log.warning("{connection} has no connection to RabbitMQ: {reason}", settings_.name, why);
  machine_.reset();
  stream_.reset();
  unsent_.clear();
  for (const auto& [number, user] : std::exchange(users_, {})) user->on_lost(why);
  if (was_open) tell([&](link_observer& to) { to.on_down(why); });
}

}  // namespace mamey::inline v1::rabbitmq_detail
