#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <mamey/observability/log.hpp>

namespace mamey::inline v1::detail {

/// Which level each category has: the default, and overrides by dotted prefix. Categories live as long as the process.
class log_levels {
 public:
  log_category& find(std::string_view name);
  void replace(log_level default_level, std::map<std::string, log_level> overrides);
  void set(std::string_view category, log_level level);
  std::map<std::string, log_level> all() const;

 private:
  log_level level_of(std::string_view category) const;
  void apply();

  mutable std::mutex mutex_;
  log_level default_ = log_level::warning;  // a program that configures no log hears of what goes wrong, on stderr
  std::map<std::string, log_level> overrides_;
  std::map<std::string, std::unique_ptr<log_category>, std::less<>> categories_;
};

}  // namespace mamey::inline v1::detail
