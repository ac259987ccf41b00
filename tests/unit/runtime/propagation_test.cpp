#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <mamey/runtime/active_span.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/propagation.hpp>

namespace {

using namespace mamey;
using cells = std::vector<std::string>;

// ── The table ──

std::string quoted(std::string_view text) { return '`' + std::string(text) + '`'; }

std::string word_of(propagation::incoming how) {
  return how == propagation::incoming::always ? "always" : how == propagation::incoming::trusted ? "trusted" : "never";
}
std::string word_of(propagation::outgoing how) { return how == propagation::outgoing::always ? "always" : "never"; }

cells in_words(const propagation::row& row) {
  auto http = row.http_header.empty() ? "–" : quoted(row.http_header);
  if (!row.second_http_header.empty()) http += ", else " + quoted(row.second_http_header);
  std::string message = "–";
  if (row.in_message == propagation::place::attribute) message = "attribute " + std::string(row.message_name);
  if (row.in_message == propagation::place::header)
    message = row.message_name.empty() ? "those headers" : "header " + quoted(row.message_name);
  return {std::string(row.name),  http, word_of(row.from_http), word_of(row.to_http), message, word_of(row.from_message),
          word_of(row.to_message)};
}

std::vector<cells> documented() {
  std::ifstream file(MAMEY_DOCS "/observability.md");
  std::vector<cells> rows;
  std::string line;
  while (std::getline(file, line) && line != "## What travels with the work") {}
  while (std::getline(file, line) && !line.starts_with("## ")) {
    if (!line.starts_with("| ") || line.starts_with("| what |")) continue;
    cells row;
    std::istringstream parts(line.substr(1));
    for (std::string cell; std::getline(parts, cell, '|');) {
      const auto begin = cell.find_first_not_of(' ');
      row.push_back(begin == std::string::npos ? std::string() : cell.substr(begin, cell.find_last_not_of(' ') - begin + 1));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

TEST(propagation, the_table_of_the_guide_is_the_table_of_the_code) {
  const auto shown = documented();
  ASSERT_EQ(shown.size(), propagation::table.size());
  for (std::size_t i = 0; i < shown.size(); ++i) EXPECT_EQ(shown[i], in_words(propagation::table[i])) << shown[i].front();
}

struct given_headers final : propagation::source {
  std::vector<std::pair<std::string, std::string>> headers;
  void each_header(function_ref<void(std::string_view, std::string_view)> visit) const override {
    for (const auto& [name, value] : headers) visit(name, value);
  }
};

/// A value that each row accepts.
std::string sample_of(propagation::item what) {
  switch (what) {
    case propagation::item::trace:
      return "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    case propagation::item::tracestate:
      return "rojo=1";
    case propagation::item::baggage:
      return "tier=gold";
    case propagation::item::correlation_context:
      return R"({"correlationId":"three"})";
    case propagation::item::deadline:
      return "100";
    default:
      return "sample";
  }
}

bool holds(const ambient_context& context, propagation::item what) {
  switch (what) {
    case propagation::item::trace:
      return context.trace.trace_id_text() == "0af7651916cd43dd8448eb211c80319c";
    case propagation::item::tracestate:
      return context.tracestate == "rojo=1";
    case propagation::item::correlation_id:
      return context.correlation_id == "sample" || context.correlation_id == "three";
    case propagation::item::causation_id:
      return context.causation_id == "sample";
    case propagation::item::baggage:
      return context.baggage.contains("tier");
    case propagation::item::tenant:
      return context.tenant == "sample";
    case propagation::item::user:
      return context.user != nullptr;
    case propagation::item::correlation_context:
      return !context.correlation_context.empty();
    case propagation::item::forwarded:
      return !context.foreign_headers.empty();
    case propagation::item::deadline:
      return context.deadline.has_value();
  }
  return false;
}

TEST(propagation, a_request_brings_what_the_table_says) {
  given_headers all;
  for (const auto& row : propagation::table) {
    if (!row.http_header.empty()) all.headers.emplace_back(row.http_header, sample_of(row.what));
  }
  for (const bool trusted : {false, true}) {
    ambient_context context;
    context.tenant = "of the request before";
    propagation::receive_request(context, all,
                                 {.correlation_context_header = "Correlation-Context",
                                  .root = {},
                                  .trusts_caller = [trusted](const propagation::row&) { return trusted; }},
                                 steady_now());
    for (const auto& row : propagation::table) {
      const bool accepted = row.from_http == propagation::incoming::always || (trusted && row.from_http == propagation::incoming::trusted);
      EXPECT_EQ(holds(context, row.what), accepted) << row.name << (trusted ? ", trusted" : "");
    }
    EXPECT_EQ(context.tenant, trusted ? "sample" : "") << "nothing is left over";
  }
}

TEST(propagation, a_tenant_is_one_text_that_stores_and_logs_can_take) {
  const auto tenant_of = [](std::vector<std::string> values) {
    given_headers given;
    for (auto& each : values) given.headers.emplace_back("x-tenant-id", std::move(each));
    ambient_context context;
    propagation::receive_request(
        context, given, {.correlation_context_header = "", .root = {}, .trusts_caller = [](const propagation::row&) { return true; }},
        steady_now());
    return context.tenant;
  };
  EXPECT_EQ(tenant_of({"Café 7/eu"}), "Café 7/eu");
  EXPECT_EQ(tenant_of({std::string(128, 'a')}), std::string(128, 'a'));
  EXPECT_EQ(tenant_of({std::string(129, 'a')}), "");
  EXPECT_EQ(tenant_of({"a\tb"}), "");
  EXPECT_EQ(tenant_of({"\xff"}), "");
  EXPECT_EQ(tenant_of({"a", "b"}), "") << "two are none";
}

struct kept_message final : propagation::sink {
  std::map<std::string, std::string, std::less<>> headers;
  std::map<propagation::item, std::string> attributes;
  bool has_header(std::string_view name) const override { return headers.contains(name); }
  void set_header(std::string_view name, std::string_view value) override { headers.emplace(name, value); }
  void set_attribute(propagation::item what, std::string value) override { attributes[what] = std::move(value); }
  std::string text_of(const principal& user) const override { return user.id; }
  std::string correlation_context_of(const ambient_context& context) const override { return context.correlation_context; }
};

ambient_context full_context() {
  ambient_context context;
  context.correlation_id = "c";
  context.causation_id = "m";
  context.trace = *trace_context::parse(sample_of(propagation::item::trace));
  context.tracestate = "rojo=1";
  context.deadline = steady_now() + std::chrono::seconds(10);
  context.user = std::make_shared<principal>(principal{.id = "ann"});
  context.tenant = "acme";
  context.baggage = {{"tier", "gold"}};
  context.correlation_context = R"({"a":1})";
  context.foreign_headers = {{"Saga", "s-1"}};
  return context;
}

TEST(propagation, a_call_and_a_message_carry_what_the_table_says) {
  const auto context = full_context();
  kept_message call, message;
  propagation::send_with_request(
      context, call,
      {.correlation_id_header = "X-Correlation-ID", .correlation_context_header = "Correlation-Context", .now = steady_now()});
  propagation::send_with_message(context, message);
  EXPECT_TRUE(call.attributes.empty());
  std::size_t in_call = 0, in_message = 0;
  for (const auto& row : propagation::table) {
    const bool over_http = row.to_http == propagation::outgoing::always;
    in_call += over_http ? 1 : 0;
    EXPECT_EQ(call.headers.contains(row.http_header), over_http) << row.name;
    if (row.to_message == propagation::outgoing::never) continue;
    const bool is_attribute = row.in_message == propagation::place::attribute;
    in_message += is_attribute ? 0 : 1;
    EXPECT_TRUE(is_attribute ? message.attributes.contains(row.what)
                             : message.headers.contains(row.message_name.empty() ? std::string_view("Saga") : row.message_name))
        << row.name;
  }
  EXPECT_EQ(call.headers.size(), in_call) << "nothing besides";
  EXPECT_EQ(message.headers.size(), in_message);
  EXPECT_EQ(call.headers.find("X-TENANT-ID")->second, "acme");
  EXPECT_EQ(message.attributes[propagation::item::tenant], "acme");
}

TEST(propagation, what_a_caller_has_set_stays) {
  kept_message call;
  call.headers = {{"X-TENANT-ID", "of the caller"}, {"traceparent", "of the caller"}};
  propagation::send_with_request(full_context(), call, {.now = steady_now()});
  EXPECT_EQ(call.headers.find("X-TENANT-ID")->second, "of the caller");
  EXPECT_FALSE(call.headers.contains("tracestate")) << "it belongs to another trace";
}

// ── Where traces begin ──

TEST(sampler, decides_about_the_traces_that_begin_in_its_service) {
  std::vector<std::string> asked;
  tracing::set_sampler("shop", [&asked](const tracing::new_root& root) {
    asked.emplace_back(root.name);
    return root.name != "quiet";
  });
  EXPECT_TRUE(tracing::begin_trace({.name = "loud", .service = "shop"}).sampled);
  EXPECT_FALSE(tracing::begin_trace({.name = "quiet", .service = "shop"}).sampled);
  EXPECT_TRUE(tracing::begin_trace({.name = "quiet", .service = "other"}).sampled);
  {
    const context_scope background({.service = "shop"});
    const tracing::active_span round("quiet", tracing::span_kind::internal);
    const auto trace = current_context().trace;
    EXPECT_TRUE(trace.valid());
    EXPECT_FALSE(trace.sampled);
    const tracing::active_span inner("loud", tracing::span_kind::internal);
    EXPECT_EQ(current_context().trace.trace_id, trace.trace_id) << "a trace that has begun keeps its decision";
    EXPECT_FALSE(current_context().trace.sampled);
  }
  EXPECT_EQ(asked, (std::vector<std::string>{"loud", "quiet", "quiet"}));
  tracing::set_sampler("shop", {});
  EXPECT_TRUE(tracing::begin_trace({.name = "quiet", .service = "shop"}).sampled);
}

TEST(sampler, a_trace_that_a_span_began_ends_with_it) {
  const context_scope nothing({});
  {
    const tracing::active_span round("round", tracing::span_kind::internal);
    EXPECT_TRUE(current_context().trace.valid());
  }
  EXPECT_FALSE(current_context().trace.valid());
}

}  // namespace
