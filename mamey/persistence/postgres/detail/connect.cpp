#include <mamey/persistence/postgres/detail/connect.hpp>

#include <libpq-fe.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/persistence/postgres/detail/socket_wait.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

/// One way to a server; `address` is empty for a socket in the file system.
struct route {
  server_address server;
  std::string address;
};

std::vector<std::string> resolve(const server_address& server, std::string& trouble) {
  const addrinfo hints{.ai_flags = AI_ADDRCONFIG, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  if (const int failed = ::getaddrinfo(server.host.c_str(), nullptr, &hints, &found); failed != 0) {
    trouble = "cannot resolve " + server.host + ": " + ::gai_strerror(failed);
    return {};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> freed(found, &::freeaddrinfo);
  std::vector<std::string> addresses;
  for (const auto* each = found; each != nullptr; each = each->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0)
      addresses.emplace_back(text.data());
  }
  return addresses;
}

std::vector<route> routes_to(const connection_target& target, std::string& trouble) {
  std::vector<route> routes;
  for (const auto& server : target.servers) {
    if (server.host.starts_with('/')) {
      routes.push_back({server, {}});
      continue;
    }
    // getaddrinfo blocks, and libpq would call it on the loop: so it gets addresses only.
    for (auto& address : run_blocking([&] { return resolve(server, trouble); })) routes.push_back({server, std::move(address)});
  }
  return routes;
}

std::string words_of(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return text;
}

void ignore_notice(void*, const PGresult*) {}

/// Null, and what went wrong, when the server could not be reached this way.
session_handle try_route(const route& way, const connection_target& target, steady_time until, std::string& trouble) {
  std::vector<const char*> keys{"host", "port"}, values{way.server.host.c_str(), way.server.port.c_str()};
  const auto add = [&](const char* key, const char* value) {
    if (target.parameters.contains(key)) return;
    keys.push_back(key);
    values.push_back(value);
  };
  if (!way.address.empty()) keys.push_back("hostaddr"), values.push_back(way.address.c_str());
  for (const auto& [key, value] : target.parameters) keys.push_back(key.c_str()), values.push_back(value.c_str());
  add("gssencmode", "disable");  // its handshake blocks
  add("client_encoding", "UTF8");
  add("keepalives_idle", "15");
  add("keepalives_interval", "5");
  add("keepalives_count", "3");
  add("tcp_user_timeout", "20000");
  keys.push_back(nullptr), values.push_back(nullptr);

  ERR_clear_error();
  session_handle session(PQconnectStartParams(keys.data(), values.data(), 0));
  if (!session || PQstatus(session.get()) == CONNECTION_BAD) {
    trouble = session ? words_of(PQerrorMessage(session.get())) : "out of memory";
    return nullptr;
  }
  PQsetNoticeReceiver(session.get(), &ignore_notice, nullptr);
  for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;) {
    // libpq may go on with another socket after each step.
    socket_wait socket;
    socket.start(PQsocket(session.get()));
    const auto in = state == PGRES_POLLING_WRITING ? socket_wait::interest::writing : socket_wait::interest::reading;
    if (!socket.wait(in, until)) {
      trouble = "no answer in time";
      return nullptr;
    }
    ERR_clear_error();
    socket.stop();
    state = PQconnectPoll(session.get());
    if (state == PGRES_POLLING_FAILED) {
      trouble = words_of(PQerrorMessage(session.get()));
      return nullptr;
    }
  }
  return session;
}

}  // namespace

void close_session::operator()(pg_conn* session) const noexcept { PQfinish(session); }

session_handle open_session(const connection_target& target, steady_time until) {
  std::string trouble;
  const auto routes = routes_to(target, trouble);
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const auto now = steady_now();
    if (now >= until) break;
    // One address that swallows packets must not use up the time of the others.
    const auto share = (until - now) / static_cast<int>(routes.size() - i);
    if (auto session = try_route(routes[i], target, now + share, trouble)) return session;
  }
  throw unavailable("database_unreachable", "cannot connect to {target}: {cause}", target.description(), trouble);
}

}  // namespace mamey::inline v1::postgres_detail
