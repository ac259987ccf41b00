#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/http/message.hpp>
#include <mamey/http/url.hpp>

namespace {

using namespace mamey;
using namespace std::string_literals;

TEST(http_headers, names_match_in_any_case) {
  const http::header_field fields[] = {{"Content-Type", "a"}, {"X-Tag", "1"}, {"x-tag", "2"}};
  EXPECT_EQ(http::find_header(fields, "content-type"), "a");
  EXPECT_EQ(http::find_header(fields, "X-TAG"), "1");
  EXPECT_EQ(http::find_header(fields, "X-Ta"), std::nullopt);
  EXPECT_EQ(http::count_headers(fields, "x-tag"), 2U);
}

TEST(http_headers, a_token_of_a_list_is_found_whole) {
  EXPECT_TRUE(http::list_contains("keep-alive, Close", "close"));
  EXPECT_TRUE(http::list_contains(" text/html;q=1 , application/json ;q=0.5", "application/json"));
  EXPECT_FALSE(http::list_contains("closed, not-close", "close"));
  EXPECT_FALSE(http::list_contains("", "close"));
}

TEST(http_headers, a_value_that_would_start_another_line_is_refused) {
  http::response response;
  for (const auto& value : {"a\r\nSet-Cookie: x"s, "a\nb"s, "a\rb"s, "a\0b"s, "\x7F"s}) {
    EXPECT_THROW(response.add_header("X-Note", value), std::invalid_argument);
    EXPECT_THROW(response.set_content_type(value), std::invalid_argument);
  }
  for (const auto* name : {"", "a b", "a:", "a\r\nb", "é"}) EXPECT_THROW(response.add_header(name, "v"), std::invalid_argument) << name;
  EXPECT_TRUE(response.headers().empty());
}

TEST(http_headers, framing_is_the_servers_business) {
  http::response response;
  for (const auto* name : {"Content-Length", "transfer-encoding", "Connection", "Date"})
    EXPECT_THROW(response.set_header(name, "1"), std::invalid_argument);
}

TEST(http_headers, setting_replaces_and_adding_repeats) {
  http::response response;
  response.add_header("X-A", "1").add_header("Vary", "Accept").add_header("x-a", " 2 ").set_header("X-A", "3").add_header("Vary", "Origin");
  EXPECT_EQ(response.headers().text(), "Vary: Accept\r\nX-A: 3\r\nVary: Origin\r\n");
  response.set_header("content-type", "text/plain");
  EXPECT_EQ(response.content_type(), "text/plain");
  EXPECT_EQ(response.header("Content-Type"), "text/plain");
}

TEST(http_request, splits_its_target) {
  const auto request = http::request::make(http_method::get, "/a%20b/../c%C3%A9?x=1&y=a%2Fb");
  EXPECT_EQ(request.path(), "/c\xC3\xA9");
  EXPECT_EQ(request.query(), "x=1&y=a%2Fb");
  EXPECT_EQ(request.target(), "/a%20b/../c%C3%A9?x=1&y=a%2Fb");
}

TEST(http_request, keeps_its_texts_when_moved) {
  const http::header_field fields[] = {{"X-Tenant", "acme"}};
  auto first = http::request::make(http_method::post, "/a/./b", fields, "body");
  const auto second = std::move(first);
  EXPECT_EQ(second.path(), "/a/b");
  EXPECT_EQ(second.body(), "body");
  EXPECT_EQ(second.header("x-tenant"), "acme");
  EXPECT_EQ(second.method(), http_method::post);
}

TEST(http_request, absolute_form_must_agree_with_host) {
  const http::header_field shop[] = {{"Host", "shop:80"}};
  EXPECT_EQ(http::request::make(http_method::get, "http://SHOP:80/orders?x", shop).path(), "/orders");
  EXPECT_EQ(http::request::make(http_method::get, "http://shop:80", shop).path(), "/");
  EXPECT_EQ(http::request::make(http_method::get, "http://shop/", shop).path(), "/") << "80 is http's port";
  EXPECT_EQ(http::request::make(http_method::get, "HTTPS://shop:80/a", shop).path(), "/a") << "TLS may have ended before us";
  const http::header_field plain[] = {{"Host", "shop"}};
  EXPECT_EQ(http::request::make(http_method::get, "http://shop:80/a", plain).path(), "/a");
  EXPECT_EQ(http::request::make(http_method::get, "https://shop:443", plain).path(), "/");
  EXPECT_THROW(http::request::make(http_method::get, "https://shop:80/", plain), std::invalid_argument);
  EXPECT_THROW(http::request::make(http_method::get, "https://shop/", shop), std::invalid_argument);
  EXPECT_THROW(http::request::make(http_method::get, "http://other/orders", shop), std::invalid_argument);
  EXPECT_THROW(http::request::make(http_method::get, "http://user@shop:80/orders", shop), std::invalid_argument);
  EXPECT_THROW(http::request::make(http_method::get, "ftp://shop:80/", shop), std::invalid_argument);
  EXPECT_THROW(http::request::make(http_method::get, "orders", shop), std::invalid_argument);
}

TEST(http_request, an_asterisk_is_for_options_only) {
  EXPECT_EQ(http::request::make(http_method::options, "*").path(), "*");
  EXPECT_THROW(http::request::make(http_method::get, "*"), std::invalid_argument);
}

TEST(http_url, the_path_is_decoded_and_resolved_or_refused) {
  const auto resolved = [](std::string_view raw) {
    std::string scratch;
    const auto path = http::resolve_path(raw, scratch);
    return path ? std::string(*path) : "refused"s;
  };
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"/", "/"},
      {"/a/b", "/a/b"},
      {"/a/", "/a/"},
      {"//a", "//a"},
      {"/%41", "/A"},
      {"/a%2e", "/a."},
      {"/a+b", "/a+b"},
      {"/a/../b", "/b"},
      {"/../../b", "/b"},
      {"/a/.", "/a/"},
      {"/a/..", "/"},
      {"/a/./b", "/a/b"},
      {"/%2e%2e/b", "/b"},
      {"/a/.%2E/b", "/b"},
      {"/..a/.b", "/..a/.b"},
      {"/...", "/..."},
      {"/a//../b", "/a/b"},
      {"/..", "/"},
      {"/.", "/"},
      {"/.hidden", "/.hidden"},
      {"/%252e%252e/b", "/%2e%2e/b"},
      {"/a%2Fb", "refused"},
      {"/a%2fb", "refused"},
      {"/a%5Cb", "refused"},
      {"/a\\b", "refused"},
      {"/a%00", "refused"},
      {"/%", "refused"},
      {"/%4", "refused"},
      {"/%zz", "refused"},
      {"", "refused"},
      {"a", "refused"},
  };
  for (const auto& [raw, expected] : cases) EXPECT_EQ(resolved(raw), expected) << raw;
}

