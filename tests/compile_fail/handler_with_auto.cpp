// expect: mamey: a handler is a function whose parameters have types (no auto)
#include <mamey/core/signature.hpp>
auto create_order = [](const auto& command) { return command.id; };
using parts = mamey::signature<decltype(create_order)>::message;
