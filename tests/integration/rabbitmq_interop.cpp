// Our side of the tests with a foreign client (test_rabbitmq_interop.py): starts a node (or uses that of the port it is given), says its port, then
// does what standard input asks, a line each, and answers with a line of JSON each.
//
//   consume QUEUE EXCHANGE KEY    declares, then prints every message that comes; `ordered` behind it: one consumer, in order
//   keep QUEUE EXCHANGE KEY       likewise, with a delay queue of a second, and settles nothing until asked
//   back                          gives what it keeps back, for a second
//   done                          acknowledges it
//   publish ID EXCHANGE KEY       publishes the example under that id, prints what became of it
//   with JSON                     section rabbitMq, from now on (a new transport)
#include <array>
#include <csignal>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>

#include <mamey/core/configuration.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/json.hpp>
#include <mamey/core/time.hpp>
#include <mamey/messaging/rabbitmq/transport.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/sync.hpp>

#include "tests/support/private_rabbitmq.hpp"

namespace {

using namespace mamey;

std::mutex output;
void say(const std::map<std::string, std::string>& what) {
  const std::lock_guard lock(output);
  std::cout << json::to_string(what) << std::endl;
}

void show(const delivery& got) {
  const auto& m = *got.message;
  std::map<std::string, std::string> fields{{"event", "message"},
                                            {"id", m.id},
                                            {"correlation_id", m.correlation_id},
                                            {"type", m.type},
                                            {"version", std::to_string(m.version)},
                                            {"source", m.source},
                                            {"key", m.key},
                                            {"user", m.user},
                                            {"traceparent", m.traceparent},
                                            {"exchange", m.exchange},
                                            {"routing_key", m.routing_key},
                                            {"body", m.body},
                                            {"content_type", m.content_type},
                                            {"occurred_at", std::to_string(unix_microseconds(m.occurred_at))},
                                            {"redelivered", got.redelivered ? "yes" : "no"}};
  for (const auto& [name, value] : m.headers) fields["header " + name] = value;
  say(fields);
}

envelope example(const std::string& id) {
  envelope message;
  message.id = id;
  message.correlation_id = "0191d7d1c0a07000a0000000000000cc";
  message.type = "OrderCreated";
  message.version = 2;
  message.source = "orders";
  message.occurred_at = wall_time(std::chrono::microseconds(1'700'000'000'123'456));
  message.key = "order-1";
  message.user = R"({"user":{"id":"mia"}})";
  message.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  message.headers = {{"Saga", "pending"}, {"x-first-death-queue", "old"}, {"message_context", R"({"user":{"id":"mia"}})"}};
  message.body = R"({"orderId":"5f1b5a0e-4c1e-4b57-9f3c-0d3a6a3a7b11"})";
  return message;
}

class session {
 public:
  explicit session(int port) : port_(port) { open("{}"); }

  void obey(const std::string& line) {
    std::istringstream words(line);
    std::string verb, one, two, three, four;
    words >> verb >> one >> two >> three >> four;
    const bool ordered = four == "ordered";
    if (verb == "consume") {
      through_->declare({.exchanges = {{.name = two, .foreign = true}},
                         .queues = {{.name = one, .ordered = ordered}},
                         .bindings = {{.queue = one, .exchange = two, .routing_key = three}}});
      consumers_.push_back(through_->subscribe({.queue = one, .ordered = ordered},
                                               [](delivery next) {
                                                 show(next);
                                                 next.settle->acknowledge();
                                               },
                                               {}));
      say({{"event", "consuming"}});
    } else if (verb == "keep") {
      const std::vector<std::chrono::milliseconds> delays{delay};
      through_->declare({.exchanges = {{.name = two}},
                         .queues = {{.name = one, .delays = delays}},
                         .bindings = {{.queue = one, .exchange = two, .routing_key = three}}});
      consumers_.push_back(through_->subscribe({.queue = one, .delays = delays},
                                               [this](delivery next) {
                                                 const std::lock_guard lock(guard_);
                                                 show(next);
                                                 kept_.push_back(std::move(next));
                                               },
                                               {}));
      say({{"event", "consuming"}});
    } else if (verb == "back" || verb == "done") {
      const std::lock_guard lock(guard_);
      for (auto& each : kept_) {
        if (verb == "done")
          each.settle->acknowledge();
        else
          each.settle->give_back(delay, start_counting::counted);
      }
      kept_.clear();
    } else if (verb == "publish") {
      auto message = example(one);
      message.exchange = two;
      message.routing_key = three;
      const std::array next{outgoing_message{.tag = ++tag_, .message = std::make_shared<const envelope>(std::move(message))}};
      out_->publish(next);
    } else if (verb == "with") {
      consumers_.clear();
      out_.reset();
      open(line.substr(verb.size()));
      say({{"event", "opened"}});
    }
  }

 private:
  void open(const std::string& section) {
    configuration values;
    values.add_json(R"({"rabbitMq": )" + section + "}");
    auto options = values.bind<rabbitmq_options>("rabbitMq");
    options.host_names = {"127.0.0.1"};
    options.port = port_;
    options.context.enabled = true;
    through_ = std::make_shared<rabbitmq_transport>(loops_.system_loop(), options, "interop");
    through_->declare({});  // waits for the connection
    out_ = through_->open_channel(
        [](std::uint64_t, const publish_outcome& outcome) {
          constexpr std::array names{"confirmed", "unroutable", "refused", "broker_fault"};
          say({{"event", "outcome"}, {"result", names[static_cast<std::size_t>(outcome.result)]}, {"reason", outcome.reason}});
        },
        [&](channel_state now, std::string_view) {
          if (now == channel_state::ready) ready_.release();
        });
    ready_.acquire();
  }

  static constexpr std::chrono::milliseconds delay{1000};
  int port_;
  std::mutex guard_;
  std::vector<delivery> kept_;
  runtime loops_{{.threads = 1}};
  semaphore ready_{0};
  std::shared_ptr<rabbitmq_transport> through_;
  std::unique_ptr<outgoing_channel> out_;
  std::vector<std::unique_ptr<consumer>> consumers_;
  std::uint64_t tag_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  std::signal(SIGPIPE, SIG_IGN);  // whoever asked may have gone: we end in order all the same, and the node with us
  try {
    std::optional<testing::private_rabbitmq> node;
    if (count < 2) node.emplace();
    const int port = node ? node->port() : std::stoi(arguments[1]);
    say({{"event", "broker"}});  // from here on nothing takes long
    session mine(port);
    say({{"event", "started"}, {"port", std::to_string(port)}});
    for (std::string line; std::getline(std::cin, line);) {
      try {
        mine.obey(line);
      } catch (const error& refused) {
        say({{"event", "error"}, {"code", refused.code()}, {"reason", refused.reason()}});
      }
    }
  } catch (const std::exception& failed) {
    say({{"event", "failed"}, {"reason", failed.what()}});
    return 1;
  }
  return 0;
}
