#pragma once

/// @file
/// Looks into the inbox before handlers run, asked of the database together: those that come while a statement is on its way share the next
/// one. A statement costs the server many times what another key in it costs.

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <mamey/messaging/inbox_store.hpp>
#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1::postgres_detail {

class inbox_looks {
 public:
  static constexpr std::size_t most = 64;  ///< keys in one statement

  /// `ask` answers for each key whether it was handled, in order. It is called by one of the fibers that look, one call at a time.
  explicit inbox_looks(std::function<std::vector<bool>(std::span<const inbox_key>)> ask) : ask_(std::move(ask)) {}

  /// From any fiber of any loop. Throws what `ask` throws, to all that it was asked for; ignores deadline and cancellation, since it asks
  /// for others, too.
  bool was_handled(const inbox_key& key);

 private:
  struct look;
  void answer(std::span<const std::shared_ptr<look>> those) noexcept;

  const std::function<std::vector<bool>(std::span<const inbox_key>)> ask_;
  mutex guard_;  ///< for the rest
  condition answered_;
  std::vector<std::shared_ptr<look>> waiting_;
  bool asking_ = false;
};

}  // namespace mamey::inline v1::postgres_detail
