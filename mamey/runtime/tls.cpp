#include <mamey/runtime/tls.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/detail/loop_state.hpp>
#include <mamey/runtime/detail/tls_session.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.tls"};

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
      case tls_errc::plain_http:
        return "the peer speaks HTTP without TLS";
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

/// A pipe would block the thread that opens it.
void expect_file(const std::string& name) {
  const int descriptor = ::open(name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) throw std::runtime_error(name + ": cannot be read, or is empty: " + std::system_category().message(errno));
  struct ::stat found{};
  const bool is_file = ::fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode);
  ::close(descriptor);
  if (!is_file) throw std::runtime_error(name + ": expected a file, and it is a folder, a pipe or a device");
}

std::string read_file(const std::string& name) {
  expect_file(name);
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
  if (!options.ca_file.empty()) expect_file(options.ca_file);
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

/// Mozilla's intermediate list for TLS 1.2, less what needs Diffie-Hellman parameters: forward secrecy and authenticated encryption only.
constexpr const char* server_ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/// The one protocol that our servers speak over TLS. A client that wants only others is refused, so that no other service's certificate can
/// be used to answer for us (ALPACA).
int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered, unsigned int offered_size, void*) {
  static constexpr unsigned char http[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, size, http, sizeof http - 1, offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

std::optional<std::chrono::sys_seconds> end_of_certificate(SSL_CTX* context) {
  const auto* certificate = SSL_CTX_get0_certificate(context);
  std::tm utc{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &utc) != 1) return std::nullopt;
  return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&utc)));
}

std::shared_ptr<detail::tls_state> make_state(const SSL_METHOD* method, const tls_options& options) {
  auto state = std::make_shared<detail::tls_state>();
  auto* context = state->context = SSL_CTX_new(method);
  if (context == nullptr) throw std::bad_alloc();
  SSL_CTX_set_min_proto_version(context, options.min_version == tls_version::v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);  // the client knows which cipher it is fast at
  // Idle connections hold no buffers; writes give back what is done, and may be repeated from another place.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  if (!options.certificate_file.empty()) use_certificate(context, options);
  if (options.verify != tls_verify::none) trust(context, options);
  state->certificate_expires = end_of_certificate(context);
  return state;
}

