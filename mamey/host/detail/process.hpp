#pragma once

/// @file
/// One process: arguments, signals, loops, and the applications on them.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <mamey/host/definition.hpp>

namespace mamey::inline v1 {

/// Runs the applications that `release` gives until a signal; see `application::run`. Whatever fails is a sentence and exit code 1, also for
/// want of memory.
int run_process(const std::string& of, const std::function<std::vector<std::unique_ptr<application_definition>>()>& release, int argc,
                char** argv);

}  // namespace mamey::inline v1
