#include <mamey/runtime/detail/tls_session.hpp>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>
#include <utility>

#include <mamey/runtime/detail/suspension_checks.hpp>
#include <mamey/runtime/tls.hpp>

namespace mamey::inline v1::detail {
namespace {

/// What SSL_read and its kin take for a length.
int clamp(std::size_t size) noexcept { return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max())); }

bool is_address(const std::string& name) noexcept {
  in6_addr any{};
  return ::inet_pton(AF_INET, name.c_str(), &any) == 1 || ::inet_pton(AF_INET6, name.c_str(), &any) == 1;
}

tls_errc fault_of_certificate(long verify_result) noexcept {
  switch (verify_result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return tls_errc::certificate_expired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return tls_errc::certificate_not_yet_valid;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return tls_errc::name_mismatch;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return tls_errc::unknown_authority;
    default:
      return tls_errc::certificate_refused;
  }
}

tls_errc fault_of_call(int reason) noexcept {
  switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return tls_errc::certificate_missing;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return tls_errc::no_common_version;
    case SSL_R_HTTP_REQUEST:
      return tls_errc::plain_http;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTPS_PROXY_REQUEST:
      return tls_errc::not_tls;
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
      return tls_errc::cut_off;
    default:
      // Alerts of the peer are numbered from SSL_AD_REASON_OFFSET.
      return reason > SSL_AD_REASON_OFFSET ? tls_errc::refused_by_peer : tls_errc::failed;
  }
}

}  // namespace

/// OpenSSL's view of the wire.
struct wire_calls {
  static tls_session& of(BIO* bio) noexcept { return *static_cast<tls_session*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, int size) noexcept {
    auto& session = of(bio);
    BIO_clear_retry_flags(bio);
    try {
      const auto count = session.wire_.read_wire({into, static_cast<std::size_t>(size)});
      if (count) {
        session.wire_ended_ = *count == 0;
        return static_cast<int>(*count);
      }
      BIO_set_retry_read(bio);
    } catch (...) {
      session.wire_failure_ = std::current_exception();
    }
    return -1;
  }

  static int write(BIO* bio, const char* bytes, int size) noexcept {
    auto& session = of(bio);
    BIO_clear_retry_flags(bio);
    try {
      if (const auto count = session.wire_.write_wire({bytes, static_cast<std::size_t>(size)}); count > 0) return static_cast<int>(count);
      BIO_set_retry_write(bio);
    } catch (...) {
      session.wire_failure_ = std::current_exception();
    }
    return -1;
  }

  static long control(BIO* bio, int command, long, void*) noexcept {
    if (command == BIO_CTRL_EOF) return of(bio).wire_ended_ ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      auto* fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "mamey stream");
      if (fresh == nullptr) throw std::bad_alloc();
      BIO_meth_set_read(fresh, &read);
      BIO_meth_set_write(fresh, &write);
      BIO_meth_set_ctrl(fresh, &control);
      return fresh;
    }();
    return made;
  }
};

tls_session::tls_session(std::shared_ptr<tls_state> of, wire& over, const std::string& peer_name)
    : state_(std::move(of)), wire_(over), peer_name_(peer_name.empty() ? "the peer" : peer_name), ssl_(SSL_new(state_->context)) {
  auto* bio = ssl_ == nullptr ? nullptr : BIO_new(wire_calls::method());
  if (bio == nullptr) {
    SSL_free(ssl_);
    throw std::bad_alloc();
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  if (state_->is_server) {
    SSL_set_accept_state(ssl_);
    return;
  }
  SSL_set_connect_state(ssl_);
  const bool address = is_address(peer_name);
  if (!peer_name.empty() && !address) SSL_set_tlsext_host_name(ssl_, peer_name.c_str());
  if (!state_->checks_name) return;
  const bool set = address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), peer_name.c_str()) == 1
                           : !peer_name.empty() && SSL_set1_host(ssl_, peer_name.c_str()) == 1;
  if (set) return;
  SSL_free(ssl_);
  throw tls_error(tls_errc::name_mismatch, "TLS needs the name to look for in the certificate, got \"" + peer_name + "\"");
}

tls_session::~tls_session() { SSL_free(ssl_); }

void tls_session::fail(int ssl_error) {
  broken_ = true;  // and with that, no goodbye
  if (wire_failure_) std::rethrow_exception(std::exchange(wire_failure_, nullptr));
  const auto first = ERR_get_error();
  ERR_clear_error();
  const auto reason = ERR_GET_REASON(first);
  if (ssl_error == SSL_ERROR_SYSCALL) throw tls_error(tls_errc::cut_off, "TLS with " + peer_name_);
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    const auto result = SSL_get_verify_result(ssl_);
    const auto fault = fault_of_certificate(result);
    const auto* detail = fault == tls_errc::certificate_refused ? X509_verify_cert_error_string(result) : nullptr;
    throw tls_error(fault, "TLS with " + peer_name_ + (detail == nullptr ? "" : " (" + std::string(detail) + ")"));
  }
  const auto fault = fault_of_call(reason);
  const auto* words = ERR_reason_error_string(first);
  const bool tells_more = (fault == tls_errc::failed || fault == tls_errc::refused_by_peer) && words != nullptr;
  throw tls_error(fault, "TLS with " + peer_name_ + (tells_more ? " (" + std::string(words) + ")" : ""));
}

tls_session::needs tls_session::lacking(int result) {
  const int error = SSL_get_error(ssl_, result);
  if (error == SSL_ERROR_WANT_READ) return needs::reading;
  if (error == SSL_ERROR_WANT_WRITE) return needs::writing;
  fail(error);
}

tls_session::needs tls_session::shake_hands() {
  const no_suspend_section within_openssl;
  ERR_clear_error();  // another fiber of this thread may have left something, and SSL_get_error looks at it
  const int result = SSL_do_handshake(ssl_);
  return result == 1 ? needs::nothing : lacking(result);
}

std::optional<std::size_t> tls_session::try_read(std::span<char> into) {
  const no_suspend_section within_openssl;
  ERR_clear_error();
  const int count = SSL_read(ssl_, into.data(), clamp(into.size()));
  if (count > 0) {
    has_more_ = SSL_has_pending(ssl_) == 1;
    reading_needs_ = needs::reading;
    return static_cast<std::size_t>(count);
  }
  has_more_ = false;
  if (SSL_get_error(ssl_, count) == SSL_ERROR_ZERO_RETURN) return 0;
  reading_needs_ = lacking(count);
  return std::nullopt;
}

std::size_t tls_session::try_write(std::string_view bytes) {
  const no_suspend_section within_openssl;
  std::size_t written = 0;
  while (written < bytes.size()) {
    ERR_clear_error();
    const int count = SSL_write(ssl_, bytes.data() + written, clamp(bytes.size() - written));
    if (count <= 0) {
      writing_needs_ = lacking(count);
      return written;
    }
    written += static_cast<std::size_t>(count);
  }
  writing_needs_ = needs::writing;
  return written;
}

void tls_session::say_goodbye() noexcept {
  if (broken_ || SSL_in_init(ssl_) == 1) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
  wire_failure_ = nullptr;
}

}  // namespace mamey::inline v1::detail
