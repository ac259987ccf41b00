#pragma once

/// Values from a file of lines `key=value`, followed while the service runs; and addresses from the configuration.

namespace mamey::inline v1 {
class composition;
}

namespace acme {

/// `acmeLayer:file`; its lines win over everything else.
struct file_layer {
  void install(mamey::composition& into) const;
};

/// `httpClient:type: phonebook`: addresses of `phonebook:NAME:0`, `:1`, …, taken in turn.
struct phonebook {
  void install(mamey::composition& into) const;
};

}  // namespace acme
