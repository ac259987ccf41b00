#pragma once

/// @file
/// The command line of every mamey program.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mamey::inline v1 {

struct process_arguments {
  std::vector<std::string> urls;             ///< `--urls http://HOST:PORT[;…]`, for a program of one application; stands in `settings`, too
  std::map<std::string, std::string> ports;  ///< `--NAME PORT`: urls of one application of a host
  std::string environment;                   ///< `--environment NAME`; stands in `settings`, too: see environment_name
  std::filesystem::path data = "data";       ///< `--data DIR`
  bool help = false;
  std::vector<std::string> settings;  ///< `--section:key=value`, `--key=value`, for the configuration
};

/// Throws validation_error naming the argument and the expected form.
process_arguments parse_arguments(int argc, const char* const* argv, const std::vector<std::string>& applications);

/// What `--help` prints.
std::string usage(std::string_view program, const std::vector<std::string>& applications);

struct listen_address {
  std::string host;
  std::uint16_t port = 0;
};
/// Reads `http://HOST:PORT`; HOST may be `*`, `+`, a name or an address, in brackets for IPv6. Throws validation_error.
listen_address parse_url(std::string_view url);

}  // namespace mamey::inline v1
