#pragma once

/// @file
/// Stops statements on the server whose callers have given up. libpq's own way waits for the server's answer on a thread, for ever where the
/// server is frozen; so the request is a statement on another session, which nobody waits for.

#include <memory>
#include <string>
#include <vector>

namespace mamey::inline v1::postgres_detail {

class pool;

class statement_stopper {
 public:
  /// Before it is needed: whose connections take the requests.
  void use(const std::shared_ptr<pool>& through) { through_ = through; }
  /// Stops what the server's process `backend` runs, if it is one of `texts`. On a fiber; does not suspend.
  void stop(int backend, std::vector<std::string> texts) const noexcept;

 private:
  std::weak_ptr<pool> through_;
};

}  // namespace mamey::inline v1::postgres_detail
