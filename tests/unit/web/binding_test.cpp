#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/decimal.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/rules.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/web/binding.hpp>
#include <mamey/web/problem.hpp>

namespace binding_types {

using namespace mamey;

enum class status { placed, delivered };

struct paging {
  std::int64_t page = 1;
  std::int64_t results = 10;
};

struct line {
  std::string sku;
  int quantity = 1;
};

struct browse {
  std::optional<uuid> customer_id;
  std::vector<std::string> tags;
  std::vector<status> states;
  std::optional<decimal> least;
  std::optional<timestamp> since;
  bool open = false;
  binding_types::paging paging;
};

struct create {
  uuid order_id = uuid("0190163d-8694-739b-aea5-966c26f8ad91");
  std::string customer;
  std::vector<line> lines;
  std::string tenant;
  static constexpr auto rules() { return mamey::all(mamey::field<&create::customer>.required().length(2, 10)); }
};

struct close_ticket {
  uuid ticket_id;
  std::optional<std::string> reason;
  uuid closing_id;
  static constexpr auto rules() { return mamey::all(mamey::field<&close_ticket::closing_id>.generated()); }
};

struct strict_query {
  int x = 0;
  static constexpr bool strict = true;
};

}  // namespace binding_types

namespace {

using namespace mamey;
using namespace binding_types;

http::request post(std::string_view target, std::string_view body, std::string_view type = "application/json") {
  const http::header_field headers[] = {{"Content-Type", type}, {"X-Tenant", "acme"}};
  return http::request::make(http_method::post, target, headers, body);
}

template <class T>
std::string violations_of(const http::request& request) {
  T value{};
  std::string text;
  for (const auto& each : web::bind(request, model_of<T>(), &value, {.body = web::body_of(request.method())}))
    text += each.path + ": " + each.code + "; ";
  return text;
}

int status_of(const auto& action) {
  try {
    action();
  } catch (const web::http_error& error) {
    return error.status();
  }
  return 0;
}

TEST(binding, a_query_string_fills_every_kind_of_member) {
  const auto request = http::request::make(http_method::get,
                                           "/orders?customerId=0190163d8694739baea5966c26f8ad91&tags=a&tags=b%20c&states=Placed&STATES="
                                           "delivered&least=20.50&since=2026-01-31T12:00:00Z&open=true&page=3");
  const auto bound = web::bind<browse>(request);
  EXPECT_EQ(bound.customer_id, uuid("0190163d-8694-739b-aea5-966c26f8ad91"));
  EXPECT_EQ(bound.tags, (std::vector<std::string>{"a", "b c"}));
  EXPECT_EQ(bound.states, (std::vector{status::placed, status::delivered}));
  EXPECT_EQ(to_string(bound.least.value()), "20.50") << "the scale is kept";
  EXPECT_TRUE(bound.since);
  EXPECT_TRUE(bound.open);
  EXPECT_EQ(bound.paging.page, 3) << "a nested struct's members stand flat";
  EXPECT_EQ(bound.paging.results, 10);
  EXPECT_EQ(web::bind<browse>(http::request::make(http_method::get, "/orders?paging.results=7")).paging.results, 7);
}

TEST(binding, what_is_absent_keeps_its_initialiser) {
  const auto bound = web::bind<browse>(http::request::make(http_method::get, "/orders"));
  EXPECT_FALSE(bound.customer_id);
  EXPECT_EQ(bound.paging.page, 1);
}

TEST(binding, the_route_wins_over_the_query_over_the_body) {
  auto request = post("/orders/x?customer=query&tenant=query",
                      R"({"customer":"body","tenant":"body","orderId":"11111111-1111-1111-1111-111111111111"})");
  request.mutable_parameters().push_back({"CUSTOMER", "route"});
  const auto bound = web::bind<create>(request);
  EXPECT_EQ(bound.customer, "route");
  EXPECT_EQ(bound.tenant, "query");
  EXPECT_EQ(bound.order_id, uuid("11111111-1111-1111-1111-111111111111"));
}

TEST(binding, every_violation_of_every_source_is_told_with_its_path) {
  auto request = post("/orders?customer=x", R"({"orderId":"none","lines":[{"sku":"a"},{"quantity":"three"}]})");
  EXPECT_EQ(violations_of<create>(request), "orderId: not_a_uuid; lines[1].quantity: not_an_integer; customer: too_short; ");
}

TEST(binding, a_required_member_may_come_from_any_source) {
  EXPECT_EQ(violations_of<create>(post("/orders", "{}")), "customer: required; ");
  EXPECT_EQ(violations_of<create>(post("/orders", "")), ": body_missing; customer: required; ");
  EXPECT_EQ(violations_of<create>(post("/orders?customer=acme", "{}")), "");
}

TEST(binding, a_text_that_does_not_fit_says_what_would) {
  browse value;
  const auto found = web::bind(http::request::make(http_method::get, "/?page=x&states=lost"), model_of<browse>(), &value);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].path, "page") << "as the parameter is called";
  EXPECT_NE(found[0].message.find("an integer"), std::string::npos) << found[0].message;
  EXPECT_NE(found[0].message.find("\"x\""), std::string::npos) << found[0].message;
  EXPECT_NE(found[1].message.find("placed, delivered"), std::string::npos) << found[1].message;
}

