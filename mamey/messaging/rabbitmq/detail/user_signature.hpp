#pragma once

/// @file
/// Who vouches for the user of a message: a signature over its id, type, tenant and user, by a key that the services share. Pure.
///
/// Other than an access token it does not expire: a message may wait for days. So a key stays known as long as messages that it signed.

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <mamey/messaging/envelope.hpp>

namespace mamey::inline v1::rabbitmq_detail {

inline constexpr std::size_t shortest_signing_secret = 32;               ///< bytes: less can be guessed
inline constexpr std::string_view signature_header = "mamey-signature";  ///< `KID:` and 64 hexadecimal digits

class user_signatures {
 public:
  /// Signs with `secrets.at(key_id)`; verifies with all.
  user_signatures(std::string key_id, std::map<std::string, std::string> secrets);

  std::string of(const envelope& message) const;
  /// Whether `signature` is of `message`, user and all, by a key that is known.
  bool matches(const envelope& message, std::string_view signature) const;

 private:
  std::string key_id_;
  std::map<std::string, std::string> secrets_;
};

}  // namespace mamey::inline v1::rabbitmq_detail
