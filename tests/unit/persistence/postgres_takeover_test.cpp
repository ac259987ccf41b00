#include <mamey/core/configuration.hpp>
#include <mamey/persistence/postgres/feature.hpp>

#include "../../support/captured_composition.hpp"
#include "postgres_fixture.hpp"

namespace mamey::testing {

/// Tables as Entity Framework makes them of the reference's OutboxMessage and InboxMessage.
class postgres_takeover : public postgres_fixture {
 protected:
  postgres_takeover() {
    server_.execute("create schema " + schema_);
    admin(
        R"(create table "OutboxMessage" ("Id" text not null primary key, "OriginatedMessageId" text, "CorrelationId" text, "SpanContext" text,
             "Headers" text, "MessageType" text, "MessageContextType" text, "SerializedMessage" text, "SerializedMessageContext" text,
             "SentAt" timestamp with time zone not null, "ProcessedAt" timestamp with time zone);
             create table "InboxMessage" ("Id" text not null primary key, "ProcessedAt" timestamp with time zone not null))");
    options_.take_over = {.enabled = true, .schema = schema_, .handlers = {"on_part_counted", "on_part_sold"}};
    environment_.application = "orders";
    environment_.take_over.names = {.exchange = "parts", .casing = name_casing::snake_case};
  }

  void unsent(const std::string& id, const std::string& at, const std::string& body = R"({"amount":1})",
              const std::string& type = "Shop.Parts.Events.PartCounted, Shop.Parts, Version=1.0.0.0", const std::string& headers = "{}") {
    admin(R"(insert into "OutboxMessage" values (')" + id + "', 'cause', 'flow', '', '" + headers + "', '" + type + "', '', '" + body +
          "', '{}', '" + at + "', null)");
  }
  void handled(const std::string& id, const std::string& ago) {
    admin(R"(insert into "InboxMessage" values (')" + id + "', now() - interval '" + ago + "')");
  }
  /// Everything of ours and theirs that a takeover may touch.
  std::string everything() const {
    return admin(R"(select concat((select string_agg(o::text, ';' order by "Id") from "OutboxMessage" o),
                    '|', (select string_agg(o::text, ';' order by seq) from mamey_outbox o),
                    '|', (select string_agg(i::text, ';' order by subscription, message_id) from mamey_inbox i)))");
  }
  std::string refusal_of_start() {
    try {
      open();
      return "started";
    } catch (const unavailable& refused) {
      return refused.reason();
    }
  }
};

