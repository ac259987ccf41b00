#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include <mamey/core/configuration.hpp>
#include <mamey/core/detail/configuration_state.hpp>
#include <mamey/core/text.hpp>

namespace mamey::inline v1 {

namespace {

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) noexcept {
  return text.size() >= prefix.size() && equal_ignoring_case(text.substr(0, prefix.size()), prefix);
}

/// `RABBITMQ__HOSTNAMES__0` as `RABBITMQ:HOSTNAMES:0`.
std::string path_of_variable(std::string_view name) {
  std::string path;
  for (auto cut = name.find("__"); cut != name.npos; cut = name.find("__")) {
    path.append(name.substr(0, cut)) += ':';
    name.remove_prefix(cut + 2);
  }
  return path.append(name);
}

/// What hosting on Azure puts before the name of a connection string, and the provider that .NET notes beside it.
struct connection_prefix {
  std::string_view prefix, provider;
};
constexpr connection_prefix connection_prefixes[] = {
    {"CUSTOMCONNSTR_", ""},
    {"SQLCONNSTR_", "System.Data.SqlClient"},
    {"SQLAZURECONNSTR_", "System.Data.SqlClient"},
    {"MYSQLCONNSTR_", "MySql.Data.MySqlClient"},
    {"POSTGRESQLCONNSTR_", "Npgsql"},
    {"APIHUBCONNSTR_", ""},
    {"DOCDBCONNSTR_", ""},
    {"EVENTHUBCONNSTR_", ""},
    {"NOTIFICATIONHUBCONNSTR_", ""},
    {"REDISCACHECONNSTR_", ""},
    {"SERVICEBUSCONNSTR_", ""},
};

/// `--key=value`, `/key=value`, `key=value`; `--key` and `/key`, whose value is the next argument.
struct read_argument {
  std::string_view key;
  std::optional<std::string_view> value = {};
};
std::optional<read_argument> read_one(std::string_view argument) {
  const auto equals = argument.find('=');
  auto key = argument.substr(0, equals);
  const bool is_marked = key.starts_with("--") || key.starts_with('/');
  if (!is_marked && (equals == argument.npos || key.find('/') != key.npos)) return std::nullopt;  // a plain word such as an address
  key.remove_prefix(key.starts_with("--") ? 2 : key.starts_with('/') ? 1 : 0);
  if (equals == argument.npos) return read_argument{key};
  return read_argument{key, argument.substr(equals + 1)};
}

std::string_view variable(std::span<const std::string> variables, std::string_view name) {
  for (const std::string_view each : variables) {
    if (each.size() > name.size() && starts_with_ignoring_case(each, name) && each[name.size()] == '=') return each.substr(name.size() + 1);
  }
  return {};
}

/// The file of that name in the directory whatever its case; the exact name wins. Empty when there is none.
std::string find_file(const std::string& directory, const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code ignored;  // a directory that cannot be listed holds no files for us
  if (fs::is_regular_file(fs::path(directory) / name, ignored)) return (fs::path(directory) / name).string();
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    if (detail::same_key(entry.path().filename().string(), name)) found.push_back(entry.path().string());
  }
  return found.empty() ? std::string() : *std::ranges::min_element(found);
}

}  // namespace

void configuration::state::set_variable(std::string_view path, std::string_view value, const std::string& source) {
  auto& node = root.at_path(path, source);
  const bool is_asked_for = node.holds != detail::configuration_node::content::none && !node.is_surrounding;
  node.set(std::string(value), source);
  node.is_surrounding = !is_asked_for && path.find(':') == path.npos;
}

