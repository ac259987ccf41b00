#include <mamey/persistence/sqlite/detail/readers.hpp>

#include <algorithm>

#include <mamey/runtime/context.hpp>

namespace mamey::inline v1::sqlite_detail {

reader_pool::reader_pool(const sqlite_options& options)
    : options_(options), file_(options), free_(static_cast<std::size_t>(std::max(options.read_connections, 1))) {}

reader_pool::lease::lease(reader_pool& pool) : pool_(pool) {
  {
    const std::scoped_lock lock(pool_.mutex_);
    if (!pool_.idle_.empty()) {
      connection_ = std::move(pool_.idle_.back());
      pool_.idle_.pop_back();
    }
  }
  if (!connection_) pool_.file_.refuse_if_replaced();
  if (!connection_) connection_ = std::make_unique<connection>(pool_.options_, access::read);
  const auto& context = current_context();
  if (!context.deadline && !context.cancel) return;
  connection_->limit([deadline = context.deadline, cancel = context.cancel] {
    return (deadline && steady_now() >= *deadline) || (cancel && cancel->requested());
  });
}

reader_pool::lease::~lease() {
  connection_->limit({});
  const std::scoped_lock lock(pool_.mutex_);
  pool_.idle_.push_back(std::move(connection_));
}

}  // namespace mamey::inline v1::sqlite_detail
