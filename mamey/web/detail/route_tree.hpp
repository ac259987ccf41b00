#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/web/router.hpp>

namespace mamey::inline v1::web::detail {

/// What a parameter accepts.
enum class constraint : std::uint8_t { any, guid, integer, long_integer, boolean, alpha };

struct segment {
  enum class kind : std::uint8_t { literal, parameter, rest } is = kind::literal;
  std::string text;  ///< literal: in lower case; else the name
  constraint accepts = constraint::any;
  bool optional = false;
};

/// Throws internal_error `route_invalid` that says what is wrong with it.
std::vector<segment> parse_pattern(const route& declared);

/// Patterns compiled segment by segment. Look-up backtracks: a better pattern that turns out to lack the method gives way to the next.
class route_tree {
 public:
  static constexpr std::size_t most_parameters = 16;
  using values = std::array<std::string_view, most_parameters>;

  route_tree() : nodes_(1) {}
  /// Adds a route by its place in `routes`. Throws internal_error `route_conflict`.
  void add(const std::vector<route>& routes, std::uint32_t index);

  struct result {
    std::optional<std::uint32_t> route;
    std::size_t parameters = 0;  ///< how many have values
    method_set allowed;
  };
  /// `matched` gets the values of the parameters, in their order.
  result find(http_method method, std::string_view path, values& matched) const;

 private:
  /// Routes by method, one up; 0: none.
  using terminal = std::array<std::uint32_t, http_method_count>;
  struct literal_edge {
    std::string text;
    std::uint32_t child = 0;
  };
  struct parameter_edge {
    constraint accepts = constraint::any;
    std::uint32_t child = 0;
  };
  struct node {
    std::vector<literal_edge> literals;      ///< sorted
    std::vector<parameter_edge> parameters;  ///< constrained ones first
    terminal here{};
    terminal rest{};
  };
  struct search;

  std::uint32_t child_for(std::uint32_t parent, const segment& part);
  static void claim(terminal& at, const std::vector<route>& routes, std::uint32_t index);
  bool walk(search& looking, std::uint32_t at, std::string_view path, std::size_t depth) const;
  static bool take(search& looking, const terminal& at, std::size_t parameters);

  std::vector<node> nodes_;
};

}  // namespace mamey::inline v1::web::detail
