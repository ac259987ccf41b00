#include <mamey/core/uuid.hpp>

#include <pthread.h>
#include <sys/random.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace mamey::inline v1 {
namespace {

// A forked child must not repeat its parent's random bytes: it sees another generation and refills.
std::atomic<unsigned> process_generation{1};

void watch_forks() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { process_generation.fetch_add(1, std::memory_order_relaxed); });
  static_cast<void>(registered);
}

// One system call fills many ids.
class random_pool {
 public:
  template <std::size_t Size>
  void take(std::array<std::uint8_t, Size>& out) {
    const auto generation = process_generation.load(std::memory_order_relaxed);
    if (generation != generation_ || bytes_.size() - used_ < Size) refill(generation);
    std::memcpy(out.data(), bytes_.data() + used_, Size);
    used_ += Size;
  }

 private:
  void refill(unsigned generation) {
    watch_forks();
    for (std::size_t filled = 0; filled < bytes_.size();) {
      const auto got = ::getrandom(bytes_.data() + filled, bytes_.size() - filled, 0);
      if (got > 0)
        filled += static_cast<std::size_t>(got);
      else if (errno != EINTR)
        throw std::system_error(errno, std::generic_category(), "getrandom");
    }
    used_ = 0;
    generation_ = generation;
  }

  std::array<std::uint8_t, 1024> bytes_;
  std::size_t used_ = 0;
  unsigned generation_ = 0;
};

template <std::size_t Size>
std::array<std::uint8_t, Size> random_bytes() {
  static thread_local random_pool pool;
  std::array<std::uint8_t, Size> bytes;
  pool.take(bytes);
  return bytes;
}

// 48 bits of milliseconds, 16 bits of counter. The counter starts at a random 15-bit value each millisecond; when it runs over, or the
// clock goes back, time is counted ahead rather than order given up.
std::uint64_t next_tick(std::uint64_t random) {
  static std::atomic<std::uint64_t> last{0};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto milliseconds = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  const auto fresh = milliseconds << 16 | (random & 0x7fff);
  auto previous = last.load(std::memory_order_relaxed);
  std::uint64_t next = 0;
  do {
    next = (previous >> 16) >= milliseconds ? previous + 1 : fresh;
  } while (!last.compare_exchange_weak(previous, next, std::memory_order_relaxed));
  return next;
}

constexpr char hex_digits[] = "0123456789abcdef";

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr bool dash_before(std::size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

}  // namespace

uuid uuid::v4() {
  uuid id;
  id.bytes = random_bytes<16>();
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x40);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  return id;
}

uuid uuid::v7() {
  const auto random = random_bytes<10>();
  const auto tick = next_tick(static_cast<std::uint64_t>(random[8]) << 8 | random[9]);
  const auto milliseconds = tick >> 16;
  uuid id;
  for (unsigned i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(milliseconds >> (40 - 8 * i));
  id.bytes[6] = static_cast<std::uint8_t>(0x70 | ((tick >> 12) & 0x0f));
  id.bytes[7] = static_cast<std::uint8_t>(tick >> 4);
  id.bytes[8] = static_cast<std::uint8_t>(0x80 | ((tick & 0x0f) << 2) | (random[0] & 0x03));
  std::memcpy(&id.bytes[9], &random[1], 7);
  return id;
}

std::optional<uuid> uuid::parse(std::string_view text) noexcept {
  if (text.size() == 38 && text.front() == '{' && text.back() == '}') text = text.substr(1, 36);
  const bool dashed = text.size() == 36;
  if (!dashed && text.size() != 32) return std::nullopt;
  uuid id;
  const char* next = text.data();
  for (std::size_t i = 0; i < id.bytes.size(); ++i, next += 2) {
    if (dashed && dash_before(i) && *next++ != '-') return std::nullopt;
    const int high = hex_value(next[0]);
    const int low = hex_value(next[1]);
    if ((high | low) < 0) return std::nullopt;
    id.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return id;
}

uuid::uuid(std::string_view text) {
  const auto parsed = parse(text);
  if (!parsed) throw std::invalid_argument("not a uuid: \"" + std::string(text) + "\"");
  *this = *parsed;
}

std::string uuid::to_compact_string() const {
  std::string text(32, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    text[2 * i] = hex_digits[bytes[i] >> 4];
    text[2 * i + 1] = hex_digits[bytes[i] & 15];
  }
  return text;
}

std::string to_string(const uuid& id) {
  std::string text;
  text_codec<uuid>::to_text(text, id);
  return text;
}

void text_codec<uuid>::to_text(std::string& out, const uuid& id) {
  std::array<char, 36> text;
  char* next = text.data();
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    if (dash_before(i)) *next++ = '-';
    *next++ = hex_digits[id.bytes[i] >> 4];
    *next++ = hex_digits[id.bytes[i] & 15];
  }
  out.append(text.data(), text.size());
}

bool text_codec<uuid>::from_text(uuid& id, std::string_view text) {
  const auto parsed = uuid::parse(text);
  if (parsed) id = *parsed;
  return parsed.has_value();
}

}  // namespace mamey::inline v1

std::size_t std::hash<mamey::uuid>::operator()(const mamey::uuid& id) const noexcept {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, id.bytes.data(), 8);
  std::memcpy(&low, id.bytes.data() + 8, 8);
  // The halves of a version 7 id differ little in high and much in low; the multiplication spreads both over all bits.
  const auto mixed = (high ^ (low * 0x9e3779b97f4a7c15U)) * 0xff51afd7ed558ccdU;
  return mixed ^ (mixed >> 32);
}
