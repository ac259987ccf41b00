#include <mamey/persistence/migration.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <mamey/core/error.hpp>
#include <mamey/messaging/slot.hpp>

namespace mamey::inline v1 {
namespace {

sql_migration read_file(const std::filesystem::path& path) {
  const auto name = path.stem().string();
  sql_migration read;
  const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), read.version);
  if (failed != std::errc() || end == name.data() + name.size() || *end != '_')
    refuse_migration(path.string() + ": a migration is named 0001_what_it_does.sql");
  read.name = end + 1;
  read.file = path.string();
  std::ifstream file(path, std::ios::binary);
  read.sql.assign(std::istreambuf_iterator<char>(file), {});
  if (!file) refuse_migration(path.string() + " cannot be read");
  return read;
}

}  // namespace

std::string name_of(const sql_migration& step, std::string_view component) {
  auto name = "migration " + std::string(component) + " " + std::to_string(step.version) + " " + step.name;
  return step.file.empty() ? name : name + " (" + step.file + ")";
}

std::int64_t checksum_of(const sql_migration& step) { return static_cast<std::int64_t>(crc32c(step.sql)); }

bool is_missing(const sql_migration& step, const applied_migrations& applied, const std::string& called) {
  const auto found = applied.find(step.version);
  if (found == applied.end() && (applied.empty() || applied.rbegin()->first < step.version)) return true;
  if (found == applied.end())
    refuse_migration(called + " is new, but " + std::to_string(applied.rbegin()->first) + " was applied already; give it a higher number");
  if (found->second != checksum_of(step))
    refuse_migration(called + " has changed since it was applied; restore it and put the change into a new one");
  return false;
}

void refuse_migration(const std::string& sentence) { throw unavailable("migration_refused", "{sentence}", sentence); }

std::vector<sql_migration> collect_migrations(std::vector<sql_migration> own, const std::string& folder) {
  auto all = std::move(own);
  if (!folder.empty()) {
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
      if (entry.path().extension() == ".sql") all.push_back(read_file(entry.path()));
    }
    if (failed) refuse_migration("the folder of migrations " + folder + " cannot be read: " + failed.message());
  }
  std::ranges::sort(all, {}, &sql_migration::version);
  const auto twice = std::ranges::adjacent_find(all, {}, &sql_migration::version);
  if (twice != all.end()) {
    refuse_migration(name_of(*twice, "service") + " and " + name_of(*std::next(twice), "service") + " both have number " +
                     std::to_string(twice->version));
  }
  return all;
}

}  // namespace mamey::inline v1
