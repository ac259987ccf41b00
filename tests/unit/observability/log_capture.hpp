#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include <gtest/gtest.h>
#include <mamey/observability/logging.hpp>

/// Keeps what the log writes, beside what the options configure; the log is stopped when it goes.
class log_capture {
 public:
  explicit log_capture(mamey::log_options options = {}) {
    options.console.enabled = false;
    mamey::logging::configure(options);
    mamey::logging::add_sink(sink_);
  }
  ~log_capture() {
    mamey::logging::stop();
    mamey::logging::remove_sink(*sink_);
    mamey::logging::set_context_provider(nullptr);
  }
  log_capture(const log_capture&) = delete;
  log_capture& operator=(const log_capture&) = delete;

  std::vector<mamey::log_record> records() const {
    EXPECT_TRUE(mamey::logging::flush());
    std::lock_guard lock(sink_->mutex);
    return sink_->records;
  }
  mamey::log_record only() const {
    const auto all = records();
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? mamey::log_record{} : all.front();
  }

 private:
  struct keeping_sink : mamey::log_sink {
    std::mutex mutex;
    std::vector<mamey::log_record> records;
    void write(const mamey::log_record& record) override {
      std::lock_guard lock(mutex);
      records.push_back(record);
    }
  };
  std::shared_ptr<keeping_sink> sink_ = std::make_shared<keeping_sink>();
};
