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

struct failure {
  std::string cause;
  bool is_final = false;  ///< to try again changes nothing
};

/// libpq returns the server's error as text only; in its verbose form with the SQLSTATE: `FATAL:  28P01: password authentication failed …`.
std::string sql_state_in(std::string_view text) {
  const auto is_state = [](std::string_view word) {
    return word.size() == 5 && std::ranges::all_of(word, [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
  };
  for (auto at = text.find(":  "); at != std::string_view::npos; at = text.find(":  ", at + 1)) {
    if (is_state(text.substr(at + 3, 5)) && text.substr(at + 8, 2) == ": ") return std::string(text.substr(at + 3, 5));
  }
  return {};
}

/// Without the number, and without the line of the server's source.
std::string shortened(std::string text, const std::string& state) {
  if (const auto source = text.rfind("\nLOCATION:"); source != std::string::npos) text.erase(source);
  if (const auto at = text.find(state + ": "); !state.empty() && at != std::string::npos) text.erase(at, state.size() + 2);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return text;
}

failure failure_of(const PGconn* session) {
  std::string text = PQerrorMessage(session);
  const auto state = sql_state_in(text);
  // Class 28: who we are; 3D: which database; 42: what we may. Of TLS there is no number.
  const bool is_refusal = state.starts_with("28") || state.starts_with("3D") || state.starts_with("42");
  const auto says = [&](std::string_view words) { return text.find(words) != std::string::npos; };
  const bool is_mistrust = state.empty() && (says("certificate") || says("not support SSL") ||
                                             (says("SSL error") && !says("eof")));  // which is a server that went away
  // libpq's own words for a parameter that it cannot read: invalid gssencmode value: "Disable".
  const bool is_no_value = state.empty() && text.starts_with("invalid ") && (says(" value: ") || says(" value \"") || says("number"));
  return {.cause = shortened(std::move(text), state), .is_final = is_refusal || is_mistrust || is_no_value};
}

void ignore_notice(void*, const PGresult*) {}

/// Null, and what went wrong, when the server could not be reached this way.
session_handle try_route(const route& way, const connection_target& target, steady_time until, failure& trouble) {
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
    trouble = session ? failure_of(session.get()) : failure{.cause = "out of memory"};
    return nullptr;
  }
  PQsetNoticeReceiver(session.get(), &ignore_notice, nullptr);
  PQsetErrorVerbosity(session.get(), PQERRORS_VERBOSE);
  for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;) {
    // libpq may go on with another socket after each step.
    socket_wait socket;
    socket.start(PQsocket(session.get()), state == PGRES_POLLING_WRITING ? socket_wait::interest::writing : socket_wait::interest::reading);
    if (!socket.wait(until)) {
      trouble = {.cause = "no answer in time"};
      return nullptr;
    }
    ERR_clear_error();
    socket.stop();
    state = PQconnectPoll(session.get());
    if (state == PGRES_POLLING_FAILED) {
      trouble = failure_of(session.get());
      return nullptr;
    }
  }
  PQsetErrorVerbosity(session.get(), PQERRORS_DEFAULT);
  return session;
}

}  // namespace

void close_session::operator()(pg_conn* session) const noexcept { PQfinish(session); }

session_handle open_session(const connection_target& target, steady_time until) {
  failure last, refusal;
  const auto routes = routes_to(target, last.cause);
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const auto now = steady_now();
    if (now >= until) break;
    // One address that swallows packets must not use up the time of the others.
    const auto share = (until - now) / static_cast<int>(routes.size() - i);
    if (auto session = try_route(routes[i], target, now + share, last)) return session;
    if (last.is_final) refusal = last;
  }
  if (refusal.is_final) throw unavailable("database_refused", "cannot connect to {target}: {cause}", target.description(), refusal.cause);
  throw unavailable("database_unreachable", "cannot connect to {target}: {cause}", target.description(), last.cause);
}

}  // namespace mamey::inline v1::postgres_detail
