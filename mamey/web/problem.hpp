#pragma once

/// @file
/// For features and services.
/// The one shape of every error answer: `{"code","reason","message","traceId","errors":[{"path","code","message"}]}`.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/http/message.hpp>

namespace mamey::inline v1::web {

/// An error with a status of HTTP's own: 404, 405, 406, 413, 415, 429, 431, …
class http_error : public error {
 public:
  http_error(int status, std::string code, const std::string& reason);
  int status() const noexcept { return status_; }
  /// A field that the answer carries: a challenge, what would be accepted instead.
  http_error&& with_header(std::string name, std::string value) && {
    headers_.emplace_back(std::move(name), std::move(value));
    return std::move(*this);
  }
  const std::vector<std::pair<std::string, std::string>>& headers() const noexcept { return headers_; }

 private:
  int status_;
  std::vector<std::pair<std::string, std::string>> headers_;
};

/// Replaces the response by the report; its status follows from the kind (`http_status`). `application/json`, or `application/problem+json`
/// with the same members for those who accept it. The trace id is the ambient context's.
void write_error(http::response& response, const error_report& report, const http::request& request);
/// With a status of its own.
void write_error(http::response& response, int status, const error_report& report, const http::request& request);

/// Answers the exception being handled; call it inside a `catch`. Never throws. An `http_error` keeps its status. What is not of the error
/// family becomes 500 without detail; returns the report, whose detail is for the log.
error_report write_current_exception(http::response& response, const http::request& request) noexcept;

/// `{"code":…}` as text; an empty trace id is left out.
std::string error_body(const error_report& report, std::string_view trace_id);

}  // namespace mamey::inline v1::web
