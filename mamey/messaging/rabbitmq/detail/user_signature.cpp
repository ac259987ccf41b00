#include <mamey/messaging/rabbitmq/detail/user_signature.hpp>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace mamey::inline v1::rabbitmq_detail {

namespace {

/// HMAC-SHA256 in hexadecimal digits. Each field goes with its length, so that no two messages have the same text.
std::string signed_with(const std::string& secret, const envelope& message) {
  std::string text = "mamey user 1\n";
  for (const auto* field : {&message.id, &message.type, &message.tenant, &message.user})
    text += std::to_string(field->size()) + ':' + *field + '\n';
  std::array<unsigned char, EVP_MAX_MD_SIZE> code{};
  unsigned size = 0;
  if (!::HMAC(::EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(text.data()),
              text.size(), code.data(), &size))
    throw std::runtime_error("the user of a message cannot be signed: OpenSSL has no HMAC-SHA256");
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += digits[code[i] >> 4];
    hex += digits[code[i] & 15];
  }
  return hex;
}

}  // namespace

user_signatures::user_signatures(std::string key_id, std::map<std::string, std::string> secrets)
    : key_id_(std::move(key_id)), secrets_(std::move(secrets)) {}

std::string user_signatures::of(const envelope& message) const { return key_id_ + ':' + signed_with(secrets_.at(key_id_), message); }

bool user_signatures::matches(const envelope& message, std::string_view signature) const {
  const auto colon = signature.rfind(':');
  if (colon == std::string_view::npos) return false;
  const auto key = secrets_.find(std::string(signature.substr(0, colon)));
  if (key == secrets_.end()) return false;
  const auto expected = signed_with(key->second, message);
  const auto given = signature.substr(colon + 1);
  return given.size() == expected.size() && ::CRYPTO_memcmp(given.data(), expected.data(), expected.size()) == 0;
}

}  // namespace mamey::inline v1::rabbitmq_detail
