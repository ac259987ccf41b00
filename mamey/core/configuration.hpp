#pragma once

/// @file
/// For services.
/// Configuration in layers, bound to plain structs. Each value knows its place, and every error message names that place.
///
///     struct rabbitmq_options {
///       std::vector<std::string> hostnames{"localhost"};
///       std::uint16_t port = 5672;
///       std::chrono::milliseconds timeout{3000};
///     };
///     auto loaded = mamey::load_configuration({.arguments = {"--rabbitMq:port=5673"}});
///     auto options = loaded.values.bind<rabbitmq_options>("rabbitMq");
///
/// Layers; a later layer wins: variables that begin with `DOTNET_` and `ASPNETCORE_` (without this prefix), `appsettings.json`,
/// `appsettings.{ENVIRONMENT}.json`, environment variables (`RABBITMQ__HOSTNAMES__0`), arguments (`--rabbitMq:port=5673`), then values that
/// are added afterwards (Consul, Vault). Keys are case-insensitive. Objects and dictionaries merge by key, lists by index: an overlay
/// `["rabbit"]` replaces the first element and keeps the others.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/core/reflect.hpp>

namespace mamey::inline v1 {

/// One error or warning about one value.
struct configuration_problem {
  std::string origin;   ///< `appsettings.json:12`, `variable RABBITMQ__PORT`, `argument --rabbitMq:port`; may be empty
  std::string key;      ///< `rabbitMq:port`; may be empty
  std::string message;  ///< `expected an integer from 0 to 65535, got "serviceport"`
};

/// `appsettings.json:12: rabbitMq:port: expected …`
std::string to_string(const configuration_problem& problem);

/// Origin of a value of `application::setting`.
inline constexpr std::string_view default_origin = "default of the application";

/// Refuses a configuration and lists every problem; `reason()` has one line per problem.
class configuration_error : public error {
 public:
  explicit configuration_error(std::vector<configuration_problem> problems);
  const std::vector<configuration_problem>& problems() const noexcept { return problems_; }

 private:
  std::vector<configuration_problem> problems_;
};

/// Collects the problems of several `bind` calls, so that a start fails once and lists all of them.
struct configuration_report {
  std::vector<configuration_problem> errors;
  std::vector<configuration_problem> warnings;  ///< unknown keys, with "did you mean"

  /// Throws configuration_error if there are errors.
  void throw_if_any() const;
};

/// A value as it may be printed.
struct configuration_entry {
  std::string key;
  std::string value;  ///< secrets masked
  std::string origin;
};

/// The merged layers. Filled by one thread, then immutable; `bind` and the other const members may be called from any thread.
class configuration {
 public:
  configuration();
  configuration(configuration&&) noexcept;
  configuration& operator=(configuration&&) noexcept;
  ~configuration();
  /// A copy that further layers do not affect.
  configuration clone() const;

  // ── Layers: each wins over those before ──

  /// A JSON file, tolerant: comments, trailing commas, a byte order mark, UTF-16 with one; bytes that are not UTF-8 are read as U+FFFD.
  /// Throws configuration_error when it cannot be read or is malformed.
  configuration& add_file(const std::string& path);
  /// Likewise from memory: for tests, and for providers whose documents are JSON. `source` names it in messages.
  configuration& add_json(std::string_view json, std::string_view source = "json");
  /// Single values by path (`{"rabbitMq:hostnames:0", "rabbit"}`): for tests and key-value providers.
  configuration& add_values(std::span<const std::pair<std::string, std::string>> values, std::string_view source);
  /// One value.
  configuration& set(std::string_view key, std::string_view value, std::string_view source = "code");
  /// Environment variables as `NAME=value`; `__` in a name stands for the separator, as `:` does. `CUSTOMCONNSTR_main` and similar names
  /// (SQL, SQLAZURE, MYSQL, POSTGRESQL, …) are `ConnectionStrings:main`. A plain word is a key at the top, but `entries()` shows it only if
  /// a file has this key too. With a prefix, only names that begin with it (in any case) are read, and the prefix is removed.
  configuration& add_variables(std::span<const std::string> variables, std::string_view prefix = {});
  /// `--key=value`, `/key=value`, `key=value`, and `--key` or `/key` with the next argument as value, in any form. Returns all other
  /// arguments in order, unchanged, and everything after `--`. Throws configuration_error for `-k=value`: there are no short names.
  std::vector<std::string> add_arguments(std::span<const std::string> arguments);

  // ── Reading ──

