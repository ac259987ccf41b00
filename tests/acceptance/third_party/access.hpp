#pragma once

/// Who asks, and from which page.

#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include <mamey/core/configuration.hpp>
#include <mamey/feature/composition.hpp>
#include <mamey/http/message.hpp>
#include <mamey/runtime/context.hpp>

namespace acme {

// snippet authentication
/// Believes the header `X-Acme-User: ann admin`: a name, then roles.
struct header_authentication {
  void install(mamey::composition& into) const {
    into.filter_requests(mamey::request_stage::authenticate, "acme header", [](const mamey::environment&) -> mamey::request_filter {
      return [](mamey::http::request& request, mamey::http::response&, const mamey::next_step& next) {
        if (const auto given = request.header("X-Acme-User")) mamey::current_context().user = principal_of(*given);
        next();
      };
    });
  }

 private:
  static std::shared_ptr<const mamey::principal> principal_of(std::string_view given);
};
// end authentication

inline std::shared_ptr<const mamey::principal> header_authentication::principal_of(std::string_view given) {
  auto who = std::make_shared<mamey::principal>();
  std::istringstream words{std::string(given)};
  words >> who->id;
  for (std::string role; words >> role;) who->roles.push_back(role);
  return who;
}

// snippet cors
/// Lets pages of one origin call: answers preflights early, and marks every answer, errors included.
struct cors {
  void install(mamey::composition& into) const {
    into.filter_requests(mamey::request_stage::protect, "acme cors", [](const mamey::environment& around) -> mamey::request_filter {
      return [origin = around.configuration->find("acmeCors:origin").value_or("https://acme.example")](
                 mamey::http::request& request, mamey::http::response& response, const mamey::next_step& next) {
        if (request.method() == mamey::http_method::options && request.header("Access-Control-Request-Method")) {
          response.set_status(204).set_header("Access-Control-Allow-Methods", "GET, POST");
        } else {
          next();
        }
        response.set_header("Access-Control-Allow-Origin", origin);  // afterwards: an error replaces the answer with its headers
      };
    });
  }
};
// end cors

}  // namespace acme
