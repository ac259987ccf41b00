#pragma once

/// @file
/// For services.
/// The ambient context of the current work: correlation, trace, deadline, user, tenant. Each fiber has one, and its children inherit it.
/// Log lines, outgoing calls, messages and statements use it.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/time.hpp>
#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

/// W3C Trace Context (level 1): what `traceparent` carries.
struct trace_context {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> span_id{};
  std::array<std::uint8_t, 8> parent_id{};  ///< the parent span; zero: a root, or a trace as it was received
  bool sampled = false;

  bool valid() const noexcept { return trace_id != std::array<std::uint8_t, 16>{} && span_id != std::array<std::uint8_t, 8>{}; }
  static std::optional<trace_context> parse(std::string_view traceparent) noexcept;
  /// A new root, whatever a sampler says: work begins its trace with `tracing::begin_trace` (active_span.hpp). Sampled by default: tracers
  /// of other services report their part of a trace only when it is sampled.
  static trace_context make_root(bool sampled = true);
  /// Same trace, new span id.
  trace_context child() const;
  std::string to_traceparent() const;
  std::string trace_id_text() const;  ///< 32 hex digits
};

/// The user for whom the work is done.
struct principal {
  std::string id;
  std::vector<std::string> roles = {};
  std::multimap<std::string, std::string> claims = {};
};

/// Permanent: after a request, every further suspension point of the fibers that share it throws `cancelled`. Thread-safe.
class cancellation {
 public:
  cancellation() = default;
  /// A request to the parent is also a request to this one. It may also be requested alone.
  explicit cancellation(std::shared_ptr<cancellation> parent);
  ~cancellation();
  cancellation(const cancellation&) = delete;
  cancellation& operator=(const cancellation&) = delete;

  void request() noexcept;  ///< any thread; wakes the fibers that wait
  bool requested() const noexcept { return requested_.load(std::memory_order_acquire); }

  /// Called when cancellation is requested, on the thread of the request and under a lock: it must neither suspend nor add or remove
  /// listeners.
  class listener {
   protected:
    ~listener() = default;

   private:
    friend class cancellation;
    virtual void cancelled() noexcept = 0;
    listener* previous_ = nullptr;
    listener* next_ = nullptr;
  };
  /// False, and not added, when already requested.
  bool add(listener& added) noexcept;
  void remove(listener& gone) noexcept;  ///< after `add` returned true; waits for a running call of the listener

 private:
  struct from_parent final : listener {
    void cancelled() noexcept override { child->request(); }
    cancellation* child = nullptr;
  };

  std::atomic<bool> requested_{false};
  std::mutex guard_;
  listener* first_ = nullptr;
  std::shared_ptr<cancellation> parent_;
  from_parent link_;
};

struct ambient_context {
  std::string correlation_id = {};
  std::string causation_id = {};  ///< id of the message or request being handled
  trace_context trace = {};
  std::string tracestate = {};  ///< of tracing systems on the way, passed on with the trace as it came (tracestate.hpp)
  std::optional<steady_time> deadline = {};
  std::shared_ptr<const principal> user = {};  ///< null: anonymous
  std::string tenant = {};
  std::map<std::string, std::string> baggage = {};
  std::string correlation_context =
      {};  ///< of .NET services: JSON, passed on unchanged. It is a claim without proof; `user` is the trusted user
  std::map<std::string, std::string> foreign_headers =
      {};                    ///< headers of the handled message that are copied to the messages it leads to: `messaging:forwardHeaders`
  std::string service = {};  ///< the application's name, for logs in a host of several
  std::shared_ptr<cancellation> cancel = {};
};

/// The context of the current fiber (outside a fiber: of the thread). Changing it changes it for the rest of this fiber and its later
/// children.
ambient_context& current_context();

/// Replaces the context for the lifetime of the object.
class context_scope {
 public:
  explicit context_scope(ambient_context replacement);
  ~context_scope();
  context_scope(const context_scope&) = delete;
  context_scope& operator=(const context_scope&) = delete;

 private:
  ambient_context previous_;
};

/// The same with a context of the caller: nothing is copied, and changes are made in that context.
class context_loan {
 public:
  explicit context_loan(ambient_context& lent);
  ~context_loan();
  context_loan(const context_loan&) = delete;
  context_loan& operator=(const context_loan&) = delete;

 private:
  ambient_context* previous_;
};

/// Tightens the deadline for the lifetime of the object; never loosens it.
class deadline_scope {
 public:
  template <std::integral Representation, class Period>
  explicit deadline_scope(std::chrono::duration<Representation, Period> span) : deadline_scope(saturating_add(steady_now(), span)) {}
  explicit deadline_scope(steady_time deadline);
  ~deadline_scope();
  deadline_scope(const deadline_scope&) = delete;
  deadline_scope& operator=(const deadline_scope&) = delete;

 private:
  std::optional<steady_time> previous_;
};

/// `span` from now on this loop's clock. A very long span gives the last point in time instead of an overflow.
template <std::integral Representation, class Period>
steady_time deadline_after(std::chrono::duration<Representation, Period> span) noexcept {
  return saturating_add(steady_now(), span);
}

/// Throws `deadline_exceeded` or `cancelled` if the context says so. Long computations call it.
void check_context();

}  // namespace mamey::inline v1
