/// Tables as .NET services left them, taken over: what Convey's own processor made of their rows, beside what our outbox holds then.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/error.hpp>

#include "../../support/vectors.hpp"
#include "postgres_fixture.hpp"

namespace mamey::testing {
namespace {

std::string literal(simdjson::dom::element value) {
  if (value.is_null()) return "null";
  std::string quoted = "'";
  for (const char c : std::string_view(value)) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

std::string text_in(simdjson::dom::element from, std::string_view key) {
  std::string_view text;
  return from[key].get(text) ? std::string() : std::string(text);
}

}  // namespace

class recorded_takeover : public postgres_fixture {
 protected:
  recorded_takeover() {
    options_.take_over = {.enabled = true, .schema = schema_, .handlers = {"on_order_created"}};
    options_.take_over.exchanges = {{"OrderCreated", "orders"}};  // its attribute there
    environment_.application = "wire";
    environment_.take_over.names = {.exchange = "wire", .casing = name_casing::snake_case};
    environment_.take_over.context_header = "message_context";
  }

  /// The tables before they were sent, as Entity Framework made them.
  void create_tables() {
    store_.reset();
    server_.execute("set client_min_messages = error; drop schema if exists " + schema_ + " cascade; create schema " + schema_);
    admin(std::string(std::string_view(rows_["ddl"])));
    for (const auto row : rows_["outbox_before"].get_array()) {
      std::string names, values;
      for (const auto [name, value] : row.get_object()) {
        names.append(names.empty() ? "\"" : ", \"").append(name).append("\"");
        values.append(values.empty() ? "" : ", ").append(literal(value));
      }
      admin("insert into \"OutboxMessage\" (" + names + ") values (" + values + ")");
    }
    for (const auto row : rows_["inbox"].get_array())
      admin("insert into \"InboxMessage\" values (" + literal(row["Id"]) + ", now())");  // recently
  }

  simdjson::dom::parser parser_;
  simdjson::dom::element rows_ = parser_.load(MAMEY_VECTORS "/outbox/efcore-rows.json");
};

TEST_F(recorded_takeover, sends_what_convey_would_have_published_of_its_rows) {
  create_tables();
  open();
  const auto claimed = db().claim_outbox({});
  std::map<std::string, envelope> here;
  for (const auto& each : claimed.rows) here[each.message.id] = each.message;
  std::vector<std::string> order;
  for (const auto& each : claimed.rows) order.push_back(each.message.id);

  vectors recorded{"outbox", "efcore-rows.json"};
  std::vector<std::string> order_there;
  for (const auto there : rows_["published"].get_array()) {
    const auto properties = there["properties"].value();
    const auto id = text_in(properties, "message_id");
    order_there.push_back(id);
    ASSERT_TRUE(here.contains(id)) << id;
    auto& ours = here.at(id);
    bool has_correlation = false;
    for (const auto row : rows_["outbox_before"].get_array())
      has_correlation |= text_in(row, "Id") == id && !text_in(row, "CorrelationId").empty();
    const std::string one_of_its_own = "one of its own";
    EXPECT_FALSE(ours.correlation_id.empty());
    const auto shown = [](const std::string& exchange, const std::string& key, const std::string& correlation, const std::string& body) {
      return exchange + "/" + key + " of " + correlation + ": " + body;
    };
    recorded.compare(id,
                     shown(text_in(there, "exchange"), text_in(there, "routing_key"),
                           has_correlation ? text_in(properties, "correlation_id") : one_of_its_own, text_in(there, "body")),
                     shown(ours.exchange, ours.routing_key, has_correlation ? ours.correlation_id : one_of_its_own, ours.body));
    ours.headers.emplace("message_context", "{}");  // what the transport says where there is none
    for (const auto [name, header] : properties["headers"].get_object()) {
      const auto found = ours.headers.extract(std::string(name));
      recorded.compare(id + " header " + std::string(name),
                       text_in(header, "type") + " " +
                           (header["value"].value().is_string() ? text_in(header, "value") : simdjson::minify(header["value"].value())),
                       found ? "S " + found.mapped() : "none");
    }
    EXPECT_TRUE(ours.headers.empty()) << ours.headers.begin()->first << " is of nobody";
  }
  EXPECT_EQ(order, order_there);
  EXPECT_EQ(admin(R"(select count(*) from "OutboxMessage" where "ProcessedAt" is null)"), "0");
  for (const auto row : rows_["inbox"].get_array()) EXPECT_TRUE(db().was_handled({"on_order_created", text_in(row, "Id")}));
}

TEST_F(recorded_takeover, sends_every_row_once_or_refuses_the_start_naming_the_row) {
  const std::map<std::string, std::string, std::less<>> changes{
      {"headers_as_text_newtonsoft", ""},
      {"headers_as_text_system_text_json", ""},
      {"headers_ignored", R"(alter table "OutboxMessage" drop column "Headers")"},
      {"row_with_unknown_type", R"("MessageType" = 'Nobody.Knows, Nobody')"},
      {"row_with_bad_json", R"("SerializedMessage" = '{')"},
      {"row_without_type", R"("MessageType" = null)"},
      {"row_with_null_message", R"("SerializedMessage" = 'null')"},
      {"row_with_unknown_context_type", R"("MessageContextType" = 'Nobody.Knows, Nobody')"},
      {"row_with_bad_context", R"("SerializedMessageContext" = '{')"},
      {"passes_overlap", ""}};
  std::vector<std::string> ids;
  for (const auto row : rows_["outbox_before"].get_array()) ids.push_back(text_in(row, "Id"));
  vectors recorded{"outbox", "failing-rows.json"};
  for (const auto each : recorded.cases()) {
    const auto name = text_in(each, "name");
    create_tables();
    ASSERT_TRUE(changes.contains(name)) << name;
    const auto& change = changes.at(name);
    if (change.starts_with("alter"))
      admin(change);
    else if (!change.empty())
      admin(R"(update "OutboxMessage" set )" + change + R"( where "Id" = ')" + ids[1] + "'");
    options_.take_over.columns.headers = name == "headers_ignored" ? "" : "Headers";
    std::string here;
    try {
      open();
      for (const auto& id : ids)
        here += (here.empty() ? "" : " ") + admin("select count(*) from mamey_outbox where message_id = '" + id + "'");
    } catch (const unavailable& refused) {
      here = "refused";
      EXPECT_NE(refused.reason().find("row " + ids[1] + " of"), std::string::npos) << refused.reason();
    }
    std::string there;
    for (const auto times : each["times_published"].get_array()) there.append(there.empty() ? "" : " ").append(simdjson::minify(times));
    recorded.compare(name, there, here);
  }
}

}  // namespace mamey::testing
