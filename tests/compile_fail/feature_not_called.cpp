// expect: mamey: a feature is what its function returns: `.add(mamey::sqlite())`
#include <mamey/application.hpp>
#include <mamey/persistence/sqlite/feature.hpp>
auto orders = mamey::application("orders").add(mamey::sqlite);
