#pragma once

/// @file
/// TLS over a `tcp_stream`: a context holds certificates and demands, and encrypts any number of streams, which are then used as before.
///
///     const mamey::tls_context tls = mamey::tls_context::for_clients({.ca_file = "ca.pem"});
///     auto stream = mamey::tcp_stream::connect(host, port, timeout);
///     stream.start_tls(tls, host, mamey::steady_now() + timeout);

#include <cstdint>
#include <memory>
#include <string>
#include <system_error>

namespace mamey::inline v1 {

namespace detail {
struct tls_state;
}

/// What a side demands of the other's certificate.
enum class tls_verify : std::uint8_t {
  required,  ///< one from a known authority; clients also check the name in it
  if_given,  ///< servers only: a client without one is let in
  none,      ///< anybody can be the peer: for experiments
};

/// The oldest version spoken.
enum class tls_version : std::uint8_t { v1_2, v1_3 };

/// For either side. Files are PEM; those of `certificate_file` may as well be PKCS#12 (`.pfx`, `.p12`), recognised by their content.
struct tls_options {
  std::string ca_file = {};           ///< the authorities believed; empty: the system's
  std::string certificate_file = {};  ///< our own and what leads to the authority; servers need one
  std::string key_file = {};          ///< its key; empty: in the certificate's file
  std::string password = {};          ///< of the key or the PKCS#12 file
  tls_verify verify = tls_verify::required;     ///< what is demanded of the other's certificate
  tls_version min_version = tls_version::v1_2;  ///< the oldest version spoken
};

/// Why TLS failed. `message()` says it in words.
enum class tls_errc : std::uint8_t {
  certificate_expired = 1,
  certificate_not_yet_valid,
  unknown_authority,
  name_mismatch,
  certificate_missing,
  certificate_refused,  ///< any other fault of the peer's certificate
  refused_by_peer,      ///< the peer sent an alert
  no_common_version,
  not_tls,
  cut_off,  ///< the end came without notice: what was read may be a part only
  failed,
};
const std::error_category& tls_category() noexcept;
inline std::error_code make_error_code(tls_errc code) noexcept { return {static_cast<int>(code), tls_category()}; }

/// An I/O error as the others: the code is of `tls_category`, and `what()` names the peer and the fault.
class tls_error : public std::system_error {
 public:
  using std::system_error::system_error;
};

/// Immutable, cheap to copy, for any thread. Making one reads its files, and throws std::runtime_error naming the file and what is wrong.
class tls_context {
 public:
  static tls_context for_clients(const tls_options& options = {});
  /// Demands a certificate of the clients unless `verify` says otherwise; most servers want `tls_verify::none`.
  static tls_context for_servers(const tls_options& options);

 private:
  friend class tcp_stream;
  explicit tls_context(std::shared_ptr<detail::tls_state> state) noexcept : state_(std::move(state)) {}
  std::shared_ptr<detail::tls_state> state_;
};

}  // namespace mamey::inline v1

template <>
struct std::is_error_code_enum<mamey::tls_errc> : std::true_type {};
