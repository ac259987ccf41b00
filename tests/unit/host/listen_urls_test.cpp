/// Where .NET's generic host (the one of Convey's and Pacco's services) listens with the same variables, arguments and files, and which of these it read.
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/host/detail/arguments.hpp>
#include <mamey/host/detail/listen_urls.hpp>

#include "temporary_directory.hpp"
#include "vectors.hpp"

namespace {

using namespace mamey;
using simdjson::dom::element;

std::string text_or_null(element value) {
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS ? std::string(text) : "null";
}

std::string there_of(element expected) {
  element generic;
  if (expected["generic"].get(generic) == simdjson::SUCCESS) expected = generic;
  if (expected["error"].error() == simdjson::SUCCESS) return "error";
  std::string addresses{std::string_view(expected["addresses"])};
  if (addresses.starts_with("error")) addresses = "error";
  std::string text;
  for (const auto* key : {"environment", "who", "only", "urls"}) text += std::string(key) + " " + text_or_null(expected[key]) + "\n";
  return text + "addresses " + addresses;
}

/// As .NET shows where it listens.
std::string shown(const std::vector<std::string>& urls) {
  std::string text;
  for (auto each : urls) {
    if (const auto star = each.find("//*:"); star != each.npos) each.replace(star + 2, 1, "[::]");
    text += (text.empty() ? "" : ",") + each;
  }
  return text.empty() ? "http://localhost:5000" : text;  // ours, too, if on every address: server:urls
}

std::string here_of(element input, element files) {
  const mamey::testing::temporary_directory directory;
  simdjson::dom::object named;
  if (input["files"].get(named) != simdjson::SUCCESS) named = files.get_object();
  for (const auto [name, content] : named) std::ofstream(directory.file(std::string(name))) << std::string_view(content);
  configuration_sources sources{.directory = directory.path(), .variables = {}};
  for (const auto [name, value] : input["variables"].get_object())
    sources.variables.push_back(std::string(name) + "=" + std::string(std::string_view(value)));
  std::vector<std::string> words{"program"};
  for (const auto each : input["arguments"].get_array()) words.emplace_back(std::string_view(each));
  std::vector<const char*> arguments;
  for (const auto& each : words) arguments.push_back(each.c_str());
  try {
    sources.arguments = parse_arguments(static_cast<int>(arguments.size()), arguments.data(), {"orders"}).settings;
    const auto loaded = load_configuration(sources);
    std::string text = "environment " + loaded.environment + "\n";
    for (const auto* key : {"who", "only", "urls"}) {
      const auto value = loaded.values.find(key);
      const bool is_empty = !value || (value->empty() && std::string_view(key) == "urls");
      text += std::string(key) + " " + (is_empty ? "null" : *value) + "\n";
    }
    try {
      return text + "addresses " + shown(listen_urls(loaded.values, {}).urls);
    } catch (const configuration_error&) {
      return text + "addresses error";
    }
  } catch (const configuration_error&) {
    return "error";
  }
}

TEST(listen_urls, are_those_of_the_generic_host_or_listed) {
  mamey::testing::vectors recorded("configuration", "host.json");
  element files;
  for (const auto each : recorded.cases()) {
    if (each["files"].error() == simdjson::SUCCESS)
      files = each["files"];
    else
      recorded.compare(std::string_view(each["id"]), there_of(each["expected"]), here_of(each["input"], files));
  }
}

using settings_of_a_file = std::vector<std::pair<std::string, std::string>>;

asked_urls asked_by(const settings_of_a_file& settings, const tls_options& own = {.verify = tls_verify::none}) {
  configuration values;
  values.add_values(settings, "the file");
  return listen_urls(values, own);
}

/// What listen_urls refuses with these values.
std::string refusal(const settings_of_a_file& settings, const tls_options& own = {.verify = tls_verify::none}) {
  try {
    asked_by(settings, own);
    return "";
  } catch (const configuration_error& refused) {
    return refused.reason();
  }
}

TEST(listen_urls, what_cannot_be_listened_on_is_refused_with_its_place) {
  EXPECT_EQ(refusal({{"urls", "http://pipe:/orders"}}),
            "the file: urls: this server listens on no pipe: expected http://HOST:PORT or http://unix:/PATH, got \"http://pipe:/orders\"");
  EXPECT_NE(refusal({{"urls", "http://unix:orders.sock"}}).find("the socket's path is not absolute"), std::string::npos);
  EXPECT_NE(refusal({{"urls", "http://*:80,http://*:81"}}).find("several are separated by ;"), std::string::npos);
  EXPECT_NE(refusal({{"http_ports", "eighty"}}).find("the file: http_ports: expected http://HOST:PORT"), std::string::npos);
  EXPECT_EQ(refusal({{"Kestrel:Endpoints:Http:Protocols", "Http1"}}), "the file: Kestrel:Endpoints:Http: expected a Url");
  EXPECT_NE(refusal({{"Kestrel:Endpoints:Https:Url", "https://*:443"}, {"Kestrel:Endpoints:Https:Certificate:Subject", "localhost"}})
                .find("expected a certificate's file"),
            std::string::npos);
}

std::string warned(const settings_of_a_file& settings) {
  std::string text;
  for (const auto& each : asked_by(settings).warnings) text += each.key + " " + each.message + "\n";
  return text;
}

settings_of_a_file https_endpoint_with(settings_of_a_file more) {
  more.insert(more.begin(), {{"Kestrel:Endpoints:Https:Url", "https://*:443"}, {"Kestrel:Endpoints:Https:Certificate:Path", "a.pem"}});
  return more;
}

TEST(listen_urls, each_endpoint_has_its_own_certificate_else_the_default_one) {
  const auto asked = asked_by({{"Kestrel:Endpoints:A:Url", "https://*:443"},
                               {"Kestrel:Endpoints:A:Certificate:Path", "a.pem"},
                               {"Kestrel:Endpoints:A:Certificate:KeyPath", "a.key"},
                               {"Kestrel:Endpoints:B:Url", "https://*:444"},
                               {"Kestrel:Endpoints:C:Url", "http://*:80"},
                               {"Kestrel:Certificates:Default:Path", "b.pfx"},
                               {"Kestrel:Certificates:Default:Password", "p"}});
  EXPECT_EQ(asked.urls, (std::vector<std::string>{"https://*:443", "https://*:444", "http://*:80"}));
  ASSERT_EQ(asked.tls.size(), 3U);
  EXPECT_EQ(asked.tls[0].certificate_file, "a.pem");
  EXPECT_EQ(asked.tls[0].key_file, "a.key");
  EXPECT_EQ(asked.tls[1].certificate_file, "b.pfx");
  EXPECT_EQ(asked.tls[1].password, "p");
  EXPECT_EQ(asked.tls[2].certificate_file, "");
}

TEST(listen_urls, https_by_urls_and_ports_has_the_default_certificate) {
  for (const auto& url : settings_of_a_file{{"urls", "https://*:443"}, {"https_ports", "443"}}) {
    EXPECT_EQ(asked_by({url, {"Kestrel:Certificates:Default:Path", "b.pfx"}}).tls.at(0).certificate_file, "b.pfx") << url.first;
    EXPECT_NE(refusal({url, {"Kestrel:Certificates:Default:Subject", "localhost"}}).find("expected a certificate's file"),
              std::string::npos)
        << url.first;
  }
}

TEST(listen_urls, certificates_of_clients_are_demanded_or_the_start_is_refused) {
  const tls_options own{.ca_file = "ca.pem", .verify = tls_verify::none};
  EXPECT_EQ(asked_by(https_endpoint_with({}), own).tls.at(0).verify, tls_verify::none);
  for (const auto* section : {"Kestrel:Endpoints:Https", "Kestrel:EndpointDefaults"}) {
    const auto key = std::string(section) + ":ClientCertificateMode";
    EXPECT_EQ(asked_by(https_endpoint_with({{key, "RequireCertificate"}}), own).tls.at(0).verify, tls_verify::required) << section;
    EXPECT_EQ(asked_by(https_endpoint_with({{key, "allowcertificate"}}), own).tls.at(0).verify, tls_verify::if_given) << section;
    EXPECT_EQ(asked_by(https_endpoint_with({{key, "NoCertificate"}}), {.ca_file = "ca.pem"}).tls.at(0).verify, tls_verify::required)
        << "server:tls demands it";
    EXPECT_NE(refusal(https_endpoint_with({{key, "RequireCertificate"}}))
                  .find("the file: " + key + ": is RequireCertificate: set server:tls:caFile"),
              std::string::npos)
        << section;
    EXPECT_NE(refusal(https_endpoint_with({{key, "Required"}}))
                  .find(key + ": expected NoCertificate, AllowCertificate, RequireCertificate or DelayCertificate, got \"Required\""),
              std::string::npos);
    EXPECT_NE(warned(https_endpoint_with({{key, "DelayCertificate"}})).find("no client is asked for one"), std::string::npos);
  }
  EXPECT_NE(refusal({{"urls", "https://*:443"}, {"Kestrel:EndpointDefaults:ClientCertificateMode", "RequireCertificate"}})
                .find("server:tls:caFile"),
            std::string::npos);
  EXPECT_EQ(asked_by(https_endpoint_with({{"Kestrel:EndpointDefaults:ClientCertificateMode", "RequireCertificate"},
                                          {"Kestrel:Endpoints:Https:ClientCertificateMode", "NoCertificate"}}))
                .tls.at(0)
                .verify,
            tls_verify::none)
      << "the endpoint's own wins";
  EXPECT_NE(refusal(https_endpoint_with({{"Kestrel:Endpoints:Https:Sni:a.example.com:ClientCertificateMode", "RequireCertificate"}}))
                .find("Https:Sni: this server does not choose by the name"),
            std::string::npos);
  EXPECT_NE(refusal({{"Kestrel:Endpoints:Http:Url", "http://*:80"}, {"Kestrel:Endpoints:Http:ClientCertificateMode", "RequireCertificate"}})
                .find("is about TLS, and the endpoint's Url is not https"),
            std::string::npos);
}

TEST(listen_urls, versions_of_tls_are_those_named_or_the_log_says_which) {
  const auto versions = [](settings_of_a_file more) { return asked_by(https_endpoint_with(std::move(more))).tls.at(0).min_version; };
  const std::string key = "Kestrel:Endpoints:Https:SslProtocols";
  EXPECT_EQ(versions({{key + ":0", "Tls13"}}), tls_version::v1_3);
  EXPECT_EQ(versions({{key, "tls13"}}), tls_version::v1_3);
  EXPECT_EQ(versions({{"Kestrel:EndpointDefaults:SslProtocols:0", "Tls13"}}), tls_version::v1_3);
  EXPECT_EQ(versions({{key + ":0", "Tls12"}, {key + ":1", "Tls13"}}), tls_version::v1_2);
  EXPECT_EQ(versions({{key + ":0", "None"}}), tls_version::v1_2);
  EXPECT_NE(warned(https_endpoint_with({{key + ":0", "Tls12"}})).find("TLS 1.3 is spoken as well"), std::string::npos);
  EXPECT_NE(warned(https_endpoint_with({{key + ":0", "Tls11"}, {key + ":1", "Tls12"}, {key + ":2", "Tls13"}})).find("not spoken here"),
            std::string::npos);
  EXPECT_NE(refusal(https_endpoint_with({{key + ":0", "Tls11"}})).find("expected Tls12 or Tls13"), std::string::npos);
  EXPECT_NE(refusal(https_endpoint_with({{key + ":0", "TLS1.3"}})).find(key + ":0: expected Tls12 or Tls13, got \"TLS1.3\""),
            std::string::npos);
}

TEST(listen_urls, other_protocols_and_unknown_keys_of_an_endpoint_are_warned_of) {
  const auto with = [](std::string key, std::string value) {
    return settings_of_a_file{{"Kestrel:Endpoints:G:Url", "http://*:80"}, {std::move(key), std::move(value)}};
  };
  EXPECT_NE(warned(with("Kestrel:Endpoints:G:Protocols", "Http2"))
                .find("Kestrel:Endpoints:G:Protocols is Http2, and this server speaks HTTP/1.1 only"),
            std::string::npos);
  EXPECT_NE(warned(with("Kestrel:EndpointDefaults:Protocols", "Http2")).find("speaks HTTP/1.1 only"), std::string::npos);
  EXPECT_EQ(warned(with("Kestrel:Endpoints:G:Protocols", "Http1AndHttp2")), "");
  EXPECT_NE(refusal(with("Kestrel:Endpoints:G:Protocols", "h2")).find("expected None, Http1"), std::string::npos);
  EXPECT_EQ(warned(with("Kestrel:Endpoints:G:ClientCertificatMode", "RequireCertificate")),
            "Kestrel:Endpoints:G:ClientCertificatMode unknown key: did you mean ClientCertificateMode?\n");
}

}  // namespace
