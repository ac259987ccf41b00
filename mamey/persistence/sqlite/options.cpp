#include <mamey/persistence/sqlite/options.hpp>

#include <filesystem>

#include <mamey/core/error.hpp>
#include <mamey/persistence/sqlite/detail/checked_options.hpp>

namespace mamey::inline v1 {

std::string sqlite_file(const sqlite_options& options) {
  if (options.path == ":memory:" || options.directory.empty()) return options.path;
  return (std::filesystem::path(options.directory) / options.path).string();  // an absolute path stands for itself
}

namespace sqlite_detail {

const sqlite_options& checked(const sqlite_options& options, const sqlite_environment& environment) {
  const auto refuse = [](const char* sentence) {
    throw validation_error({{.path = "sqlite", .code = "invalid", .message = sentence}}, "sqlite_options");
  };
  if (options.path.empty()) refuse("sqlite.path names the database file and must not be empty");
  if (options.read_connections < 1) refuse("sqlite.readConnections must be at least 1");
  if (options.group_members < 1 || options.group_bytes < 1) refuse("sqlite.groupMembers and sqlite.groupBytes must be at least 1");
  if (options.queue_limit < 1) refuse("sqlite.queueLimit must be at least 1");
  if (options.answer_bound <= options.busy_timeout) refuse("sqlite.answerBound must be longer than sqlite.busyTimeout");
  if (options.synchronous != "full" && environment.durable == sqlite_environment::durability::required) {
    refuse("sqlite.synchronous must be `full`: with anything less a power cut takes commits that were answered");
  }
  return options;
}

}  // namespace sqlite_detail
}  // namespace mamey::inline v1
