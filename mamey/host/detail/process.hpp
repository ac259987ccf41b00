#pragma once

/// @file
/// One process: arguments, signals, loops, and the applications on them.

#include <memory>
#include <string>
#include <vector>

#include <mamey/host/definition.hpp>

namespace mamey::inline v1 {

/// Runs the applications until a signal; see `application::run`.
int run_process(const std::string& name, std::vector<std::unique_ptr<application_definition>> applications, int argc, char** argv);

}  // namespace mamey::inline v1