configuration& configuration::add_variables(std::span<const std::string> variables, std::string_view prefix) {
  constexpr std::ptrdiff_t most_parts = 64;
  const auto wanted = path_of_variable(prefix);
  for (const std::string_view each : variables) {
    const auto equals = each.find('=');
    if (equals == each.npos) continue;
    const auto name = each.substr(0, equals);
    const auto value = each.substr(equals + 1);
    const auto source = "variable " + std::string(name);
    auto path = path_of_variable(name);
    if (std::ranges::count(path, ':') >= most_parts) continue;  // somebody else's
    if (!wanted.empty()) {
      if (starts_with_ignoring_case(path, wanted)) state_->set_variable(path.substr(wanted.size()), value, source);
      continue;
    }
    const auto* known =
        std::ranges::find_if(connection_prefixes, [&](const auto& kind) { return starts_with_ignoring_case(name, kind.prefix); });
    if (known != std::end(connection_prefixes)) {
      path = "ConnectionStrings:" + path.substr(known->prefix.size());
      if (!known->provider.empty()) set(path + "_ProviderName", known->provider, source);
    }
    state_->set_variable(path, value, source);
  }
  return *this;
}

std::vector<std::string> configuration::add_arguments(std::span<const std::string> arguments) {
  std::vector<std::string> rest;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--") {
      rest.insert(rest.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
      break;
    }
    const auto source = "argument " + std::string(argument.substr(0, argument.find('=')));
    const bool is_short = argument.starts_with('-') && !argument.starts_with("--");
    if (is_short && argument.find('=') != argument.npos)
      throw configuration_error({{source, "", "there are no short names for settings: expected --section:key=value"}});
    const auto read = is_short ? std::nullopt : read_one(argument);
    if (read && read->value) {
      set(read->key, *read->value, source);
    } else if (read && i + 1 < arguments.size()) {
      set(read->key, arguments[++i], source);
    } else {
      rest.emplace_back(argument);
    }
  }
  return rest;
}

std::vector<std::string> process_variables() {
  std::vector<std::string> result;
  for (char** each = environ; each && *each; ++each) result.emplace_back(*each);
  return result;
}

std::string environment_name(std::span<const std::string> arguments, std::span<const std::string> variables) {
  for (const auto* name : {"MAMEY_ENVIRONMENT", "ASPNETCORE_ENVIRONMENT"}) {
    if (const auto value = variable(variables, name); !value.empty()) return std::string(value);
  }
  configuration given;
  given.add_arguments(arguments);
  if (const auto value = given.find("environment"); value && !value->empty()) return *value;
  const auto value = variable(variables, "DOTNET_ENVIRONMENT");
  return value.empty() ? "Production" : std::string(value);
}

namespace {

/// The folder of the files, with the precedence of the generic host: ASPNETCORE_CONTENTROOT, `--contentRoot`, DOTNET_CONTENTROOT, else
/// `directory`.
std::string content_root(const configuration_sources& sources) {
  namespace fs = std::filesystem;
  std::string origin = "variable ASPNETCORE_CONTENTROOT", named(variable(sources.variables, "ASPNETCORE_CONTENTROOT"));
  if (named.empty()) {
    configuration given;
    given.add_arguments(sources.arguments);
    named = given.find("contentRoot").value_or("");
    origin = given.origin("contentRoot");
  }
  if (named.empty()) {
    named = variable(sources.variables, "DOTNET_CONTENTROOT");
    origin = "variable DOTNET_CONTENTROOT";
  }
  if (named.empty()) return sources.directory;
  const auto folder = fs::path(sources.directory) / named;
  std::error_code failure;
  if (!fs::is_directory(folder, failure)) {
    throw configuration_error(
        {{origin, "contentRoot",
          "expected the folder of appsettings.json, got \"" + named + "\", which is " +
              (failure && failure != std::errc::no_such_file_or_directory ? "not readable: " + failure.message() : "no folder")}});
  }
  return folder.string();
}

}  // namespace

loaded_configuration load_configuration(const configuration_sources& sources) {
  loaded_configuration result;
  const auto directory = content_root(sources);
  result.environment = sources.environment.empty() ? environment_name(sources.arguments, sources.variables) : sources.environment;
  result.values.add_variables(sources.variables, "DOTNET_").add_variables(sources.variables, "ASPNETCORE_");
  for (const auto& name : {std::string("appsettings.json"), "appsettings." + result.environment + ".json"}) {
    if (auto path = find_file(directory, name); !path.empty()) {
      result.values.add_file(path);
      result.files.push_back(std::move(path));
    }
  }
  result.values.add_variables(sources.variables);
  result.arguments = result.values.add_arguments(sources.arguments);
  return result;
}

}  // namespace mamey::inline v1
