#pragma once

/// @file
/// Callers that may say what only services of our own may say.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/http/message.hpp>

namespace mamey::inline v1::web::detail {

/// Addresses and networks of `server:trustTenantFrom`. Immutable; any thread.
class trusted_callers {
 public:
  trusted_callers() = default;
  /// Entries that `complaint_of` refuses are left out.
  explicit trusted_callers(const std::vector<std::string>& entries);

  /// What is wrong with an entry; empty when nothing is.
  static std::string complaint_of(const std::string& entry);

  /// Why the caller is not trusted; empty when it is. A proxy speaks for somebody else, wherever it stands.
  std::string refusal_of(const http::request& request) const;

 private:
  using address = std::array<std::uint8_t, 16>;  ///< IPv4 as `::ffff:10.1.2.3`
  struct network {
    address first{};
    int bits = 128;
    bool is_unix = false;  ///< a socket in the file system
  };
  static bool parse(std::string_view text, address& into, int& bits);
  static std::string parse_entry(const std::string& entry, network& into);
  static bool contains(const network& of, const address& one) noexcept;

  std::vector<network> networks_;
};

}  // namespace mamey::inline v1::web::detail
