#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include <mamey/persistence/sqlite/queues.hpp>

#include "sqlite_fixture.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;

/// What goes wrong under a database, and what its operator reads then.
class sqlite_trouble : public sqlite_fixture {
 protected:
  /// Kind, code and reason of the refusal to open.
  std::string refused_start(const std::string& code) {
    try {
      open();
    } catch (const error& refused) {
      EXPECT_EQ(refused.kind(), error_kind::unavailable);
      EXPECT_EQ(refused.code(), code) << refused.reason();
      EXPECT_NE(refused.reason().find(options_.path), std::string::npos) << "names the file: " << refused.reason();
      return refused.reason();
    }
    ADD_FAILURE() << "the store opened";
    return {};
  }
};

/// A disk of its own, of a size.
class small_disk {
 public:
  small_disk(std::string at, const std::string& options) : at_(std::move(at)) {
    std::filesystem::create_directories(at_);
    mount(options, 0);
  }
  ~small_disk() { umount2(at_.c_str(), MNT_DETACH); }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  void grow(const std::string& options) { mount(options, MS_REMOUNT); }
  void make_read_only(const std::string& options) { mount(options, MS_REMOUNT | MS_RDONLY); }

 private:
  void mount(const std::string& options, unsigned long flags) {
    if (::mount("tmpfs", at_.c_str(), "tmpfs", flags, options.c_str()) != 0)
      throw std::runtime_error("mounting a tmpfs needs root: " + std::string(std::strerror(errno)));
  }
  std::string at_;
};

