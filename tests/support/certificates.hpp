#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "tests/support/temporary_directory.hpp"

namespace mamey::testing {

/// An authority made by the openssl command, and certificates of it. Files: `<name>.pem`, `<name>.key`.
class authority {
 public:
  authority() {
    run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=authority' -keyout ca.key -out ca.pem");
  }

  /// `names` as openssl takes them: `DNS:localhost,IP:127.0.0.1`. A negative number of days: expired.
  void issue(const std::string& name, const std::string& names = "DNS:localhost,IP:127.0.0.1", int days = 2) {
    run("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=" + name + "' -addext subjectAltName=" + names + " -keyout " +
        name + ".key -out request.csr");
    run("x509 -req -in request.csr -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy -days " + std::to_string(days) +
        " -out " + name + ".pem");
  }

  std::string ca() const { return file("ca.pem"); }
  std::string certificate(const std::string& name) const { return file(name + ".pem"); }
  std::string key(const std::string& name) const { return file(name + ".key"); }
  std::string file(const std::string& name) const { return folder_.file(name); }
  /// Runs openssl with these arguments, in the folder of the files.
  void run(const std::string& arguments) const {
    const auto command = "cd '" + folder_.path() + "' && openssl " + arguments + " >openssl.log 2>&1";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: openssl " + arguments);
  }

 private:
  temporary_directory folder_;
};

}  // namespace mamey::testing
