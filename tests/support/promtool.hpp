#pragma once

/// @file
/// Prometheus's own judgement of a metrics page.

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "temporary_directory.hpp"

namespace mamey::testing {

/// What `promtool check metrics` says; empty when it is content.
inline std::string promtool_says(const std::string& page) {
  const temporary_directory directory;
  std::ofstream(directory.file("page")) << page;
  const auto command = "promtool check metrics < " + directory.file("page") + " > " + directory.file("answer") + " 2>&1";
  const int status = std::system(command.c_str());
  std::ifstream file(directory.file("answer"));
  const std::string answer{std::istreambuf_iterator<char>(file), {}};
  return status == 0 ? answer : "exit status " + std::to_string(status) + ": " + answer;
}

}  // namespace mamey::testing
