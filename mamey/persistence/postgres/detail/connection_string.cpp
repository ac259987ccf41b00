#include <mamey/persistence/postgres/detail/connection_string.hpp>

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include <mamey/core/ascii.hpp>
#include <mamey/core/error.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

using key_values = std::vector<std::pair<std::string, std::string>>;

template <class... Arguments>
[[noreturn]] void refuse(std::string_view pattern, const Arguments&... arguments) {
  throw unavailable("connection_string", pattern, arguments...);
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// ADO.NET's keys: letters of any case, and blanks do not count. `User Id` ⇒ `userid`.
std::string normal(std::string_view key) {
  std::string text;
  for (const char each : key) {
    if (each != ' ' && each != '_') text += ascii_lower(each);
  }
  return text;
}

// -- Npgsql -----------------------------------------------------------------------------------------------------------

/// A value in quotes may hold `;`, and the quote itself twice.
std::string quoted_value(std::string_view text, std::size_t& at, std::string_view key) {
  const char quote = text[at++];
  std::string value;
  for (; at < text.size(); ++at) {
    if (text[at] != quote) {
      value += text[at];
    } else if (at + 1 < text.size() && text[at + 1] == quote) {
      value += text[at++];
    } else {
      ++at;
      return value;
    }
  }
  refuse("the value of \"{key}\" in the connection string has no closing {quote}", key, std::string_view(&quote, 1));
}

key_values split_pairs(std::string_view text) {
  key_values pairs;
  for (std::size_t at = 0; at < text.size();) {
    const auto equals = text.find('=', at);
    const auto semicolon = text.find(';', at);
    if (trimmed(text.substr(at, std::min(semicolon, text.size()) - at)).empty()) {
      at = semicolon == std::string_view::npos ? text.size() : semicolon + 1;
      continue;
    }
    if (equals == std::string_view::npos || equals > semicolon) {
      refuse("expected Key=Value;… or postgres://… as connection string; pair {number} has no \"=\"", pairs.size() + 1);
    }
    const std::string key(trimmed(text.substr(at, equals - at)));
    at = text.find_first_not_of(' ', equals + 1);
    if (at == std::string_view::npos) at = text.size();
    std::string value;
    if (at < text.size() && (text[at] == '\'' || text[at] == '"')) {
      value = quoted_value(text, at, key);
      const auto rest = text.substr(at, text.find(';', at) - at);
      if (!trimmed(rest).empty())
        refuse("the value of \"{key}\" in the connection string ends with its quote: expected \";\" behind it", key);
      at = text.find(';', at);
    } else {
      const auto end = text.find(';', at);
      value = trimmed(text.substr(at, std::min(end, text.size()) - at));
      at = end;
    }
    pairs.emplace_back(key, std::move(value));
    at = at == std::string_view::npos ? text.size() : at + 1;
  }
  return pairs;
}

struct known_key {
  std::string_view npgsql, libpq;
};
constexpr std::array renamed{
    known_key{"database", "dbname"},
    known_key{"db", "dbname"},
    known_key{"username", "user"},
    known_key{"user", "user"},
    known_key{"userid", "user"},
    known_key{"uid", "user"},
    known_key{"password", "password"},
    known_key{"psw", "password"},
    known_key{"pwd", "password"},
    known_key{"passfile", "passfile"},
    known_key{"applicationname", "application_name"},
    known_key{"rootcertificate", "sslrootcert"},
    known_key{"sslcertificate", "sslcert"},
    known_key{"sslkey", "sslkey"},
    known_key{"sslpassword", "sslpassword"},
    known_key{"options", "options"},
    known_key{"kerberosservicename", "krbsrvname"},
};
/// Of Npgsql's own machinery or of what this client decides itself: accepted, without effect.
constexpr std::array ignored = std::to_array<std::string_view>({
    "arraynullabilitymode",
    "autoprepareminusages",
    "backendtimeouts",
    "cancellationtimeout",
    "checkcertificaterevocation",
    "clientencoding",
    "connectionidlelifetime",
    "connectionlifetime",
    "connectionpruninginterval",
    "convertinfinitydatetime",
    "efadmindatabase",
    "eftemplatedatabase",
    "encoding",
    "enlist",
    "entityadmindatabase",
    "entitytemplatedatabase",
    "hostrecheckseconds",
    "includeerrordetail",
    "includeerrordetails",
    "includefailedbatchedcommand",
    "includerealm",
    "integratedsecurity",
    "internalcommandtimeout",
    "keepalive",
    "loadbalancehosts",
    "loadbalancetimeout",
    "loadtablecomposites",
    "logparameters",
    "maxautoprepare",
    "minimumpoolsize",
    "minpoolsize",
    "multiplexing",
    "noresetonclose",
    "persistsecurityinfo",
    "pooling",
    "readbuffersize",
    "servercompatibilitymode",
    "socketreceivebuffersize",
    "socketsendbuffersize",
    "syncnotification",
    "tcpkeepalive",
    "tcpkeepaliveinterval",
    "tcpkeepalivetime",
    "timezone",
    "useperfcounters",
    "usesslstream",
    "writebuffersize",
    "writecoalescingbufferthresholdbytes",
});

/// libpq wants its values in lower case, Npgsql takes them in any, with blanks and dashes.
std::string choice(std::string_view key, const std::string& value, std::span<const known_key> known, std::string_view expected) {
  auto wanted = normal(value);
  std::erase(wanted, '-');
  const auto found = std::ranges::find(known, wanted, &known_key::npgsql);
  if (found == known.end()) refuse("{key} in the connection string: expected {expected}, got \"{value}\"", key, expected, value);
  return std::string(found->libpq);
}

std::string ssl_mode(const std::string& value) {
  static constexpr std::array known{known_key{"disable", "disable"},    known_key{"allow", "allow"},
                                    known_key{"prefer", "prefer"},      known_key{"require", "require"},
                                    known_key{"verifyca", "verify-ca"}, known_key{"verifyfull", "verify-full"}};
  return choice("SSL Mode", value, known, "Disable, Allow, Prefer, Require, VerifyCA or VerifyFull");
}

std::string channel_binding(const std::string& value) {
  static constexpr std::array known{known_key{"disable", "disable"}, known_key{"prefer", "prefer"}, known_key{"require", "require"}};
  return choice("Channel Binding", value, known, "Disable, Prefer or Require");
}

std::string session_attributes(const std::string& value) {
  static constexpr std::array known{known_key{"any", "any"},
                                    known_key{"primary", "primary"},
                                    known_key{"master", "primary"},
                                    known_key{"standby", "standby"},
                                    known_key{"secondary", "standby"},
                                    known_key{"preferprimary", "read-write"},  // a service that writes has no use for another
                                    known_key{"preferstandby", "prefer-standby"},
                                    known_key{"readwrite", "read-write"},
                                    known_key{"readonly", "read-only"},
                                    known_key{"prefersecondary", "prefer-standby"}};
  return choice("Target Session Attributes", value, known,
                "any, primary, standby, prefer-primary, prefer-standby, read-write or read-only");
}

int whole_number(const std::string& key, const std::string& value) {
  int number = 0;
  const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (failed != std::errc() || end != value.data() + value.size() || number < 0) {
    refuse("{key} in the connection string: expected a whole number, got \"{value}\"", key, value);
  }
  return number;
}

/// A key whose values are harmless but for some, which would promise what this client does not keep.
void expect_one_of(const std::string& key, const std::string& value, std::initializer_list<std::string_view> harmless) {
  if (std::ranges::find(harmless, normal(value)) != harmless.end()) return;
  std::string list;
  for (const auto each : harmless) list += (list.empty() ? "" : ", ") + std::string(each);
  refuse("{key}={value} in the connection string cannot be kept here: expected one of {list}, or no such key", key, value, list);
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    const auto comma = text.find(',');
    parts.emplace_back(trimmed(text.substr(0, comma)));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

/// `db:5433` ⇒ db, 5433; an IPv6 address stays whole unless in brackets.
server_address with_port(const std::string& host, const std::string& port) {
  server_address made{.host = host, .port = port};
  if (host.starts_with('/')) return made;
  const auto colon = host.rfind(':');
  if (host.starts_with('[')) {
    const auto bracket = host.find(']');
    made.host = host.substr(1, bracket == std::string::npos ? bracket : bracket - 1);
    if (colon != std::string::npos && bracket != std::string::npos && colon > bracket) made.port = host.substr(colon + 1);
  } else if (colon != std::string::npos && host.find(':') == colon) {
    made.host = host.substr(0, colon);
    made.port = host.substr(colon + 1);
  }
  return made;
}

void add_servers(connection_target& to, const std::string& hosts, const std::string& ports) {
  const auto names = split(hosts), numbers = split(ports);
  if (numbers.size() != 1 && numbers.size() != names.size())
    refuse("the connection string names {hosts} hosts and {ports} ports", names.size(), numbers.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& port = numbers.size() == 1 ? numbers.front() : numbers[i];
    to.servers.push_back(with_port(names[i], port.empty() ? "5432" : port));
  }
}

/// `app, public`: tables are made in the first, and looked for in the others too.
void take_search_path(connection_target& to, std::string_view text) {
  for (auto& each : split(text)) {
    if (each.size() > 1 && each.front() == '"' && each.back() == '"') each = each.substr(1, each.size() - 2);
    if (each.empty() || each == "$user") {
      refuse("Search Path in the connection string: expected names of schemas, the first is where tables are made, got \"{value}\"", text);
    }
    if (!to.search_path)
      to.search_path = std::move(each);
    else if (each != "public")
      to.further_schemas.push_back(std::move(each));
  }
}

connection_target from_npgsql(const std::string& text) {
  connection_target made;
  std::string hosts = "localhost", ports = "5432";
  bool trusts = false;
  for (const auto& [key, value] : split_pairs(text)) {
    const auto name = normal(key);
    if (const auto found = std::ranges::find(renamed, name, &known_key::npgsql); found != renamed.end()) {
      made.parameters[std::string(found->libpq)] = value;
    } else if (name == "host" || name == "server") {
      hosts = value;
    } else if (name == "port") {
      ports = std::to_string(whole_number(key, value));
    } else if (name == "sslmode" || name == "ssl") {
      made.parameters["sslmode"] = ssl_mode(value);
    } else if (name == "trustservercertificate") {
      trusts = normal(value) == "true" || value == "1";
    } else if (name == "channelbinding") {
      made.parameters["channel_binding"] = channel_binding(value);
    } else if (name == "targetsessionattributes") {
      made.parameters["target_session_attrs"] = session_attributes(value);
    } else if (name == "searchpath") {
      take_search_path(made, value);
    } else if (name == "gssencryptionmode") {
      expect_one_of(key, value, {"disable", "prefer"});
    } else if (name == "sslnegotiation") {
      expect_one_of(key, value, {"postgres"});
    } else if (name == "replicationmode") {
      expect_one_of(key, value, {"off"});
    } else if (name == "timeout") {
      made.connect_timeout = std::chrono::seconds(whole_number(key, value));
    } else if (name == "commandtimeout") {
      made.command_timeout = std::chrono::seconds(whole_number(key, value));
    } else if (name == "maximumpoolsize" || name == "maxpoolsize") {
      made.most_connections = whole_number(key, value);
    } else if (std::ranges::find(ignored, name) == ignored.end()) {
      refuse(
          "the connection string has the key \"{key}\", which is not understood: expected Npgsql's Host, Port, Database, Username, "
          "Password, SSL Mode, "
          "Root Certificate, Trust Server Certificate, Search Path, Timeout, Command Timeout, Maximum Pool Size, Target Session "
          "Attributes, "
          "Application Name, …",
          key);
    }
  }
  // Npgsql: trust means that no certificate is looked at, which contradicts a mode that looks at it.
  if (trusts && made.parameters["sslmode"].starts_with("verify")) {
    refuse("the connection string asks for SSL Mode={mode} and Trust Server Certificate=true, which exclude each other",
           made.parameters["sslmode"]);
  }
  if (made.parameters["sslmode"].empty()) made.parameters["sslmode"] = "prefer";
  add_servers(made, hosts, ports);
  return made;
}

// -- libpq ------------------------------------------------------------------------------------------------------------

connection_target from_libpq(const std::string& text) {
  char* complaint = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(PQconninfoParse(text.c_str(), &complaint), &PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> freed(complaint, &PQfreemem);
  // The complaint may quote the text, and with it the password.
  if (!parsed) refuse("the connection string is no valid PostgreSQL URI: expected postgres://user:password@host:5432/database?sslmode=…");
  connection_target made;
  std::string hosts = "localhost", ports = "5432";
  for (const auto* each = parsed.get(); each->keyword != nullptr; ++each) {
    if (each->val == nullptr) continue;
    const std::string_view key = each->keyword;
    if (key == "host" || key == "hostaddr") {
      hosts = each->val;
    } else if (key == "port") {
      ports = each->val;
    } else if (key == "connect_timeout") {
      made.connect_timeout = std::chrono::seconds(whole_number("connect_timeout", each->val));
    } else {
      made.parameters[std::string(key)] = each->val;
    }
  }
  const auto options = made.parameters.find("options");
  const auto at = options == made.parameters.end() ? std::string::npos : options->second.find("search_path=");
  if (at != std::string::npos) {
    const auto value = std::string_view(options->second).substr(at + 12);
    take_search_path(made, value.substr(0, value.find(' ')));
  }
  add_servers(made, hosts, ports);
  return made;
}

}  // namespace

std::string connection_target::description() const {
  const auto value = [&](const char* key) {
    const auto found = parameters.find(key);
    return found == parameters.end() ? std::string() : found->second;
  };
  std::string text = value("user");
  if (!text.empty()) text += '@';
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const auto& [host, port] = servers[i];
    text += (i > 0 ? "," : "") + (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
  }
  return text + "/" + value("dbname");
}

connection_target parse_connection_string(const std::string& text) {
  if (trimmed(text).empty()) {
    refuse(
        "postgres:connectionString is empty: expected Host=…;Database=…;Username=…;Password=… or postgres://user:password@host/database");
  }
  if (text.starts_with("postgres://") || text.starts_with("postgresql://")) return from_libpq(text);
  // libpq's own `host=db dbname=orders` has no semicolon, and `dbname` is no key of Npgsql's.
  if (text.find(';') == std::string::npos && text.find("dbname=") != std::string::npos) return from_libpq(text);
  return from_npgsql(text);
}

}  // namespace mamey::inline v1::postgres_detail
