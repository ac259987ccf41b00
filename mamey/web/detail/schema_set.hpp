#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/core/reflect.hpp>

namespace mamey::inline v1::web::detail {

/// JSON schemas of types; structs and enums are described once, under their names.
class schema_set {
 public:
  std::string of(const type_model& model);
  /// Of a struct's member, with its rules.
  std::string of_member(const type_model& owner, std::size_t member);
  /// The same where it is a plain text, which is there or not: never null.
  std::string of_parameter(const type_model& owner, std::size_t member);
  /// Of a struct in place and without some members.
  std::string of_rest(const type_model& model, const std::vector<std::size_t>& without);
  /// Gives a schema that is no type's a name, which no type gets then.
  void describe_as(std::string name, std::string_view text) { described_.emplace(std::move(name), text); }
  /// All described so far: `{"Line":{…},…}`.
  std::string text() const;

 private:
  struct schema;
  schema describe(const type_model& model);
  schema describe_member(const type_model& owner, std::size_t member);
  std::string refer_to(const type_model& model);
  std::string name_of(const type_model& model) const;

  std::map<const type_key*, std::string> names_;
  std::map<std::string, std::string, std::less<>> described_;  ///< empty while it is being described: types may contain themselves
};

/// Whether a request without the member is refused.
bool is_required(const type_model& owner, std::size_t member);
/// What an optional may hold; other types themselves.
const type_model& without_optional(const type_model& model);

}  // namespace mamey::inline v1::web::detail
