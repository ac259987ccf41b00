#include <mamey/core/error.hpp>

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <typeinfo>

namespace mamey::inline v1 {
namespace {

std::string summary_of(const std::vector<violation>& violations) {
  if (violations.empty()) return "the input is not valid";
  const auto& first = violations.front();
  auto summary = first.path.empty() ? first.message : first.path + ": " + first.message;
  if (violations.size() > 1) summary += " (and " + std::to_string(violations.size() - 1) + " more)";
  return summary;
}

std::string readable(const std::type_info* type) {
  if (type == nullptr) return "an exception of unknown type";
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(type->name(), nullptr, nullptr, nullptr), &std::free);
  return name ? name.get() : type->name();
}

/// Type and text; for our own exceptions the text alone, because code and kind are logged beside it.
std::string words_of(const std::exception& thrown) {
  const auto type = readable(&typeid(thrown));
  return type.starts_with("mamey::v1::error_of<") ? thrown.what() : type + ": " + thrown.what();
}

void append_nested(std::string& detail, const std::exception& outer) {
  try {
    std::rethrow_if_nested(outer);
  } catch (const std::exception& inner) {
    detail += "; caused by " + words_of(inner);
    append_nested(detail, inner);
  } catch (...) {  // described, not swallowed: its type is all there is to say
    detail += "; caused by " + readable(abi::__cxa_current_exception_type());
  }
}

error_report report_of(const error& failure) {
  error_report report{.kind = failure.kind(), .code = failure.code(), .reason = failure.reason(), .detail = {}, .violations = {}};
  if (const auto* invalid = dynamic_cast<const validation_error*>(&failure)) report.violations = invalid->violations();
  return report;
}

error_report describe_handled() {
  error_report report{.reason = "an unexpected error"};
  try {
    throw;
  } catch (const error& failure) {
    report = report_of(failure);
    report.detail = words_of(failure);
    append_nested(report.detail, failure);
  } catch (const std::bad_alloc&) {
    report = {.kind = error_kind::unavailable,
              .code = "out_of_memory",
              .reason = "the service has no memory for this",
              .detail = "std::bad_alloc",
              .violations = {}};
  } catch (const std::exception& failure) {
    report.detail = words_of(failure);
    append_nested(report.detail, failure);
  } catch (...) {  // described, not swallowed: its type is all there is to say
    report.detail = readable(abi::__cxa_current_exception_type());
  }
  return report;
}

}  // namespace

validation_error::validation_error(std::vector<violation> violations, std::string code)
    : error(error_kind::validation, std::move(code), summary_of(violations)), violations_(std::move(violations)) {}

int http_status(error_kind kind) noexcept {
  switch (kind) {
    case error_kind::domain:
    case error_kind::validation:
      return 400;
    case error_kind::unauthorized:
      return 401;
    case error_kind::forbidden:
      return 403;
    case error_kind::not_found:
      return 404;
    case error_kind::conflict:
    case error_kind::concurrency_conflict:
      return 409;
    case error_kind::rate_limited:
      return 429;
    case error_kind::unavailable:
    case error_kind::commit_unknown:
    case error_kind::cancelled:
      return 503;
    case error_kind::deadline_exceeded:
      return 504;
    case error_kind::internal:
      return 500;
  }
  return 500;
}

bool is_transient(error_kind kind) noexcept {
  switch (kind) {
    case error_kind::domain:
    case error_kind::validation:
    case error_kind::not_found:
    case error_kind::conflict:
    case error_kind::unauthorized:
    case error_kind::forbidden:
      return false;
    default:
      return true;
  }
}

error_report describe_current_exception() noexcept {
  try {
    return std::current_exception() ? describe_handled() : error_report{};
  } catch (const std::exception&) {
    return {};  // no memory to describe it: kind and code still hold
  }
}

error_report describe(std::exception_ptr exception) noexcept {
  if (!exception) return {};
  try {
    std::rethrow_exception(std::move(exception));
  } catch (...) {  // described for the caller
    return describe_current_exception();
  }
}

}  // namespace mamey::inline v1
