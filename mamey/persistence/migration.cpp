#include <mamey/persistence/migration.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <mamey/core/ascii.hpp>
#include <mamey/core/error.hpp>
#include <mamey/messaging/slot.hpp>
#include <mamey/observability/log.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.persistence"};

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::string with_plain_lines(std::string_view text) {
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    plain += text[i];
  }
  return plain;
}

std::string with_windows_lines(std::string_view plain) {
  std::string text;
  for (const char each : plain) {
    if (each == '\n') text += '\r';
    text += each;
  }
  return text;
}

std::int64_t sum_of(std::string_view text) { return static_cast<std::int64_t>(crc32c(text)); }

/// Goes over a script word by word and finds where a statement begins, as both databases would: what stands in comments, texts, quoted
/// names and dollar quotes is no word, and the body of a trigger or of a function written in SQL is part of its statement.
class script_reader {
 public:
  explicit script_reader(std::string_view text) : text_(text) {}

  /// The first statement that would begin, end or divide a transaction: its words, and its line. Empty when there is none.
  std::string control(std::size_t& line) {
    while (next()) {
      if (word_.empty()) continue;
      if (before_.empty()) statement_at_ = word_at_;
      follow_body();
      if (before_.size() == most_words) continue;
      before_.push_back(word_);
      if (!controls()) continue;
      line = static_cast<std::size_t>(std::ranges::count(text_.substr(0, statement_at_), '\n')) + 1;
      return before_.size() == 1 ? before_[0] : before_[0] + " " + before_[1];
    }
    return {};
  }

 private:
  static constexpr std::size_t most_words = 8;

  bool controls() const {
    static constexpr std::array<std::string_view, 8> words{"begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release"};
    if (before_.size() == 1) return std::ranges::find(words, before_[0]) != words.end();
    return before_.size() == 2 && before_[0] == "prepare" && before_[1] == "transaction";
  }

  /// `create [or replace] [temp] trigger|function|procedure … begin … end`
  void follow_body() {
    if (before_.empty() || before_[0] != "create" || after_dot_) return;
    if (before_.size() < most_words && (word_ == "trigger" || word_ == "function" || word_ == "procedure")) may_have_body_ = true;
    if (!may_have_body_) return;
    if (word_ == "begin" || (word_ == "case" && depth_ > 0)) ++depth_;
    if (word_ == "end" && depth_ > 0) --depth_;
  }

  void end_statement() {
    if (depth_ > 0) return;
    before_.clear();
    may_have_body_ = false;
  }

  static bool is_letter(char c) { return is_ascii_alphanumeric(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80; }

  /// Takes a word, or whatever else comes next (then `word_` is empty). False at the end.
  bool next() {
    word_.clear();
    if (at_ >= text_.size()) return false;
    const char each = text_[at_];
    const auto rest = text_.substr(at_);
    if (rest.starts_with("--")) return skip_to("\n", 2);
    if (rest.starts_with("/*")) return skip_comment();
    if (each == '\'') return skip_quoted('\'');
    if (each == '"' || each == '`') return skip_quoted(each);
    if (each == '$') return skip_dollar_quoted();
    if (is_letter(each)) {
      after_dot_ = at_ > 0 && text_[at_ - 1] == '.';
      word_at_ = at_;
      while (at_ < text_.size() && (is_letter(text_[at_]) || text_[at_] == '$')) word_ += ascii_lower(text_[at_++]);
      escapes_ = word_ == "e" && at_ < text_.size() && text_[at_] == '\'';
      if (escapes_) word_.clear();
      return true;
    }
    if (each == ';') end_statement();
    ++at_;
    return true;
  }

  bool skip_to(std::string_view end, std::size_t from) {
    const auto found = text_.find(end, at_ + from);
    at_ = found == std::string_view::npos ? text_.size() : found + end.size();
    return true;
  }

  /// The shorter reading where the databases differ: SQLite ends a comment at the first end, so what follows is looked at, too.
  bool skip_comment() { return skip_to("*/", 2); }

  bool skip_quoted(char quote) {
    for (++at_; at_ < text_.size(); ++at_) {
      if (escapes_ && text_[at_] == '\\') {
        ++at_;
        continue;
      }
      if (text_[at_] != quote) continue;
      ++at_;
      if (at_ >= text_.size() || text_[at_] != quote) break;  // doubled: the quote itself
    }
    escapes_ = false;
    return true;
  }

  /// `$$ … $$`, `$body$ … $body$`; `$1` is a parameter.
  bool skip_dollar_quoted() {
    auto end = at_ + 1;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    const bool is_quote = end < text_.size() && text_[end] == '$' && !is_ascii_digit(text_[at_ + 1]);
    if (!is_quote) return ++at_, true;
    const auto tag = text_.substr(at_, end + 1 - at_);
    return skip_to(tag, tag.size());
  }

  std::string_view text_;
  std::size_t at_ = 0, word_at_ = 0, statement_at_ = 0;
  std::string word_;
  std::vector<std::string> before_;  ///< the statement's words so far, the first of them
  int depth_ = 0;                    ///< of begin … end in a body
  bool may_have_body_ = false, after_dot_ = false, escapes_ = false;
};

sql_migration read_file(const std::filesystem::path& path) {
  const auto name = path.stem().string();
  sql_migration read;
  const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), read.version);
  if (failed != std::errc() || end == name.data() + name.size() || *end != '_')
    refuse_migration(path.string() + ": a migration is named 0001_what_it_does.sql");
  read.name = end + 1;
  read.file = path.string();
  std::ifstream file(path, std::ios::binary);
  read.sql.assign(std::istreambuf_iterator<char>(file), {});
  if (!file) refuse_migration(path.string() + " cannot be read");
  return read;
}

}  // namespace

