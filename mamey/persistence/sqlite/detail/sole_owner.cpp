#include <mamey/persistence/sqlite/detail/sole_owner.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace mamey::inline v1::sqlite_detail {

presence_lock::presence_lock(const std::string& database) noexcept {
  if (database == ":memory:") return;
  descriptor_ = open((database + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0) return;
  came_first_ = flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
  if (!came_first_) flock(descriptor_, LOCK_SH | LOCK_NB);  // fails while the first one is busy: then it is not alone anyway
}

presence_lock::~presence_lock() {
  if (descriptor_ >= 0) close(descriptor_);
}

void presence_lock::share() noexcept {
  if (came_first_) flock(descriptor_, LOCK_SH);
}

}  // namespace mamey::inline v1::sqlite_detail
