#pragma once

/// @file
/// What another library did, as recorded in tests/vectors/TOPIC, against what we do. A difference is allowed only if tests/vectors/TOPIC/differences.json
/// lists it with its reason, and what is listed must still differ: docs/migrating.md shows that list.

#include <set>
#include <string>
#include <string_view>

#include <simdjson.h>

namespace mamey::testing {

/// One file of a topic. Asks GoogleTest: each case that differs and is not listed fails, and at the end each listed one that was not seen to differ.
///
///     mamey::testing::vectors recorded{"http", "json-values.json"};
///     for (auto each : recorded.cases()) recorded.compare(std::string_view(each["id"]), there(each["expected"]), here(each["input"]));
class vectors {
 public:
  /// Throws std::runtime_error when the file is not there.
  vectors(std::string topic, std::string file);
  vectors(const vectors&) = delete;
  vectors& operator=(const vectors&) = delete;
  ~vectors();

  /// The whole file; lives as long as this object.
  simdjson::dom::element document() const { return document_; }
  /// The file as a list of cases.
  simdjson::dom::array cases() const { return document_.get_array(); }

  /// Says what became of one case. `there` and `here` are put into the message of a failure.
  void compare(std::string_view name, std::string_view there, std::string_view here) { judge(name, there == here, there, here); }
  /// Likewise where being equal is more than having the same text.
  void judge(std::string_view name, bool equal, std::string_view there, std::string_view here);
  /// Whether differences.json has the case: for cases that cannot even be tried here. It then counts as different.
  bool is_listed(std::string_view name) const { return listed_.contains(name); }

 private:
  std::string topic_, file_;
  simdjson::dom::parser parser_;
  simdjson::dom::element document_;
  std::set<std::string, std::less<>> listed_;
  std::set<std::string, std::less<>> seen_;  ///< to differ
  std::set<std::string, std::less<>> tried_;
};

}  // namespace mamey::testing
