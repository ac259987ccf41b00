#include <mamey/runtime/tls.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include <mamey/runtime/detail/tls_session.hpp>

namespace mamey::inline v1 {
namespace {

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "tls"; }
  std::string message(int code) const override {
    switch (static_cast<tls_errc>(code)) {
      case tls_errc::certificate_expired:
        return "the certificate has expired";
      case tls_errc::certificate_not_yet_valid:
        return "the certificate is not valid yet";
      case tls_errc::unknown_authority:
        return "the certificate comes from an unknown authority";
      case tls_errc::name_mismatch:
        return "the certificate is for another name";
      case tls_errc::certificate_missing:
        return "the peer gave no certificate";
      case tls_errc::certificate_refused:
        return "the certificate is refused";
      case tls_errc::refused_by_peer:
        return "the peer refused";
      case tls_errc::no_common_version:
        return "the peer speaks no version of TLS that is allowed here";
      case tls_errc::not_tls:
        return "the peer does not speak TLS";
      case tls_errc::cut_off:
        return "the connection was cut off";
      case tls_errc::failed:
        break;
    }
    return "failed";
  }
};

template <auto Free>
struct frees {
  template <class T>
  void operator()(T* what) const noexcept {
    Free(what);
  }
};
using owned_pkcs12 = std::unique_ptr<PKCS12, frees<&PKCS12_free>>;
using owned_bio = std::unique_ptr<BIO, frees<&BIO_free>>;
using owned_key = std::unique_ptr<EVP_PKEY, frees<&EVP_PKEY_free>>;
using owned_certificate = std::unique_ptr<X509, frees<&X509_free>>;

[[noreturn]] void refuse(const std::string& file, const std::string& what) {
  const auto* words = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  throw std::runtime_error(file + ": " + what + (words == nullptr ? "" : " (" + std::string(words) + ")"));
}

std::string read_file(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad() || text.empty()) throw std::runtime_error(name + ": cannot be read, or is empty");
  return text;
}

/// Without one, OpenSSL would ask on the terminal.
int give_password(char* into, int size, int, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  if (size < 0 || text.size() > static_cast<std::size_t>(size)) return -1;
  text.copy(into, text.size());
  return static_cast<int>(text.size());
}

owned_bio reader_of(const std::string& text) {
  owned_bio made(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!made) throw std::bad_alloc();
  return made;
}

void use_pkcs12(SSL_CTX* context, const tls_options& options, PKCS12* file) {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  STACK_OF(X509)* chain = nullptr;
  if (PKCS12_parse(file, options.password.c_str(), &key, &certificate, &chain) != 1)
    refuse(options.certificate_file, "cannot be opened with its password");
  const owned_key key_owner(key);
  const owned_certificate certificate_owner(certificate);
  const bool used = key != nullptr && certificate != nullptr && SSL_CTX_use_cert_and_key(context, certificate, key, chain, 1) == 1;
  sk_X509_pop_free(chain, X509_free);
  if (!used) refuse(options.certificate_file, "expected a certificate and its key");
}

void use_pem(SSL_CTX* context, const tls_options& options, const std::string& text) {
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1)
    refuse(options.certificate_file, "expected certificates, PEM or PKCS#12");
  const auto& key_file = options.key_file.empty() ? options.certificate_file : options.key_file;
  const auto key_text = options.key_file.empty() ? text : read_file(key_file);
  auto password = options.password;
  const owned_key key(PEM_read_bio_PrivateKey(reader_of(key_text).get(), nullptr, &give_password, &password));
  if (!key) refuse(key_file, "expected a private key, PEM, that opens with the password given");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) refuse(key_file, "is not the key of " + options.certificate_file);
}

void use_certificate(SSL_CTX* context, const tls_options& options) {
  const auto text = read_file(options.certificate_file);
  ERR_clear_error();
  const owned_pkcs12 pkcs12(d2i_PKCS12_bio(reader_of(text).get(), nullptr));
  ERR_clear_error();
  if (pkcs12) return use_pkcs12(context, options, pkcs12.get());
  use_pem(context, options, text);
}

void trust(SSL_CTX* context, const tls_options& options) {
  ERR_clear_error();
  if (options.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else if (SSL_CTX_load_verify_file(context, options.ca_file.c_str()) != 1) {
    refuse(options.ca_file, "expected certificates of authorities, PEM");
  }
}

/// Names the authorities believed, so that a client with several certificates can choose.
void ask_for_certificates(SSL_CTX* context, const tls_options& options) {
  int mode = SSL_VERIFY_PEER;
  if (options.verify == tls_verify::required) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context, mode, nullptr);
  static constexpr unsigned char sessions[] = "mamey";  // resuming needs one where clients are verified
  SSL_CTX_set_session_id_context(context, sessions, sizeof sessions - 1);
  if (!options.ca_file.empty()) SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(options.ca_file.c_str()));
}

std::shared_ptr<detail::tls_state> make_state(const SSL_METHOD* method, const tls_options& options) {
  auto state = std::make_shared<detail::tls_state>();
  auto* context = state->context = SSL_CTX_new(method);
  if (context == nullptr) throw std::bad_alloc();
  SSL_CTX_set_min_proto_version(context, options.min_version == tls_version::v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Idle connections hold no buffers; writes give back what is done, and may be repeated from another place.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  if (!options.certificate_file.empty()) use_certificate(context, options);
  if (options.verify != tls_verify::none) trust(context, options);
  return state;
}

}  // namespace

detail::tls_state::~tls_state() { SSL_CTX_free(context); }

const std::error_category& tls_category() noexcept {
  static const category only;
  return only;
}

tls_context tls_context::for_clients(const tls_options& options) {
  auto state = make_state(TLS_client_method(), options);
  state->checks_name = options.verify != tls_verify::none;
  SSL_CTX_set_verify(state->context, state->checks_name ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  return tls_context(std::move(state));
}

tls_context tls_context::for_servers(const tls_options& options) {
  if (options.certificate_file.empty()) throw std::runtime_error("a TLS server needs a certificate: set certificateFile");
  auto state = make_state(TLS_server_method(), options);
  state->is_server = true;
  if (options.verify != tls_verify::none) ask_for_certificates(state->context, options);
  return tls_context(std::move(state));
}

}  // namespace mamey::inline v1
