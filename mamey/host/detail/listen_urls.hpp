#pragma once

/// @file
/// Where the host of .NET would listen with the same configuration.

#include <string>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/runtime/tls.hpp>

namespace mamey::inline v1 {

struct asked_urls {
  std::vector<std::string> urls;                ///< empty: nobody has asked for any
  std::vector<tls_options> tls;                 ///< of each of these: ours, with what Kestrel's settings say
  std::string origin;                           ///< for the log: `ASPNETCORE_URLS` and its place
  std::vector<configuration_problem> warnings;  ///< other behaviour here, which protects nobody less
};

/// In the order of the generic host: `Kestrel:Endpoints:*:Url` (unless `preferHostingUrls`), `urls`, `http_ports` and `https_ports`;
/// variables that begin with DOTNET_ and ASPNETCORE_ have come to these names before. `*`, `+` and a name that is neither an address nor
/// localhost are all addresses of the machine. https addresses have the certificate of their endpoint, else `Kestrel:Certificates:Default`,
/// unless `own` has one; `ClientCertificateMode` and `SslProtocols`, of the endpoint or `Kestrel:EndpointDefaults`, can only demand more
/// than `own`. Throws configuration_error for what cannot be listened on, as .NET does, for what only this server cannot (pipes,
/// certificates in a store of the system), and for protection that is asked for and cannot be given (`Sni`, certificates of clients without
/// `server:tls:caFile`).
asked_urls listen_urls(const configuration& values, const tls_options& own);

}  // namespace mamey::inline v1