  /// Binds a section to a struct; a missing section or key, or null, leaves its initialiser. Throws configuration_error with every bad
  /// value of the section. Unknown keys become warnings.
  ///
  /// What is accepted: numbers and booleans also in quotes ("5001", "True"; 1 and 0 are booleans, too), enums by name or number, durations
  /// as .NET writes a TimeSpan. Its quirks are kept, as existing files rely on them: a bare integer is a number of days, and "24:00:00" is
  /// 24 days, since an hour field above 23 makes it a day field. A list in the configuration replaces the default of the member as a whole;
  /// its elements may have names instead of numbers. Integers may be `+5`, `0x10`, `#10` and `&h10`, reals `NaN` and `Infinity`.
  template <class T>
  T bind(std::string_view section) const {
    T value{};
    bind_or_throw(section, model_of<T>(), &value);
    return value;
  }
  /// Likewise into an existing object, adding to the report instead of throwing.
  template <class T>
  void bind(std::string_view section, T& value, configuration_report& report) const {
    bind(section, model_of<T>(), &value, report);
  }
  void bind(std::string_view section, const type_model& model, void* value, configuration_report& report) const;

  /// One value as text, if it is there and not null; a boolean of a file as `True` or `False`.
  std::optional<std::string> find(std::string_view key) const;
  /// Whether the key, or anything below it, is there.
  bool contains(std::string_view key) const;
  /// The keys directly below (`services:orders`, `services:pricing` ⇒ orders, pricing), as first spelled.
  std::vector<std::string> keys(std::string_view section) const;
  /// Where a value comes from; empty if it is not there.
  std::string origin(std::string_view key) const;
  /// Whether a file, a variable or an argument gives this section at least one value. A value of application::setting is a default and does
  /// not count.
  bool is_given(std::string_view section) const;

  class section_view;
  /// A part of the configuration by its path, existing or not. Refers to this object.
  section_view section(std::string_view path) const;

  /// For one of several applications in a process: a copy in which a key below `name` wins over the same key at the top. For the
  /// application `orders`, `rabbitMq:port` is then `orders:rabbitMq:port` if that is given.
  configuration for_application(std::string_view name) const;

  // ── Looking at it ──

  /// The warnings of throwing `bind` calls, and the sections that nobody bound and that look like a misspelling of a bound one or of one of
  /// `known`.
  std::vector<configuration_problem> warnings(std::span<const std::string_view> known = {}) const;
  /// The sections (top-level keys with something below) that nobody has bound yet, as spelled.
  std::vector<std::string> unread_sections() const;
  /// Every value with its place, in the order of the files, secrets masked.
  std::vector<configuration_entry> entries() const;

 private:
  struct state;
  void bind_or_throw(std::string_view section, const type_model& model, void* value) const;

  std::unique_ptr<state> state_;
};

/// `rabbitMq:port = 5673   (argument --rabbitMq:port)`, one line per value.
std::string to_string(const configuration& values);

class configuration::section_view {
 public:
  section_view(const configuration& values, std::string path) : values_(&values), path_(std::move(path)) {}

  bool exists() const { return values_->contains(path_); }
  template <class T>
  T bind() const {
    return values_->bind<T>(path_);
  }
  std::optional<std::string> find(std::string_view key) const { return values_->find(path_ + ":" + std::string(key)); }
  section_view section(std::string_view path) const { return {*values_, path_ + ":" + std::string(path)}; }
  std::vector<std::string> keys() const { return values_->keys(path_); }
  const std::string& path() const noexcept { return path_; }

 private:
  const configuration* values_;
  std::string path_;
};

inline configuration::section_view configuration::section(std::string_view path) const { return {*this, std::string(path)}; }

// ── The usual layers ──

/// The variables of this process as `NAME=value`.
std::vector<std::string> process_variables();

/// MAMEY_ENVIRONMENT, else ASPNETCORE_ENVIRONMENT, else `--environment NAME` (as the generic host of .NET has it), else DOTNET_ENVIRONMENT,
/// else `Production`. Empty ones do not count.
std::string environment_name(std::span<const std::string> arguments, std::span<const std::string> variables);

struct configuration_sources {
  std::string directory = ".";              ///< of the appsettings files; they may be missing
  std::string environment = {};             ///< empty: see environment_name
  std::vector<std::string> arguments = {};  ///< without the program's name
  std::vector<std::string> variables = process_variables();
};

struct loaded_configuration {
  configuration values;
  std::string environment;
  std::vector<std::string> arguments;  ///< those that are not configuration
  std::vector<std::string> files;      ///< that were read
};

/// Reads the usual layers. `appsettings.{ENVIRONMENT}.json` is found whatever the case of its name. Throws configuration_error.
loaded_configuration load_configuration(const configuration_sources& sources);

}  // namespace mamey::inline v1
