#include <mamey/core/error.hpp>

#include <gtest/gtest.h>

#include <mamey/core/uuid.hpp>

namespace {

template <class Exception>
mamey::error_report report_of(const Exception& exception) {
  try {
    throw exception;
  } catch (...) {
    return mamey::describe_current_exception();
  }
}

TEST(error, a_reason_is_filled_with_values) {
  const mamey::conflict failure("order_exists", "order {order_id} already exists, {} times {{so far}}",
                                mamey::uuid("0190163d-8694-739b-aea5-966c26f8ad91"), 3);
  EXPECT_EQ(failure.reason(), "order 0190163d-8694-739b-aea5-966c26f8ad91 already exists, 3 times {so far}");
  EXPECT_EQ(failure.code(), "order_exists");
  EXPECT_EQ(failure.kind(), mamey::error_kind::conflict);
}

TEST(error, the_kind_decides_status_and_retry) {
  using enum mamey::error_kind;
  const std::tuple<mamey::error_kind, int, bool> expected[] = {
      {domain, 400, false},        {validation, 400, false},          {not_found, 404, false},
      {conflict, 409, false},      {concurrency_conflict, 409, true}, {unauthorized, 401, false},
      {forbidden, 403, false},     {rate_limited, 429, true},         {unavailable, 503, true},
      {commit_unknown, 503, true}, {deadline_exceeded, 504, true},    {cancelled, 503, true},
      {internal, 500, true},
  };
  for (const auto& [kind, status, transient] : expected) {
    EXPECT_EQ(mamey::http_status(kind), status);
    EXPECT_EQ(mamey::is_transient(kind), transient) << status;
  }
}

TEST(error, the_family_is_described_to_the_client) {
  const auto report = report_of(mamey::not_found("no_order", "there is no order {}", 7));
  EXPECT_EQ(report.kind, mamey::error_kind::not_found);
  EXPECT_EQ(report.code, "no_order");
  EXPECT_EQ(report.reason, "there is no order 7");
}

TEST(error, violations_are_described_as_well) {
  const auto report =
      report_of(mamey::validation_error({{"lines[0].sku", "required", "is required"}, {"total", "too_small", "must be at least 1"}}));
  EXPECT_EQ(report.kind, mamey::error_kind::validation);
  EXPECT_EQ(report.code, "validation_failed");
  EXPECT_EQ(report.reason, "lines[0].sku: is required (and 1 more)");
  EXPECT_EQ(report.violations.size(), 2U);
}

TEST(error, other_exceptions_are_detailed_in_the_log_only) {
  const auto report = report_of(std::runtime_error("password is hunter2"));
  EXPECT_EQ(report.kind, mamey::error_kind::internal);
  EXPECT_EQ(report.code, "internal_error");
  EXPECT_EQ(report.reason, "an unexpected error");
  EXPECT_EQ(report.detail, "std::runtime_error: password is hunter2");
}

TEST(error, the_family_is_detailed_by_its_words_and_others_with_their_type) {
  struct own : mamey::conflict {
    own() : mamey::conflict("own", "mine") {}
  };
  EXPECT_EQ(report_of(mamey::unavailable("database_unavailable", "it is away")).detail, "it is away");
  EXPECT_TRUE(report_of(own()).detail.ends_with("own: mine")) << report_of(own()).detail;
}

TEST(error, what_is_no_exception_class_is_named_by_its_type) { EXPECT_EQ(report_of(42).detail, "int"); }

TEST(error, the_causes_of_nested_exceptions_are_in_the_detail) {
  std::exception_ptr outer;
  try {
    try {
      throw std::out_of_range("inner");
    } catch (const std::exception&) {
      std::throw_with_nested(std::runtime_error("outer"));
    }
  } catch (...) {
    outer = std::current_exception();
  }
  const auto detail = mamey::describe(outer).detail;
  EXPECT_NE(detail.find("outer; caused by std::out_of_range: inner"), std::string::npos) << detail;
}

TEST(error, describing_nothing_is_harmless) {
  EXPECT_EQ(mamey::describe(nullptr).code, "internal_error");
  EXPECT_EQ(mamey::describe_current_exception().code, "internal_error");
}

}  // namespace
