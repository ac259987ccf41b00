#pragma once

/// @file
/// A blocking socket that says exactly what a test wants to say.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mamey_test {

struct raw_answer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string header(std::string_view name) const;
};

enum class closing : std::uint8_t { orderly, reset, not_at_all };

class raw_client {
 public:
  explicit raw_client(std::uint16_t port, const std::string& host = "127.0.0.1");
  ~raw_client();
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  bool connected() const noexcept { return socket_ >= 0; }
  /// False when the server has closed.
  bool send(std::string_view bytes);
  /// The next complete answer, at most 5 s; `to_head`: one without a body. Nothing when the stream ends or stalls first.
  std::optional<raw_answer> receive(bool to_head = false);
  /// Sends one request and receives its answer.
  std::optional<raw_answer> ask(std::string_view bytes) { return send(bytes) ? receive() : std::nullopt; }
  /// How the connection ends, at most 5 s; what comes before is dropped.
  closing wait_for_end();
  /// What has come and is no part of an answer yet.
  const std::string& rest() const noexcept { return buffer_; }
  /// Waits for some bytes; false at the end of the stream.
  bool fill();
  void finish_sending();
  void close();
  /// So that the server's window fills early.
  void shrink_receive_buffer();
  bool was_reset() const noexcept { return reset_; }

 private:
  int socket_ = -1;
  bool reset_ = false;
  std::string buffer_;
};

/// `GET target` with Host and further lines (each ending with CR LF).
std::string get(std::string_view target, std::string_view fields = "");
std::string post(std::string_view target, std::string_view body, std::string_view fields = "");

}  // namespace mamey_test
