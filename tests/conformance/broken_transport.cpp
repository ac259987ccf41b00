#include <algorithm>
#include <atomic>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include <mamey/core/error.hpp>

#include "transport_conformance.hpp"

namespace mamey::testing {

namespace {

using defect = transport_defect;

/// A settlement that the consumer's end may reach too.
struct settlement_slot {
  std::mutex mutex;
  std::unique_ptr<settlement> inner;
  std::unique_ptr<settlement> take() {
    const std::lock_guard lock(mutex);
    return std::move(inner);
  }
};

enum class stage : std::uint8_t { consuming, cancelled, closed };

/// A consumer as the defects see it.
struct outlet {
  delivery_callback deliver;
  std::atomic<stage> at{stage::consuming};
};

/// What the pieces of one broken transport share.
struct breakage {
  std::shared_ptr<transport> inner;
  defect what = defect::none;
  std::mutex mutex;
  std::vector<std::shared_ptr<outlet>> outlets;
  std::vector<std::shared_ptr<settlement_slot>> handed_out;
  std::set<std::pair<std::string, std::string>> bound;
  std::atomic<int> declared{0};
};

class broken_settlement final : public settlement {
 public:
  broken_settlement(std::shared_ptr<settlement_slot> slot, defect what) : slot_(std::move(slot)), what_(what) {}
  void acknowledge() noexcept override {
    const auto inner = slot_->take();
    if (!inner) return;
    if (what_ == defect::forgets_settlements)
      inner->give_back({}, start_counting::counted);
    else
      inner->acknowledge();
  }
  void give_back(std::chrono::milliseconds delay, start_counting counting) noexcept override {
    const auto inner = slot_->take();
    if (!inner) return;
    if (what_ == defect::drops_given_back) return inner->acknowledge();
    inner->give_back(what_ == defect::ignores_delays ? std::chrono::milliseconds(0) : delay,
                     what_ == defect::counts_uncounted ? start_counting::counted : counting);
  }

 private:
  std::shared_ptr<settlement_slot> slot_;
  defect what_;
};

class no_settlement final : public settlement {
 public:
  void acknowledge() noexcept override {}
  void give_back(std::chrono::milliseconds, start_counting) noexcept override {}
};

/// The consumers that get what they must not get.
std::vector<std::shared_ptr<outlet>> wrongly_served(breakage& of) {
  std::vector<std::shared_ptr<outlet>> served;
  const std::lock_guard lock(of.mutex);
  std::ranges::copy_if(of.outlets, std::back_inserter(served), [&](const auto& each) {
    switch (of.what) {
      case defect::hands_out_twice:
      case defect::ignores_prefetch:
        return each->at == stage::consuming;
      case defect::delivers_after_cancel:
        return each->at == stage::cancelled;
      case defect::delivers_after_close:
        return each->at == stage::closed;
      default:
        return false;
    }
  });
  return served;
}

class broken_channel final : public outgoing_channel {
 public:
  broken_channel(std::shared_ptr<breakage> of, publish_callback done, channel_state_callback changed)
      : of_(std::move(of)), done_(std::move(done)) {
    const auto what = of_->what;
    inner_ = of_->inner->open_channel(
        [what, done = done_](std::uint64_t tag, const publish_outcome& outcome) {
          if (what == defect::confirms_at_once || (what == defect::forgets_outcomes && outcome.result == publish_result::broker_fault))
            return;
          if (what == defect::confirms_unroutable && outcome.result == publish_result::unroutable) return done(tag, {});
          done(tag, outcome);
          if (what == defect::repeats_outcomes) done(tag, outcome);
        },
        std::move(changed));
  }

