#include <mamey/web/detail/trusted_callers.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include <mamey/web/forwarding.hpp>

namespace mamey::inline v1::web::detail {
namespace {

constexpr std::string_view expected = "expected an address (10.1.2.3, ::1), a network (10.1.0.0/16, fd00::/8) or unix, got \"";

}  // namespace

/// `bits` becomes the number of bits of the family.
bool trusted_callers::parse(std::string_view text, address& into, int& bits) {
  const std::string copy(text);
  constexpr std::array<std::uint8_t, 12> of_ipv4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  std::ranges::copy(of_ipv4, into.begin());
  bits = 32;
  if (::inet_pton(AF_INET, copy.c_str(), into.data() + of_ipv4.size()) == 1) return true;
  bits = 128;
  return ::inet_pton(AF_INET6, copy.c_str(), into.data()) == 1;
}

std::string trusted_callers::parse_entry(const std::string& entry, network& into) {
  const auto refused = std::string(expected) + entry + '"';
  if (entry == "unix") {
    into.is_unix = true;
    return {};
  }
  const auto slash = entry.find('/');
  int width = 0;
  if (!parse(std::string_view(entry).substr(0, slash), into.first, width)) return refused;
  int prefix = width;
  if (slash != std::string::npos) {
    const auto* const end = entry.data() + entry.size();
    const auto [stop, error] = std::from_chars(entry.data() + slash + 1, end, prefix);
    if (error != std::errc{} || stop != end || prefix < 0 || prefix > width) return refused;
    if (prefix == 0) return "a network of all addresses would trust everybody: " + refused;
  }
  into.bits = 128 - width + prefix;
  auto rest = into.first;
  for (int bit = 0; bit < into.bits; ++bit) rest[static_cast<std::size_t>(bit / 8)] &= static_cast<std::uint8_t>(~(0x80 >> (bit % 8)));
  if (std::ranges::any_of(rest, [](std::uint8_t byte) { return byte != 0; }))
    return "the address has bits behind its prefix, so it is unclear which network is meant: " + refused;
  return {};
}

bool trusted_callers::contains(const network& of, const address& one) noexcept {
  const auto bytes = static_cast<std::size_t>(of.bits / 8);
  if (std::memcmp(of.first.data(), one.data(), bytes) != 0) return false;
  const auto left = of.bits % 8;
  return left == 0 || ((of.first[bytes] ^ one[bytes]) >> (8 - left)) == 0;
}

trusted_callers::trusted_callers(const std::vector<std::string>& entries) {
  for (const auto& each : entries) {
    if (network read; parse_entry(each, read).empty()) networks_.push_back(read);
  }
}

std::string trusted_callers::complaint_of(const std::string& entry) {
  network read;
  return parse_entry(entry, read);
}

std::string trusted_callers::refusal_of(const http::request& request) const {
  if (networks_.empty()) return "server:trustTenantFrom names nobody";
  address caller{};
  int width = 0;
  const bool is_unix = request.peer() == "unix", is_address = !is_unix && parse(request.peer(), caller, width);
  const bool listed =
      std::ranges::any_of(networks_, [&](const network& each) { return each.is_unix ? is_unix : is_address && contains(each, caller); });
  if (!listed) return "server:trustTenantFrom does not name the caller";
  const auto forwarded = forwarding_header(request);
  return forwarded ? "the request came through a proxy, as its header " + std::string(*forwarded) + " says" : std::string();
}

}  // namespace mamey::inline v1::web::detail
