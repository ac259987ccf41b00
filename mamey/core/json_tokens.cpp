// The one source file that includes simdjson: the header is heavy, and what is used of it is narrow.
#include <simdjson.h>

#include <mamey/core/detail/json_tokens.hpp>
#include <mamey/core/detail/utf8.hpp>

#include <new>
#include <utility>

namespace mamey::inline v1::json::detail {

class token_index {
 public:
  token_index() {
    if (simdjson::get_active_implementation()->create_dom_parser_implementation(smallest_capacity, depth, parser_)) throw std::bad_alloc();
  }

  void reserve(std::size_t size) {
    if (size > parser_->capacity() && parser_->set_capacity(std::max(size, 2 * parser_->capacity()))) throw std::bad_alloc();
  }

  simdjson::error_code fill(std::string_view text) {
    return parser_->stage1(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), simdjson::stage1_mode::regular);
  }

  const std::uint32_t* starts() const { return parser_->structural_indexes.get(); }
  std::size_t count() const { return parser_->n_structural_indexes; }
  bool is_small() const { return parser_->capacity() <= largest_kept; }

 private:
  static constexpr std::size_t smallest_capacity = 4096;
  static constexpr std::size_t largest_kept = 1 << 20;  // a thread keeps no more than four times that after a large body
  static constexpr std::size_t depth = 1;               // of the second stage, which is not used

  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser_;
};

namespace {

// Taken while in use: a text_codec that reads JSON itself finds none and makes another.
thread_local std::unique_ptr<token_index> spare_index;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20; }

/// Where a string begins that never ends, or a control character stands in one.
std::size_t find_string_error(std::string_view text) {
  std::size_t open = text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool inside = open != text.size();
    if (inside && is_control(text[i])) return i;
    if (inside && text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      open = inside ? text.size() : i;
  }
  return open;
}

std::pair<const char*, std::size_t> explain(simdjson::error_code error, std::string_view text) {
  switch (error) {
    case simdjson::UTF8_ERROR:
      return {"not UTF-8", mamey::detail::find_invalid_utf8(text)};
    case simdjson::UNESCAPED_CHARS:
      return {"a control character in a string", find_string_error(text)};
    case simdjson::UNCLOSED_STRING:
      return {"a string without an end", find_string_error(text)};
    case simdjson::EMPTY:
      return {"nothing but white space", 0};
    case simdjson::CAPACITY:
      return {"longer than 4 GiB", 0};
    default:
      return {"no JSON", 0};
  }
}

}  // namespace

tokens::tokens(std::string_view text) : text_(text) {
  if (text.size() > simdjson::SIMDJSON_MAXSIZE_BYTES) {
    std::tie(error_, error_offset_) = explain(simdjson::CAPACITY, text);
    return;
  }
  index_ = spare_index ? std::move(spare_index) : std::make_unique<token_index>();
  index_->reserve(text.size());
  if (const auto error = text.empty() ? simdjson::EMPTY : index_->fill(text)) {
    std::tie(error_, error_offset_) = explain(error, text);
    return;
  }
  starts_ = index_->starts();
  count_ = index_->count();
}

tokens::~tokens() {
  if (index_ && index_->is_small()) spare_index = std::move(index_);
}

}  // namespace mamey::inline v1::json::detail