std::shared_ptr<detail::tls_state> make_client_state(const tls_options& options) {
  auto state = make_state(TLS_client_method(), options);
  state->checks_name = options.verify != tls_verify::none;
  SSL_CTX_set_verify(state->context, state->checks_name ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  return state;
}

std::shared_ptr<detail::tls_state> make_server_state(const tls_options& options) {
  auto state = make_state(TLS_server_method(), options);
  state->is_server = true;
  SSL_CTX_set_cipher_list(state->context, server_ciphers);
  SSL_CTX_set_alpn_select_cb(state->context, &choose_protocol, nullptr);
  if (options.verify != tls_verify::none) ask_for_certificates(state->context, options);
  return state;
}

/// What tells one version of a file from the next, through links as well.
struct file_stamp {
  ::dev_t device = 0;
  ::ino_t number = 0;
  ::off_t size = 0;
  std::int64_t changed = 0;
  bool operator==(const file_stamp&) const = default;
};

file_stamp stamp_of(const std::string& name) noexcept {
  struct ::stat found{};
  if (name.empty() || ::stat(name.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino, found.st_size, std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec};
}

/// The system's authorities are a file, too, that updates replace. (Those in its folder OpenSSL looks up one by one, when it needs them.)
std::string authorities_file(const tls_options& options) {
  if (!options.ca_file.empty() || options.verify == tls_verify::none) return options.ca_file;
  const char* const named = std::getenv(X509_get_default_cert_file_env());
  return named != nullptr ? named : X509_get_default_cert_file();
}

}  // namespace

detail::tls_state::~tls_state() { SSL_CTX_free(context); }

/// What the files held when they were last read with success. A loop never reads them: a file system may not answer.
class detail::tls_files : public std::enable_shared_from_this<tls_files> {
 public:
  using maker = std::shared_ptr<tls_state> (*)(const tls_options&);

  tls_files(maker make, tls_options options) : make_(make), options_(std::move(options)), read_(stamps()), current_(make_(options_)) {}

  std::shared_ptr<tls_state> current() {
    {
      const std::lock_guard lock(guard_);
      if (looking_ || std::chrono::steady_clock::now() < look_again_) return current_;
      looking_ = true;
    }
    if (here.loop == nullptr) {
      look();
    } else {
      look_elsewhere(nullptr);
    }
    const std::lock_guard lock(guard_);
    return current_;
  }

  void await_look(steady_time until) {
    if (!in_fiber()) return;
    {
      const std::lock_guard lock(guard_);
      if (looking_ || std::chrono::steady_clock::now() < look_again_) return;
      looking_ = true;
    }
    const auto ended = std::make_shared<semaphore>(0);
    look_elsewhere(ended);
    ended->try_acquire_until(until);
  }

 private:
  using all_stamps = std::array<file_stamp, 3>;
  static constexpr std::chrono::seconds between_looks{1};

  all_stamps stamps() const {
    return {stamp_of(options_.certificate_file), stamp_of(options_.key_file), stamp_of(authorities_file(options_))};
  }

  void look_elsewhere(const std::shared_ptr<semaphore>& ended) noexcept {
    const auto ask = [self = shared_from_this(), ended] {
      try {
        mamey::run_blocking([&] { self->look(); });
      } catch (...) {  // too much waits for a thread already: the next one asks again
        log.debug("the files of TLS could not be looked at: {cause}", describe_current_exception().reason);
        self->end_look();
      }
      if (ended) ended->release();
    };
    try {
      here.loop->start("tls files", ask, ambient_context{});
    } catch (const std::exception&) {  // no memory
      end_look();
      if (ended) ended->release();
    }
  }

  /// By one at a time.
  void look() noexcept {
    try {
      if (const auto found = stamps(); found != read_) read_again(found);
    } catch (const std::exception& failure) {
      log.debug("the files of TLS could not be looked at: {error}", failure);
    }
    end_look();
  }

  void end_look() noexcept {
    const std::lock_guard lock(guard_);
    looking_ = false;
    look_again_ = std::chrono::steady_clock::now() + between_looks;
  }

  void read_again(const all_stamps& found) {
    try {
      auto made = make_(options_);
      read_ = found;
      complaint_.clear();
      {
        const std::lock_guard lock(guard_);
        current_.swap(made);
      }
      log.info("the files of TLS have changed and were read again: {certificate}",
               options_.certificate_file.empty() ? authorities_file(options_) : options_.certificate_file);
    } catch (const std::exception& error) {
      // Tried again at the next look: a certificate and its key are not replaced at the same moment.
      if (std::exchange(complaint_, error.what()) != error.what())
        log.warning("the files of TLS have changed and cannot be used, what was read before stays in use: {error}", error);
    }
  }

  const maker make_;
  const tls_options options_;
  all_stamps read_;        // of who looks
  std::string complaint_;  // likewise
  std::mutex guard_;       // guards the rest
  bool looking_ = false;
  std::shared_ptr<tls_state> current_;
  std::chrono::steady_clock::time_point look_again_ = std::chrono::steady_clock::now() + between_looks;
};

void detail::await_look(tls_files& files, std::optional<steady_time> until) {
  const auto longest = steady_now() + std::chrono::seconds(1);
  files.await_look(until ? std::min(*until, longest) : longest);
}

const std::error_category& tls_category() noexcept {
  static const category only;
  return only;
}

tls_context tls_context::for_clients(const tls_options& options) {
  return tls_context(std::make_shared<detail::tls_files>(&make_client_state, options));
}

tls_context tls_context::for_servers(const tls_options& options) {
  if (options.certificate_file.empty()) throw std::runtime_error("a TLS server needs a certificate: set certificateFile");
  return tls_context(std::make_shared<detail::tls_files>(&make_server_state, options));
}

std::shared_ptr<detail::tls_state> tls_context::current() const { return files_->current(); }

std::optional<std::chrono::sys_seconds> tls_context::certificate_expires() const { return current()->certificate_expires; }

}  // namespace mamey::inline v1
