#include "vectors.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <stdexcept>

namespace mamey::testing {
namespace {

simdjson::dom::element load(simdjson::dom::parser& parser, const std::string& path) {
  simdjson::dom::element document;
  if (const auto failure = parser.load(path).get(document)) throw std::runtime_error(path + ": " + simdjson::error_message(failure));
  return document;
}

}  // namespace

vectors::vectors(std::string topic, std::string file) : topic_(std::move(topic)), file_(std::move(file)) {
  const auto folder = std::string(MAMEY_VECTORS) + "/" + topic_ + "/";
  document_ = load(parser_, folder + file_);
  if (!std::filesystem::exists(folder + "differences.json")) return;
  simdjson::dom::parser parser;
  for (const auto each : load(parser, folder + "differences.json").get_array()) {
    if (std::string_view(each["file"]) == file_) listed_.emplace(std::string_view(each["case"]));
  }
}

void vectors::judge(std::string_view name, bool equal, std::string_view there, std::string_view here) {
  tried_.emplace(name);
  if (equal) return;
  seen_.emplace(name);
  if (listed_.contains(name)) return;
  ADD_FAILURE() << topic_ << "/" << file_ << ", " << name << " differs and is not in tests/vectors/" << topic_
                << "/differences.json\n  there: " << there << "\n  here:  " << here;
}

vectors::~vectors() {
  for (const auto& each : listed_) {
    if (seen_.contains(each)) continue;
    ADD_FAILURE() << "tests/vectors/" << topic_ << "/differences.json lists " << file_ << ", " << each
                  << (tried_.contains(each) ? ", which is the same here: take it out" : ", which no test has tried");
  }
}

}  // namespace mamey::testing
