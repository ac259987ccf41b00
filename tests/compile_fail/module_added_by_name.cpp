// expect: mamey: an application takes its modules over
#include <mamey/application.hpp>
mamey::application orders(mamey::module& part) { return mamey::application("orders").add(part); }
