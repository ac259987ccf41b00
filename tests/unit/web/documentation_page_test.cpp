#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <mamey/core/gzip.hpp>
#include <mamey/web/detail/page_files.hpp>
#include <mamey/web/documentation_page.hpp>

namespace {

using namespace mamey;

struct answer {
  http::response response;
  std::string header(std::string_view name) const { return std::string(response.header(name).value_or("(none)")); }
};

answer get(web::router& router, std::string_view target, std::vector<http::header_field> headers = {}) {
  auto request = http::request::make(http_method::get, target, headers);
  answer given;
  router.handle(request, given.response);
  return given;
}

class documentation_page : public testing::Test {
 protected:
  web::router router{web::documentation_page_routes({.pattern = "/docs", .document = "/openapi.json", .title = "Orders & <more>"})};
};

TEST_F(documentation_page, runs_nothing_but_its_own_files) {
  const auto page = get(router, "/docs");
  ASSERT_EQ(page.response.status(), 200);
  EXPECT_EQ(page.response.content_type(), "text/html; charset=utf-8");
  const auto policy = page.header("Content-Security-Policy");
  for (const auto* part :
       {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"}) {
    EXPECT_NE(policy.find(part), std::string::npos) << part << " is not in " << policy;
  }
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_EQ(page.header("X-Content-Type-Options"), "nosniff");
  const auto& html = page.response.body();
  EXPECT_NE(html.find("<title>Orders &amp; &lt;more></title>"), std::string::npos) << html;
  EXPECT_EQ(html.find("://"), std::string::npos) << html;
  EXPECT_EQ(html.find("style="), std::string::npos) << html;
}

TEST_F(documentation_page, files_come_packed_to_whom_takes_that_and_plain_to_others) {
  const std::string file = "/docs/swagger-ui.css";
  const auto plain = get(router, file);
  ASSERT_EQ(plain.response.status(), 200);
  EXPECT_EQ(plain.response.content_type(), "text/css; charset=utf-8");
  EXPECT_EQ(plain.header("Content-Encoding"), "(none)");
  EXPECT_EQ(plain.header("Vary"), "Accept-Encoding");
  EXPECT_NE(plain.response.body().find(".swagger-ui"), std::string::npos);

  for (const auto* accepted : {"gzip", "br, GZIP;q=0.5", "*", "x-gzip", "identity;q=0, *;q=1"}) {
    const auto packed = get(router, file, {{"Accept-Encoding", accepted}});
    EXPECT_EQ(packed.header("Content-Encoding"), "gzip") << accepted;
    EXPECT_EQ(packed.header("Vary"), "Accept-Encoding");
    EXPECT_TRUE(unpacked_gzip(packed.response.body()) == plain.response.body()) << accepted;
    EXPECT_NE(packed.header("ETag"), plain.header("ETag"));
  }
  for (const auto* refused : {"", "br", "gzip;q=0", "gzip; q=0.000, *", "*;q=0"}) {
    EXPECT_EQ(get(router, file, {{"Accept-Encoding", refused}}).header("Content-Encoding"), "(none)") << refused;
  }
  EXPECT_EQ(get(router, file, {{"Accept-Encoding", "br"}, {"accept-encoding", "gzip"}}).header("Content-Encoding"), "gzip")
      << "two fields are one list";
}

TEST_F(documentation_page, what_the_client_has_is_not_sent_again) {
  for (const auto* path : {"/docs", "/docs/swagger-ui-bundle.js", "/docs/start.js", "/docs/page.css", "/docs/favicon-32x32.png"}) {
    const auto first = get(router, path, {{"Accept-Encoding", "gzip"}});
    ASSERT_EQ(first.response.status(), 200) << path;
    EXPECT_EQ(first.header("Cache-Control"), "no-cache");
    const auto tag = first.header("ETag");
    for (const auto& known : {tag, "\"other\", W/" + tag, std::string("*")}) {
      const auto again = get(router, path, {{"Accept-Encoding", "gzip"}, {"If-None-Match", known}});
      EXPECT_EQ(again.response.status(), 304) << path << " " << known;
      EXPECT_EQ(again.header("ETag"), tag);
      EXPECT_TRUE(again.response.body().empty());
    }
    EXPECT_EQ(get(router, path, {{"Accept-Encoding", "gzip"}, {"If-None-Match", "\"other\""}}).response.status(), 200) << path;
  }
  const auto packed = get(router, "/docs/start.js", {{"Accept-Encoding", "gzip"}}).header("ETag");
  EXPECT_EQ(get(router, "/docs/start.js", {{"If-None-Match", packed}}).response.status(), 200) << "packed is not what this client takes";
}

TEST_F(documentation_page, a_slash_behind_it_leads_to_where_its_files_are) {
  const auto beside = get(router, "/docs/");
  EXPECT_EQ(beside.response.status(), 308);
  EXPECT_EQ(beside.header("Location"), "../docs");
}

TEST(documentation_pages, refer_to_everything_relatively) {
  const auto html = [](std::string pattern, std::string document) {
    web::router router(web::documentation_page_routes({.pattern = pattern, .document = std::move(document), .title = "t"}));
    return get(router, pattern).response.body();
  };
  const auto expect = [](const std::string& page, const std::string& script, const std::string& document) {
    EXPECT_NE(page.find("<script src=\"" + script + "\" data-document=\"" + document + "\">"), std::string::npos) << page;
  };
  expect(html("/docs", "/openapi.json"), "./docs/start.js", "./openapi.json");
  expect(html("/", "/v1/swagger.json"), "./start.js", "./v1/swagger.json");
  expect(html("/api/docs", "/api/docs/Orders \"API\" v1/swagger.json"), "./docs/start.js", "./docs/Orders%20%22API%22%20v1/swagger.json");
  expect(html("/api/docs", "/openapi.json"), "./docs/start.js", "../openapi.json");
}

TEST(documentation_pages, a_build_without_the_page_says_so_and_where_the_document_is) {
  web::router router(web::detail::page_routes({.pattern = "/docs", .document = "/openapi.json", .title = "t"}, {}));
  const auto page = get(router, "/docs");
  EXPECT_EQ(page.response.status(), 404);
  EXPECT_NE(page.response.body().find("page_left_out"), std::string::npos) << page.response.body();
  EXPECT_NE(page.response.body().find("MAMEY_DOCS_PAGE=OFF"), std::string::npos);
  EXPECT_NE(page.response.body().find("/openapi.json"), std::string::npos);
}

}  // namespace
