#pragma once

/// @file
/// For the framework.
/// From method and path to the function that answers.
///
/// Patterns are ASP.NET's: `/orders/{orderId}`, `{id:guid}`, `{id:int}` (also long, bool, alpha), an optional last `{page?}`, a rest
/// `{*path}`; the leading slash may be missing. Literals match in any case, a trailing slash does not matter. A literal beats a constrained
/// parameter beats a parameter beats a rest; a pattern that lacks the method gives way to the next best that has it.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/web/handler.hpp>

namespace mamey::inline v1::web {

using route_function = std::function<void(http::request&, http::response&)>;

/// One route as declared.
struct route {
  http_method method = http_method::get;
  std::string pattern;
  route_function handle;
  std::string name = {};    ///< the message or function, for metrics and logs
  std::string place = {};   ///< who declared it, for complaints: `module orders`
  std::string module = {};  ///< for metrics; empty: of no module
  enum class on_disconnect : std::uint8_t { ignore, cancel } when_client_leaves = on_disconnect::ignore;  ///< cancel: for queries
  bool under_overload = false;  ///< answered even when the server has more to do than it can
};

/// The methods that a path answers to.
class method_set {
 public:
  void add(http_method method) noexcept { bits_ |= static_cast<std::uint8_t>(1U << static_cast<unsigned>(method)); }
  bool has(http_method method) const noexcept { return (bits_ >> static_cast<unsigned>(method) & 1U) != 0; }
  bool empty() const noexcept { return bits_ == 0; }
  /// `GET, HEAD, OPTIONS`
  std::string text() const;

 private:
  std::uint8_t bits_ = 0;
};

/// The outcome of a look-up: a route, or the methods that the path has (none: 404).
struct route_match {
  const web::route* route = nullptr;
  method_set allowed;
};

/// Immutable once built; any thread.
class router final : public handler {
 public:
  /// Throws `internal_error`: `route_invalid` for a pattern that is none, `route_conflict` naming both places when two routes match the
  /// same requests.
  explicit router(std::vector<route> routes);
  ~router() override;

  /// Finds the route for a decoded path, adding what its parameters matched. HEAD is answered by GET when it has no route of its own.
  route_match find(http_method method, std::string_view path, std::vector<http::route_parameter>& parameters) const;

  /// Routes, answers 404, 405 with Allow, 501 to methods nobody knows, and OPTIONS; sets the request's route and parameters; turns what the route throws into the answer
  /// of problem.hpp.
  void handle(http::request& request, http::response& response) override;
  bool answers_under_overload(const http::request& request) const override;

  const std::vector<route>& routes() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// The names in a pattern, in their order: `/orders/{orderId:guid}` ⇒ orderId.
std::vector<std::string> parameter_names(std::string_view pattern);

}  // namespace mamey::inline v1::web