std::string name_of(const sql_migration& step, std::string_view component) {
  auto name = "migration " + std::string(component) + " " + std::to_string(step.version) + " " + step.name;
  return step.file.empty() ? name : name + " (" + step.file + ")";
}

std::string script_of(const sql_migration& step, const std::string& called) {
  auto script = with_plain_lines(step.sql);
  std::size_t line = 0;
  if (const auto found = script_reader(script).control(line); !found.empty()) {
    refuse_migration(called + " was not begun: \"" + found + "\" in line " + std::to_string(line) +
                     " would begin or end a transaction, but a migration runs whole in one of its own: leave BEGIN, COMMIT, ROLLBACK and "
                     "savepoints out");
  }
  return script;
}

std::int64_t checksum_of(const sql_migration& step) { return sum_of(with_plain_lines(step.sql)); }

namespace {

/// What earlier releases remembered was the text as it was checked out then.
bool is_remembered(const sql_migration& step, std::int64_t checksum) {
  const auto plain = with_plain_lines(step.sql), windows = with_windows_lines(plain);
  const std::string mark(byte_order_mark);
  const auto is = [&](std::string_view text) { return sum_of(text) == checksum; };
  return is(plain) || is(step.sql) || is(windows) || is(mark + plain) || is(mark + windows);
}

}  // namespace

bool is_missing(const sql_migration& step, const applied_migrations& applied, const std::string& called) {
  const auto found = applied.find(step.version);
  if (found == applied.end() && (applied.empty() || applied.rbegin()->first < step.version)) return true;
  if (found == applied.end())
    refuse_migration(called + " is new, but " + std::to_string(applied.rbegin()->first) + " was applied already; give it a higher number");
  if (!is_remembered(step, found->second))
    refuse_migration(called + " has changed since it was applied; restore it and put the change into a new one");
  return false;
}

void refuse_migration(const std::string& sentence) { throw unavailable("migration_refused", "{sentence}", sentence); }

namespace {

/// Not `README.md`, but `0003_prices.SQL`, `0003_prices.sql.bak` and `0003_prices.txt`.
bool may_be_meant(const std::filesystem::directory_entry& entry) {
  auto name = entry.path().filename().string();
  std::ranges::transform(name, name.begin(), &ascii_lower);
  return !entry.is_directory() && !name.starts_with('.') && (is_ascii_digit(name[0]) || name.find(".sql") != std::string::npos);
}

}  // namespace

std::vector<sql_migration> collect_migrations(std::vector<sql_migration> own, const std::string& folder) {
  auto all = std::move(own);
  if (!folder.empty()) {
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
      if (entry.path().extension() == ".sql")
        all.push_back(read_file(entry.path()));
      else if (may_be_meant(entry))
        log.warning("{file} is passed over: a migration is named 0001_what_it_does.sql, in small letters at the end",
                    entry.path().string());
    }
    if (failed) refuse_migration("the folder of migrations " + folder + " cannot be read: " + failed.message());
  }
  std::ranges::sort(all, {}, &sql_migration::version);
  const auto twice = std::ranges::adjacent_find(all, {}, &sql_migration::version);
  if (twice != all.end()) {
    refuse_migration(name_of(*twice, "service") + " and " + name_of(*std::next(twice), "service") + " both have number " +
                     std::to_string(twice->version));
  }
  return all;
}

}  // namespace mamey::inline v1
