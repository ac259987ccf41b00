#include <mamey/host/detail/listen_urls.hpp>

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include <mamey/core/error.hpp>
#include <mamey/core/suggestion.hpp>
#include <mamey/core/text.hpp>
#include <mamey/host/detail/arguments.hpp>

namespace mamey::inline v1 {
namespace {

[[noreturn]] void refuse(const configuration& values, const std::string& key, const std::string& message) {
  throw configuration_error({{.origin = values.origin(key), .key = key, .message = message}});
}

std::string trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(' ');
  return begin == text.npos ? std::string() : std::string(text.substr(begin, text.find_last_not_of(' ') - begin + 1));
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto part = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    if (auto word = trimmed(part); !word.empty()) parts.push_back(std::move(word));
  }
  return parts;
}

bool is_an_address(std::string_view host) {
  return equal_ignoring_case(host, "localhost") || host.find(':') != host.npos || host.find_first_not_of("0123456789.") == host.npos;
}

/// As the server reads it.
std::string checked(const configuration& values, const std::string& key, const std::string& url) {
  const auto scheme_end = url.find("://");
  const auto scheme = std::string_view(url).substr(0, scheme_end == url.npos ? 0 : scheme_end);
  const bool secure = equal_ignoring_case(scheme, "https");
  if (!secure && !equal_ignoring_case(scheme, "http"))
    refuse(values, key, "expected http://HOST:PORT or https://HOST:PORT, got \"" + url + "\"");
  auto rest = std::string_view(url).substr(scheme_end + 3);
  if (rest.starts_with("pipe:"))
    refuse(values, key, "this server listens on no pipe: expected http://HOST:PORT or http://unix:/PATH, got \"" + url + "\"");
  if (rest.starts_with("unix:")) {
    if (!rest.starts_with("unix:/") || rest.size() == 6 || rest.ends_with('/'))
      refuse(values, key, "the socket's path is not absolute: expected http://unix:/PATH, got \"" + url + "\"");
    return (secure ? "https://" : "http://") + std::string(rest);
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find('/') != rest.npos)
    refuse(values, key,
           "an address to listen on has no path, and several are separated by ;: expected http://HOST:PORT, got \"" + url + "\"");
  try {
    auto [host, port] = parse_url((secure ? "https://" : "http://") + std::string(rest));
    if (host != "*" && !is_an_address(host)) host = "*";  // a name of the service, as it is called from outside
    if (host.find(':') != host.npos) host = "[" + host + "]";
    return (secure ? "https://" : "http://") + host + ":" + std::to_string(port);
  } catch (const validation_error&) {
    refuse(values, key, "expected http://HOST:PORT or https://HOST:PORT, got \"" + url + "\"");
  }
}

/// Of a key with one of .NET's names as its value, in any case, or the name's number; nothing when it is absent.
std::optional<std::size_t> choice(const configuration& values, const std::string& key, std::span<const std::string_view> names) {
  const auto text = values.find(key);
  if (!text || text->empty()) return std::nullopt;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (equal_ignoring_case(*text, names[i]) || *text == std::to_string(i)) return i;
  }
  std::string expected;
  for (const auto name : names) expected += (expected.empty() ? "expected " : name == names.back() ? " or " : ", ") + std::string(name);
  refuse(values, key, expected + ", got \"" + *text + "\"");
}

/// A setting of an endpoint, else of all of them: its key; empty when nobody gives it.
std::string key_of(const configuration& values, const std::string& endpoint, std::string_view setting) {
  for (const auto& section : {endpoint, std::string("Kestrel:EndpointDefaults")}) {
    auto key = section + ":" + std::string(setting);
    if (!section.empty() && values.contains(key)) return key;
  }
  return {};
}

/// Reads what Kestrel's settings demand of an address beside its url.
class endpoint_demands {
 public:
  endpoint_demands(asked_urls& asked, const configuration& values, const tls_options& own) : asked_(asked), values_(values), own_(own) {}

  /// `endpoint` is its section; empty: one of `urls`, `http_ports`, `https_ports`.
  void add(const std::string& endpoint, const std::string& key, const std::string& url) {
    asked_.urls.push_back(checked(values_, key, url));
    if (asked_.origin.empty()) asked_.origin = key + ", " + values_.origin(key);
    const bool secure = asked_.urls.back().starts_with("https");
    if (!endpoint.empty()) check_keys(endpoint, secure);
    read_protocols(key_of(values_, endpoint, "Protocols"), secure);
    asked_.tls.push_back(own_);
    if (!secure) return;
    take_certificate(endpoint);
    ask_clients(key_of(values_, endpoint, "ClientCertificateMode"));
    read_versions(key_of(values_, endpoint, "SslProtocols"));
  }

 private:
  void warn(const std::string& key, const std::string& message) {
    asked_.warnings.push_back({.origin = values_.origin(key), .key = key, .message = message});
  }

  void check_keys(const std::string& endpoint, bool secure) {
    static constexpr std::string_view known[] = {"Url", "Protocols", "Certificate", "ClientCertificateMode", "SslProtocols", "Sni"};
    for (const auto& name : values_.keys(endpoint)) {
      const auto found = std::ranges::find_if(known, [&](std::string_view each) { return equal_ignoring_case(each, name); });
      const auto key = endpoint + ":" + name;
      if (found == std::end(known))
        warn(key, "unknown key" + suggestion(name, {std::begin(known), std::end(known)}));
      else if (found - known >= 2 && !secure)
        refuse(values_, key, "is about TLS, and the endpoint's Url is not https");
    }
    if (secure && !values_.keys(endpoint + ":Sni").empty())
      refuse(values_, endpoint + ":Sni",
             "this server does not choose by the name that a client asks for: give each name an endpoint with an address, Certificate, "
             "ClientCertificateMode and SslProtocols of its own, or choose in a proxy in front");
  }

