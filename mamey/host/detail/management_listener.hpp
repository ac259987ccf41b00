#pragma once

/// @file
/// Management where nobody else is served: listeners of its own, on the loop that runs no handlers.

#include <atomic>
#include <string>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/host/detail/options.hpp>
#include <mamey/runtime/tls.hpp>
#include <mamey/web/server.hpp>

namespace mamey::inline v1 {

class runtime;

/// Throws configuration_error, with its place, for a url of `management:urls` that is none or that takes in an address of the service.
void check_management_urls(const management_options& options, const web::server_options& service, const configuration& values);

class management_listener {
 public:
  /// The runtime outlives the listener.
  management_listener(runtime& on, const management_options& options, const tls_options& tls);

  /// What answers from now on; it outlives the listener. Any thread.
  void answer_with(web::handler& answers) noexcept { answers_.target = &answers; }
  /// Before `start`; see http_server.
  void belongs_to(const std::string& application) { server_.belongs_to(application); }
  /// After the first `answer_with`. Throws as http_server::start.
  void start() { server_.start(); }
  std::vector<web::endpoint> addresses() const { return server_.addresses(); }
  const web::http_server& server() const noexcept { return server_; }
  /// Lets requests under way end, for a second at most.
  void close();

 private:
  struct exchanged final : web::handler {
    void handle(http::request& request, http::response& response) override { target.load()->handle(request, response); }
    bool answers_under_overload(const http::request&) const override {
      return true;
    }  // the bounds are few requests, all of them an operator's
    std::atomic<web::handler*> target{nullptr};
  };

  exchanged answers_;
  web::http_server server_;
};

}  // namespace mamey::inline v1
