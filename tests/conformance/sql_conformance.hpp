#pragma once

/// @file
/// Plain SQL with the types of C++, on every store.

#include "store_conformance.hpp"

namespace mamey::testing {

class sql_conformance : public store_conformance {};

}  // namespace mamey::testing
