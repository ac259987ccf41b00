#include <mamey/web/detail/page_files.hpp>

#if defined(MAMEY_PAGE_FILES)  // the folder with the packed files; CMakeLists.txt defines it unless MAMEY_DOCS_PAGE is OFF

// The assembler reads the files: half a megabyte as an array would be seconds for the compiler.
// clang-format off
#define MAMEY_EMBED(symbol, file)                                               \
  asm(".pushsection .rodata." #symbol ",\"a\"\n"                                \
      ".globl  " #symbol ", " #symbol "_end\n"                                  \
      ".hidden " #symbol ", " #symbol "_end\n"                                  \
      #symbol ":\n"                                                             \
      ".incbin \"" MAMEY_PAGE_FILES "/" file ".gz\"\n"                          \
      #symbol "_end:\n"                                                         \
      ".byte 0\n"                                                               \
      ".popsection\n");                                                         \
  extern "C" __attribute__((visibility("hidden"))) const char symbol[], symbol##_end[]
// clang-format on

MAMEY_EMBED(mamey_page_bundle, "swagger-ui-bundle.js");
MAMEY_EMBED(mamey_page_style, "swagger-ui.css");
MAMEY_EMBED(mamey_page_icon, "favicon-32x32.png");
MAMEY_EMBED(mamey_page_start, "start.js");
MAMEY_EMBED(mamey_page_own_style, "page.css");

namespace mamey::inline v1::web::detail {

std::span<const page_file> page_files() noexcept {
  constexpr std::string_view script = "text/javascript; charset=utf-8", style = "text/css; charset=utf-8";
  static const page_file files[] = {
      {"swagger-ui-bundle.js", script, {mamey_page_bundle, mamey_page_bundle_end}},
      {"swagger-ui.css", style, {mamey_page_style, mamey_page_style_end}},
      {"favicon-32x32.png", "image/png", {mamey_page_icon, mamey_page_icon_end}},
      {"start.js", script, {mamey_page_start, mamey_page_start_end}},
      {"page.css", style, {mamey_page_own_style, mamey_page_own_style_end}},
  };
  return files;
}

}  // namespace mamey::inline v1::web::detail

#else

namespace mamey::inline v1::web::detail {

std::span<const page_file> page_files() noexcept { return {}; }

}  // namespace mamey::inline v1::web::detail

#endif
