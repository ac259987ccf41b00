#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/core/rules.hpp>
#include <mamey/core/time.hpp>

namespace {

using namespace mamey;
using namespace std::chrono_literals;

enum class Transport { in_process, sql };

struct Certificate {
  bool enabled = false;
  std::string location;
};

struct Options {
  bool enabled = false;
  std::string connection_name = "unnamed";
  std::uint16_t port = 5672;
  double ratio = 0.5;
  std::chrono::milliseconds timeout{3000};
  Transport transport = Transport::in_process;
  std::optional<std::chrono::seconds> processing_timeout;
  std::vector<std::string> hostnames{"localhost"};
  std::map<std::string, std::string> services;
  std::map<std::string, Certificate> acl;
  Certificate ssl;
  std::vector<Certificate> certificates;
};

configuration json(std::string_view text, std::string_view source = "appsettings.json") {
  configuration values;
  values.add_json(text, source);
  return values;
}

Options options(std::string_view text) { return json(text).bind<Options>("rabbitMq"); }

/// What a configuration is refused with; empty when it is not.
std::string refusal(std::invocable auto&& action) {
  try {
    action();
  } catch (const configuration_error& e) {
    return e.reason();
  }
  return "";
}

std::string refusal(std::string_view text) {
  return refusal([&] { options(text); });
}

}  // namespace

// ── What files look like ──

TEST(configuration, files_may_have_comments_trailing_commas_and_a_byte_order_mark) {
  const auto bound = options(
      "\xEF\xBB\xBF"
      R"(// generated
    { /* the broker,
         shared */
      "rabbitMq": {
        "port": 5001, // not the default
        "hostnames": ["a", "b",],
        "ssl": {},
      },
    } // end)");
  EXPECT_EQ(bound.port, 5001);
  EXPECT_EQ(bound.hostnames, (std::vector<std::string>{"a", "b"}));
}

TEST(configuration, texts_are_unescaped) {
  EXPECT_EQ(options(R"({"rabbitMq": {"connectionName": "a\"\\\/\n\t\u00e9\ud83d\ude00"}})").connection_name,
            "a\"\\/\n\t\xC3\xA9\xF0\x9F\x98\x80");
}

