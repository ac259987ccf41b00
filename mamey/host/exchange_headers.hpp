#pragma once

/// @file
/// For services: the headers and cookies of the request that a handler works for, and the headers of its answer, as parameters.

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/cqrs/handler.hpp>

namespace mamey::inline v1::http {
class request;
class response;
}  // namespace mamey::inline v1::http

namespace mamey::inline v1 {

class unit_of_work;

/// The headers of the request: `void change(const Change& command, const mamey::request_headers& request)`. Empty where the message comes
/// from the bus or from code (`dispatcher`, the harness's `send`). Used while the handler runs.
class request_headers {
 public:
  using field = std::pair<std::string, std::string>;

  request_headers() = default;
  /// For tests that call a handler: `change(command, mamey::request_headers{{"If-Match", "3"}})`.
  request_headers(std::initializer_list<field> fields) : own_(fields) {}
  /// For the framework; `of` outlives it.
  explicit request_headers(const http::request& of) noexcept : request_(&of) {}

  /// The value of the first field of that name, in any case. The view lives as long as the handler runs.
  std::optional<std::string_view> find(std::string_view name) const noexcept;
  /// The value of the cookie, as it came; its name counts case.
  std::optional<std::string_view> cookie(std::string_view name) const noexcept;

 private:
  const http::request* request_ = nullptr;
  std::vector<field> own_;
};

/// A cookie to set. The defaults are the careful ones.
struct answer_cookie {
  enum class same_site : std::uint8_t { strict, lax, none };

  std::string name;
  std::string value = {};  ///< neither spaces, quotes, commas, semicolons nor backslashes
  std::string path = "/";
  std::string domain = {};                           ///< empty: the host of the request alone
  std::optional<std::chrono::seconds> max_age = {};  ///< nothing: until the browser ends; zero: it is deleted
  bool secure = true;                                ///< sent over https only
  bool http_only = true;                             ///< not shown to scripts
  same_site site = same_site::lax;
};

/// The headers of the answer, for a handler that an endpoint calls: `void show(const Show&, mamey::answer_headers& answer)`. Used when the
/// handler succeeds, instead of the framework's of that name (`Content-Type`, `Location`); an exception has headers of its own. Dropped
/// where the message comes from the bus or from code. A handler that is run again begins anew.
class answer_headers {
 public:
  /// One field of that name; replaces what was set. Throws std::invalid_argument for a name or value that cannot be sent, and for the fields
  /// that the server sets (Content-Length, Transfer-Encoding, Connection, Date).
  void set(std::string_view name, std::string_view value);
  /// One more field of that name.
  void add(std::string_view name, std::string_view value);
  /// Throws std::invalid_argument for texts that a cookie cannot have, and for `SameSite=None` without `secure`.
  void set_cookie(const answer_cookie& cookie);
  /// The value that was set first under that name, in any case: for tests.
  std::optional<std::string_view> find(std::string_view name) const noexcept;

  void clear() noexcept { fields_.clear(); }
  void write_to(http::response& answer) const;  ///< for the framework

 private:
  struct field {
    std::string name, value;
    bool replaces = false;
  };
  std::vector<field> fields_;
};

// Without a request there are none. They belong to a run of a handler, as its unit of work does.
template <>
struct default_recipe<request_headers> {
  static constexpr auto life = lifetime::scoped;
  static request_headers make(const unit_of_work&) { return {}; }
};
template <>
struct default_recipe<answer_headers> {
  static constexpr auto life = lifetime::scoped;
  static answer_headers make(const unit_of_work&) { return {}; }
};

}  // namespace mamey::inline v1
