#include <mamey/persistence/mapping_check.hpp>

#include <algorithm>

#include <mamey/core/error.hpp>
#include <mamey/core/text.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/persistence/document_table.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.persistence"};

std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

/// Collects everything that is wrong, so that it is put right at once.
class comparison {
 public:
  comparison(const collection& of, const found_table& found, const column_rules& rules) : of_(of), found_(found), rules_(rules) {}

  std::string run() {
    const auto& mapped = *of_.mapped;
    const auto* const id = look_up(mapped.id, "the id", content_of(*mapped.id_type, {}));
    if (id && !id->identifies && !found_.is_view)
      add("column " + in_quotes(id->name) + " of the id may hold a value twice, expected a primary key or a unique index on it alone");
    if (!mapped.version.empty()) look_up(mapped.version, "the version", column_content::integer);
    if (!mapped.position.empty()) look_up(mapped.position, "the position", column_content::integer);
    for (const auto* each : {&of_.columns, &mapped.others}) {
      for (const auto& column : *each) look_up(column.name, column.member->name, content_of(column.member->type(), mapped.enums));
    }
    return wrong_;
  }

  /// Of columns that nobody maps: those without which no row can be added.
  std::vector<std::string> needed() const {
    std::vector<std::string> names;
    for (const auto& each : found_.columns) {
      if (each.needed && std::ranges::find(mapped_, each.name) == mapped_.end()) names.push_back(each.name);
    }
    return names;
  }

 private:
  void add(const std::string& what) { wrong_ += (wrong_.empty() ? "" : "; ") + what; }

  const found_column* look_up(const std::string& name, std::string_view of, column_content content) {
    mapped_.push_back(name);
    const auto& columns = found_.columns;
    const auto found = std::ranges::find(columns, name, &found_column::name);
    const std::string expected(rules_.expected(content));
    if (found == columns.end()) {
      const auto close = std::ranges::find_if(
          columns, [&](const auto& each) { return equal_ignoring_case(each.name, name) || snake_case(each.name) == snake_case(name); });
      add("it has no column " + in_quotes(name) + " for " + std::string(of) + ", expected " + expected +
          (close == columns.end() ? "" : " (there is " + in_quotes(close->name) + ")"));
      return nullptr;
    }
    if (!rules_.fits(content, found->type))
      add("column " + in_quotes(name) + " of " + std::string(of) + " is " + found->shown + ", expected " + expected);
    return &*found;
  }

  const collection& of_;
  const found_table& found_;
  const column_rules& rules_;
  std::vector<std::string> mapped_;
  std::string wrong_;
};

}  // namespace

void check_mapping(const collection& of, const found_table& found, const column_rules& rules) {
  const auto table = quoted_table(*of.mapped);
  const std::string type(of.model->key->name);
  if (!found.exists) {
    throw unavailable(
        "mapping_refused",
        "{type} is mapped to the table {table}, which does not exist: expected a migration or another service to have made it", type,
        table);
  }
  comparison compared(of, found, rules);
  const auto wrong = compared.run();
  if (!wrong.empty()) throw unavailable("mapping_refused", "{type} does not fit the table {table}: {wrong}", type, table, wrong);
  if (!of.versioned) return;
  for (const auto& column : compared.needed())
    log.warning("{table} wants a value for {column}, which no member of {type} is: rows can be changed but not added", table, column, type);
}

}  // namespace mamey::inline v1
