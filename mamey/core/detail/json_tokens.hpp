#pragma once

/// @file
/// JSON text cut into tokens. Vector instructions find them (simdjson's first stage, which also checks UTF-8, control characters in strings
/// and closing quotes); the grammar is the caller's.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace mamey::inline v1::json::detail {

class token_index;  // where tokens begin; reused, for making one costs more than filling it

/// Walks the tokens of `text`, which must outlive it: `{ } [ ] : ,`, strings with their quotes, and runs of everything else.
class tokens {
 public:
  explicit tokens(std::string_view text);
  ~tokens();
  tokens(const tokens&) = delete;
  tokens& operator=(const tokens&) = delete;

  /// Why there are no tokens at all; nullptr when there are.
  const char* error() const noexcept { return error_; }
  std::size_t error_offset() const noexcept { return error_offset_; }

  bool at_end() const noexcept { return next_ == count_; }
  std::size_t offset() const noexcept { return at_end() ? text_.size() : starts_[next_]; }
  /// The next token's first character; '\0' at the end.
  char peek() const noexcept { return at_end() ? '\0' : text_[starts_[next_]]; }
  void skip() noexcept { ++next_; }
  /// Steps over the next token when it begins with `expected`.
  bool take(char expected) noexcept {
    const bool found = peek() == expected;
    next_ += found;
    return found;
  }
  /// The next token's text, without the white space behind it. Not at the end.
  std::string_view token() const noexcept {
    const std::size_t begin = starts_[next_];
    std::size_t end = next_ + 1 == count_ ? text_.size() : starts_[next_ + 1];
    while (is_space(text_[end - 1])) --end;
    return {text_.data() + begin, end - begin};
  }
  /// The text from `begin` to the end of the token before the next one.
  std::string_view text_since(std::size_t begin) const noexcept {
    std::size_t end = offset();
    while (is_space(text_[end - 1])) --end;
    return {text_.data() + begin, end - begin};
  }

 private:
  static constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

  std::string_view text_;
  const std::uint32_t* starts_ = nullptr;
  std::size_t next_ = 0;
  std::size_t count_ = 0;
  const char* error_ = nullptr;
  std::size_t error_offset_ = 0;
  std::unique_ptr<token_index> index_;
};

}  // namespace mamey::inline v1::json::detail
