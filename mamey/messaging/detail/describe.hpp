#pragma once

/// @file
/// What the log says of a failure: the reason of errors thrown on purpose, type and text of all others.

#include <string>

#include <mamey/core/error.hpp>

namespace mamey::inline v1::detail {

inline const std::string& words_of(const error_report& report) {
  return report.kind == error_kind::internal && !report.detail.empty() ? report.detail : report.reason;
}

}  // namespace mamey::inline v1::detail
