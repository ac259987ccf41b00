#include <mamey/runtime/detail/socket_address.hpp>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <system_error>

namespace mamey::inline v1::detail {
namespace {

// The two families by their own types; the kernel's interface is a cast either way.
sockaddr_in& as_ipv4(socket_address& address) noexcept { return *reinterpret_cast<sockaddr_in*>(&address.storage); }
sockaddr_in6& as_ipv6(socket_address& address) noexcept { return *reinterpret_cast<sockaddr_in6*>(&address.storage); }
const sockaddr_in& as_ipv4(const socket_address& address) noexcept { return *reinterpret_cast<const sockaddr_in*>(&address.storage); }
const sockaddr_in6& as_ipv6(const socket_address& address) noexcept { return *reinterpret_cast<const sockaddr_in6*>(&address.storage); }

/// getaddrinfo's codes are no errno values.
class resolver_category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "resolver"; }
  std::string message(int code) const override { return ::gai_strerror(code); }
};

const std::error_category& resolver_errors() {
  static const resolver_category category;
  return category;
}

}  // namespace

std::uint16_t socket_address::port() const noexcept {
  return ntohs(family() == AF_INET6 ? as_ipv6(*this).sin6_port : as_ipv4(*this).sin_port);
}

std::string socket_address::to_text() const {
  if (family() == AF_UNIX) return "unix";
  std::array<char, INET6_ADDRSTRLEN> digits{};
  if (family() == AF_INET6) {
    ::inet_ntop(AF_INET6, &as_ipv6(*this).sin6_addr, digits.data(), digits.size());
    return "[" + std::string(digits.data()) + "]:" + std::to_string(port());
  }
  ::inet_ntop(AF_INET, &as_ipv4(*this).sin_addr, digits.data(), digits.size());
  return std::string(digits.data()) + ":" + std::to_string(port());
}

std::string place_of(const std::string& host, std::uint16_t port) {
  const bool bare = host.find(':') != std::string::npos && host.front() != '[';
  return (bare ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<socket_address> socket_address::of_path(const std::string& path) {
  socket_address address;
  auto& local = *reinterpret_cast<sockaddr_un*>(&address.storage);
  if (path.empty() || path.size() >= sizeof local.sun_path) return std::nullopt;
  local.sun_family = AF_UNIX;
  path.copy(local.sun_path, path.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

std::optional<socket_address> socket_address::parse(const std::string& host, std::uint16_t port) {
  socket_address address;
  if (::inet_pton(AF_INET, host.c_str(), &as_ipv4(address).sin_addr) == 1) {
    address.storage.ss_family = AF_INET;
    as_ipv4(address).sin_port = htons(port);
    address.size = sizeof(sockaddr_in);
    return address;
  }
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const auto inner = bracketed ? host.substr(1, host.size() - 2) : host;
  address = socket_address();
  if (::inet_pton(AF_INET6, inner.c_str(), &as_ipv6(address).sin6_addr) != 1) return std::nullopt;
  address.storage.ss_family = AF_INET6;
  as_ipv6(address).sin6_port = htons(port);
  address.size = sizeof(sockaddr_in6);
  return address;
}

std::vector<socket_address> resolve(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code != 0) {
    if (code == EAI_SYSTEM) throw std::system_error(errno, std::system_category(), "cannot resolve " + host);
    throw std::system_error(code, resolver_errors(), "cannot resolve " + host);
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  std::vector<socket_address> addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    socket_address address;
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    address.size = one->ai_addrlen;
    addresses.push_back(address);
  }
  return addresses;
}

}  // namespace mamey::inline v1::detail
