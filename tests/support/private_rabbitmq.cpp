#include "private_rabbitmq.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <vector>

namespace mamey::testing {

namespace {

constexpr const char* programs = "/usr/lib/rabbitmq/bin/";
constexpr std::chrono::seconds start_bound{600};  // on a fresh machine that is busy, Erlang alone may take a minute

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::uint16_t free_port() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no free port");
  ::close(listener);
  return ntohs(address.sin_port);
}

bool listens(std::uint16_t port) {
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = loopback(port);
  const bool reached = ::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(client);
  return reached;
}

/// A process group of its own, so that what it starts ends with it.
pid_t spawn(const std::vector<std::string>& command, const std::string& log) {
  std::vector<char*> arguments;
  for (const auto& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  const auto child = ::fork();
  if (child != 0) return child;
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that crashes takes its servers along
  const int output = ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, 0);
  ::dup2(output, 1);
  ::dup2(output, 2);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

bool has_ended_within(pid_t process, std::chrono::milliseconds span) {
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
  if (handle < 0) return true;
  pollfd waiting{.fd = handle, .events = POLLIN, .revents = 0};
  const bool ended = ::poll(&waiting, 1, static_cast<int>(span.count())) > 0;
  ::close(handle);
  return ended;
}

}  // namespace

void private_rabbitmq::begin(child& which, const std::vector<std::string>& command, const std::string& log) {
  which.let_go = {};
  std::promise<pid_t> began;
  which.keeper = std::thread([&command, &log, &began, end = which.let_go.get_future()] {
    began.set_value(spawn(command, log));
    end.wait();
  });
  which.group = began.get_future().get();
}

private_rabbitmq::child::~child() { end(*this, SIGKILL); }

void private_rabbitmq::end(child& which, int with) {
  if (which.group <= 0) return;
  ::kill(-which.group, with);
  int status = 0;
  if (!has_ended_within(which.group, std::chrono::seconds(20))) ::kill(-which.group, SIGKILL);
  ::waitpid(which.group, &status, 0);
  ::kill(-which.group, SIGKILL);  // what it left
  which.group = -1;
  which.let_go.set_value();
  which.keeper.join();
}

private_rabbitmq::private_rabbitmq(const private_rabbitmq_options& options)
    : port_(free_port()), tls_port_(free_port()), distribution_port_(free_port()), epmd_port_(free_port()) {
  const auto home = directory_.path();
  std::string tls;
  if (options.certificates) {
    const auto& made = *options.certificates;
    tls = "listeners.ssl.default = 127.0.0.1:" + std::to_string(tls_port_) + "\nssl_options.cacertfile = " + made.ca() +
          "\nssl_options.certfile = " + made.certificate("broker") + "\nssl_options.keyfile = " + made.key("broker") +
          "\nssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\n";
  }
  std::ofstream(home + "/rabbitmq.conf") << "listeners.tcp.default = 127.0.0.1:" << port_
                                         << "\nloopback_users = none\ndisk_free_limit.absolute = 1MB\n"
                                         << tls << options.extra_configuration;
  std::ofstream(home + "/enabled_plugins") << '[' << options.plugins << "].\n";
  std::ofstream(home + "/env") << "export HOME=" << home << " RABBITMQ_NODENAME=t" << port_ << "@localhost RABBITMQ_NODE_PORT=" << port_
                               << " RABBITMQ_DIST_PORT=" << distribution_port_ << " ERL_EPMD_PORT=" << epmd_port_
                               << " ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_MNESIA_BASE=" << home << "/mnesia RABBITMQ_LOG_BASE=" << home
                               << "/log RABBITMQ_CONFIG_FILE=" << home << "/rabbitmq.conf RABBITMQ_ENABLED_PLUGINS_FILE=" << home
                               << "/enabled_plugins RABBITMQ_PID_FILE=" << home
                               << "/pid RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_ALLOW_INPUT=1 RABBITMQ_LOGS=- LC_ALL=C.UTF-8\n"
                               << "export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' "
                                  // not pinned to a processor, as is usual: several nodes would share the first one
                                  "RABBITMQ_SERVER_ERL_ARGS='+S 1:1 +sbwt none'\n";
  begin(epmd_, {"epmd", "-port", std::to_string(epmd_port_), "-address", "127.0.0.1"}, home + "/epmd.log");
  start();
}

std::string private_rabbitmq::new_virtual_host() {
  if (hosts_given_ == hosts_made_) {  // many at once: a call of the node's command takes seconds
    constexpr int batch = 40;
    evaluate(
        "[begin Name = list_to_binary(\"v\" ++ integer_to_list(N)), rabbit_vhost:add(Name, <<\"test\">>), "
        "rabbit_auth_backend_internal:set_permissions(<<\"guest\">>, Name, <<\".*\">>, <<\".*\">>, <<\".*\">>, <<\"test\">>) end "
        "|| N <- lists:seq(" +
        std::to_string(hosts_made_ + 1) + ", " + std::to_string(hosts_made_ + batch) + ")].");
    hosts_made_ += batch;
  }
  return "v" + std::to_string(++hosts_given_);
}

private_rabbitmq::~private_rabbitmq() {
  stop();
  end(epmd_, SIGTERM);
}

void private_rabbitmq::start() {
  const auto home = directory_.path();
  std::error_code none_yet;
  const auto size = std::filesystem::file_size(home + "/node.log", none_yet);
  seen_ = none_yet ? 0 : static_cast<std::size_t>(size);
  begin(node_, {"/bin/sh", "-c", ". " + home + "/env; cd " + home + "; exec " + programs + "rabbitmq-server -noinput"}, home + "/node.log");
  const auto until = std::chrono::steady_clock::now() + start_bound;
  // It listens before it knows its users: what it writes at the end of its start is the sign.
  const auto started = [&] {
    std::ifstream log(home + "/node.log");
    const std::string text((std::istreambuf_iterator<char>(log)), {});
    return text.find("startup complete", seen_) != std::string::npos && listens(port_);
  };
  while (!started()) {
    int status = 0;
    const bool ended =
        has_ended_within(node_.group, std::chrono::milliseconds(50)) && ::waitpid(node_.group, &status, WNOHANG) == node_.group;
    if (ended || std::chrono::steady_clock::now() > until) {
      end(node_, SIGKILL);
      std::ifstream log(home + "/node.log");
      std::string text((std::istreambuf_iterator<char>(log)), {});
      throw std::runtime_error("RabbitMQ did not start: " + text.substr(text.size() < 2000 ? 0 : text.size() - 2000));
    }
  }
}

void private_rabbitmq::kill_hard() { end(node_, SIGKILL); }
void private_rabbitmq::stop() { end(node_, SIGKILL); }  // its data goes with it

std::string private_rabbitmq::evaluate(const std::string& expression) {
  const auto home = directory_.path();
  std::ofstream(home + "/expression") << expression;
  const auto command = ". " + home + "/env; cd " + home + "; exec " + programs + "rabbitmqctl -q eval \"$(cat expression)\" 2>&1";
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (!pipe) throw std::runtime_error("rabbitmqctl cannot be run");
  std::string text;
  std::array<char, 4096> buffer{};
  for (std::size_t count = 0; (count = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) text.append(buffer.data(), count);
  if (::pclose(pipe) != 0) throw std::runtime_error("rabbitmqctl eval failed: " + text);
  return text;
}

}  // namespace mamey::testing
