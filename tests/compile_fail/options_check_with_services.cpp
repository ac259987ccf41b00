// expect: mamey: options are checked before there are services
#include <mamey/application.hpp>
struct LoanOptions {
  int most_days = 14;
  static void check(const LoanOptions&, mamey::violations&, mamey::dispatcher&);
};
auto service() { return mamey::module("loans").options<LoanOptions>("loans"); }