TEST_F(postgres_takeover, what_was_not_sent_is_sent_once_under_its_id_in_its_order_and_what_was_sent_is_not) {
  unsent("c", "2024-05-01 10:00:02Z");
  unsent("a", "2024-05-01 10:00:03.25Z");
  unsent("b", "2024-05-01 10:00:01Z");
  unsent("sent", "2024-05-01 10:00:00Z");
  admin(R"(update "OutboxMessage" set "ProcessedAt" = now() where "Id" = 'sent')");
  open();
  const auto claimed = db().claim_outbox({});
  ASSERT_EQ(claimed.rows.size(), 3U);
  EXPECT_EQ(claimed.rows[0].message.id, "b");
  EXPECT_EQ(claimed.rows[1].message.id, "c");
  const auto& last = claimed.rows[2].message;
  EXPECT_EQ(last.id, "a");
  EXPECT_EQ(last.type, "PartCounted");
  EXPECT_EQ(last.body, R"({"amount":1})");
  EXPECT_EQ(last.exchange, "parts");
  EXPECT_EQ(last.routing_key, "part_counted");
  EXPECT_EQ(last.correlation_id, "flow");
  EXPECT_EQ(last.causation_id, "cause");
  EXPECT_EQ(last.source, "orders");
  EXPECT_EQ(last.occurred_at, wall_time(std::chrono::microseconds(1'714'557'603'250'000)));
  EXPECT_FALSE(claimed.rows[2].reclaimed);
  EXPECT_EQ(admin(R"(select count(*) from "OutboxMessage" where "ProcessedAt" is null)"), "0") << "or a .NET service would send it again";
}

TEST_F(postgres_takeover, more_rows_than_are_read_at_a_time_keep_their_order) {
  admin(
      R"(insert into "OutboxMessage" select n::text, '', '', '', '', 'Shop.PartCounted, Shop', '', '{}', '', '2024-05-01'::timestamptz + n * interval '1 second',
           null from generate_series(1, 250) n)");
  open();
  EXPECT_EQ(
      admin("select string_agg(message_id, ',' order by seq) = (select string_agg(n::text, ',' order by n) from generate_series(1, 250) n) "
            "from mamey_outbox"),
      "t");
}

TEST_F(postgres_takeover, headers_trace_and_context_travel_and_what_the_broker_copied_of_other_messages_does_not) {
  environment_.take_over.context_header = "message_context";
  unsent(
      "a", "2024-05-01", "{}", "Shop.Parts+PartCounted, Shop",
      R"({"Saga":"pending","tries":3,"none":null,"mamey-user":"{\"id\":\"root\"}","mamey-key":"k","traceparent":"00-x","tracestate":"a=1","x-death":"y"})");
  admin(R"(update "OutboxMessage" set "SpanContext" = 'a1:b2:0:1', "SerializedMessageContext" = '{"user":{"id":"7"}}')");
  open();
  const auto claimed = db().claim_outbox({});
  ASSERT_EQ(claimed.rows.size(), 1U);
  EXPECT_EQ(claimed.rows[0].message.headers,
            (std::map<std::string, std::string>{
                {"Saga", "pending"}, {"tries", "3"}, {"span_context", "a1:b2:0:1"}, {"message_context", R"({"user":{"id":"7"}})"}}));
  EXPECT_EQ(claimed.rows[0].message.key, "");
  EXPECT_EQ(claimed.rows[0].message.user, "");
}

TEST_F(postgres_takeover, messages_to_others_go_where_the_options_say) {
  options_.take_over.exchanges = {{"ReserveResource", "deliveries"}};
  options_.take_over.routing_keys = {{"ReserveResource", "reserve"}};
  unsent("a", "2024-05-01", "{}", "Shop.ReserveResource, Shop");
  open();
  const auto claimed = db().claim_outbox({});
  ASSERT_EQ(claimed.rows.size(), 1U);
  EXPECT_EQ(claimed.rows[0].message.exchange, "deliveries");
  EXPECT_EQ(claimed.rows[0].message.routing_key, "reserve");
}

TEST_F(postgres_takeover, a_row_that_cannot_be_read_stops_the_start_with_its_id_and_reason_and_nothing_is_changed) {
  options_.take_over.enabled = false;
  open();
  options_.take_over.enabled = true;
  unsent("good", "2024-05-01");
  handled("m1", "1 hour");
  const auto refuses = [&](const std::string& id, const std::string& reason) {
    const auto before = everything();
    const auto said = refusal_of_start();
    EXPECT_NE(said.find("row " + id + " of"), std::string::npos) << said;
    EXPECT_NE(said.find(reason), std::string::npos) << said;
    EXPECT_EQ(everything(), before);
    admin(R"(delete from "OutboxMessage" where "Id" <> 'good')");
  };
  unsent("cut", "2024-05-02", R"({"amount":)");
  refuses("cut", "message is not a JSON object");
  unsent("list", "2024-05-02", "[1]");
  refuses("list", "message is not a JSON object");
  unsent("generic", "2024-05-02", "{}", "Shop.Changed`1[[Shop.Part, Shop]], Shop");
  refuses("generic", "Changed`1[[Shop.Part, Shop]]");
  unsent("headers", "2024-05-02", "{}", "Shop.PartCounted, Shop", "[]");
  refuses("headers", "headers are not a JSON object");
  unsent(std::string(256, 'x'), "2024-05-02");
  refuses(std::string(256, 'x'), "1 to 255 characters");
  EXPECT_EQ(refusal_of_start(), "started");
  EXPECT_EQ(db().claim_outbox({}).rows.size(), 1U);
}

TEST_F(postgres_takeover, what_was_handled_there_is_not_handled_again_by_any_named_handler) {
  handled("m1", "1 hour");
  handled("long_ago", "30 days");
  open();
  for (const auto& handler : options_.take_over.handlers) {
    EXPECT_EQ(db().commit({.inbox = inbox_key{handler, "m1"}, .outbox = {message("again")}}), commit_outcome::already_handled);
    EXPECT_FALSE(db().was_handled({handler, "long_ago"})) << "our upkeep has forgotten it already";
  }
  EXPECT_FALSE(db().was_handled({"on_part_lost", "m1"}));
  EXPECT_TRUE(db().claim_outbox({}).rows.empty());
}

TEST_F(postgres_takeover, a_second_run_changes_nothing_and_instances_that_start_together_take_over_once) {
  unsent("a", "2024-05-01");
  handled("m1", "1 hour");
  std::vector<std::jthread> instances;
  for (int i = 0; i < 3; ++i) instances.emplace_back([&] { make(); });
  instances.clear();
  EXPECT_EQ(admin("select count(*) from mamey_outbox"), "1");
  const auto before = everything();
  open();
  EXPECT_EQ(everything(), before);
  db().mark_sent(sequences(db().claim_outbox({})));
  open();
  EXPECT_TRUE(db().claim_outbox({}).rows.empty());
}

TEST_F(postgres_takeover, a_start_that_ends_in_between_has_changed_nothing_and_the_next_one_takes_over) {
  options_.take_over.enabled = false;
  open();
  options_.take_over.enabled = true;
  unsent("a", "2024-05-01");
  handled("m1", "1 hour");
  // The session ends where a crash would hurt most: messages are in our outbox, theirs are marked, the inbox is half done.
  admin(
      R"(create function dies() returns trigger language plpgsql as $$ begin perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(10); return new; end $$;
           create trigger dies before insert on mamey_inbox for each row execute function dies())");
  const auto before = everything();
  EXPECT_NE(refusal_of_start(), "started");
  EXPECT_EQ(everything(), before);
  admin("drop trigger dies on mamey_inbox");
  open();
  EXPECT_EQ(db().claim_outbox({}).rows.size(), 1U);
  EXPECT_TRUE(db().was_handled({"on_part_sold", "m1"}));
}

TEST_F(postgres_takeover, tables_somebody_still_uses_stop_the_start_within_a_bound) {
  unsent("a", "2024-05-01");
  options_.take_over.lock_timeout = std::chrono::milliseconds(20);
  options_.take_over.enabled = false;
  open();
  options_.take_over.enabled = true;
  const auto processor = db().begin(std::nullopt, std::chrono::seconds(30));
  processor->execute({.text = "update \"OutboxMessage\" set \"ProcessedAt\" = null", .parameters = {}});
  const auto made = [&] {
    try {
      make();
      return std::string("started");
    } catch (const unavailable& refused) {
      return refused.reason();
    }
  };
  const auto said = made();
  EXPECT_NE(said.find("stop every instance of the .NET service"), std::string::npos) << said;
  processor->rollback();
  EXPECT_EQ(made(), "started");
}

TEST_F(postgres_takeover, tables_and_columns_may_have_other_names_and_types) {
  admin(R"(drop table "InboxMessage"; drop table "OutboxMessage";
           create table outbox (id uuid primary key, originated_message_id text, correlation_id text, span_context text, headers jsonb, message_type text,
             serialized_message jsonb, serialized_message_context jsonb, sent_at timestamp, processed_at timestamp);
           insert into outbox values ('0198c0de-0000-7000-8000-000000000001', null, null, null, null, 'Shop.PartCounted, Shop', '{"amount":2}', null,
             '2024-05-01 10:00:00', null))");
  options_.take_over.outbox = "outbox";
  options_.take_over.inbox = "";
  options_.take_over.columns = {.id = "id",
                                .processed_at = "processed_at",
                                .sent_at = "sent_at",
                                .originated_message_id = "originated_message_id",
                                .correlation_id = "correlation_id",
                                .span_context = "span_context",
                                .headers = "headers",
                                .message_type = "message_type",
                                .serialized_message = "serialized_message",
                                .serialized_message_context = "serialized_message_context"};
  open();
  const auto claimed = db().claim_outbox({});
  ASSERT_EQ(claimed.rows.size(), 1U);
  EXPECT_EQ(claimed.rows[0].message.id, "0198c0de000070008000000000000001");
  EXPECT_EQ(claimed.rows[0].message.correlation_id, claimed.rows[0].message.id);
  EXPECT_EQ(claimed.rows[0].message.occurred_at, wall_time(std::chrono::seconds(1'714'557'600)));
}

TEST_F(postgres_takeover, a_table_may_do_without_columns_that_the_service_ignored) {
  unsent("a", "2024-05-01");
  admin(R"(alter table "OutboxMessage" drop column "Headers", drop column "SpanContext", drop column "OriginatedMessageId")");
  EXPECT_NE(refusal_of_start().find("OriginatedMessageId"), std::string::npos);
  options_.take_over.columns.headers = options_.take_over.columns.span_context = options_.take_over.columns.originated_message_id = "";
  open();
  const auto claimed = db().claim_outbox({});
  ASSERT_EQ(claimed.rows.size(), 1U);
  EXPECT_EQ(claimed.rows[0].message.id, "a");
  EXPECT_EQ(claimed.rows[0].message.correlation_id, "flow");
}

TEST_F(postgres_takeover, what_is_missing_stops_the_start_naming_the_key) {
  options_.take_over.outbox = "Outbox";
  EXPECT_NE(refusal_of_start().find("postgres:takeOver:outbox"), std::string::npos);
  options_.take_over.outbox = "OutboxMessage";
  options_.take_over.columns.sent_at = "StoredAt";
  EXPECT_NE(refusal_of_start().find("StoredAt"), std::string::npos);
  options_.take_over.handlers.clear();
  const auto said = refusal_of_start();
  EXPECT_NE(said.find("postgres:takeOver:handlers"), std::string::npos) << said;
}

TEST_F(postgres_takeover, an_application_takes_over_by_its_settings_alone) {
  unsent("a", "2024-05-01");
  unsent("b", "2024-05-02", "{}", "Shop.ReserveResource, Shop");
  configuration values;
  values.add_json(R"({"postgres": {"connectionString": ")" + server_.connection_string() + R"(", "schema": ")" + schema_ +
                  R"(", "takeOver": {"enabled": true, "schema": ")" + schema_ +
                  R"(", "handlers": ["on_part_counted"], "exchanges": {"ReserveResource": "deliveries"}}},
                     "rabbitMq": {"exchange": {"name": "stock"}, "conventionsCasing": "snakeCase", "port": 5672}})");
  captured_composition composed;
  postgres().install(composed);
  auto opened = composed.open_store({.application = "orders", .configuration = &values});
  opened->prepare({});
  const auto claimed = opened->claim_outbox({});
  ASSERT_EQ(claimed.rows.size(), 2U);
  EXPECT_EQ(claimed.rows[0].message.exchange + "/" + claimed.rows[0].message.routing_key, "stock/part_counted");
  EXPECT_EQ(claimed.rows[1].message.exchange + "/" + claimed.rows[1].message.routing_key, "deliveries/reserve_resource");
}

}  // namespace mamey::testing
