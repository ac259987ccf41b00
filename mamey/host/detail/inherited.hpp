#pragma once

/// @file
/// What a process inherits from the program that starts it, and must not depend on.

namespace mamey::inline v1::detail {

/// Descriptors 0 to 2 are open afterwards (on /dev/null where they were closed): else the next file or socket would be taken for the
/// console. SIGPIPE is ignored. The soft limit of descriptors is raised to the hard one, to 2^20 at most. Before any thread exists.
void tidy_inherited() noexcept;

}  // namespace mamey::inline v1::detail
