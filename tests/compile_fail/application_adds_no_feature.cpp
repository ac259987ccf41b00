// expect: mamey: an application adds modules and features
#include <mamey/application.hpp>
struct Pricing {};
auto app() { return mamey::application("orders").add(Pricing{}); }