TEST_F(sqlite_trouble, a_full_disk_refuses_commits_by_name_and_serves_again_when_there_is_room) {
  small_disk disk(directory_.file("small"), "size=600k");
  options_.directory = directory_.file("small");
  db();
  const auto fill = [&](int i) {
    auto large = message("m" + std::to_string(i));
    large.body.assign(20'000, 'x');
    db().commit({.documents = {insert_part("p" + std::to_string(i), {.sku = std::to_string(i)})}, .outbox = {large}});
  };
  int stored = 0;
  std::optional<std::string> reason;
  while (!reason && stored < 1'000) {
    try {
      fill(stored++);
    } catch (const error& refused) {
      EXPECT_EQ(refused.kind(), error_kind::unavailable);
      EXPECT_EQ(refused.code(), "disk_full");
      reason = refused.reason();
    }
  }
  ASSERT_TRUE(reason);
  EXPECT_NE(reason->find("parts.db"), std::string::npos) << *reason;
  EXPECT_EQ(db().count(parts(), {}), stored - 1) << "reads go on, and nothing of the refused unit is there";

  // There may be room for something small yet; when there is none, health says so.
  const auto is_unhealthy = [&] {
    try {
      db().commit(messages({message("m")}));
    } catch (const unavailable&) {}
    return refusal([&] { db().check(); }).second == "disk_full";
  };
  bool unhealthy = false;
  for (int i = 0; i < 500 && !unhealthy; ++i) unhealthy = is_unhealthy();
  EXPECT_TRUE(unhealthy);

  disk.grow("size=8m");
  db().check();
  fill(stored);
  EXPECT_EQ(db().count(parts(), {}), stored);
  close();
}

TEST_F(sqlite_trouble, a_disk_with_room_for_small_units_of_work_alone_is_degraded) {
  small_disk disk(directory_.file("small"), "size=600k");
  options_.directory = directory_.file("small");
  db();
  auto large = message("large");
  large.body.assign(600'000, 'x');
  EXPECT_EQ(refusal([&] { db().commit(messages({large})); }).second, "disk_full");
  db().commit(messages({message("small")}));
  EXPECT_EQ(refusal([&] { db().check(); }).second, "disk_nearly_full");
  disk.grow("size=32m");
  db().check();
  close();
}

/// What a service says whose file is gone: nothing is acknowledged that would not be found again.
TEST_F(sqlite_trouble, a_file_moved_away_under_a_running_service_takes_no_more_writes) {
  const auto file = directory_.file("parts.db");
  db().commit({.documents = {insert_part("p1", {.sku = "1"})}});
  std::filesystem::rename(file, directory_.file("moved.db"));
  EXPECT_EQ(refusal([&] { db().commit({.documents = {insert_part("p2", {.sku = "2"})}}); }),
            std::pair(error_kind::unavailable, std::string("database_replaced")));
  EXPECT_EQ(refusal([&] { db().begin({}, 1s); }).second, "database_replaced");
  EXPECT_EQ(refusal([&] { db().check(); }).second, "database_replaced");
  std::filesystem::rename(directory_.file("moved.db"), file);
  db().check();
  db().commit({.documents = {insert_part("p3", {.sku = "3"})}});
  EXPECT_EQ(db().count(parts(), {}), 2);
}

TEST_F(sqlite_trouble, the_probe_of_an_idle_service_sees_that_its_file_was_replaced_or_its_log_deleted) {
  const auto file = directory_.file("parts.db");
  db().commit({.documents = {insert_part("p1", {.sku = "1"})}});
  db().check();
  std::filesystem::copy_file(file, directory_.file("copy.db"));
  std::filesystem::rename(directory_.file("copy.db"), file);
  EXPECT_EQ(refusal([&] { db().check(); }).second, "database_replaced");
  open();
  db().commit({.documents = {insert_part("p2", {.sku = "2"})}});
  db().check();
  std::filesystem::remove(file + "-wal");
  EXPECT_EQ(refusal([&] { db().check(); }).second, "database_replaced");
}

TEST_F(sqlite_trouble, the_probe_reads_the_file_itself) {
  db().commit({.documents = {insert_part("p1", {.sku = "1"})}});
  db().check();
  std::ofstream(directory_.file("parts.db"), std::ios::in | std::ios::out).write(std::string(4096, '\0').data(), 4096);
  EXPECT_EQ(refusal([&] { db().check(); }).second, "database_corrupt");
}

TEST_F(sqlite_trouble, a_backup_put_in_the_place_of_a_file_whose_log_is_still_there_is_refused_at_the_start) {
  const auto file = directory_.file("parts.db"), backup = directory_.file("backup.db");
  const auto insert_some = [&](int from) {
    for (int i = from; i < from + 200; ++i) db().commit({.documents = {insert_part("p" + std::to_string(i), {.sku = std::to_string(i)})}});
  };
  insert_some(0);
  close();
  std::filesystem::copy_file(file, backup);
  insert_some(200);
  // A crash: the log stays.
  std::filesystem::copy_file(file + "-wal", directory_.file("log"));
  insert_some(400);
  close();
  std::filesystem::rename(backup, file);
  const auto pages = std::filesystem::file_size(file) / 4096;
  std::ofstream(file, std::ios::in | std::ios::out)
      .seekp(static_cast<std::streamoff>((pages - 1) * 4096))
      .write(std::string(4096, 'x').data(), 4096);
  std::filesystem::copy_file(directory_.file("log"), file + "-wal");
  const auto reason = refused_start("database_corrupt");
  EXPECT_NE(reason.find("-wal"), std::string::npos) << reason;
}

TEST_F(sqlite_trouble, a_read_only_disk_is_refused_at_the_start) {
  small_disk disk(directory_.file("small"), "size=1m");
  options_.directory = directory_.file("small");
  open();
  close();
  disk.make_read_only("size=1m");
  refused_start("database_read_only");
  options_.path = "other.db";
  refused_start("database_not_opened");
}

TEST_F(sqlite_trouble, a_folder_without_permission_to_write_is_refused_as_such) {
  db();
  close();
  ::chmod(directory_.path().c_str(), 0555);
  ::chmod(directory_.file("parts.db").c_str(), 0666);
  const auto before = ::geteuid();
  if (before == 0) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const auto reason = refused_start("database_read_only");
  if (before == 0) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ::chmod(directory_.path().c_str(), 0755);
  EXPECT_NE(reason.find("writable"), std::string::npos) << reason;
}

TEST_F(sqlite_trouble, a_folder_that_cannot_be_made_is_refused_at_the_start) {
  std::ofstream(directory_.file("file")) << "not a folder";
  options_.directory = directory_.file("file");
  refused_start("database_not_opened");
}

TEST_F(sqlite_trouble, a_file_that_is_no_database_is_refused_with_what_to_do) {
  std::ofstream(directory_.file("parts.db")) << std::string(8192, 'x');
  EXPECT_NE(refused_start("database_corrupt").find("backup"), std::string::npos);
}

TEST_F(sqlite_trouble, a_damaged_database_is_refused_and_reported) {
  change_set many;
  for (int i = 0; i < 200; ++i)
    many.documents.push_back(insert_part("p" + std::to_string(i), {.sku = std::to_string(i), .note = std::string(500, 'x')}));
  db().commit(many);
  close();
  {
    std::fstream file(directory_.file("parts.db"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    for (int page = 0; page < 40; ++page) {
      file.write(std::string(200, '\xff').data(), 200);
      file.seekp(4096 * (page + 1));
    }
  }
  refused_start("database_corrupt");
}

TEST_F(sqlite_trouble, a_file_that_another_process_has_locked_is_refused_after_the_busy_timeout) {
  options_.busy_timeout = 20ms;
  db();
  int ready[2], done[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(done), 0);
  const auto child = fork();
  if (child == 0) {  // only calls that are safe after a fork: SQLite on a connection of its own
    sqlite3* other = nullptr;
    sqlite3_open(directory_.file("parts.db").c_str(), &other);
    sqlite3_exec(other, "begin immediate", nullptr, nullptr, nullptr);
    char byte = 1;
    [[maybe_unused]] auto written = write(ready[1], &byte, 1);
    [[maybe_unused]] auto got = read(done[0], &byte, 1);
    sqlite3_exec(other, "rollback", nullptr, nullptr, nullptr);
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_EQ(refusal([&] { db().commit(messages({message("m1")})); }), (std::pair{error_kind::unavailable, std::string("database_busy")}));
  EXPECT_TRUE(db().find(parts(), {.where = {}}).empty()) << "reads need no lock";
  ASSERT_EQ(write(done[1], &byte, 1), 1);
  waitpid(child, nullptr, 0);
  db().commit(messages({message("m1")}));
  for (const auto descriptor : {ready[0], ready[1], done[0], done[1]}) ::close(descriptor);
}

TEST_F(sqlite_trouble, options_that_would_lose_data_or_cannot_work_are_refused) {
  const auto refused = [&](auto change) {
    sqlite_options wrong = options_;
    change(wrong);
    return refusal([&] { sqlite_store store(wrong); }) == std::pair{error_kind::validation, std::string("sqlite_options")} &&
           refusal([&] { sqlite_queues queues(wrong); }) == std::pair{error_kind::validation, std::string("sqlite_options")};
  };
  EXPECT_TRUE(refused([](auto& o) { o.synchronous = "off"; }));
  EXPECT_TRUE(refused([](auto& o) { o.synchronous = "normal"; }));
  EXPECT_TRUE(refused([](auto& o) { o.path = ""; }));
  EXPECT_TRUE(refused([](auto& o) { o.read_connections = 0; }));
  EXPECT_TRUE(refused([](auto& o) { o.answer_bound = o.busy_timeout; }));
}

TEST_F(sqlite_trouble, an_unknown_file_layer_is_refused) {
  options_.vfs = "no such layer";
  refused_start("database_not_opened");
}

}  // namespace mamey::testing
