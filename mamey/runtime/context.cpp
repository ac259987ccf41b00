#include <mamey/runtime/context.hpp>

#include <utility>

#include <mamey/runtime/detail/parker.hpp>
#include <mamey/runtime/detail/strand.hpp>

namespace mamey::inline v1 {

cancellation::cancellation(std::shared_ptr<cancellation> parent) : parent_(std::move(parent)) {
  link_.child = this;
  if (parent_ && !parent_->add(link_)) {
    parent_.reset();
    request();
  }
}

cancellation::~cancellation() {
  if (parent_) parent_->remove(link_);
}

void cancellation::request() noexcept {
  const std::lock_guard lock(guard_);
  if (requested_.exchange(true, std::memory_order_acq_rel)) return;
  for (listener* one = first_; one != nullptr; one = one->next_) one->cancelled();
}

bool cancellation::add(listener& added) noexcept {
  const std::lock_guard lock(guard_);
  if (requested()) return false;
  added.previous_ = nullptr;
  added.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &added;
  first_ = &added;
  return true;
}

void cancellation::remove(listener& gone) noexcept {
  const std::lock_guard lock(guard_);
  (gone.previous_ != nullptr ? gone.previous_->next_ : first_) = gone.next_;
  if (gone.next_ != nullptr) gone.next_->previous_ = gone.previous_;
}

ambient_context& current_context() { return *detail::current_strand().context; }

context_scope::context_scope(ambient_context replacement) : previous_(std::exchange(current_context(), std::move(replacement))) {}
context_scope::~context_scope() { current_context() = std::move(previous_); }

context_loan::context_loan(ambient_context& lent) : previous_(std::exchange(detail::current_strand().context, &lent)) {}
context_loan::~context_loan() { detail::current_strand().context = previous_; }

deadline_scope::deadline_scope(steady_time deadline) : previous_(current_context().deadline) {
  auto& context = current_context();
  if (!context.deadline || deadline < *context.deadline) context.deadline = deadline;
}

deadline_scope::~deadline_scope() { current_context().deadline = previous_; }

void check_context() { detail::check_interruption(); }

}  // namespace mamey::inline v1