TEST(binding, a_key_that_comes_twice_is_refused_unless_it_fills_a_list) {
  EXPECT_EQ(violations_of<browse>(http::request::make(http_method::get, "/?page=1&page=2")), "page: duplicate; ");
  EXPECT_EQ(violations_of<create>(post("/", R"({"customer":"acme","Customer":"evil"})")), "customer: duplicate; ");
}

TEST(binding, a_list_of_anything_but_texts_may_stand_in_a_query_as_json) {
  EXPECT_EQ(web::bind<browse>(http::request::make(http_method::get, "/?states=[%22placed%22,1]")).states,
            (std::vector{status::placed, status::delivered}));
  EXPECT_TRUE(web::bind<browse>(http::request::make(http_method::get, "/?states=[]")).states.empty());
  EXPECT_EQ(web::bind<browse>(http::request::make(http_method::get, "/?tags=[a]")).tags, std::vector<std::string>{"[a]"})
      << "a text may begin so";
  EXPECT_EQ(violations_of<browse>(http::request::make(http_method::get, "/?states=[%22placed%22,%22x%22]")), "states[1]: unknown_value; ");
  EXPECT_EQ(violations_of<browse>(http::request::make(http_method::get, "/?states=[1,")), "states: malformed_json; ");
  EXPECT_EQ(violations_of<browse>(http::request::make(http_method::get, "/?states=placed&states=[1]")), "states: unknown_value; ")
      << "where a key is repeated each is one element";
}

TEST(binding, unknown_names_are_ignored_unless_the_type_is_strict) {
  EXPECT_EQ(violations_of<browse>(http::request::make(http_method::get, "/?utm=1")), "");
  EXPECT_EQ(violations_of<strict_query>(http::request::make(http_method::get, "/?y=1")), "y: unknown_member; ");
}

TEST(binding, malformed_json_is_one_violation) {
  for (const auto* body : {"{", "[]", "nul", R"({"customer":"ab"} x)", R"({"customer":"a)", "\xFF"}) {
    create value;
    const auto found = web::bind(post("/", body), model_of<create>(), &value);
    ASSERT_EQ(found.size(), 1U) << body;
    EXPECT_EQ(found[0].path, "") << body;
  }
}

TEST(binding, null_is_refused_where_nothing_can_be_empty_and_as_the_whole_body) {
  EXPECT_EQ(violations_of<create>(post("/", R"({"orderId":null,"customer":"ann","lines":[{"sku":"a","quantity":null}]})")),
            "orderId: not_a_uuid; lines[0].quantity: not_an_integer; ");
  EXPECT_EQ(violations_of<create>(post("/", "null")), ": not_an_object; ");
  EXPECT_EQ(violations_of<browse>(post("/", R"({"customerId":null,"least":null,"since":null,"open":false})")), "");
}

