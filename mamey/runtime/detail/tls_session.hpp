#pragma once

/// @file
/// One TLS connection between what is said and what goes over the wire. Never waits.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace mamey::inline v1::detail {

class tls_files;

/// Looks whether files have changed, when that is due. The calling fiber waits for it, until `until` and for a second at most.
void await_look(tls_files& files, std::optional<std::chrono::steady_clock::time_point> until);

/// What `tls_context` shares.
struct tls_state {
  ~tls_state();
  ssl_ctx_st* context = nullptr;
  bool is_server = false;
  std::optional<std::chrono::sys_seconds> certificate_expires = {};
  bool checks_name = false;
};

/// The encrypted side: as `tcp_stream::try_read` and `try_write`.
class wire {
 public:
  virtual ~wire() = default;
  virtual std::optional<std::size_t> read_wire(std::span<char> into) = 0;
  virtual std::size_t write_wire(std::string_view bytes) = 0;
};

class tls_session {
 public:
  enum class needs : std::uint8_t { nothing, reading, writing };

  /// `peer_name`: whom a client calls; checked against the certificate, and sent as SNI unless it is an address.
  tls_session(std::shared_ptr<tls_state> of, wire& over, const std::string& peer_name);
  ~tls_session();
  tls_session(const tls_session&) = delete;
  tls_session& operator=(const tls_session&) = delete;

  /// The direction that must be ready before the handshake can continue; `nothing`: it is complete. Reading and writing wait for it
  /// automatically.
  needs shake_hands();
  std::optional<std::size_t> try_read(std::span<char> into);
  /// What it does not take must be offered again.
  std::size_t try_write(std::string_view bytes);
  /// Tells the peer that nothing more comes, if the wire takes it.
  void say_goodbye() noexcept;

  /// Decrypted bytes may be here that no event on the wire will tell of.
  bool has_more() const noexcept { return has_more_; }
  /// What the last try_read or try_write lacked.
  needs reading_needs() const noexcept { return reading_needs_; }
  needs writing_needs() const noexcept { return writing_needs_; }

 private:
  friend struct wire_calls;
  /// After a call that gave `result`: what is missing, or throws. `reading` for the end of the stream.
  needs lacking(int result);
  [[noreturn]] void fail(int ssl_error);

  std::shared_ptr<tls_state> state_;
  wire& wire_;
  std::string peer_name_;
  ssl_st* ssl_ = nullptr;
  std::exception_ptr wire_failure_;  ///< a C library lies between thrower and catcher
  bool wire_ended_ = false;
  bool broken_ = false;
  bool has_more_ = false;
  needs reading_needs_ = needs::reading;
  needs writing_needs_ = needs::writing;
};

}  // namespace mamey::inline v1::detail
