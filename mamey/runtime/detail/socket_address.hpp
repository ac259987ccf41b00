#pragma once

/// @file
/// Addresses as the kernel takes them.

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mamey::inline v1::detail {

struct socket_address {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const noexcept { return storage.ss_family; }
  std::uint16_t port() const noexcept;
  /// `127.0.0.1:80`, `[::1]:80`, `unix`.
  std::string to_text() const;

  /// A socket in the file system. Nothing when the path is empty or longer than the kernel takes (107 bytes).
  static std::optional<socket_address> of_path(const std::string& path);
  /// Nothing when `host` is no address in digits. `[…]` around an IPv6 address is allowed.
  static std::optional<socket_address> parse(const std::string& host, std::uint16_t port);
};

/// `host:port` for messages, an IPv6 address in brackets.
std::string place_of(const std::string& host, std::uint16_t port);

/// Asks the resolver, which blocks the thread. Throws std::system_error naming the host.
std::vector<socket_address> resolve(const std::string& host, std::uint16_t port);

}  // namespace mamey::inline v1::detail
