#include <mamey/messaging/handling.hpp>

#include <openssl/sha.h>

#include <array>

namespace mamey::inline v1 {

void handling_context::seal(change_set& changes) const {
  if (!faults.effect_before_inbox_row) changes.inbox = inbox;
  changes.finished_delayed.insert(changes.finished_delayed.end(), finished_delayed.begin(), finished_delayed.end());
}

std::string derived_id(std::string_view message_id, std::string_view handler) {
  // A length in front keeps ("ab", "c") and ("a", "bc") apart. The hash must resist messages made to collide.
  std::string text = std::to_string(message_id.size()) + ':';
  text += message_id;
  text += handler;
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
  constexpr std::string_view digits = "0123456789abcdef";
  std::string id;
  for (std::size_t i = 0; i < 16; ++i) {
    id += digits[hash[i] >> 4];
    id += digits[hash[i] & 15];
  }
  return id;
}

}  // namespace mamey::inline v1
