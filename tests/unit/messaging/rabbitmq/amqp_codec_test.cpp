#include <limits>

#include <gtest/gtest.h>

#include <mamey/messaging/rabbitmq/detail/amqp_codec.hpp>

namespace mamey::rabbitmq_detail {
namespace {

TEST(amqp_codec, properties_come_back_as_they_were_written) {
  const message_properties all{.content_type = "application/json",
                               .content_encoding = "gzip",
                               .headers = {{"text", std::string("äöü")},
                                           {"truth", true},
                                           {"small", std::int64_t{-5}},
                                           {"large", std::numeric_limits<std::int64_t>::min()},
                                           {"real", 1.5},
                                           {"nothing", std::monostate{}}},
                               .delivery_mode = 2,
                               .priority = 9,
                               .correlation_id = "c",
                               .reply_to = "r",
                               .expiration = "60000",
                               .message_id = "m",
                               .timestamp = 1'700'000'000,
                               .type = "OrderCreated",
                               .user_id = "guest",
                               .app_id = "orders"};
  std::string bytes;
  amqp_writer(bytes).properties(all);
  amqp_reader from(bytes);
  const auto got = from.properties();
  EXPECT_TRUE(from.rest().empty());
  EXPECT_EQ(got.content_type, all.content_type);
  EXPECT_EQ(got.content_encoding, all.content_encoding);
  EXPECT_EQ(got.headers, all.headers);
  EXPECT_EQ(got.delivery_mode, all.delivery_mode);
  EXPECT_EQ(got.priority, all.priority);
  EXPECT_EQ(got.correlation_id, all.correlation_id);
  EXPECT_EQ(got.reply_to, all.reply_to);
  EXPECT_EQ(got.expiration, all.expiration);
  EXPECT_EQ(got.message_id, all.message_id);
  EXPECT_EQ(got.timestamp, all.timestamp);
  EXPECT_EQ(got.type, all.type);
  EXPECT_EQ(got.user_id, all.user_id);
  EXPECT_EQ(got.app_id, all.app_id);
}

TEST(amqp_codec, numbers_are_written_as_the_dotnet_client_writes_them) {
  std::string bytes;
  amqp_writer(bytes).table({{"x-message-ttl", std::int64_t{86'400'000}}});
  EXPECT_EQ(bytes, std::string("\0\0\0\x13\x0dx-message-ttlI\x05\x26\x5c\x00", 23));
}

TEST(amqp_codec, every_field_type_of_the_broker_is_read) {
  using namespace std::string_literals;
  const auto fields = "\1aA\0\0\0\3t\1V"s + "\1bb\xff"s + "\1cB\xff"s + "\1ds\xff\xfe"s + "\1eu\xff\xfe"s + "\1fi\xff\xff\xff\xff"s +
                      "\1gl\0\0\0\0\0\0\0\7"s + "\1hf\x3f\xc0\0\0"s + "\1jD\2\0\0\0\1"s + "\1kF\0\0\0\0"s + "\1lT\0\0\0\0\0\0\0\1"s +
                      "\1mx\0\0\0\1z"s;
  std::string bytes;
  amqp_writer(bytes).long_string(fields);
  const auto table = amqp_reader(bytes).table();
  ASSERT_EQ(table.size(), 12U);
  EXPECT_EQ(*find_field(table, "b"), field_value(std::int64_t{-1}));
  EXPECT_EQ(*find_field(table, "c"), field_value(std::int64_t{255}));
  EXPECT_EQ(*find_field(table, "d"), field_value(std::int64_t{-2}));
  EXPECT_EQ(*find_field(table, "e"), field_value(std::int64_t{65'534}));
  EXPECT_EQ(*find_field(table, "f"), field_value(std::int64_t{4'294'967'295}));
  EXPECT_EQ(*find_field(table, "g"), field_value(std::int64_t{7}));
  EXPECT_EQ(*find_field(table, "h"), field_value(1.5));
  EXPECT_EQ(*find_field(table, "l"), field_value(std::int64_t{1}));
  EXPECT_EQ(*find_field(table, "m"), field_value(std::string("z")));
  EXPECT_EQ(*find_field(table, "a"), field_value(std::monostate{}));
}

TEST(amqp_codec, lengths_beyond_what_is_there_are_refused) {
  using namespace std::string_literals;
  EXPECT_THROW(amqp_reader("\5abc"s).short_string(), malformed);
  EXPECT_THROW(amqp_reader("\xff\xff\xff\xff"s).long_string(), malformed);
  EXPECT_THROW(amqp_reader("\0\0\0\2\1a"s).table(), malformed);
  EXPECT_THROW(amqp_reader("\0\0\0\3\1a?"s).table(), malformed);
  EXPECT_THROW(amqp_reader("\0\1"s).properties(), malformed) << "no property has its flag there";
  EXPECT_THROW(amqp_reader("\0"s).short_integer(), malformed);
}

// A message that any client may send must not break the connection: it would come again and break the next one.
TEST(amqp_codec, a_table_is_read_however_deep_and_long_its_publisher_made_it) {
  std::string bytes;
  amqp_writer(bytes).table({});
  for (int i = 0; i < 1000; ++i) {
    std::string outer;
    amqp_writer out(outer);
    out.long_integer(static_cast<std::uint32_t>(bytes.size() + 3));
    out.short_string("n");
    out.octet('F');
    bytes = outer + bytes;
  }
  EXPECT_EQ(amqp_reader(bytes).table(), (field_table{{"n", std::monostate{}}}));

  field_table many;
  for (int i = 0; i < 20'000; ++i) many.emplace_back(std::to_string(i), std::string());
  std::string long_one;
  amqp_writer(long_one).table(many);
  EXPECT_EQ(amqp_reader(long_one).table(), many);
}

TEST(amqp_codec, a_short_string_has_at_most_255_bytes) {
  std::string bytes;
  EXPECT_NO_THROW(amqp_writer(bytes).short_string(std::string(255, 'a')));
  EXPECT_THROW(amqp_writer(bytes).short_string(std::string(256, 'a')), malformed);
}

}  // namespace
}  // namespace mamey::rabbitmq_detail
