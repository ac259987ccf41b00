#pragma once

/// @file
/// For services.
/// The log front end, which every other folder includes. Configuration, sinks and statistics are in logging.hpp.
///
///     static const mamey::logger log{"orders.relay"};
///     log.info("order {order_id} placed by {customer_id}", order.id(), order.customer_id());
///     log.debug("state: {state}", [&] { return expensive_dump(order); });   // not called unless debug is on
///
/// The names in the braces become named values in structured output. Keep them stable, because operators search for them.

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <mamey/core/text.hpp>

namespace mamey::inline v1 {

enum class log_level : std::uint8_t { verbose, debug, information, warning, error, fatal, off };

/// `information`; for people and configuration.
std::string_view name_of(log_level level) noexcept;

/// Reads a level's name in any case; `trace`, `info`, `warn`, `critical` and `none` are understood as well. Empty for other texts.
std::optional<log_level> parse_log_level(std::string_view name) noexcept;

namespace detail {

/// One for each category name, for the life of the process.
struct log_category {
  std::string name;
  std::atomic<log_level> minimum;
};

log_category& find_log_category(std::string_view name);
void write_log(const log_category& category, log_level level, std::string_view pattern, std::span<const text_argument> arguments) noexcept;

template <class A>
decltype(auto) log_argument(const A& argument) {
  if constexpr (std::is_base_of_v<std::exception, A>) {
    return std::string_view(argument.what());
  } else if constexpr (std::is_invocable_v<const A&>) {
    return argument();
  } else {
    return (argument);
  }
}

constexpr std::size_t count_holes(std::string_view pattern) noexcept {
  std::size_t holes = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '{') continue;
    if (i + 1 < pattern.size() && pattern[i + 1] == '{') {
      ++i;
    } else {
      ++holes;
    }
  }
  return holes;
}

/// Never defined: the compiler shows its name in the error message.
void a_log_template_needs_as_many_holes_as_arguments();

/// A template that is known at compile time; the compiler counts its holes.
template <class... A>
struct log_pattern {
  template <std::convertible_to<std::string_view> Text>
  consteval log_pattern(const Text& literal) : text(literal) {  // NOLINT(google-explicit-constructor): a literal is meant to convert
    if (count_holes(text) != sizeof...(A)) a_log_template_needs_as_many_holes_as_arguments();
  }
  std::string_view text;
};

}  // namespace detail

/// Writes records of one category. Cheap to keep as a static; usable from any thread and fiber, before main and after it. A call below the
/// category's level costs one relaxed load; above it, the record is copied into a bounded queue, and a background thread writes it. No
/// call ever waits; a full queue drops the record and counts it. Only an exception of an argument itself reaches the caller.
///
/// The template is a literal with one hole `{name}` per argument (`{{` is a brace). Arguments have the types of text_argument: numbers,
/// booleans, texts, anything with `to_string` or a `text_codec`; also an exception (its `what()`), or a callable returning one of these,
/// which is called only when the record will be written.
class logger {
 public:
  /// `category`: dotted, most general part first (`mamey.outbox`): levels are set by its prefixes.
  explicit logger(std::string_view category) : category_(&detail::find_log_category(category)) {}

  bool enabled(log_level level) const noexcept { return level >= category_->minimum.load(std::memory_order_relaxed); }

  template <class... A>
  void verbose(detail::log_pattern<std::type_identity_t<A>...> pattern, const A&... arguments) const {
    put(log_level::verbose, pattern.text, arguments...);
  }
  template <class... A>
  void debug(detail::log_pattern<std::type_identity_t<A>...> pattern, const A&... arguments) const {
    put(log_level::debug, pattern.text, arguments...);
  }
  template <class... A>
  void info(detail::log_pattern<std::type_identity_t<A>...> pattern, const A&... arguments) const {
    put(log_level::information, pattern.text, arguments...);
  }
  /// Something is wrong, and the service continues to work.
  template <class... A>
  void warning(detail::log_pattern<std::type_identity_t<A>...> pattern, const A&... arguments) const {
    put(log_level::warning, pattern.text, arguments...);
  }
  /// A requested operation failed.
  template <class... A>
  void error(detail::log_pattern<std::type_identity_t<A>...> pattern, const A&... arguments) const {
    put(log_level::error, pattern.text, arguments...);
  }
  /// The process cannot continue.
  template <class... A>
  void fatal(detail::log_pattern<std::type_identity_t<A>...> pattern, const A&... arguments) const {
    put(log_level::fatal, pattern.text, arguments...);
  }

  /// For templates and levels that are known only at run time. An extra argument becomes a value named by its position; a hole without an
  /// argument stays as it is.
  void write(log_level level, std::string_view pattern, std::span<const text_argument> arguments) const noexcept {
    if (enabled(level)) detail::write_log(*category_, level, pattern, arguments);
  }

 private:
  template <class... A>
  void put(log_level level, std::string_view pattern, const A&... arguments) const {
    if (!enabled(level)) return;
    // One full expression: what a callable returned lives until the record has been copied.
    detail::write_log(*category_, level, pattern,
                      std::array<text_argument, sizeof...(A)>{text_argument(detail::log_argument(arguments))...});
  }

  const detail::log_category* category_;
};

}  // namespace mamey::inline v1
