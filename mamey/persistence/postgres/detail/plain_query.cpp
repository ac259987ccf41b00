#include <mamey/persistence/postgres/detail/plain_query.hpp>

#include <mamey/core/error.hpp>

namespace mamey::inline v1::postgres_detail {

void hand_out(const step& answered, const std::function<void(const sql_row&)>& each) {
  if (answered.too_large)
    throw internal_error("result_too_large", "a query returned more than {bytes} bytes: \"{sql}\"", answered.most_bytes.value_or(0),
                         answered.text);
  const auto& found = answered.result;
  std::vector<std::string> names;
  for (int column = 0; column < found.columns(); ++column) names.push_back(found.name(column));
  const auto owner = std::make_shared<const std::vector<std::string>>(std::move(names));
  sql_row shown{.names = *owner, .values = {}, .names_owner = owner};
  for (int row = 0; row < found.count(); ++row) {
    shown.values.clear();
    for (int column = 0; column < found.columns(); ++column) shown.values.push_back(found.value(row, column));
    each(shown);
  }
}

}  // namespace mamey::inline v1::postgres_detail
