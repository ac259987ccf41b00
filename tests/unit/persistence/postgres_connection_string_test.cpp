#include <gtest/gtest.h>

#include <mamey/core/error.hpp>
#include <mamey/persistence/postgres/detail/checked_options.hpp>
#include <mamey/persistence/postgres/detail/connection_string.hpp>
#include <mamey/persistence/postgres/detail/placeholders.hpp>

namespace mamey::postgres_detail {
namespace {

using namespace std::chrono_literals;

std::string refusal_of(const std::string& text) {
  try {
    parse_connection_string(text);
    return "accepted";
  } catch (const unavailable& refused) {
    return refused.reason();
  }
}

TEST(connection_string, the_form_of_dotnet_services_is_understood) {
  const auto target = parse_connection_string("Host=db.local;Database=orders;Username=app;Password=s3cret;Port=5433");
  ASSERT_EQ(target.servers.size(), 1U);
  EXPECT_EQ(target.servers[0].host, "db.local");
  EXPECT_EQ(target.servers[0].port, "5433");
  EXPECT_EQ(target.parameters.at("dbname"), "orders");
  EXPECT_EQ(target.parameters.at("user"), "app");
  EXPECT_EQ(target.parameters.at("password"), "s3cret");
  EXPECT_EQ(target.parameters.at("sslmode"), "prefer");
  EXPECT_EQ(target.description(), "app@db.local:5433/orders") << "never the password";
  EXPECT_EQ(parse_connection_string("Host=[fd00::1]:5433,db2;Username=app;Database=orders").description(),
            "app@[fd00::1]:5433,db2:5432/orders");
}

TEST(connection_string, keys_have_any_case_and_aliases_and_blanks) {
  for (const auto* text :
       {"SERVER = h ; User Id = u ; PWD = p ; DB = d", "host=h;userid=u;psw=p;database=d;", ";;Server=h;UID=u;password=p;DataBase=d"}) {
    const auto target = parse_connection_string(text);
    EXPECT_EQ(target.servers.at(0).host, "h") << text;
    EXPECT_EQ(target.parameters.at("user"), "u") << text;
    EXPECT_EQ(target.parameters.at("password"), "p") << text;
    EXPECT_EQ(target.parameters.at("dbname"), "d") << text;
  }
}

TEST(connection_string, values_in_quotes_hold_semicolons_and_quotes) {
  EXPECT_EQ(parse_connection_string("Host=h;Password='a;b=''c'").parameters.at("password"), "a;b='c");
  EXPECT_EQ(parse_connection_string("Host=h;Password=\"a'b\";Database=d").parameters.at("password"), "a'b");
  EXPECT_EQ(parse_connection_string("Host=h;Password=\"a'b\";Database=d").parameters.at("dbname"), "d");
  EXPECT_NE(refusal_of("Host=h;Password='open").find("Password"), std::string::npos);
  EXPECT_EQ(refusal_of("Host=h;Password='open").find("open"), std::string::npos);
}

TEST(connection_string, every_ssl_mode_is_understood) {
  for (const auto& [npgsql, libpq] : {std::pair{"Disable", "disable"},
                                      {"Allow", "allow"},
                                      {"Prefer", "prefer"},
                                      {"Require", "require"},
                                      {"VerifyCA", "verify-ca"},
                                      {"verify-ca", "verify-ca"},
                                      {"VerifyFull", "verify-full"},
                                      {"Verify-Full", "verify-full"}}) {
    EXPECT_EQ(parse_connection_string(std::string("Host=h;SSL Mode=") + npgsql).parameters.at("sslmode"), libpq);
  }
  EXPECT_NE(refusal_of("Host=h;SSL Mode=Sometimes").find("VerifyFull"), std::string::npos);
  EXPECT_NE(refusal_of("Host=h;SslMode=VerifyFull;Trust Server Certificate=true").find("exclude"), std::string::npos);
  EXPECT_EQ(
      parse_connection_string("Host=h;SslMode=Require;TrustServerCertificate=true;Root Certificate=/ca.crt").parameters.at("sslrootcert"),
      "/ca.crt");
}

TEST(connection_string, values_in_the_case_of_npgsql_are_those_that_libpq_takes) {
  for (const auto& [npgsql, libpq] : {std::pair{"Require", "require"}, {"Prefer", "prefer"}, {"DISABLE", "disable"}}) {
    EXPECT_EQ(parse_connection_string(std::string("Host=h;Channel Binding=") + npgsql).parameters.at("channel_binding"), libpq);
  }
  EXPECT_NE(refusal_of("Host=h;ChannelBinding=Always")
                .find("Channel Binding in the connection string: expected Disable, Prefer or Require, got \"Always\""),
            std::string::npos);
  EXPECT_NE(refusal_of("Host=h;Target Session Attributes=writer").find("expected any, primary"), std::string::npos);
}

TEST(connection_string, what_npgsql_knows_and_this_client_decides_itself_is_accepted) {
  const auto target = parse_connection_string(
      "Host=h;Pooling=true;Minimum Pool Size=1;Maximum Pool Size=50;Timeout=7;Command Timeout=60;Keepalive=30;Include Error "
      "Detail=true;Search Path=sales;"
      "Application Name=orders;Target Session Attributes=read-write");
  EXPECT_EQ(target.connect_timeout, 7s);
  EXPECT_EQ(target.command_timeout, 60s);
  EXPECT_EQ(target.most_connections, 50);
  EXPECT_EQ(target.search_path, "sales");
  EXPECT_EQ(target.parameters.at("application_name"), "orders");
  EXPECT_EQ(target.parameters.at("target_session_attrs"), "read-write");
}

TEST(connection_string, what_later_and_older_npgsql_knows_is_accepted_where_it_is_harmless_and_refused_where_it_promises_something) {
  for (const auto* key : {"Tcp Keepalive Time=30", "Tcp Keepalive Interval=5", "Include Realm=true", "EF Admin Database=postgres",
                          "Load Balance Timeout=5", "Replication Mode=Off", "Gss Encryption Mode=Prefer", "SSL Negotiation=Postgres",
                          "Backend Timeouts=false", "Convert Infinity DateTime=true"}) {
    EXPECT_EQ(refusal_of(std::string("Host=h;") + key), "accepted");
  }
  EXPECT_NE(refusal_of("Host=h;Replication Mode=Logical").find("expected one of off"), std::string::npos);
  EXPECT_NE(refusal_of("Host=h;Gss Encryption Mode=Require").find("Gss Encryption Mode"), std::string::npos);
  EXPECT_NE(refusal_of("Host=h;Require Auth=ScramSHA256").find("\"Require Auth\""), std::string::npos);
}

TEST(connection_string, a_search_path_may_name_several_schemas) {
  const auto target = parse_connection_string("Host=h;Search Path='\"App\", shared,public'");
  EXPECT_EQ(target.search_path, "App");
  EXPECT_EQ(target.further_schemas, std::vector<std::string>{"shared"});
  EXPECT_NE(refusal_of("Host=h;Search Path=\"App\",shared").find("behind it"), std::string::npos) << "nothing is dropped";
  EXPECT_NE(refusal_of("Host=h;Search Path=$user,public").find("Search Path"), std::string::npos);
}

TEST(connection_string, a_small_pool_is_shared_out_and_one_that_is_too_small_is_refused) {
  const auto sizes = [](int most) {
    const auto options = checked({}, parse_connection_string("Host=h;Maximum Pool Size=" + std::to_string(most)));
    return std::vector{options.read_connections, options.flush_connections, options.interactive_connections, options.relay_connections};
  };
  EXPECT_EQ(sizes(100), (std::vector{4, 10, 4, 2})) << "as they are";
  EXPECT_EQ(sizes(10), (std::vector{3, 3, 2, 2}));
  EXPECT_EQ(sizes(4), (std::vector{1, 1, 1, 1}));
  EXPECT_THROW(sizes(3), unavailable);
}

TEST(connection_string, several_hosts_each_may_have_its_port) {
  const auto target = parse_connection_string("Host=a,b:5433,[::1]:5434,/run/postgresql,fe80::1");
  ASSERT_EQ(target.servers.size(), 5U);
  EXPECT_EQ(target.servers[0].port, "5432");
  EXPECT_EQ(target.servers[1].host, "b");
  EXPECT_EQ(target.servers[1].port, "5433");
  EXPECT_EQ(target.servers[2].host, "::1");
  EXPECT_EQ(target.servers[2].port, "5434");
  EXPECT_EQ(target.servers[3].host, "/run/postgresql");
  EXPECT_EQ(target.servers[4].host, "fe80::1");
}

TEST(connection_string, uris_and_the_form_of_psql_are_understood) {
  const auto uri = parse_connection_string(
      "postgres://app:p%40ss@db:5433,db2/orders?sslmode=verify-full&connect_timeout=3&options=-c%20search_path%3Dsales");
  ASSERT_EQ(uri.servers.size(), 2U);
  EXPECT_EQ(uri.servers[0].port, "5433");
  EXPECT_EQ(uri.servers[1].host, "db2");
  EXPECT_EQ(uri.servers[1].port, "5432");
  EXPECT_EQ(uri.parameters.at("password"), "p@ss");
  EXPECT_EQ(uri.parameters.at("sslmode"), "verify-full");
  EXPECT_EQ(uri.connect_timeout, 3s);
  EXPECT_EQ(uri.search_path, "sales");
  EXPECT_EQ(parse_connection_string("host=db dbname=orders user=app").parameters.at("dbname"), "orders");
}

TEST(connection_string, what_cannot_be_meant_is_refused_with_the_expected_form) {
  EXPECT_NE(refusal_of("").find("Host="), std::string::npos);
  EXPECT_NE(refusal_of("orders").find("Key=Value"), std::string::npos);
  EXPECT_NE(refusal_of("Host=h;Databse=d").find("\"Databse\""), std::string::npos);
  EXPECT_NE(refusal_of("Host=h;Port=x").find("whole number"), std::string::npos);
  EXPECT_EQ(refusal_of("postgres://app:s3cret@db:port:x/").find("s3cret"), std::string::npos) << "a secret is never shown";
}

// -- placeholders -----------------------------------------------------------------------------------------------------

TEST(placeholders, question_marks_outside_literals_are_numbered) {
  const auto sql =
      number_placeholders("update t set a = ?, \"b?\" = '?''?' -- ?\n where c = ? /* ? /* ? */ ? */ and d = $q$ ? $q$ and e = E'\\'?'");
  EXPECT_EQ(sql.parameters, 2U);
  EXPECT_EQ(sql.text, "update t set a = $1, \"b?\" = '?''?' -- ?\n where c = $2 /* ? /* ? */ ? */ and d = $q$ ? $q$ and e = E'\\'?'");
}

TEST(placeholders, two_of_them_are_the_operator_and_numbers_stay) {
  EXPECT_EQ(number_placeholders("select body ?? 'a' where b = ?").text, "select body ? 'a' where b = $1");
  const auto numbered = number_placeholders("select $2, $1, body ? 'a', '$9'");
  EXPECT_EQ(numbered.text, "select $2, $1, body ? 'a', '$9'");
  EXPECT_EQ(numbered.parameters, 2U);
}

}  // namespace
}  // namespace mamey::postgres_detail