TEST(binding, a_text_in_a_url_is_utf_8_without_nul) {
  EXPECT_EQ(violations_of<create>(post("/?tenant=a%00b", R"({"customer":"ann"})")), "tenant: not_utf8; ");
  EXPECT_EQ(violations_of<create>(post("/?tenant=a%ff", R"({"customer":"ann"})")), "tenant: not_utf8; ");
  EXPECT_EQ(violations_of<browse>(post("/?tags=ok&tags=%c0%af", "{}")), "tags: not_utf8; ");
  EXPECT_EQ(violations_of<create>(post("/?tenant=%c5%bc", R"({"customer":"ann"})")), "");
}

TEST(binding, a_body_nested_deeper_than_may_be_read_is_one_violation) {
  EXPECT_EQ(violations_of<create>(post("/", R"({"customer":"ann","x":)" + std::string(64, '[') + std::string(64, ']') + "}")),
            ": too_deep; ");
}

TEST(binding, a_body_must_be_json_in_utf_8) {
  const auto bind_as = [](std::string_view type) { return status_of([&] { web::bind<create>(post("/?customer=acme", "{}", type)); }); };
  for (const auto* type :
       {"application/json", "Application/JSON; charset=UTF-8", "application/vnd.shop+json", "application/json;charset=\"utf-8\"",
        "application/json; charset=utf8", "application/json; charset=\"US-ASCII\"", "application/json; v=1; charset=utf-8"})
    EXPECT_EQ(bind_as(type), 0) << type;
  for (const auto* type : {"text/plain", "application/xml", "application/jsonp", "application/x-www-form-urlencoded",
                           "application/json; charset=utf-16", "application/json; v=1; charset=latin1", ""})
    EXPECT_EQ(bind_as(type), 415) << type;
  EXPECT_EQ(status_of([] { web::bind<create>(http::request::make(http_method::post, "/?customer=acme", {}, "{}")); }), 415)
      << "without a type it may come from any page that a browser shows";
  EXPECT_EQ(status_of([] {
              web::bind<create>(http::request::make(http_method::post, "/?customer=acme", {}, "{}"), {.body_without_type = true});
            }),
            0);
  EXPECT_EQ(violations_of<browse>(http::request::make(http_method::post, "/?tags=a&states=placed&open=true&page=1&results=1")), "")
      << "no body needs no type";
}

TEST(binding, without_a_body_only_what_may_be_absent_is) {
  const auto posted = [](std::string_view target) { return http::request::make(http_method::post, target); };
  EXPECT_EQ(violations_of<create>(posted("/")), ": body_missing; customer: required; ");
  create value;
  const auto found = web::bind(posted("/?customer=ann&tenant=acme"), model_of<create>(), &value);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].message, "must have a JSON body with orderId, lines; {} takes their defaults");
  EXPECT_EQ(violations_of<create>(post("/?customer=ann", "{}")), "");
  EXPECT_EQ(violations_of<close_ticket>(posted("/")), ": body_missing; ticketId: required; ");
  EXPECT_EQ(violations_of<close_ticket>(posted("/?ticketId=0190163d-8694-739b-aea5-966c26f8ad91")), "")
      << "a reason is optional, the number is generated";
}

TEST(binding, an_encoded_body_is_refused) {
  const auto bind_as = [](std::string_view coding) {
    const http::header_field headers[] = {{"Content-Type", "application/json"}, {"Content-Encoding", coding}};
    return status_of([&] { web::bind<create>(http::request::make(http_method::post, "/?customer=acme", headers, "{}")); });
  };
  EXPECT_EQ(bind_as("gzip"), 415);
  EXPECT_EQ(bind_as("Identity"), 0);
}

TEST(binding, a_body_of_get_and_delete_is_not_looked_at) {
  const http::header_field headers[] = {{"Content-Type", "text/plain"}};
  EXPECT_EQ(web::bind<browse>(http::request::make(http_method::get, "/?page=2", headers, "?")).paging.page, 2);
  EXPECT_EQ(web::bind<browse>(http::request::make(http_method::del, "/?page=2", headers, "?")).paging.page, 2);
}

}  // namespace
