#pragma once

/// Where log lines and spans go, which traces are recorded, and a probe.

#include <mamey/observability/health.hpp>
#include <mamey/observability/metrics.hpp>

namespace mamey::inline v1 {
class composition;
}

namespace acme {

/// Lines of warnings and above into the file `acmeSink:file`.
struct file_sink {
  void install(mamey::composition& into) const;
};

/// Names of spans into the file `acmeSpans:file`, when they are flushed; traces of `/hello` are not recorded.
struct span_file {
  void install(mamey::composition& into) const;
};

// snippet registries
/// A service that asks for the registries: it counts, and says how it is.
class stock {
 public:
  stock(mamey::metrics::registry& metrics, mamey::health::registry& health)
      : looked_(metrics.make_counter("acme_stock_looks_total", "How often somebody looked at the stock.")) {
    health.add({.name = "acme stock", .importance = mamey::health::importance::degrading, .check = [] {
                  return mamey::health::result{.status = mamey::health::status::degraded, .message = "three boxes are left"};
                }});
  }
  int boxes() const {
    looked_.increment();
    return 3;
  }

 private:
  mamey::metrics::counter& looked_;
};
// end registries

struct stock_feature {
  void install(mamey::composition& into) const;
};

}  // namespace acme
