#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <mamey/core/json.hpp>
#include <mamey/core/rules.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/web/openapi.hpp>

namespace openapi_types {

enum class colour { red, green };

struct tree {
  std::string label;
  std::vector<tree> children;
  std::optional<colour> leaf;
};

struct paging {
  int page = 1;
  std::string order_by, sort_order;
};

struct change {
  mamey::uuid id;
  std::string name;
  std::optional<std::string> note;
  std::vector<std::string> tags;
  std::uint8_t level = 0;
  mamey::decimal price;
  std::chrono::sys_days day;
  std::map<std::string, int> counts;
  static constexpr bool strict = true;
  static constexpr auto rules() {
    return mamey::all(mamey::field<&change::name>.required().pattern("[a-z]+"), mamey::field<&change::note>.one_of("a", "b"),
                      mamey::field<&change::tags>.length(1, 3), mamey::field<&change::price>.at_least("0.01"));
  }
};

struct Error {  // a name that the document itself has a use for
  int number = 0;
};

struct search {
  mamey::uuid id;
  std::optional<colour> hue;
  std::vector<int> sizes;
  openapi_types::paging paging;
};

}  // namespace openapi_types

namespace {

using namespace mamey;
using namespace openapi_types;

/// The part of the document that begins after `from`, for as long as `expected` is.
void expect_part(const std::string& document, const std::string& from, const std::string& expected) {
  const auto at = document.find(from);
  ASSERT_NE(at, std::string::npos) << from << " is not in " << document;
  EXPECT_EQ(document.substr(at + from.size(), expected.size()), expected);
}

std::string document_of(std::vector<web::documented_endpoint> endpoints) {
  const auto text = web::write_openapi({.title = "test", .version = "1"}, endpoints);
  EXPECT_TRUE(json::is_valid(text)) << text;
  return text;
}

TEST(openapi, rules_and_types_become_facets) {
  const auto document =
      document_of({{.method = http_method::post, .pattern = "/things", .name = "change", .input = &model_of<change>(), .status = 204}});
  expect_part(document, R"("id":)", R"({"type":"string","format":"uuid"})");
  expect_part(document, R"("name":)", R"({"type":"string","pattern":"^(?:[a-z]+)$"})");
  expect_part(document, R"("note":)", R"({"type":["string","null"],"enum":["a","b",null]})");
  expect_part(document, R"("tags":)", R"({"type":"array","items":{"type":"string"},"maxItems":3,"minItems":1})");
  expect_part(document, R"("level":)", R"({"type":"integer","maximum":255,"minimum":0})");
  expect_part(document, R"("price":)", R"({"type":"number","format":"decimal","minimum":0.01})");
  expect_part(document, R"("day":)", R"({"type":"string","format":"date"})");
  expect_part(document, R"("counts":)", R"({"type":"object","additionalProperties":{"type":"integer","format":"int32"}})");
  expect_part(document, R"("required":["id","name","tags"])", R"(,"additionalProperties":false)");
}

TEST(openapi, who_may_ask_is_shown) {
  const auto document = document_of({{.pattern = "/open", .name = "open"},
                                     {.pattern = "/mine", .name = "mine", .needs_user = true},
                                     {.pattern = "/refunds", .name = "refunds", .needs_user = true, .needs_role = true}});
  expect_part(document, R"("operationId":"open","summary":"Open",)", R"("responses":{"200":{"description":"OK"},"default":)");
  const std::string refused = R"({"$ref":"#/components/responses/Error"})";
  const std::string signed_in = R"("security":[{"Bearer":[]}],"responses":{"200":{"description":"OK"},"401":)" + refused;
  expect_part(document, R"("operationId":"mine","summary":"Mine",)", signed_in + R"(,"default":)");
  expect_part(document, R"("operationId":"refunds","summary":"Refunds",)", signed_in + R"(,"403":)" + refused);
  expect_part(document, R"("securitySchemes":)", R"({"Bearer":{"type":"http")");
}

TEST(openapi, a_type_may_contain_itself) {
  const auto document = document_of({{.pattern = "/tree", .name = "get", .result = &model_of<tree>()}});
  expect_part(
      document, R"("tree":)",
      R"({"type":"object","properties":{"label":{"type":"string"},"children":{"type":"array","items":{"$ref":"#/components/schemas/tree"}})");
  expect_part(document, R"("leaf":)", R"({"anyOf":[{"$ref":"#/components/schemas/colour"},{"type":"null"}]})");
  expect_part(document, R"("colour":)", R"({"type":"string","enum":["red","green"]})");
}

TEST(openapi, what_the_path_brings_is_neither_query_nor_body) {
  const auto document =
      document_of({{.pattern = "/things/{id:guid}", .name = "search", .input = &model_of<search>()},
                   {.method = http_method::put, .pattern = "things/{thingId}", .name = "other"},
                   {.method = http_method::patch, .pattern = "/things/{id}", .name = "change", .input = &model_of<change>()}});
  expect_part(document, R"("/things/{id}":)",
              R"({"get":{"operationId":"search","summary":"Search","parameters":[)"
              R"({"name":"id","in":"path","required":true,"schema":{"type":"string","format":"uuid"}},)"
              R"({"name":"hue","in":"query","schema":{"$ref":"#/components/schemas/colour"}},)"
              R"({"name":"sizes","in":"query","schema":{"type":"array","items":{"type":"integer","format":"int32"}}},)"
              R"({"name":"page","in":"query","schema":{"type":"integer","format":"int32"}},)"
              R"({"name":"orderBy","in":"query","schema":{"type":"string"}},)"
              R"({"name":"sortOrder","in":"query","schema":{"type":"string"}}])");
  expect_part(document, R"("put":)", R"({"operationId":"other","summary":"Other","parameters":[{"name":"id","in":"path")");
  expect_part(document, R"("requestBody":{"required":true,"content":{"application/json":{"schema":)",
              R"({"type":"object","properties":{"name")");
  EXPECT_EQ(document.find("thingId"), std::string::npos) << "paths that differ in names only are one path";
}

TEST(openapi, an_optional_segment_makes_two_paths_and_names_stay_unique) {
  const auto document = document_of(
      {{.pattern = "/things/{page?}", .name = "browse"}, {.method = http_method::post, .pattern = "/things", .name = "browse"}});
  expect_part(document, R"("paths":)", R"({"/things/{page}":{"get":{"operationId":"browse",)");
  expect_part(document, R"("/things":{"get":)", R"({"operationId":"browse2")");
  expect_part(document, R"("post":)", R"({"operationId":"browse3")");
}

TEST(openapi, an_optional_result_may_be_404_and_text_is_text) {
  const auto document = document_of({{.pattern = "/a", .name = "a", .result = &model_of<std::optional<tree>>()},
                                     {.pattern = "/b", .name = "b", .result = &model_of<std::string>()}});
  expect_part(
      document, R"("/a":)",
      R"({"get":{"operationId":"a","summary":"A","responses":{"200":{"description":"OK","content":{"application/json":{"schema":{"$ref":"#/components/schemas/tree"}}}},"404":)");
  expect_part(
      document, R"("/b":)",
      R"({"get":{"operationId":"b","summary":"B","responses":{"200":{"description":"OK","content":{"text/plain":{"schema":{"type":"string"}}}},"default":)");
}

TEST(openapi, what_may_be_sorted_by_is_listed) {
  const auto document = document_of({{.pattern = "/things", .name = "search", .input = &model_of<search>(), .order_by = {"id", "madeAt"}}});
  expect_part(document, R"({"name":"orderBy",)", R"("in":"query","schema":{"type":"string","enum":["id","madeAt"]}})");
  expect_part(document, R"({"name":"sortOrder",)", R"("in":"query","schema":{"type":"string","enum":["asc","desc"]}})");
}

TEST(openapi, the_shape_of_an_error_is_there_and_a_type_of_that_name_as_well) {
  const auto document = document_of({{.pattern = "/errors", .name = "list_errors", .result = &model_of<Error>()}});
  expect_part(document, R"("Error":{"type":"object",)", R"("required":["code","reason","message"])");
  expect_part(document, R"("content":{"application/json":{"schema":)", R"({"$ref":"#/components/schemas/openapi_types.Error"})");
  expect_part(document, R"("openapi_types.Error":)", R"({"type":"object","properties":{"number")");
  expect_part(document, R"("description":"What went wrong, for programs and for people",)",
              R"("content":{"application/json":{"schema":{"$ref":"#/components/schemas/Error"}}})");
}

TEST(openapi, an_operation_has_words_and_the_document_a_server) {
  const std::vector<web::documented_endpoint> endpoints{
      {.pattern = "/a", .name = "CreateOrder"}, {.pattern = "/b", .name = "create_order"}, {.pattern = "/c", .name = "GetURL"}};
  const auto document = web::write_openapi({.title = "test", .version = "1"}, endpoints, "../..");
  expect_part(document, R"("operationId":"CreateOrder",)", R"("summary":"Create order")");
  expect_part(document, R"("operationId":"create_order",)", R"("summary":"Create order")");
  expect_part(document, R"("operationId":"GetURL",)", R"("summary":"Get URL")");
  expect_part(document, R"("servers":)", R"([{"url":"../.."}])");
  expect_part(document, R"("security":)", "[]");
  EXPECT_NE(document_of({}).find(R"("servers":[{"url":"."}])"), std::string::npos);
}

}  // namespace
