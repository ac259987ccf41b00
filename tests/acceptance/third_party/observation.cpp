#include "observation.hpp"

#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/core/services.hpp>
#include <mamey/feature/composition.hpp>
#include <mamey/observability/logging.hpp>
#include <mamey/runtime/fiber.hpp>

namespace acme {
namespace {

class lines_in_file final : public mamey::log_sink {
 public:
  explicit lines_in_file(const std::string& path) : file_(path) {}
  void write(const mamey::log_record& record) override {
    if (record.level >= mamey::log_level::warning) file_ << record.message << '\n';
  }
  void flush() override { file_.flush(); }

 private:
  std::ofstream file_;
};

class names_in_file final : public mamey::tracing::span_exporter {
 public:
  explicit names_in_file(std::string path) : path_(std::move(path)) {}
  void take(mamey::tracing::span_record&& record) noexcept override {
    const std::lock_guard lock(guard_);
    if (names_.size() < 1'000) names_.push_back(std::move(record.name));
  }
  void flush() override {
    std::vector<std::string> names;
    {
      const std::lock_guard lock(guard_);
      names.swap(names_);
    }
    mamey::run_blocking([&] {
      std::ofstream file(path_, std::ios::app);
      for (const auto& each : names) file << each << '\n';
    });
  }

 private:
  std::string path_;
  std::mutex guard_;
  std::vector<std::string> names_;
};

std::string file_of(const mamey::environment& around, const char* key) { return around.configuration->find(key).value_or("/dev/null"); }

}  // namespace

void file_sink::install(mamey::composition& into) const {
  into.add_log_sink("acme file",
                    [](const mamey::environment& around) { return std::make_shared<lines_in_file>(file_of(around, "acmeSink:file")); });
}

void span_file::install(mamey::composition& into) const {
  into.export_spans("acme file",
                    [](const mamey::environment& around) { return std::make_shared<names_in_file>(file_of(around, "acmeSpans:file")); });
  into.sample_roots("acme", [](const mamey::environment&) -> mamey::tracing::root_sampler {
    return [](const mamey::tracing::new_root& root) { return root.name != "/hello"; };
  });
}

void stock_feature::install(mamey::composition& into) const { into.services().add<stock>(); }

}  // namespace acme
