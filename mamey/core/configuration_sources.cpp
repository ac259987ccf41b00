#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <mamey/core/configuration.hpp>
#include <mamey/core/detail/configuration_state.hpp>

namespace mamey::inline v1 {

namespace {

/// `RABBITMQ__HOSTNAMES__0` as `RABBITMQ:HOSTNAMES:0`; empty when the name is no configuration.
std::string path_of_variable(std::string_view name) {
  std::string path;
  bool has_separator = false;
  while (true) {
    const auto cut = name.find("__");
    if (cut == 0 || name.empty()) return {};
    path.append(name.substr(0, cut));
    if (cut == name.npos) break;
    path += ':';
    has_separator = true;
    name.remove_prefix(cut + 2);
  }
  return has_separator ? path : std::string();
}

/// The `section:key` of `--section:key…`; empty when the argument is none.
std::string_view path_of_argument(std::string_view argument) {
  const bool is_marked = argument.starts_with("--") || argument.starts_with('/');
  auto path = argument.substr(argument.starts_with("--") ? 2 : argument.starts_with('/') ? 1 : 0);
  const auto equals = path.find('=');
  if (!is_marked && equals == path.npos) return {};  // a plain word such as an address
  path = path.substr(0, equals);
  const auto is_part = [](char c) { return c != '/' && c != ' '; };  // `--url` with an address glued on is not ours
  const auto colon = path.find(':');
  const bool is_path = colon != path.npos && colon > 0 && colon + 1 < path.size() && std::ranges::all_of(path, is_part);
  return is_path ? path : std::string_view();
}

std::string_view variable(std::span<const std::string> variables, std::string_view name) {
  for (const std::string_view each : variables) {
    if (each.size() > name.size() && each.starts_with(name) && each[name.size()] == '=') return each.substr(name.size() + 1);
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

configuration& configuration::add_variables(std::span<const std::string> variables) {
  for (const std::string_view each : variables) {
    const auto equals = each.find('=');
    if (equals == each.npos) continue;
    const auto name = each.substr(0, equals);
    if (const auto path = path_of_variable(name); !path.empty()) set(path, each.substr(equals + 1), "variable " + std::string(name));
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
    const auto path = path_of_argument(argument);
    if (path.empty()) {
      rest.emplace_back(argument);
      continue;
    }
    const auto source = "argument " + std::string(argument.substr(0, argument.find('=')));
    if (const auto equals = argument.find('='); equals != argument.npos) {
      set(path, argument.substr(equals + 1), source);
    } else if (i + 1 < arguments.size() && !arguments[i + 1].starts_with("--")) {
      set(path, arguments[++i], source);
    } else {
      throw configuration_error({{source, std::string(path), "expected a value: --" + std::string(path) + "=value"}});
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
  constexpr std::string_view option = "--environment";
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == option && i + 1 < arguments.size()) return arguments[i + 1];
    if (argument.starts_with(option) && argument.substr(option.size()).starts_with('='))
      return std::string(argument.substr(option.size() + 1));
  }
  for (const auto* name : {"MAMEY_ENVIRONMENT", "ASPNETCORE_ENVIRONMENT", "DOTNET_ENVIRONMENT"}) {
    if (const auto value = variable(variables, name); !value.empty()) return std::string(value);
  }
  return "Production";
}

loaded_configuration load_configuration(const configuration_sources& sources) {
  loaded_configuration result;
  result.environment = sources.environment.empty() ? environment_name(sources.arguments, sources.variables) : sources.environment;
  for (const auto& name : {std::string("appsettings.json"), "appsettings." + result.environment + ".json"}) {
    if (auto path = find_file(sources.directory, name); !path.empty()) {
      result.values.add_file(path);
      result.files.push_back(std::move(path));
    }
  }
  result.values.add_variables(sources.variables);
  result.arguments = result.values.add_arguments(sources.arguments);
  return result;
}

}  // namespace mamey::inline v1