TEST(configuration, malformed_files_are_refused_with_the_line_and_what_was_expected) {
  struct row {
    std::string_view text, refusal;
  };
  for (const auto& [text, expected] : {
           row{"", "appsettings.json:1: expected an object: { … }; the text ends here"},
           row{"[]", "appsettings.json:1: expected an object: { … }"},
           row{"{\n\"a\": 1\n\"b\": 2}", "appsettings.json:3: expected , or } after the value of \"a\""},
           row{"{\n\"a\" 1}", "appsettings.json:2: expected : after \"a\""},
           row{"{a: 1}", "appsettings.json:1: expected a key in double quotes, or }"},
           row{"{\"a\": serviceport}", "appsettings.json:1: expected a value: \"text\", a number, true, false, null, { or ["},
           row{"{\"a\": 01}", "appsettings.json:1: expected a value: \"text\", a number, true, false, null, { or ["},
           row{"{\"a\": [1 2]}", "appsettings.json:1: expected , or ] after an element"},
           row{"{\"a\": 1} {", "appsettings.json:1: expected nothing after the closing }"},
           row{"{\"a\": \"x\n\"}", "appsettings.json:1: a text is never closed by \""},
           row{"{\"a\": \"\\x\"}", "appsettings.json:1: an unknown escape; a backslash itself is written \\\\"},
           row{"{\"a\": \"\\ud800\"}", "appsettings.json:1: half of a surrogate pair"},
           row{"{\n/* \n\n", "appsettings.json:2: a comment /* is never closed by */"},
           row{"{\"a\": 1,\n\"A\": 2}", "appsettings.json:2: \"a\" stands twice, first at appsettings.json:1"},
           row{"{\"a\":", "appsettings.json:1: expected a value: \"text\", a number, true, false, null, { or [; the text ends here"},
       }) {
    EXPECT_EQ(refusal([&] { json(text); }), expected) << text;
  }
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  EXPECT_EQ(refusal([&] { json(deep); }), "appsettings.json:1: nested more than 64 deep");
  configuration values;
  EXPECT_NE(refusal([&] { values.set(std::string(100'000, ':'), "x"); }).find("a key has at most 64 parts"), std::string::npos);
}

TEST(configuration, a_colon_in_a_key_is_a_path) { EXPECT_EQ(options(R"({"rabbitMq:port": 5})").port, 5); }

// ── How values are read ──

TEST(configuration, keys_are_case_insensitive) {
  const auto values = json(R"({"RabbitMQ": {"PORT": 1, "hostNames": ["x"], "CONNECTIONNAME": "c"}})");
  const auto bound = values.bind<Options>("rabbitmq");
  EXPECT_EQ(bound.port, 1);
  EXPECT_EQ(bound.hostnames, std::vector<std::string>{"x"});
  EXPECT_EQ(bound.connection_name, "c");
  EXPECT_EQ(values.find("rabbitMq:Port"), "1");
}

TEST(configuration, a_key_may_be_spelled_as_the_member_is) {
  configuration values;
  values.add_variables(std::vector<std::string>{"RABBITMQ__CONNECTION_NAME=orders"});
  EXPECT_EQ(values.bind<Options>("rabbitMq").connection_name, "orders");
}

TEST(configuration, scalars_are_converted_from_whatever_they_are_written_as) {
  EXPECT_EQ(options(R"({"rabbitMq": {"port": "5001"}})").port, 5001);
  EXPECT_EQ(options(R"({"rabbitMq": {"port": " 5001 "}})").port, 5001);
  EXPECT_EQ(options(R"({"rabbitMq": {"connectionName": 3}})").connection_name, "3");
  EXPECT_EQ(options(R"({"rabbitMq": {"connectionName": true}})").connection_name, "True");
  EXPECT_EQ(options(R"({"rabbitMq": {"ratio": "0.25"}})").ratio, 0.25);
  EXPECT_EQ(options(R"({"rabbitMq": {"ratio": 1e-1}})").ratio, 0.1);
  EXPECT_EQ(options(R"({"rabbitMq": {"transport": "SQL"}})").transport, Transport::sql);
  EXPECT_EQ(options(R"({"rabbitMq": {"transport": "inProcess"}})").transport, Transport::in_process);
  for (const auto* yes : {"true", "\"true\"", "\"True\"", "\"TRUE\"", "\"1\"", "1"}) {
    EXPECT_TRUE(options(std::string(R"({"rabbitMq": {"enabled": )") + yes + "}}").enabled) << yes;
  }
  for (const auto* no : {"false", "\"False\"", "0"}) {
    EXPECT_FALSE(json(std::string(R"({"rabbitMq": {"enabled": true}})"))
                     .add_json(std::string(R"({"rabbitMq": {"enabled": )") + no + "}}")
                     .bind<Options>("rabbitMq")
                     .enabled)
        << no;
  }
}

TEST(configuration, time_spans_are_in_the_dialect_of_the_reference_quirks_included) {
  struct row {
    std::string_view text;
    std::chrono::milliseconds span;
  };
  for (const auto& [text, span] : {
           row{"00:00:30", 30s},
           row{"00:01:00", 1min},
           row{"01:30", 90min},
           row{"00:00:00.250", 250ms},
           row{"00:00:00.5", 500ms},
           row{"1.12:00:00", 36h},
           row{"00.00:30:00", 30min},
           row{"07.00:00:00", 7 * 24h},
           row{"3", 3 * 24h},          // a bare integer is days
           row{"24:00:00", 24 * 24h},  // an hour field above 23 is a day field
           row{"23:59:59", 23h + 59min + 59s},
       }) {
    EXPECT_EQ(options(R"({"rabbitMq": {"timeout": ")" + std::string(text) + "\"}}").timeout, span) << text;
  }
  EXPECT_EQ(options(R"({"rabbitMq": {"timeout": 3}})").timeout, 3 * 24h);
  for (const auto* bad : {"", "x", "30s", "00:60:00", "00:00:60", "1:2:3:4:5", "00:00:30 later", "1.24:00:00", "-00:00:05"}) {
    EXPECT_NE(refusal(R"({"rabbitMq": {"timeout": ")" + std::string(bad) + "\"}}"), "") << bad;
  }
}

TEST(configuration, null_and_what_is_missing_leave_the_initialiser) {
  EXPECT_EQ(json("{}").bind<Options>("rabbitMq").port, 5672);
  const auto bound = options(R"({"rabbitMq": {"port": null, "hostnames": null, "ssl": null, "processingTimeout": null, "services": {}}})");
  EXPECT_EQ(bound.port, 5672);
  EXPECT_EQ(bound.hostnames, std::vector<std::string>{"localhost"});
  EXPECT_FALSE(bound.processing_timeout);
  EXPECT_EQ(json(R"({"rabbitMq": null})").bind<Options>("rabbitMq").port, 5672);
  EXPECT_EQ(json(R"({"rabbitMq": {"port": 1}})").add_json(R"({"rabbitMq": {"port": null}})").bind<Options>("rabbitMq").port, 5672);
}

TEST(configuration, an_optional_is_empty_for_null_and_the_empty_text) {
  EXPECT_EQ(options(R"({"rabbitMq": {"processingTimeout": "00:00:10"}})").processing_timeout, 10s);
  EXPECT_FALSE(options(R"({"rabbitMq": {"processingTimeout": ""}})").processing_timeout);
}

TEST(configuration, structs_dictionaries_and_lists_nest) {
  const auto bound = options(R"({"rabbitMq": {
    "ssl": {"enabled": true}, "services": {"orders": "http://orders"},
    "acl": {"orders-service": {"location": "/etc"}}, "certificates": [{"location": "a"}, {"enabled": "true"}]}})");
  EXPECT_TRUE(bound.ssl.enabled);
  EXPECT_EQ(bound.services.at("orders"), "http://orders");
  EXPECT_EQ(bound.acl.at("orders-service").location, "/etc");
  ASSERT_EQ(bound.certificates.size(), 2U);
  EXPECT_EQ(bound.certificates[0].location, "a");
  EXPECT_TRUE(bound.certificates[1].enabled);
}

TEST(configuration, a_list_replaces_the_default_and_an_empty_one_empties_it) {
  EXPECT_EQ(options(R"({"rabbitMq": {"hostnames": ["x"]}})").hostnames, std::vector<std::string>{"x"});
  EXPECT_EQ(options(R"({"rabbitMq": {"hostnames": []}})").hostnames, std::vector<std::string>{});
}

// ── Layers ──

TEST(configuration, lists_merge_by_index_and_dictionaries_by_key) {
  auto values = json(R"({"rabbitMq": {"hostnames": ["a", "b", "c"], "services": {"orders": "1", "pricing": "2"}}})");
  values.add_json(R"({"RABBITMQ": {"hostnames": ["rabbitmq"], "services": {"Pricing": "3", "deliveries": "4"}}})", "overlay");
  const auto bound = values.bind<Options>("rabbitMq");
  EXPECT_EQ(bound.hostnames, (std::vector<std::string>{"rabbitmq", "b", "c"}));
  EXPECT_EQ(bound.services, (std::map<std::string, std::string>{{"orders", "1"}, {"pricing", "3"}, {"deliveries", "4"}}));
}

TEST(configuration, list_elements_are_ordered_by_index_and_holes_close) {
  configuration values;
  values.add_variables(std::vector<std::string>{"rabbitMq__hostnames__10=c", "rabbitMq__hostnames__2=b", "rabbitMq__hostnames__0=a"});
  EXPECT_EQ(values.bind<Options>("rabbitMq").hostnames, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(configuration, variables_are_paths_and_a_plain_word_disturbs_no_section) {
  configuration values;
  values.add_variables(std::vector<std::string>{"RABBITMQ__PORT=1", "RabbitMq:Ssl:Enabled=true", "RABBITMQ=x", "PATH=/bin", "__X__Y=1",
                                                "EMPTY", "APP_NAME=n"});
  configuration_report report;
  Options bound;
  values.bind("rabbitMq", bound, report);
  EXPECT_TRUE(report.errors.empty() && report.warnings.empty());
  EXPECT_EQ(bound.port, 1);
  EXPECT_TRUE(bound.ssl.enabled);
  EXPECT_EQ(values.find("path"), "/bin");
  EXPECT_EQ(values.find("app_name"), "n");
  EXPECT_EQ(values.find(":x:y"), "1");
  EXPECT_EQ(values.origin("rabbitMq:port"), "variable RABBITMQ__PORT");
  // Nobody wants to read the whole environment: what stands in a section, and RABBITMQ, which does.
  EXPECT_EQ(values.entries().size(), 4U) << to_string(values);
  auto somebody_elses = std::string(1000, '_');
  somebody_elses += "=1";
  values.add_variables(std::vector{somebody_elses});
}

TEST(configuration, variables_of_hosting_platforms_are_connection_strings_and_prefixes_are_taken_off) {
  configuration values;
  values.add_variables(std::vector<std::string>{"CUSTOMCONNSTR_main=Server=x", "sqlconnstr_other=y"});
  EXPECT_EQ(values.find("ConnectionStrings:main"), "Server=x");
  EXPECT_EQ(values.find("ConnectionStrings:other_ProviderName"), "System.Data.SqlClient");
  values.add_variables(std::vector<std::string>{"SHOP_APP__NAME=with", "APP__NAME=without"}, "Shop_");
  EXPECT_EQ(values.find("app:name"), "with");
}

TEST(configuration, arguments_set_values_and_the_others_are_handed_back) {
  configuration values;
  const auto rest = values.add_arguments(
      std::vector<std::string>{"--rabbitMq:port=1", "--urls", "http://localhost:5000", "--rabbitMq:hostnames:0", "h", "/rabbitMq:ratio=0.1",
                               "word", "rabbitMq:connectionName=a=b", "/data", "/var/lib", "http://a:1/?x=1", "-x", "--last"});
  const auto bound = values.bind<Options>("rabbitMq");
  EXPECT_EQ(bound.port, 1);
  EXPECT_EQ(bound.hostnames, std::vector<std::string>{"h"});
  EXPECT_EQ(bound.ratio, 0.1);
  EXPECT_EQ(bound.connection_name, "a=b");
  EXPECT_EQ(values.find("urls"), "http://localhost:5000");
  EXPECT_EQ(values.find("data"), "/var/lib");
  EXPECT_EQ(rest, (std::vector<std::string>{"word", "http://a:1/?x=1", "-x", "--last"}));
  EXPECT_EQ(values.add_arguments(std::vector<std::string>{"--flag", "--a:b=c", "--", "--a:b=d"}),
            (std::vector<std::string>{"--", "--a:b=d"}));
  EXPECT_EQ(values.find("flag"), "--a:b=c");  // as there: the next word, whatever it is
  EXPECT_EQ(refusal([&] { values.add_arguments(std::vector<std::string>{"-x=1"}); }),
            "argument -x: there are no short names for settings: expected --section:key=value");
}

namespace {
class directory {
 public:
  directory() : path_(std::filesystem::temp_directory_path() / ("mamey_configuration_" + std::to_string(::getpid()))) {
    std::filesystem::create_directory(path_);
  }
  ~directory() { std::filesystem::remove_all(path_); }
  void write(const std::string& name, std::string_view text) const { std::ofstream(path_ / name) << text; }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};
}  // namespace

TEST(configuration, the_usual_layers_win_in_their_order_and_the_environments_file_is_found_in_any_case) {
  const directory files;
  files.write("appsettings.json", R"({"app": {"a": "base", "b": "base", "c": "base", "d": "base", "e": "base"}})");
  files.write("appsettings.docker.json", R"({"app": {"b": "docker", "c": "docker", "d": "docker", "e": "docker"}})");
  files.write("appsettings.development.json", R"({"app": {"a": "development"}})");
  auto loaded = load_configuration({.directory = files.path(),
                                    .environment = "Docker",
                                    .arguments = {"--app:d=argument", "--app:e", "argument", "word"},
                                    .variables = {"APP__C=variable", "APP__D=variable"}});
  loaded.values.add_values(std::vector<std::pair<std::string, std::string>>{{"app:e", "vault"}}, "vault secret/orders");
  std::string all;
  for (const auto* key : {"a", "b", "c", "d", "e"}) all += *loaded.values.find(std::string("app:") + key) + " ";
  EXPECT_EQ(all, "base docker variable argument vault ");
  EXPECT_EQ(loaded.environment, "Docker");
  EXPECT_EQ(loaded.arguments, std::vector<std::string>{"word"});
  EXPECT_EQ(loaded.files.size(), 2U);
  EXPECT_EQ(loaded.values.origin("app:a"), files.path() + "/appsettings.json:1");
}

TEST(configuration, the_content_root_is_where_the_files_are) {
  const directory files;
  const auto variables = files.path() + "/variables", arguments = files.path() + "/arguments";
  for (const auto& each : {files.path(), variables, arguments}) {
    std::filesystem::create_directory(each);
    std::ofstream(each + "/appsettings.json") << R"({"from": ")" << each << "\"}";
  }
  const auto from = [&](std::vector<std::string> given, std::vector<std::string> surroundings) {
    return *load_configuration({.directory = files.path(), .arguments = std::move(given), .variables = std::move(surroundings)})
                .values.find("from");
  };
  EXPECT_EQ(from({}, {}), files.path());
  EXPECT_EQ(from({}, {"DOTNET_CONTENTROOT=" + variables}), variables);
  EXPECT_EQ(from({"--contentRoot", arguments}, {"DOTNET_CONTENTROOT=" + variables}), arguments);
  EXPECT_EQ(from({"--contentroot=" + arguments}, {"ASPNETCORE_CONTENTROOT=" + variables}), variables)
      << "as the environment, of the generic host";
  EXPECT_EQ(from({}, {"ASPNETCORE_CONTENTROOT="}), files.path());
  EXPECT_EQ(refusal([&] { load_configuration({.directory = files.path(), .arguments = {"--contentRoot", "nowhere"}, .variables = {}}); }),
            "argument --contentRoot: contentRoot: expected the folder of appsettings.json, got \"nowhere\", which is no folder");
}

TEST(configuration, files_are_optional_but_a_broken_one_is_not_ignored) {
  const directory files;
  EXPECT_EQ(load_configuration({.directory = files.path(), .variables = {}}).files.size(), 0U);
  EXPECT_EQ(load_configuration({.directory = files.path() + "/nowhere", .variables = {}}).files.size(), 0U);
  files.write("appsettings.json", "");
  EXPECT_EQ(refusal([&] { load_configuration({.directory = files.path(), .variables = {}}); }),
            files.path() + "/appsettings.json: the file cannot be read or is empty");
}

TEST(configuration, the_environment_is_named_by_argument_or_variable) {
  using texts = std::vector<std::string>;
  EXPECT_EQ(environment_name({}, {}), "Production");
  EXPECT_EQ(environment_name({}, texts{"DOTNET_ENVIRONMENT=d"}), "d");
  EXPECT_EQ(environment_name({}, texts{"DOTNET_ENVIRONMENT=d", "ASPNETCORE_ENVIRONMENT=a"}), "a");
  EXPECT_EQ(environment_name({}, texts{"ASPNETCORE_ENVIRONMENT=a", "MAMEY_ENVIRONMENT=m"}), "m");
  EXPECT_EQ(environment_name(texts{"--environment", "x"}, texts{"ASPNETCORE_ENVIRONMENT=a"}), "a");
  EXPECT_EQ(environment_name(texts{"--environment", "x"}, texts{"DOTNET_ENVIRONMENT=d", "aspnetcore_environment="}), "x");
  EXPECT_EQ(environment_name({}, texts{"aspnetcore_environment=a"}), "a");
  EXPECT_EQ(environment_name(texts{"--environment=x"}, {}), "x");
}

TEST(configuration, an_application_of_a_host_sees_its_own_section_on_top) {
  const auto values = json(R"({"rabbitMq": {"port": 1, "connectionName": "shared"}, "orders": {"RabbitMq": {"port": 2}}})");
  const auto bound = values.for_application("orders").bind<Options>("rabbitMq");
  EXPECT_EQ(bound.port, 2);
  EXPECT_EQ(bound.connection_name, "shared");
  EXPECT_EQ(values.for_application("pricing").bind<Options>("rabbitMq").port, 1);
}

TEST(configuration, a_section_is_a_path) {
  const auto values = json(R"({"a": {"b": {"rabbitMq": {"port": 7}}}})");
  EXPECT_EQ(values.section("a").section("b:rabbitMq").bind<Options>().port, 7);
  EXPECT_EQ(values.section("a:b").find("rabbitMq:port"), "7");
  EXPECT_EQ(values.section("a").keys(), std::vector<std::string>{"b"});
  EXPECT_FALSE(values.section("b").exists());
}

// ── What is wrong, and where ──

TEST(configuration, every_bad_value_is_refused_at_once_with_its_place_key_and_expected_form) {
  auto values = json(R"({
    "rabbitMq": {
      "port": "serviceport",
      "enabled": "maybe",
      "ssl": "yes",
      "hostnames": "a,b",
      "transport": "kafka",
      "connectionName": {"x": 1}
    }
  })");
  values.add_variables(std::vector<std::string>{"RABBITMQ__RATIO=half", "RABBITMQ__CERTIFICATES__X__ENABLED=maybe"});
  configuration_report report;
  Options bound;
  values.bind("rabbitMq", bound, report);
  std::vector<std::string> origins;
  for (const auto& problem : report.errors) origins.push_back(problem.origin + " " + problem.key);
  EXPECT_EQ(origins, (std::vector<std::string>{"appsettings.json:3 rabbitMq:port", "appsettings.json:4 rabbitMq:enabled",
                                               "appsettings.json:5 rabbitMq:ssl", "appsettings.json:6 rabbitMq:hostnames",
                                               "appsettings.json:7 rabbitMq:transport", "appsettings.json:8 rabbitMq:connectionName",
                                               "variable RABBITMQ__RATIO rabbitMq:ratio",
                                               "variable RABBITMQ__CERTIFICATES__X__ENABLED rabbitMq:certificates:X:enabled"}));
  const auto reason = refusal([&] { report.throw_if_any(); });
  EXPECT_NE(reason.find("appsettings.json:3: rabbitMq:port: expected an integer"), std::string::npos) << reason;
  EXPECT_NE(reason.find("got \"serviceport\""), std::string::npos) << reason;
  EXPECT_NE(reason.find("expected true or false, got \"maybe\""), std::string::npos) << reason;
  EXPECT_NE(reason.find("expected one of inProcess, sql"), std::string::npos) << reason;
  EXPECT_EQ(std::ranges::count(reason, '\n'), 7);
}

TEST(configuration, an_integer_out_of_range_is_a_bad_value) {
  EXPECT_NE(refusal(R"({"rabbitMq": {"port": 65536}})"), "");
  EXPECT_NE(refusal(R"({"rabbitMq": {"port": -1}})"), "");
  EXPECT_NE(refusal(R"({"rabbitMq": {"port": 1.5}})"), "");
  EXPECT_NE(refusal(R"({"rabbitMq": {"port": ""}})"), "");
}

TEST(configuration, an_unknown_key_is_a_warning_that_guesses_what_was_meant) {
  auto values = json(R"({"rabbitMq": {"hostname": ["a"], "zzz": 1, "ssl": {"enabeld": true}, "connectionName ": "x"}})");
  configuration_report report;
  Options bound;
  values.bind("rabbitMq", bound, report);
  std::vector<std::string> said;
  for (const auto& warning : report.warnings) said.push_back(to_string(warning));
  EXPECT_EQ(said, (std::vector<std::string>{"appsettings.json:1: rabbitMq:hostname: unknown key: did you mean hostnames?",
                                            "appsettings.json:1: rabbitMq:zzz: unknown key",
                                            "appsettings.json:1: rabbitMq:ssl:enabeld: unknown key: did you mean enabled?",
                                            "appsettings.json:1: rabbitMq:connectionName : unknown key: did you mean connectionName?"}));
  EXPECT_TRUE(report.errors.empty());
}

TEST(configuration, a_misspelled_section_is_a_warning_once_somebody_asks_for_the_right_one) {
  auto values = json("{\"rabitMq\":\n {\"port\": 1}, \"other\": {\"x\": 1}}");
  EXPECT_EQ(values.warnings().size(), 0U);
  EXPECT_EQ(values.warnings(std::vector<std::string_view>{"rabbitMq"}).size(), 1U);
  EXPECT_EQ(values.unread_sections(), (std::vector<std::string>{"rabitMq", "other"}));
  values.set("rabbitMq:port", "2", "default of the application");  // does not stand for the one that was meant
  values.bind<Options>("rabbitMq");
  ASSERT_EQ(values.warnings().size(), 1U);
  EXPECT_EQ(to_string(values.warnings()[0]), "appsettings.json:2: rabitMq: nobody reads this section: did you mean rabbitMq?");
  EXPECT_EQ(values.unread_sections(), (std::vector<std::string>{"rabitMq", "other"}));
}

TEST(configuration, a_bad_element_is_refused_and_the_message_says_that_the_reference_leaves_it_out) {
  EXPECT_EQ(refusal([] { json(R"({"certificates": [{"enabled": "maybe"}]})").bind<Options>(""); }),
            "appsettings.json:1: certificates:0:enabled: expected true or false, got \"maybe\" (.NET leaves such an element out silently)");
}

TEST(configuration, files_of_windows_are_read_and_what_is_no_text_is_marked) {
  std::string utf16 = "\xFF\xFE";
  for (const char c : std::string_view(R"({"a": "x"})")) utf16.append({c, '\0'});
  EXPECT_EQ(json(utf16).find("a"), "x");
  EXPECT_EQ(json("{\"a\": \"x\xFFy\"}").find("a"), "x\xEF\xBF\xBDy");
}

namespace {
struct Limits {
  int size = 10;
  std::string url;
  static constexpr auto rules() { return all(field<&Limits::size>.at_least(1), field<&Limits::url>.required()); }
};
struct Times {
  std::chrono::milliseconds plain{1000};
  std::chrono::milliseconds or_none{2000};
  std::chrono::seconds at_least_one{3};
  std::chrono::milliseconds either_way{4};
  std::optional<std::chrono::milliseconds> perhaps;
  std::vector<std::chrono::milliseconds> several;
  std::chrono::hours in_hours{1};
  static constexpr auto rules() {
    return mamey::all(mamey::field<&Times::or_none>.zero_is_none(), mamey::field<&Times::at_least_one>.between(1s, 1min),
                      mamey::field<&Times::either_way>.at_least(-1h));
  }
};

std::string refused_time(std::string_view member, std::string_view value) {
  configuration values;
  values.set("times:" + std::string(member), value, "the test");
  return refusal([&] { values.bind<Times>("times"); });
}

TEST(durations_of_configuration, a_negative_one_is_refused_with_its_place_unless_the_member_takes_it) {
  for (const auto* member : {"plain", "orNone", "perhaps", "several:0"}) {
    const auto said = refused_time(member, "-00:00:01");
    EXPECT_NE(said.find("the test: times:" + std::string(member) + ": expected a duration that is not negative"), std::string::npos)
        << said;
  }
  EXPECT_EQ(refused_time("eitherWay", "-00:00:01"), "");
  EXPECT_NE(refused_time("eitherWay", "-02:00:00").find("must be at least -01:00:00"), std::string::npos);
}

TEST(durations_of_configuration, one_beyond_what_clocks_hold_is_refused_and_says_what_a_bare_number_is) {
  for (const auto* value : {"106752.00:00:00", "200000", "10675199.02:48:05", "36501"}) {
    EXPECT_NE(refused_time("plain", value).find("expected a duration of at most 36500.00:00:00"), std::string::npos)
        << refused_time("plain", value);
  }
  EXPECT_NE(refused_time("plain", "120000").find("if milliseconds are meant, write 00:02:00"), std::string::npos)
      << refused_time("plain", "120000");
  EXPECT_EQ(refused_time("plain", "36500.00:00:00"), "");
}

TEST(durations_of_configuration, bounds_of_a_member_are_durations) {
  EXPECT_NE(refused_time("atLeastOne", "00:00:00").find("must be at least 00:00:01"), std::string::npos)
      << refused_time("atLeastOne", "00:00:00");
  EXPECT_NE(refused_time("atLeastOne", "00:02:00").find("must be at most 00:01:00"), std::string::npos);
  EXPECT_EQ(refused_time("atLeastOne", "00:01:00"), "");
}

TEST(durations_of_configuration, the_infinite_of_dotnet_is_none_where_there_is_a_none) {
  for (const auto* value : {"-00:00:00.001", "-00:00:00.0010000", "10675199.02:48:05.4775807"}) {
    configuration values;
    values.set("times:orNone", value);
    EXPECT_EQ(values.bind<Times>("times").or_none, 0ms) << value;
    EXPECT_NE(refused_time("plain", value).find("a duration that ends"), std::string::npos) << refused_time("plain", value);
  }
  EXPECT_NE(refused_time("orNone", "-00:00:00.0011").find("not negative"), std::string::npos);
}

TEST(durations_of_configuration, a_bare_number_is_days_and_a_warning_tells_both_readings) {
  configuration values;
  values.set("times:plain", "500", "the test");
  values.set("times:orNone", "0");
  Times read;
  configuration_report report;
  values.bind("times", read, report);
  EXPECT_EQ(read.plain, 500 * 24h);
  ASSERT_EQ(report.warnings.size(), 1U);
  EXPECT_EQ(to_string(report.warnings[0]),
            "the test: times:plain: read as 500 days, as .NET reads a bare number: if milliseconds are meant, write 00:00:00.5, for "
            "seconds 00:08:20, for "
            "days 500.00:00:00");
}

TEST(durations_of_configuration, hours_that_are_read_as_days_are_a_warning_with_both_readings) {
  const auto warned = [](const char* value) {
    configuration values;
    values.set("times:plain", value, "the test");
    Times read;
    configuration_report report;
    values.bind("times", read, report);
    return report.warnings.empty() ? std::string() : to_string(report.warnings[0]);
  };
  EXPECT_EQ(warned("336:00:00"),
            "the test: times:plain: read as 336 days, as .NET reads d:hh:mm where there are more than 23 hours: if hours are meant, write "
            "14.00:00:00, for days 336.00:00:00");
  EXPECT_EQ(warned("24:01:30"),
            "the test: times:plain: read as 24 days, as .NET reads d:hh:mm where there are more than 23 hours: if hours are meant, write "
            "1.00:01:30, for days 24.01:30:00");
  for (const auto* value : {"23:00:00", "14.00:00:00", "1:02:03:04", "00:00:00.5", "12:30"}) EXPECT_EQ(warned(value), "") << value;
  EXPECT_NE(refused_time("plain", "40000:00:00").find("if hours are meant, write 1666.16:00:00"), std::string::npos)
      << refused_time("plain", "40000:00:00");
}

TEST(durations_of_configuration, one_that_is_no_whole_number_of_the_options_unit_says_so) {
  EXPECT_EQ(refused_time("inHours", "00:00:05"),
            "the test: times:inHours: expected a whole number of hours (hh:mm:ss or d.hh:mm:ss), got \"00:00:05\"");
  EXPECT_NE(refused_time("atLeastOne", "00:00:02.5").find("a whole number of seconds"), std::string::npos);
  EXPECT_NE(refused_time("plain", "00:00:00.0005").find("a whole number of milliseconds"), std::string::npos);
  EXPECT_EQ(refused_time("inHours", "05:00:00"), "");
}

}  // namespace

TEST(configuration, rules_of_an_options_struct_hold) {
  EXPECT_EQ(json(R"({"limits": {"url": "x", "size": 5}})").bind<Limits>("limits").size, 5);
  const auto reason = refusal([] { json("{\"limits\": {\n\"size\": 0}}").bind<Limits>("limits"); });
  EXPECT_NE(reason.find("appsettings.json:2: limits:size: "), std::string::npos) << reason;
  EXPECT_NE(reason.find("limits:url: "), std::string::npos) << reason;
}

// ── Looking at it ──

TEST(configuration, prints_every_value_with_its_place_and_without_secrets) {
  auto values = json(R"({"rabbitMq": {"port": 1, "password": "guest"}, "mongo": {"connectionString": "mongodb://root:secret@localhost"}})");
  values.add_variables(std::vector<std::string>{"RABBITMQ__PORT=2"});
  EXPECT_EQ(to_string(values),
            "rabbitMq:port = 2   (variable RABBITMQ__PORT)\n"
            "rabbitMq:password = *****   (appsettings.json:1)\n"
            "mongo:connectionString = mongodb://root:*****@localhost   (appsettings.json:1)\n");
}

TEST(configuration, a_refused_secret_is_not_shown) {
  struct Secrets {
    int password = 0;
  };
  const auto reason = refusal([] { json(R"({"vault": {"password": "hunter2"}})").bind<Secrets>("vault"); });
  EXPECT_NE(reason.find("got \"*****\""), std::string::npos) << reason;
  EXPECT_EQ(reason.find("hunter2"), std::string::npos);
}
