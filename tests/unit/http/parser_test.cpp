#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/http/parser.hpp>

namespace {

using namespace mamey;
using namespace std::string_literals;
using http::message_parser;

constexpr http::parse_limits small_limits{.start_line = 64, .header_bytes = 200, .headers = 5, .body = 40};

/// What a reader made of some bytes.
struct outcome {
  message_parser::state state{};
  int status = 0;
  std::string code;
  std::size_t consumed = 0;
  std::string first, second, body;
  std::vector<std::pair<std::string, std::string>> headers;
  bool keep_alive = false;
  friend bool operator==(const outcome&, const outcome&) = default;
};

std::ostream& operator<<(std::ostream& out, const outcome& o) {
  return out << "state " << static_cast<int>(o.state) << " status " << o.status << " " << o.code << " consumed " << o.consumed << " body '"
             << o.body << "'";
}

/// Feeds the bytes in the given portions, each in memory of exactly its size, so that a sanitizer sees every step too far.
outcome read_in(const std::vector<std::size_t>& ends, const std::string& text, message_parser::role role, const http::parse_limits& limits,
                bool ends_stream = false) {
  message_parser parser(role, limits);
  std::vector<char> buffer;
  std::size_t taken = 0;
  for (const auto end : ends) {
    std::vector<char> grown(buffer);
    grown.insert(grown.end(), text.begin() + static_cast<std::ptrdiff_t>(taken), text.begin() + static_cast<std::ptrdiff_t>(end));
    buffer = std::move(grown);
    taken = end;
    if (parser.advance(buffer) >= message_parser::state::complete) break;
  }
  if (ends_stream && parser.current() < message_parser::state::complete) parser.finish();
  outcome result{.state = parser.current()};
  if (result.state == message_parser::state::failed) {
    result.status = parser.failure().status;
    result.code = parser.failure().code;
  }
  if (result.state == message_parser::state::complete) {
    parser.locate(buffer);
    result.consumed = parser.consumed();
    result.first = parser.method();
    result.second = parser.target();
    result.body = parser.body();
    result.keep_alive = parser.keep_alive();
    for (const auto& each : parser.headers()) result.headers.emplace_back(each.name, each.value);
    if (role == message_parser::role::response) result.status = parser.status();
  }
  return result;
}

/// The outcome, which must be the same however the bytes arrive.
outcome read(const std::string& text, const http::parse_limits& limits = {}, message_parser::role role = message_parser::role::request,
             bool ends_stream = false) {
  const auto whole = read_in({text.size()}, text, role, limits, ends_stream);
  for (std::size_t split = 1; split < text.size(); ++split)
    EXPECT_EQ(read_in({split, text.size()}, text, role, limits, ends_stream), whole) << "split at " << split << " of " << text;
  std::vector<std::size_t> singly;
  for (std::size_t i = 1; i <= text.size(); ++i) singly.push_back(i);
  EXPECT_EQ(read_in(singly, text, role, limits, ends_stream), whole) << "byte by byte: " << text;
  return whole;
}

TEST(http_parser, a_request_is_read_whatever_the_split) {
  const auto text = "GET /orders?page=2 HTTP/1.1\r\nHost: shop\r\nX-Empty:\r\nX-Padded: \t a b \t\r\n\r\n"s;
  const auto request = read(text + "GET /next HTTP/1.1\r\n");
  EXPECT_EQ(request.state, message_parser::state::complete);
  EXPECT_EQ(request.first, "GET");
  EXPECT_EQ(request.second, "/orders?page=2");
  EXPECT_EQ(request.consumed, text.size());
  EXPECT_TRUE(request.keep_alive);
  const std::vector<std::pair<std::string, std::string>> expected{{"Host", "shop"}, {"X-Empty", ""}, {"X-Padded", "a b"}};
  EXPECT_EQ(request.headers, expected);
}

TEST(http_parser, a_counted_body_ends_where_it_says) {
  const auto head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"s;
  const auto request = read(head + "helloGET");
  EXPECT_EQ(request.body, "hello");
  EXPECT_EQ(request.consumed, head.size() + 5);
  EXPECT_EQ(read(head + "hell").state, message_parser::state::body);
}

TEST(http_parser, a_chunked_body_is_joined) {
  const auto head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"s;
  const auto chunks = "5;name=\"v a l\"\r\nhello\r\nA\r\n, chunked!\r\n00\r\nTrailer: x\r\n\r\n"s;
  const auto request = read(head + chunks + "GET");
  EXPECT_EQ(request.state, message_parser::state::complete);
  EXPECT_EQ(request.body, "hello, chunked!");
  EXPECT_EQ(request.consumed, (head + chunks).size());
  EXPECT_EQ(request.headers.size(), 2U) << "a trailer must not become a header";
}

TEST(http_parser, squeezing_between_reads_changes_nothing) {
  const auto text = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\nT: 1\r\n\r\nGET"s;
  message_parser parser(message_parser::role::request, {});
  std::vector<char> buffer;
  auto largest = buffer.size();
  std::size_t fed = 0;
  for (; fed < text.size() && parser.current() != message_parser::state::complete; ++fed) {
    buffer.push_back(text[fed]);
    ASSERT_NE(parser.advance(buffer), message_parser::state::failed);
    if (parser.current() != message_parser::state::complete) buffer.resize(parser.squeeze(buffer));
    largest = std::max(largest, buffer.size());
  }
  ASSERT_EQ(parser.current(), message_parser::state::complete);
  parser.locate(buffer);
  EXPECT_EQ(parser.body(), "abcdefg");
  EXPECT_EQ(fed, text.size() - 3);
  EXPECT_LT(largest, text.size() - 15) << "what chunks left behind is given back";
}

TEST(http_parser, one_empty_line_before_a_request_is_tolerated_but_not_two) {
  EXPECT_EQ(read("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").first, "GET");
  EXPECT_EQ(read("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").status, 400);
}

TEST(http_parser, hosts_as_clients_write_them) {
  for (const auto* host :
       {"", "a", "A-b.example_1", "a:", "a:80", "127.0.0.1:5000", "[::1]", "[::1]:5000", "[::ffff:127.0.0.1]:80", "xn--bcher-kva.example"})
    EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: "s + host + "\r\n\r\n").state, message_parser::state::complete) << host;
}

TEST(http_parser, a_later_minor_version_is_read_as_1_1) {
  EXPECT_EQ(read("GET / HTTP/1.2\r\nHost: a\r\n\r\n").state, message_parser::state::complete);
  EXPECT_TRUE(read("GET / HTTP/1.9\r\nHost: a\r\n\r\n").keep_alive);
  EXPECT_EQ(read("GET / HTTP/1.2\r\n\r\n").status, 400) << "with what 1.1 demands";
}

TEST(http_parser, keep_alive_follows_version_and_connection) {
  EXPECT_TRUE(read("GET / HTTP/1.1\r\nHost: a\r\n\r\n").keep_alive);
  EXPECT_FALSE(read("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n").keep_alive);
  EXPECT_FALSE(read("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(read("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
  EXPECT_FALSE(read("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n").keep_alive);
}

struct refusal {
  std::string name;
  std::string text;
  int status;
};

std::ostream& operator<<(std::ostream& out, const refusal& r) { return out << r.name; }

std::string with(const std::string& fields, const std::string& body = "") {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
}
std::string chunked(const std::string& body) { return with("Transfer-Encoding: chunked\r\n", body); }

class http_framing : public testing::TestWithParam<refusal> {};

TEST_P(http_framing, is_refused_whatever_the_split) {
  const auto result = read(GetParam().text);
  EXPECT_EQ(result.state, message_parser::state::failed) << GetParam().name;
  EXPECT_EQ(result.status, GetParam().status) << GetParam().name << ": " << result.code;
}

const refusal refusals[] = {
    // Two lengths
    {"length_and_chunked", with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
    {"chunked_and_length", with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), 400},
    {"differing_lengths", with("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"), 400},
    {"equal_lengths", with("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400},
    {"list_of_lengths", with("Content-Length: 5, 5\r\n", "hello"), 400},
    // Content-Length that is no plain number
    {"length_with_plus", with("Content-Length: +5\r\n", "hello"), 400},
    {"length_with_minus", with("Content-Length: -5\r\n", "hello"), 400},
    {"length_with_underscore", with("Content-Length: 1_0\r\n", "helloworld"), 400},
    {"length_in_hex", with("Content-Length: 0x5\r\n", "hello"), 400},
    {"length_empty", with("Content-Length: \r\n", ""), 400},
    {"length_word", with("Content-Length: five\r\n", ""), 400},
    {"length_with_space_inside", with("Content-Length: 1 0\r\n", "helloworld"), 400},
    {"length_beyond_63_bits", with("Content-Length: 9223372036854775808\r\n"), 400},
    {"length_wraps_64_bits", with("Content-Length: 18446744073709551621\r\n", "hello"), 400},
    {"length_with_many_zeros", with("Content-Length: 0000000000000000000005\r\n", "hello"), 400},
    // Transfer-Encoding that is not exactly chunked
    {"encoding_gzip_chunked", with("Transfer-Encoding: gzip, chunked\r\n"), 501},
    {"encoding_chunked_gzip", with("Transfer-Encoding: chunked, gzip\r\n"), 501},
    {"encoding_comma_chunked", with("Transfer-Encoding: ,chunked\r\n"), 501},
    {"encoding_chunked_comma", with("Transfer-Encoding: chunked,\r\n"), 501},
    {"encoding_xchunked", with("Transfer-Encoding: xchunked\r\n"), 501},
    {"encoding_chunked_twice_in_a_list", with("Transfer-Encoding: chunked, chunked\r\n"), 501},
    {"encoding_identity", with("Transfer-Encoding: identity\r\n"), 501},
    {"encoding_quoted", with("Transfer-Encoding: \"chunked\"\r\n"), 501},
    {"encoding_with_parameter", with("Transfer-Encoding: chunked;q=1\r\n"), 501},
    {"encoding_empty", with("Transfer-Encoding:\r\n"), 501},
    {"encoding_with_vertical_tab", with("Transfer-Encoding: \vchunked\r\n"), 400},
    {"encoding_with_no_break_space", with("Transfer-Encoding: \xA0"s + "chunked\r\n"), 501},
    {"encoding_with_next_line", with("Transfer-Encoding: \x85"s + "chunked\r\n"), 501},
    {"two_encodings", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
    {"encoding_then_unknown", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"), 400},
    {"encoding_in_http_1_0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"space_before_the_colon_of_encoding", with("Transfer-Encoding : chunked\r\n"), 400},
    // Chunk sizes
    {"chunk_size_with_0x", chunked("0x5\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_size_with_plus", chunked("+5\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_size_with_minus", chunked("-5\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_size_with_underscore", chunked("1_0\r\n0123456789abcdef\r\n0\r\n\r\n"), 400},
    {"chunk_size_after_space", chunked(" 5\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_size_before_space", chunked("5 \r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_size_before_tab", chunked("5\t\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_size_empty", chunked("\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_size_overflows", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_size_longest_prefix", chunked("5g\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_size_semicolon_only", chunked(";a\r\nhello\r\n0\r\n\r\n"), 400},
    // Chunk lines
    {"chunk_line_ends_with_lf", chunked("5\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_line_ends_with_cr", chunked("5\rhello\r\n0\r\n\r\n"), 400},
    {"chunk_extension_with_lf", chunked("5;a\nb\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_extension_with_cr", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_extension_with_quoted_lf", chunked("5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_extension_with_nul", chunked("5;a="s + '\0' + "\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_extension_after_space", chunked("5 ;a\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_extension_too_long", chunked("5;" + std::string(300, 'a') + "\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_data_then_lf", chunked("5\r\nhello\n0\r\n\r\n"), 400},
    {"chunk_data_then_cr_cr", chunked("5\r\nhello\r\r0\r\n\r\n"), 400},
    {"chunk_data_too_long", chunked("5\r\nhello!\r\n0\r\n\r\n"), 400},
    {"chunk_data_too_short", chunked("5\r\nhell\r\n0\r\n\r\n"), 400},
    {"last_chunk_followed_by_other_bytes", chunked("0\r\nXX\r\n\r\n"), 400},
    {"last_chunk_followed_by_lf", chunked("0\r\n\n"), 400},
    {"last_chunk_ends_with_lf", chunked("0\n\r\n"), 400},
    {"trailer_folded", chunked("0\r\n a: b\r\n\r\n"), 400},
    {"trailer_without_colon", chunked("0\r\nGET / HTTP/1.1\r\n\r\n"), 400},
    {"trailer_ends_with_lf", chunked("0\r\na: b\n\r\n"), 400},
    // Names
    {"header_without_colon", with("Name\r\n"), 400},
    {"header_without_name", with(": value\r\n"), 400},
    {"header_with_space_before_colon", with("Name : value\r\n"), 400},
    {"header_with_tab_before_colon", with("Name\t: value\r\n"), 400},
    {"header_with_space_in_name", with("Na me: value\r\n"), 400},
    {"header_with_non_token", with("Na(me: value\r\n"), 400},
    {"header_with_high_byte", with("Na\xC3\xA9: value\r\n"), 400},
    {"header_with_nul_in_name", with("Na"s + '\0' + "me: v\r\n"), 400},
    {"header_folded", with("Name: value\r\n more\r\n"), 400},
    {"header_folded_by_tab", with("Name: value\r\n\tmore\r\n"), 400},
    {"first_header_folded", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
    {"line_of_spaces_before_the_end", with(" \r\n"), 400},
    // Values
    {"value_with_nul", with("Name: a"s + '\0' + "b\r\n"), 400},
    {"value_with_cr", with("Name: a\rb\r\n"), 400},
    {"value_with_lf", with("Name: a\nb: c\r\n"), 400},
    {"value_with_del", with("Name: a\x7F\r\n"), 400},
    {"value_with_two_cr", with("Name: a\r\r\n"), 400},
    {"head_ends_with_lf_lf", "GET / HTTP/1.1\nHost: a\n\n", 400},
    {"head_ends_with_crlf_lf", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
    // Request line
    {"two_spaces_before_target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"two_spaces_after_target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"tab_in_request_line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"space_at_the_start", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"space_at_the_end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
    {"request_line_ends_with_lf", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
    {"request_line_with_cr", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"without_version", "GET /\r\nHost: a\r\n\r\n", 400},
    {"without_target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"version_in_lower_case", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
    {"version_1_10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
    {"version_257_1", "GET / HTTP/257.1\r\nHost: a\r\n\r\n", 400},
    {"version_prefix", "GET / XHTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"version_0_9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
    {"version_2_0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
    {"http_2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"method_not_a_token", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"method_endless", std::string(33, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
    {"target_with_high_byte", "GET /\xC3\xA9 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"target_with_nul", "GET /"s + '\0' + " HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"target_with_fragment", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"tls_hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03\r\n"s, 400},
    // Host
    {"host_missing", "GET / HTTP/1.1\r\n\r\n", 400},
    {"host_twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
    {"host_twice_in_http_1_0", "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", 400},
    {"host_with_user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
    {"host_with_path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"host_with_space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
    {"host_list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
    {"host_with_letters_for_a_port", "GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n", 400},
    {"host_with_two_ports", "GET / HTTP/1.1\r\nHost: a:80:90\r\n\r\n", 400},
    {"host_of_brackets", "GET / HTTP/1.1\r\nHost: [[[\r\n\r\n", 400},
    {"host_with_text_behind_brackets", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", 400},
    {"host_in_brackets_that_is_no_address", "GET / HTTP/1.1\r\nHost: [name]\r\n\r\n", 400},
    {"host_with_escapes", "GET / HTTP/1.1\r\nHost: %00a%zz\r\n\r\n", 400},
    {"host_with_an_endless_port", "GET / HTTP/1.1\r\nHost: a:000080\r\n\r\n", 400},
    {"unknown_expectation", with("Expect: 200-ok\r\n"), 417},
};

INSTANTIATE_TEST_SUITE_P(, http_framing, testing::ValuesIn(refusals), [](const auto& tested) { return tested.param.name; });

TEST(http_parser, limits_hold_exactly) {
  const auto line = [](std::size_t size) { return "GET /" + std::string(size - 14, 'a') + " HTTP/1.1\r\n"; };
  EXPECT_EQ(read(line(64) + "Host: a\r\n\r\n", small_limits).state, message_parser::state::complete);
  EXPECT_EQ(read(line(65) + "Host: a\r\n\r\n", small_limits).status, 414);
  EXPECT_EQ(read("GET /" + std::string(200, 'a'), small_limits).status, 414) << "before the line has an end";

  const auto fields = [](int count) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 1; i < count; ++i) text += "a: b\r\n";
    return text + "\r\n";
  };
  EXPECT_EQ(read(fields(5), small_limits).state, message_parser::state::complete);
  EXPECT_EQ(read(fields(6), small_limits).status, 431);
  EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(170, 'x') + "\r\n\r\n", small_limits).state,
            message_parser::state::complete);
  EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(190, 'x') + "\r\n\r\n", small_limits).status, 431);
  EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(300, 'x'), small_limits).status, 431) << "before the line has an end";

  EXPECT_EQ(read(with("Content-Length: 40\r\n", std::string(40, 'b')), small_limits).state, message_parser::state::complete);
  EXPECT_EQ(read(with("Content-Length: 41\r\n"), small_limits).status, 413) << "before the body has come";
  EXPECT_EQ(read(chunked("14\r\n" + std::string(20, 'b') + "\r\n14\r\n" + std::string(20, 'b') + "\r\n0\r\n\r\n"), small_limits).state,
            message_parser::state::complete);
  EXPECT_EQ(read(chunked("14\r\n" + std::string(20, 'b') + "\r\n15\r\n"), small_limits).status, 413);
  EXPECT_EQ(read(chunked("FFFFFFFFFFFFFFF\r\n"), small_limits).status, 413);
  EXPECT_EQ(read(chunked("0\r\n" + std::string(300, 't')), small_limits).status, 431);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 6; ++i) trailers += "t: v\r\n";
  EXPECT_EQ(read(chunked(trailers + "\r\n"), small_limits).status, 431);
}

TEST(http_parser, extensions_of_many_chunks_are_bounded_together) {
  std::string body;
  for (int i = 0; i < 100; ++i) body += "1;" + std::string(200, 'e') + "\r\nx\r\n";
  message_parser parser(message_parser::role::request, {});
  auto text = chunked(body);
  EXPECT_EQ(parser.advance(text), message_parser::state::failed);
}

// ── Responses ──

outcome read_response(const std::string& text, bool ends_stream = false) {
  return read(text, {}, message_parser::role::response, ends_stream);
}

TEST(http_parser, a_response_is_read_by_length_by_chunks_and_to_the_end_of_the_stream) {
  EXPECT_EQ(read_response("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP").body, "hi");
  EXPECT_EQ(read_response("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n").body, "hi");
  const auto endless = read_response("HTTP/1.1 200 OK\r\n\r\nto the end", true);
  EXPECT_EQ(endless.body, "to the end");
  EXPECT_FALSE(endless.keep_alive);
  EXPECT_EQ(read_response("HTTP/1.1 200 OK\r\n\r\nto the end").state, message_parser::state::body);
}

TEST(http_parser, a_response_cut_short_is_no_response) {
  EXPECT_EQ(read_response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", true).state, message_parser::state::failed);
  EXPECT_EQ(read_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n", true).state,
            message_parser::state::failed);
  EXPECT_EQ(read_response("HTTP/1.1 200 OK\r\nContent-Le", true).state, message_parser::state::failed);
}

TEST(http_parser, responses_without_a_body_end_with_their_header) {
  EXPECT_EQ(read_response("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello").body, "");
  EXPECT_EQ(read_response("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n").state, message_parser::state::complete);
  EXPECT_EQ(read_response("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK").consumed, 25U);
  message_parser parser(message_parser::role::response, {});
  parser.expect_no_body();
  auto text = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"s;
  EXPECT_EQ(parser.advance(text), message_parser::state::complete);
}

TEST(http_parser, malformed_responses_are_refused) {
  for (const auto* text :
       {"HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 099 X\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n"}) {
    EXPECT_EQ(read_response(text).state, message_parser::state::failed) << text;
  }
}

}  // namespace
