#include <mamey/runtime/detail/fiber_core.hpp>

#include <algorithm>
#include <boost/context/detail/fcontext.hpp>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/runtime/detail/suspension_checks.hpp>

namespace __cxxabiv1 {
struct __cxa_eh_globals;
extern "C" __cxa_eh_globals* __cxa_get_globals() noexcept;
}  // namespace __cxxabiv1

namespace mamey::inline v1::detail {
namespace {

namespace context_switch = boost::context::detail;

exception_globals& live_exceptions() noexcept { return *reinterpret_cast<exception_globals*>(__cxxabiv1::__cxa_get_globals()); }

/// Runs and destroys the body inside the fiber, since both may wait.
void run_body(fiber& self) noexcept {
  try {
    if (!self.killed) self.body();
  } catch (const fiber_killed&) {
    // this is how a killed fiber ends
  } catch (...) {
    fatal("fiber '" + std::string(self.name) + "' let an exception out: " + describe_current_exception().detail);
  }
  self.ending = true;
  self.body = nullptr;
}

void entry(context_switch::transfer_t from) {
  auto& self = *static_cast<fiber*>(from.data);
  self.notes.entered();
  self.resumer = from.fctx;
  run_body(self);
  self.finished = true;
  self.notes.leaving(true);
  context_switch::jump_fcontext(self.resumer, nullptr);
  fatal("a finished fiber was resumed");
}

}  // namespace

fiber::fiber(event_loop::state& its_loop, stack& its_memory, std::string_view its_name, std::function<void()>&& its_body,
             ambient_context&& its_context)
    : loop(its_loop), memory(its_memory), body(std::move(its_body)), own_context(std::move(its_context)) {
  context = &own_context;
  self = this;
  const auto length = std::min(its_name.size(), name_size - 1);
  std::copy_n(its_name.data(), length, name);
  name[length] = '\0';
}

fiber& make_fiber(event_loop::state& loop, stack& memory, std::string_view name, std::function<void()>&& body, ambient_context&& context) {
#if defined(MAMEY_DETAIL_ASAN)
  __asan_unpoison_memory_region(memory.low, memory.size());  // frames that never returned
#endif
#if defined(MAMEY_DETAIL_TSAN)
  if (memory.tsan_fiber == nullptr) memory.tsan_fiber = __tsan_create_fiber(0);
#endif
  constexpr std::size_t reserved = (sizeof(fiber) + 63) / 64 * 64;
  char* const place = memory.high - reserved;
  auto& made = *new (place) fiber(loop, memory, name, std::move(body), std::move(context));
  made.position = context_switch::make_fcontext(place, static_cast<std::size_t>(place - memory.low), entry);
  return made;
}

void resume(fiber& target) {
  strand* const outer = std::exchange(here.current, &target);
  auto& live = live_exceptions();
  const exception_globals of_loop = std::exchange(live, target.exceptions);
  target.locks_at_resume = locks_held();
  target.notes.entering(target.memory.low, target.memory.size(), target.memory.tsan_fiber);
  target.position = context_switch::jump_fcontext(target.position, &target).fctx;
  target.notes.left();
  target.exceptions = std::exchange(live, of_loop);
  here.current = outer;
}

void suspend(fiber& self) {
  self.notes.leaving(false);
  self.resumer = context_switch::jump_fcontext(self.resumer, nullptr).fctx;
  self.notes.entered();
}

}  // namespace mamey::inline v1::detail
