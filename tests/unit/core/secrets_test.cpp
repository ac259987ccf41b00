#include <gtest/gtest.h>

#include <string_view>

#include <mamey/core/secrets.hpp>

using namespace mamey;

TEST(secrets, are_recognised_by_name) {
  for (const auto* name : {"password", "RABBITMQ__PASSWORD", "jwt:issuerSigningKey", "seq:apiKey", "API_KEY", "vault:token", "clientSecret",
                           "jwt:key", "lokiPassword", "secrets:database", "security:encryptionKey", "apiKeys:0", "accessToken"}) {
    EXPECT_TRUE(is_secret_name(name)) << name;
  }
  for (const auto* name : {"port", "routingKey", "hostnames:0", "keyspace", "connectionString", "passive", "monkey", "url", "passwordFile",
                           "tokenEndpoint", ""})
    EXPECT_FALSE(is_secret_name(name)) << name;
}

TEST(secrets, inside_connection_strings_are_masked_and_the_rest_stays_readable) {
  struct row {
    std::string_view value, shown;
  };
  for (const auto& [value, shown] : {
           row{"mongodb://root:secret@localhost:27017/?authSource=admin", "mongodb://root:*****@localhost:27017/?authSource=admin"},
           row{"mongodb://a:p@ss@h1,h2/db", "mongodb://a:*****@h1,h2/db"},
           row{"amqp://u:p@h1,amqp://u:p@h2", "amqp://u:*****@h1,amqp://u:*****@h2"},
           row{"Host=db;Database=orders;Username=app;Password=secret;Port=5432",
               "Host=db;Database=orders;Username=app;Password=*****;Port=5432"},
           row{"redis:6379,password=secret,ssl=true", "redis:6379,password=*****,ssl=true"},
           row{"Server=.;User Id=sa;Pwd=x", "Server=.;User Id=sa;Pwd=*****"},
           row{"Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey=abc=",
               "Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey=*****"},
           row{"http://localhost:5000/a:b@c", "http://localhost:5000/a:b@c"},
           row{"https://vault:8200?token=abc&x=1", "https://vault:8200?token=*****&x=1"},
           row{"Host=db;Username=app;Password=abc,def&ghi;Database=shop", "Host=db;Username=app;Password=*****;Database=shop"},
           row{"Host=db;Password=\"pass;word\";Database=shop", "Host=db;Password=*****;Database=shop"},
           row{"Host=db;Password='a b;c';Database=shop", "Host=db;Password=*****;Database=shop"},
           row{"Host=db;Password=\"a\"\";b\";Database=shop", "Host=db;Password=*****;Database=shop"},
           row{"Host=db;Password='it''s;x' ;Database=shop", "Host=db;Password=***** ;Database=shop"},
           row{"Password='open;Database=shop", "Password=*****"},
           row{"Password=a,b&c;Host=db", "Password=*****;Host=db"},
           row{"Password=a;b", "Password=*****;b"},
           row{"password=a,ssl=true", "password=*****,ssl=true"},
           row{"password=a&b c", "password=*****"},
           row{"host=db password='a b' dbname=shop", "host=db password=***** dbname=shop"},
           row{"host=db password='a\\' b' dbname=shop", "host=db password=***** dbname=shop"},
           row{"host=db password=ab dbname=shop", "host=db password=***** dbname=shop"},
           row{"Server=.;User Password=x y;Database=shop", "Server=.;User Password=*****;Database=shop"},
           row{"redis:6379,password=se;cr&et,ssl=true", "redis:6379,password=*****,ssl=true"},
           row{"amqp://u:p/w@h/x", "amqp://u:*****@h/x"},
           row{"amqp://u:p?w#v;z@h:5672", "amqp://u:*****@h:5672"},
           row{"http://[::1]:80/a@b", "http://[::1]:80/a@b"},
           row{"plain", "plain"},
           row{"", ""},
       }) {
    EXPECT_EQ(masked("connectionString", value), shown) << value;
  }
  EXPECT_EQ(masked("password", "x"), "*****");
  EXPECT_EQ(masked("password", ""), "");
}
