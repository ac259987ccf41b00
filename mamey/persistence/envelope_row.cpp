#include <mamey/persistence/envelope_row.hpp>

namespace mamey::inline v1 {

std::string with_envelope(std::string sql, std::string_view definition) {
  static constexpr std::string_view hole = "$envelope";
  for (auto at = sql.find(hole); at != std::string::npos; at = sql.find(hole, at + definition.size()))
    sql.replace(at, hole.size(), definition);
  return sql;
}

}  // namespace mamey::inline v1
