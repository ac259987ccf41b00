#pragma once

/// @file
/// For features and services.
/// TLS over a `tcp_stream`: a context holds certificates and requirements. It encrypts any number of streams, which are then used as
/// before.
///
///     const mamey::tls_context tls = mamey::tls_context::for_clients({.ca_file = "ca.pem"});
///     auto stream = mamey::tcp_stream::connect(host, port, timeout);
///     stream.start_tls(tls, host, mamey::steady_now() + timeout);

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

namespace mamey::inline v1 {

namespace detail {
class tls_files;
struct tls_state;
}  // namespace detail

/// The requirement for the peer's certificate.
enum class tls_verify : std::uint8_t {
  required,  ///< one from a known authority; clients also check the name in it
  if_given,  ///< servers only: a client without a certificate is accepted
  none,      ///< the peer is not checked: for experiments
};

/// A version of TLS.
enum class tls_version : std::uint8_t { v1_2, v1_3 };

/// For either side. Files are PEM; those of `certificate_file` may as well be PKCS#12 (`.pfx`, `.p12`), recognised by their content.
struct tls_options {
  std::string ca_file = {};                     ///< the trusted authorities; empty: those of the system
  std::string certificate_file = {};            ///< our own certificate with its chain to the authority; servers need one
  std::string key_file = {};                    ///< its private key; empty: the key is in the certificate's file
  std::string password = {};                    ///< password of the key or the PKCS#12 file
  tls_verify verify = tls_verify::required;     ///< the requirement for the peer's certificate
  tls_version min_version = tls_version::v1_2;  ///< the oldest accepted version of TLS
};

/// The reason for a failure of TLS. `message()` gives it in words.
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
  plain_http,  ///< likewise, and the peer spoke HTTP: a server may want to answer in plain HTTP
  cut_off,     ///< the stream ended without a notice: the data may be incomplete
  failed,
};
const std::error_category& tls_category() noexcept;
inline std::error_code make_error_code(tls_errc code) noexcept { return {static_cast<int>(code), tls_category()}; }

/// An I/O error like any other: its code is in `tls_category`, and `what()` names the peer and the fault.
class tls_error : public std::system_error {
 public:
  using std::system_error::system_error;
};

/// Cheap to copy, for any thread. The constructor functions read the files, and throw std::runtime_error that names the file and the error.
///
/// Replaced files, such as renewed certificates, are read again when a connection begins (checked at most once per second), never on a loop's
/// thread. Open connections stay as they are. Files that cannot be used change nothing, and the log reports them.
class tls_context {
 public:
  static tls_context for_clients(const tls_options& options = {});
  /// Requires a certificate from clients unless `verify` says otherwise; most servers use `tls_verify::none`.
  static tls_context for_servers(const tls_options& options);

  /// The end of our own certificate's validity; empty without a certificate.
  std::optional<std::chrono::sys_seconds> certificate_expires() const;

 private:
  friend class tcp_stream;
  explicit tls_context(std::shared_ptr<detail::tls_files> files) noexcept : files_(std::move(files)) {}
  std::shared_ptr<detail::tls_state> current() const;
  std::shared_ptr<detail::tls_files> files_;
};

}  // namespace mamey::inline v1

template <>
struct std::is_error_code_enum<mamey::tls_errc> : std::true_type {};
