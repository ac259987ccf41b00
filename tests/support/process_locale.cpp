// Runs a test program under the locale that MAMEY_TEST_LOCALE names, as a service does that calls setlocale: nothing may come out otherwise.

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <locale>

namespace {

[[maybe_unused]] const bool chosen = [] {
  const char* const name = std::getenv("MAMEY_TEST_LOCALE");
  if (name == nullptr) return false;
  try {
    std::locale::global(std::locale(name));
  } catch (const std::exception&) {
    std::fprintf(stderr, "there is no locale %s in LOCPATH=%s: scripts/setup brings what the test test_locales makes it of\n", name,
                 std::getenv("LOCPATH"));
    std::exit(1);
  }
  // The system's own words for an error may be in its language; tests name them in English.
  if (std::setlocale(LC_ALL, name) == nullptr || std::setlocale(LC_MESSAGES, "C") == nullptr) std::exit(1);
  return true;
}();

}  // namespace
