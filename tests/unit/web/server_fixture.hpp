#pragma once

#include <functional>
#include <string>
#include <utility>

#include <mamey/runtime/runtime.hpp>
#include <mamey/web/server.hpp>

#include "raw_client.hpp"

namespace mamey_test {

/// A handler made of a function.
struct function_handler final : mamey::web::handler {
  using function = std::function<void(mamey::http::request&, mamey::http::response&)>;
  explicit function_handler(function answers) : run(std::move(answers)) {}
  void handle(mamey::http::request& request, mamey::http::response& response) override { run(request, response); }
  bool answers_under_overload(const mamey::http::request& request) const override { return request.path() == essential; }
  function run;
  std::string essential;  ///< the path that is answered under overload
};

/// A server on a free port of the loopback, with two loops.
class running_server {
 public:
  explicit running_server(function_handler::function answers, mamey::web::server_options options = {}, int threads = 2)
      : runtime({.threads = threads}), handler(std::move(answers)), server(runtime, on_free_port(std::move(options)), handler) {
    server.start();
    port = server.addresses().front().port;
  }

  raw_client connect() const { return raw_client(port); }

  mamey::runtime runtime;
  function_handler handler;
  mamey::web::http_server server;
  std::uint16_t port = 0;

 private:
  static mamey::web::server_options on_free_port(mamey::web::server_options options) {
    options.urls = {"http://127.0.0.1:0"};
    return options;
  }
};

/// Waits, without sleeping a fixed time, until something becomes true; false after 5 s.
bool eventually(const std::function<bool()>& condition);

inline void echo(mamey::http::request& request, mamey::http::response& response) {
  response.set_body("text/plain",
                    std::string(request.method_text()) + " " + std::string(request.path()) + " " + std::string(request.body()));
}

}  // namespace mamey_test