  void publish(std::span<const outgoing_message> messages) override {
    std::vector<outgoing_message> through(messages.begin(), messages.end());
    // At once and in the publisher's thread: a defect that only might show would let its case pass now and then.
    for (const auto& to : wrongly_served(*of_)) {
      for (const auto& each : through) to->deliver({.message = each.message, .starts = 1, .settle = std::make_unique<no_settlement>()});
    }
    for (auto& each : through) {
      if (of_->what == defect::sends_too_late) each.send_before = steady_time::max();
      if (of_->what == defect::alters_messages) {
        auto changed = std::make_shared<envelope>(*each.message);
        changed->headers.clear();
        changed->tenant = "somebody else's";
        each.message = changed;
      }
      if (of_->what == defect::ignores_order && !each.message->key.empty()) {
        auto changed = std::make_shared<envelope>(*each.message);
        changed->key.clear();
        each.message = changed;
      }
      if (of_->what == defect::confirms_at_once || of_->what == defect::loses_messages) done_(each.tag, {});
    }
    if (of_->what != defect::loses_messages) inner_->publish(through);
  }
  void reset() override { inner_->reset(); }

 private:
  std::shared_ptr<breakage> of_;
  publish_callback done_;
  std::unique_ptr<outgoing_channel> inner_;
};

/// Keeps the unsettled to itself; what else it gets after its end comes from the channels.
class broken_consumer final : public consumer {
 public:
  broken_consumer(std::unique_ptr<consumer> inner, std::shared_ptr<breakage> of, std::shared_ptr<outlet> into)
      : inner_(std::move(inner)), of_(std::move(of)), into_(std::move(into)) {}
  void cancel() override {
    inner_->cancel();
    into_->at = stage::cancelled;
  }
  void close() override {
    if (of_->what == defect::swallows_unsettled) {
      const std::lock_guard lock(of_->mutex);
      for (const auto& each : of_->handed_out) {
        if (const auto unsettled = each->take()) unsettled->acknowledge();
      }
    }
    inner_->close();
    into_->at = stage::closed;
  }

 private:
  std::unique_ptr<consumer> inner_;
  std::shared_ptr<breakage> of_;
  std::shared_ptr<outlet> into_;
};

class broken_transport final : public transport {
 public:
  broken_transport(std::shared_ptr<transport> inner, defect what) : of_(std::make_shared<breakage>()) {
    of_->inner = std::move(inner);
    of_->what = what;
  }
  const transport_features& features() const noexcept override { return of_->inner->features(); }

  void declare(const topology& wanted) override {
    if (of_->what == defect::refuses_to_declare_again && of_->declared++ > 0) throw conflict("declared", "declared already");
    auto some = wanted;
    if (of_->what == defect::delivers_to_one_queue) {
      std::erase_if(some.bindings, [&](const auto& each) { return !of_->bound.insert({each.exchange, each.routing_key}).second; });
    }
    of_->inner->declare(some);
  }

  std::unique_ptr<outgoing_channel> open_channel(publish_callback done, channel_state_callback changed) override {
    return std::make_unique<broken_channel>(of_, std::move(done), std::move(changed));
  }

  std::unique_ptr<consumer> subscribe(const queue_options& options, delivery_callback deliver, consumer_state_callback changed) override {
    auto into = std::make_shared<outlet>();
    into->deliver = deliver;
    {
      const std::lock_guard lock(of_->mutex);
      of_->outlets.push_back(into);
    }
    auto inner =
        of_->inner->subscribe(options, [of = of_, deliver](delivery next) { hand_on(*of, deliver, std::move(next)); }, std::move(changed));
    return std::make_unique<broken_consumer>(std::move(inner), of_, std::move(into));
  }
  void check() override { of_->inner->check(); }

 private:
  static void hand_on(breakage& of, const delivery_callback& deliver, delivery next) {
    if (of.what == defect::hides_redelivery) next.redelivered = false;
    if (of.what == defect::resets_starts) next.starts = 1;
    auto slot = std::make_shared<settlement_slot>();
    slot->inner = std::move(next.settle);
    {
      const std::lock_guard lock(of.mutex);
      of.handed_out.push_back(slot);
    }
    next.settle = std::make_unique<broken_settlement>(std::move(slot), of.what);
    deliver(std::move(next));
  }

  std::shared_ptr<breakage> of_;
};

}  // namespace

std::shared_ptr<transport> break_transport(std::shared_ptr<transport> inner, transport_defect what) {
  if (what == transport_defect::none) return inner;
  return std::make_shared<broken_transport>(std::move(inner), what);
}

}  // namespace mamey::testing
