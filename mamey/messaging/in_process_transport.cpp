#include <mamey/messaging/in_process_transport.hpp>

#include <utility>

#include <mamey/messaging/detail/in_process_bus.hpp>

namespace mamey::inline v1 {

namespace {

using bus_ptr = std::shared_ptr<detail::in_process_bus>;

constexpr transport_features in_process_features{.name = "inProcess",
                                                 .persistent = false,
                                                 .several_processes = false,
                                                 .ordered_by_key = true,
                                                 .keeps_place = true,
                                                 .counts_starts = false,
                                                 .delayed_give_back = true,
                                                 .competing_consumers = true,
                                                 .reports_unroutable = true,
                                                 .confirms_after_handling = true};

class in_process_channel final : public outgoing_channel {
 public:
  in_process_channel(bus_ptr bus, publish_callback done) : bus_(std::move(bus)), number_(bus_->open_channel(std::move(done))) {}
  ~in_process_channel() override { bus_->close_channel(number_); }
  void publish(std::span<const outgoing_message> messages) override { bus_->publish(number_, messages); }
  void reset() override { bus_->reset(number_); }

 private:
  bus_ptr bus_;
  std::uint64_t number_;
};

class in_process_consumer final : public consumer {
 public:
  in_process_consumer(bus_ptr bus, const queue_options& options, delivery_callback deliver)
      : bus_(std::move(bus)), number_(bus_->subscribe(options, std::move(deliver))) {}
  ~in_process_consumer() override { bus_->close_consumer(number_); }
  void cancel() override { bus_->cancel(number_); }
  void close() override { bus_->close_consumer(number_); }

 private:
  bus_ptr bus_;
  std::uint64_t number_;
};

}  // namespace

in_process_transport::in_process_transport(event_loop& loop) : bus_(std::make_shared<detail::in_process_bus>(loop)) {}
in_process_transport::~in_process_transport() = default;

const transport_features& in_process_transport::features() const noexcept { return in_process_features; }

void in_process_transport::declare(const topology& wanted) { bus_->declare(wanted); }

std::unique_ptr<outgoing_channel> in_process_transport::open_channel(publish_callback done, channel_state_callback) {
  return std::make_unique<in_process_channel>(bus_, std::move(done));
}

std::unique_ptr<consumer> in_process_transport::subscribe(const queue_options& options, delivery_callback deliver,
                                                          consumer_state_callback) {
  return std::make_unique<in_process_consumer>(bus_, options, std::move(deliver));
}

}  // namespace mamey::inline v1
