#include <mamey/web/filter_chain.hpp>

#include <mamey/core/error.hpp>
#include <mamey/web/detail/failure_log.hpp>
#include <mamey/web/problem.hpp>

namespace mamey::inline v1::web {

/// One request on its way through the filters.
struct filter_chain::passage {
  class step final : public next_step {
   public:
    step(passage& of, std::size_t filter) : of_(of), filter_(filter) {}
    void operator()() const override {
      if (called_) throw internal_error("next_called_twice", "the filter {} called next() a second time", of_.filters[filter_].name);
      called_ = true;
      of_.answer(filter_ + 1);
    }
    bool called() const noexcept { return called_; }

   private:
    passage& of_;
    std::size_t filter_;
    mutable bool called_ = false;
  };

  void answer(std::size_t at) {
    try {
      if (at == filters.size()) return innermost.handle(request, response);
      const step next(*this, at);
      const ended_early noted(*this, next, at);
      filters[at].run(request, response, next);
    } catch (...) {
      detail::log_failure(write_current_exception(response, request), request);
    }
  }

  /// Notes the filter that ended without `next`, however it ended.
  class ended_early {
   public:
    ended_early(passage& of, const step& next, std::size_t filter) : of_(of), next_(next), filter_(filter) {}
    ~ended_early() {
      if (!next_.called()) of_.early = &of_.filters[filter_];
    }
    ended_early(const ended_early&) = delete;
    ended_early& operator=(const ended_early&) = delete;

   private:
    passage& of_;
    const step& next_;
    std::size_t filter_;
  };

  const std::vector<named_filter>& filters;
  http::request& request;
  http::response& response;
  handler& innermost;
  const named_filter* early = nullptr;
};

const named_filter* filter_chain::handle(http::request& request, http::response& response, handler& innermost) const {
  passage way{.filters = filters_, .request = request, .response = response, .innermost = innermost};
  way.answer(0);
  return way.early;
}

}  // namespace mamey::inline v1::web
