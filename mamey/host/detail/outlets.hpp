#pragma once

/// @file
/// Log sinks, span exporters and samplers of features: process-wide places, of which each hears what its application says.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <mamey/host/doors.hpp>

namespace mamey::inline v1 {

class outlets {
 public:
  outlets();
  ~outlets();  ///< closes what is open
  outlets(const outlets&) = delete;
  outlets& operator=(const outlets&) = delete;

  /// Makes sinks, exporters and the sampler and opens them. Throws what making one throws.
  void open(const feature_doors& doors, const environment& around);
  struct flush_step {
    std::string name;
    std::function<void()> run;
  };
  /// What is to be done at stage `flush`, each under a bound of its own. Owns what it uses.
  std::vector<flush_step> flush_steps() const;
  /// Nothing reaches them any more; lines logged before are given `limit` to arrive. Bounded: a sink that hangs is left to hang.
  void close(std::chrono::milliseconds limit) noexcept;

 private:
  class fenced_sink;
  void close_sampler() noexcept;
  struct named_exporter {
    std::string name;
    std::shared_ptr<tracing::span_exporter> exporter;
  };
  std::vector<std::shared_ptr<fenced_sink>> sinks_;
  std::vector<named_exporter> exporters_;
  std::string sampled_;  ///< the application whose sampler is set; empty: none is
};

}  // namespace mamey::inline v1