TEST(http_url, a_query_is_walked_decoded) {
  http::query_reader query("a=1&&b=x+y%26z&flag&c=%zz&=v&d=a=b");
  std::vector<std::pair<std::string, std::string>> pairs;
  while (query.next()) pairs.emplace_back(query.name(), query.value());
  const std::vector<std::pair<std::string, std::string>> expected{{"a", "1"},   {"b", "x y&z"}, {"flag", ""},
                                                                  {"c", "%zz"}, {"", "v"},      {"d", "a=b"}};
  EXPECT_EQ(pairs, expected);
}

TEST(http_url, addresses_are_understood_or_refused) {
  const auto full = http::url_parts::parse("HTTP://pricing:5003/orders/1?x=2#part");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->host, "pricing");
  EXPECT_EQ(full->port, 5003);
  EXPECT_EQ(full->target, "/orders/1?x=2");
  EXPECT_EQ(full->authority(), "pricing:5003");
  EXPECT_EQ(http::url_parts::parse("localhost:5003")->target, "/");
  EXPECT_EQ(http::url_parts::parse("localhost?x")->target, "/?x");
  EXPECT_EQ(http::url_parts::parse("https://a")->port, 443);
  EXPECT_EQ(http::url_parts::parse("http://[::1]:80/")->host, "::1");
  EXPECT_EQ(http::url_parts::parse("http://[::1]:81/")->authority(), "[::1]:81");
  for (const auto* text : {"", "http://", "ftp://a", "http://u@a", "http://a:0", "http://a:65536", "http://a:x", "http://a b",
                           "http://a/\r\n", "http://[::1", "http://a:", "http:///x"}) {
    EXPECT_FALSE(http::url_parts::parse(text)) << text;
  }
}

TEST(http_url, encoding_round_trips) {
  const auto text = "a b/c?&=+%\xC3\xA9~"s;
  EXPECT_EQ(http::percent_encoded(text), "a%20b%2Fc%3F%26%3D%2B%25%C3%A9~");
  std::string back;
  EXPECT_TRUE(http::percent_decode(back, http::percent_encoded(text)));
  EXPECT_EQ(back, text);
  EXPECT_FALSE(http::percent_decode(back, "%4"));
}

}  // namespace
