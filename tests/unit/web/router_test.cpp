#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/web/problem.hpp>
#include <mamey/web/router.hpp>

#include "../observability/log_capture.hpp"

namespace {

using namespace mamey;

/// Routes whose handlers answer with their pattern and parameters.
web::router make_router(std::vector<std::pair<http_method, std::string>> patterns) {
  std::vector<web::route> routes;
  for (auto& [method, pattern] : patterns) {
    routes.push_back({.method = method, .pattern = pattern, .handle = [](http::request& request, http::response& response) {
                        auto text = std::string(request.route());
                        for (const auto& each : request.parameters()) text.append(" ").append(each.name).append("=").append(each.value);
                        response.set_body("text/plain", text);
                      }});
  }
  return web::router(std::move(routes));
}

http::response ask(web::router& router, http_method method, std::string_view target) {
  auto request = http::request::make(method, target);
  http::response response;
  router.handle(request, response);
  return response;
}

std::string body_of(web::router& router, std::string_view target, http_method method = http_method::get) {
  return ask(router, method, target).body();
}

std::string refusal(std::vector<web::route> routes) {
  try {
    web::router router(std::move(routes));
  } catch (const error& e) {
    return e.code() + ": " + e.reason();
  }
  return "";
}

TEST(router, finds_literals_in_any_case_and_with_a_trailing_slash) {
  auto router = make_router({{http_method::get, "/orders"}, {http_method::get, "ping"}, {http_method::get, "/"}});
  for (const auto* target : {"/orders", "/Orders", "/ORDERS/", "/orders?x=1", "/x/../orders", "/%6Frders"})
    EXPECT_EQ(body_of(router, target), "/orders") << target;
  EXPECT_EQ(body_of(router, "/ping"), "ping");
  EXPECT_EQ(body_of(router, "/"), "/");
  for (const auto* target : {"/order", "/orderss", "/orders/1", "/orders//", "//orders", "/orders/x/"})
    EXPECT_EQ(ask(router, http_method::get, target).status(), 404) << target;
}

TEST(router, a_literal_beats_a_constrained_parameter_beats_a_parameter_beats_a_rest) {
  auto router = make_router({{http_method::get, "/o/{*rest}"},
                             {http_method::get, "/o/{name}"},
                             {http_method::get, "/o/{id:int}"},
                             {http_method::get, "/o/{key:guid}"},
                             {http_method::get, "/o/special"}});
  EXPECT_EQ(body_of(router, "/o/special"), "/o/special");
  EXPECT_EQ(body_of(router, "/o/42"), "/o/{id:int} id=42");
  EXPECT_EQ(body_of(router, "/o/99999999999"), "/o/{name} name=99999999999") << "beyond 32 bits is no int";
  EXPECT_EQ(body_of(router, "/o/0190163d-8694-739b-aea5-966c26f8ad91"), "/o/{key:guid} key=0190163d-8694-739b-aea5-966c26f8ad91");
  EXPECT_EQ(body_of(router, "/o/x"), "/o/{name} name=x");
  EXPECT_EQ(body_of(router, "/o/x/y"), "/o/{*rest} rest=x/y");
  EXPECT_EQ(body_of(router, "/o"), "/o/{*rest}");
}

TEST(router, goes_back_when_the_better_beginning_leads_nowhere) {
  auto router = make_router(
      {{http_method::get, "/a/b/c"}, {http_method::get, "/a/{x}/d"}, {http_method::get, "/{y}/b/{z}/e"}, {http_method::get, "/{*all}"}});
  EXPECT_EQ(body_of(router, "/a/b/c"), "/a/b/c");
  EXPECT_EQ(body_of(router, "/a/b/d"), "/a/{x}/d x=b");
  EXPECT_EQ(body_of(router, "/a/b/q/e"), "/{y}/b/{z}/e y=a z=q");
  EXPECT_EQ(body_of(router, "/a/b/q/f"), "/{*all} all=a/b/q/f");
}

TEST(router, a_pattern_without_the_method_gives_way_to_one_that_has_it) {
  auto router = make_router({{http_method::get, "/orders/special"}, {http_method::post, "/orders/{id}"}});
  EXPECT_EQ(body_of(router, "/orders/special", http_method::post), "/orders/{id} id=special");
  const auto refused = ask(router, http_method::put, "/orders/special");
  EXPECT_EQ(refused.status(), 405);
  EXPECT_EQ(refused.header("Allow"), "GET, HEAD, POST, OPTIONS");
}

TEST(router, an_optional_last_segment_may_be_missing_and_is_then_absent) {
  auto router = make_router({{http_method::get, "/list/{kind}/{page?}"}, {http_method::get, "/list/{kind}/{page}/x"}});
  EXPECT_EQ(body_of(router, "/list/all"), "/list/{kind}/{page?} kind=all");
  EXPECT_EQ(body_of(router, "/list/all/3"), "/list/{kind}/{page?} kind=all page=3");
}

TEST(router, parameters_are_decoded_and_never_hold_a_slash) {
  auto router = make_router({{http_method::get, "/files/{name}"}});
  EXPECT_EQ(body_of(router, "/files/a%20b%3F"), "/files/{name} name=a b?");
  EXPECT_THROW(http::request::make(http_method::get, "/files/..%2Fsecret"), std::invalid_argument);
}

TEST(router, answers_404_and_405_in_the_one_shape) {
  auto router = make_router({{http_method::post, "/orders"}});
  const auto missing = ask(router, http_method::get, "/nowhere");
  EXPECT_EQ(missing.status(), 404);
  EXPECT_EQ(missing.content_type(), "application/json");
  EXPECT_EQ(missing.body(),
            R"({"code":"route_not_found","reason":"there is nothing at /nowhere","message":"there is nothing at /nowhere","errors":[]})");
  const auto wrong = ask(router, http_method::get, "/orders");
  EXPECT_EQ(wrong.status(), 405);
  EXPECT_EQ(wrong.header("Allow"), "POST, OPTIONS");
  EXPECT_NE(wrong.body().find("method_not_allowed"), std::string::npos);
}

TEST(router, answers_head_by_get_and_options_by_itself) {
  auto router = make_router({{http_method::get, "/a"}, {http_method::put, "/a"}});
  EXPECT_EQ(body_of(router, "/a", http_method::head), "/a");
  const auto options = ask(router, http_method::options, "/a");
  EXPECT_EQ(options.status(), 204);
  EXPECT_EQ(options.header("Allow"), "GET, HEAD, PUT, OPTIONS");
  EXPECT_EQ(ask(router, http_method::options, "*").header("Allow"), "GET, HEAD, PUT, OPTIONS");
}

TEST(router, turns_what_a_handler_throws_into_an_answer) {
  std::vector<web::route> routes;
  const auto add = [&](std::string pattern, auto thrower) {
    routes.push_back({.pattern = std::move(pattern), .handle = [thrower](http::request&, http::response& response) {
                        response.set_status(201).set_header("X-Half", "done").body() = "half";
                        thrower();
                      }});
  };
  add("/domain", [] { throw domain_error("empty_order", "an order needs a line"); });
  add("/conflict", [] { throw conflict("order_exists", "order {} exists", 7); });
  add("/http", [] { throw web::http_error(415, "unsupported", "no"); });
  add("/std", [] { throw std::runtime_error("password=secret"); });
  add("/int", [] { throw 42; });
  add("/sql", [] { throw internal_error("sql_error", "no relation \"a\" in \"select secret from a\""); });
  add("/away", [] { throw unavailable("database_unreachable", "cannot connect to secret@db.internal"); });
  add("/own", [] { throw web::http_error(501, "not_here", "not on this node"); });
  web::router router(std::move(routes));

  const std::pair<const char*, int> expected[] = {{"/domain", 400}, {"/conflict", 409}, {"/http", 415}, {"/std", 500},
                                                  {"/int", 500},    {"/sql", 500},      {"/away", 503}, {"/own", 501}};
  for (const auto& [target, status] : expected) {
    const auto answer = ask(router, http_method::get, target);
    EXPECT_EQ(answer.status(), status) << target;
    EXPECT_FALSE(answer.header("X-Half")) << "nothing of the unfinished answer is left";
    EXPECT_EQ(answer.body().find("secret"), std::string::npos);
  }
  EXPECT_NE(ask(router, http_method::get, "/domain").body().find(R"("code":"empty_order","reason":"an order needs a line")"),
            std::string::npos);
  EXPECT_NE(ask(router, http_method::get, "/sql").body().find(R"("code":"sql_error","reason":"an unexpected error")"), std::string::npos);
  EXPECT_NE(ask(router, http_method::get, "/away").body().find(R"("code":"database_unreachable","reason":"something)"), std::string::npos);
  EXPECT_NE(ask(router, http_method::get, "/own").body().find("not on this node"), std::string::npos);
}

TEST(router, who_is_not_signed_in_is_told_how) {
  web::router router(
      {{.pattern = "/mine", .handle = [](http::request&, http::response&) { throw unauthorized("unauthorized", "sign in"); }}});
  const auto answer = ask(router, http_method::get, "/mine");
  EXPECT_EQ(answer.status(), 401);
  EXPECT_EQ(answer.header("WWW-Authenticate"), "Bearer");
}

TEST(router, an_error_may_bring_fields_along) {
  web::router router(
      {{.pattern = "/key", .handle = [](http::request&, http::response&) {
          throw web::http_error(401, "no_key", "a key is missing").with_header("WWW-Authenticate", "ApiKey").with_header("X-More", "1");
        }}});
  const auto answer = ask(router, http_method::get, "/key");
  EXPECT_EQ(answer.status(), 401);
  EXPECT_EQ(answer.header("WWW-Authenticate"), "ApiKey");
  EXPECT_EQ(answer.header("X-More"), "1");
}

TEST(router, a_method_that_nobody_knows_is_not_implemented_and_one_of_http_is_not_allowed) {
  auto router = make_router({{http_method::get, "/a"}});
  const auto status_of = [&](std::string_view method) {
    http::request request;
    EXPECT_TRUE(request.assign({.method = method, .target = "/a", .body = {}, .peer = {}, .headers = {}}));
    http::response response;
    router.handle(request, response);
    return response.status();
  };
  const log_capture lines;
  for (const auto* method : {"FOO", "get", "PROPFIND"}) EXPECT_EQ(status_of(method), 501) << method;
  EXPECT_TRUE(lines.records().empty()) << "any client can do that as often as it likes";
  for (const auto* method : {"TRACE", "CONNECT", "DELETE"}) EXPECT_EQ(status_of(method), 405) << method;
}

TEST(router, problem_json_is_for_those_who_accept_it) {
  auto router = make_router({});
  const http::header_field accept[] = {{"Accept", "text/html"}, {"Accept", "application/problem+json, application/json"}};
  for (std::size_t first = 0; first < 2; ++first) {
    auto request = http::request::make(http_method::get, "/x", std::span(accept).subspan(first));
    http::response response;
    router.handle(request, response);
    EXPECT_EQ(response.content_type(), "application/problem+json") << "all fields of that name are one list";
  }
}

TEST(router, refuses_two_routes_for_the_same_requests_naming_both_places) {
  EXPECT_EQ(refusal({{.pattern = "/orders/{id}", .name = "GetOrder", .place = "module orders"},
                     {.pattern = "/Orders/{orderId}/", .name = "ReadOrder", .place = "module archive"}}),
            "route_conflict: GET /orders/{id} for GetOrder (module orders) and GET /Orders/{orderId}/ for ReadOrder (module archive) match "
            "the same requests");
  EXPECT_NE(refusal({{.pattern = "/list"}, {.pattern = "/list/{page?}"}}), "");
  EXPECT_NE(refusal({{.pattern = "/{*a}"}, {.pattern = "/{*b}"}}), "");
  EXPECT_EQ(refusal({{.pattern = "/a/{x:int}"},
                     {.pattern = "/a/{x:guid}"},
                     {.pattern = "/a/{x}"},
                     {.pattern = "/a/x"},
                     {.method = http_method::post, .pattern = "/a/x"}}),
            "");
}

TEST(router, refuses_patterns_that_are_none) {
  const std::pair<const char*, const char*> cases[] = {{"/a/{id", "whole segment"},
                                                       {"/a/x{id}", "whole segment"},
                                                       {"/a/{}", "a name of letters"},
                                                       {"/a/{id:uuid}", "constraint uuid is unknown"},
                                                       {"/{a?}/b", "only the last"},
                                                       {"/{*a}/b", "only the last"},
                                                       {"/{a}/{A}", "comes twice"},
                                                       {"/a//b", "two slashes"},
                                                       {"/a?b", "decoded"},
                                                       {"/{a-b}", "a name of letters"},
                                                       {"/{*a?}", "neither"}};
  for (const auto& [pattern, why] : cases) {
    const auto told = refusal({{.pattern = pattern, .place = "module m"}});
    EXPECT_NE(told.find("route_invalid"), std::string::npos) << pattern;
    EXPECT_NE(told.find(why), std::string::npos) << pattern << ": " << told;
    EXPECT_NE(told.find("module m"), std::string::npos);
  }
}

TEST(router, many_literals_are_told_apart) {
  std::vector<std::pair<http_method, std::string>> patterns;
  for (int i = 0; i < 300; ++i)
    patterns.emplace_back(http_method::get, "/route" + std::to_string(i * 7919 % 1000) + "x" + std::to_string(i));
  auto router = make_router(patterns);
  for (const auto& [method, pattern] : patterns) EXPECT_EQ(body_of(router, pattern), pattern);
}

}  // namespace