  void read_protocols(const std::string& key, bool secure) {
    static constexpr std::string_view names[] = {"None",  "Http1",         "Http2",         "Http1AndHttp2",
                                                 "Http3", "Http1AndHttp3", "Http2AndHttp3", "Http1AndHttp2AndHttp3"};
    const auto chosen = key.empty() ? std::nullopt : choice(values_, key, names);
    if (!chosen || names[*chosen].starts_with("Http1")) return;
    warn(key, "is " + std::string(names[*chosen]) +
                  ", and this server speaks HTTP/1.1 only: clients that speak nothing else than HTTP/2 or HTTP/3 are not served" +
                  (secure ? "" : ", put a proxy in front of it that translates"));
  }

  /// An endpoint's own certificate, else the default one, as a file; those of Windows' stores are none.
  void take_certificate(const std::string& endpoint) {
    for (const auto& section : {endpoint + ":Certificate", std::string("Kestrel:Certificates:Default")}) {
      if (section.starts_with(':') || !values_.contains(section)) continue;
      const auto path = values_.find(section + ":Path");
      if (!path) refuse(values_, section, "expected a certificate's file: Path, and KeyPath or Password");
      if (!own_.certificate_file.empty()) return warn(section, "server:tls:certificateFile is served instead");
      auto& tls = asked_.tls.back();
      tls.certificate_file = *path;
      tls.key_file = values_.find(section + ":KeyPath").value_or("");
      tls.password = values_.find(section + ":Password").value_or("");
      return;
    }
  }

  void ask_clients(const std::string& key) {
    static constexpr std::string_view names[] = {"NoCertificate", "AllowCertificate", "RequireCertificate", "DelayCertificate"};
    const auto chosen = key.empty() ? std::nullopt : choice(values_, key, names);
    if (!chosen || *chosen == 0) return;
    if (*chosen == 3) return warn(key, "is DelayCertificate, and nothing here asks for a certificate later: no client is asked for one");
    auto& tls = asked_.tls.back();
    if (*chosen == 2)
      tls.verify = tls_verify::required;
    else if (tls.verify == tls_verify::none)
      tls.verify = tls_verify::if_given;
    if (tls.ca_file.empty())
      refuse(values_, key,
             "is " + std::string(names[*chosen]) +
                 ": set server:tls:caFile to the authorities that certificates of clients come from (PEM); the system's are not taken");
  }

  /// .NET reads a list; a text with commas is as plain.
  void read_versions(const std::string& key) {
    static constexpr std::string_view names[] = {"None", "Ssl2", "Ssl3", "Default", "Tls", "Tls11", "Tls12", "Tls13"};
    if (key.empty()) return;
    bool v1_2 = false, v1_3 = false, older = false;
    const auto take = [&](const std::string& place, std::string_view text) {
      const auto found = std::ranges::find_if(names, [&](std::string_view each) { return equal_ignoring_case(each, text); });
      if (found == std::end(names)) refuse(values_, place, "expected Tls12 or Tls13, got \"" + std::string(text) + "\"");
      v1_2 |= *found == "Tls12";
      v1_3 |= *found == "Tls13";
      older |= found != names && *found < "Tls12";
    };
    for (const auto& part : split(values_.find(key).value_or(""), ',')) take(key, part);
    for (const auto& index : values_.keys(key)) take(key + ":" + index, trimmed(values_.find(key + ":" + index).value_or("")));
    if (older && !v1_2 && !v1_3) refuse(values_, key, "this server speaks TLS 1.2 and 1.3: expected Tls12 or Tls13");
    if (older) warn(key, "names versions before TLS 1.2: they are not spoken here");
    if (v1_2 && !v1_3) warn(key, "does not name Tls13: TLS 1.3 is spoken as well");
    if (v1_3 && !v1_2) asked_.tls.back().min_version = tls_version::v1_3;
  }

  asked_urls& asked_;
  const configuration& values_;
  const tls_options& own_;
};

}  // namespace

asked_urls listen_urls(const configuration& values, const tls_options& own) {
  asked_urls asked;
  endpoint_demands demands(asked, values, own);
  const auto urls = split(values.find("urls").value_or(""), ';');
  const auto prefers_urls = values.find("preferHostingUrls").value_or("");
  if (urls.empty() || !(equal_ignoring_case(prefers_urls, "true") || prefers_urls == "1")) {
    for (const auto& name : values.keys("Kestrel:Endpoints")) {
      const auto endpoint = "Kestrel:Endpoints:" + name;
      const auto url = values.find(endpoint + ":Url");
      if (!url || url->empty()) refuse(values, endpoint, "expected a Url");
      demands.add(endpoint, endpoint + ":Url", *url);
    }
  }
  if (!asked.urls.empty()) return asked;
  for (const auto& each : urls) demands.add("", "urls", each);
  if (!asked.urls.empty()) return asked;
  for (const auto& port : split(values.find("http_ports").value_or(""), ';')) demands.add("", "http_ports", "http://*:" + port);
  for (const auto& port : split(values.find("https_ports").value_or(""), ';')) demands.add("", "https_ports", "https://*:" + port);
  return asked;
}

}  // namespace mamey::inline v1
