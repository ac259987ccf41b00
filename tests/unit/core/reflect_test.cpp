#include <mamey/core/reflect.hpp>

#include <gtest/gtest.h>

#include <any>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

#include <mamey/core/uuid.hpp>

namespace {

std::string names_of(const mamey::type_model& model) {
  std::string names;
  for (const auto& member : model.members) names += std::string(names.empty() ? "" : " ") + std::string(member.name);
  return names;
}

std::string wire_names_of(const mamey::type_model& model) {
  std::string names;
  for (const auto& member : model.members) names += std::string(names.empty() ? "" : " ") + std::string(member.wire_name);
  return names;
}

std::string enumerators_of(const mamey::type_model& model) {
  std::string names;
  for (const auto& enumerator : model.enumerators) {
    names += std::string(names.empty() ? "" : " ") + std::string(enumerator.wire_name) + '=' + std::to_string(enumerator.value);
  }
  return names;
}

template <class T>
const void* place_of(const T& object, std::size_t member) {
  return reinterpret_cast<const char*>(&object) + mamey::model_of<T>().members[member].offset;
}

/// Its codec makes every type a scalar that JSON can hold, so that the binding of members can be tested with the awkward ones.
struct any_text {
  template <class T>
  static void to_text(std::string&, const T&) {}
  template <class T>
  static bool from_text(T&, std::string_view) {
    return true;
  }
};

struct line {
  std::string sku;
  int quantity = 1;
};
struct empty {};
struct one_text {
  std::string text;
};
struct one_list {
  std::vector<one_list> children;
};
struct nests {
  line first;
  empty nothing;
  one_text second;
  char padding_before_this_is_not_counted_twice = 0;
  double last = 0;
};
struct awkward {
  std::any any;
  std::function<void()> function;
  std::unique_ptr<int> owner;
  std::variant<int, std::string> either;
  std::optional<std::any> maybe;
  std::optional<std::optional<line>> nested;
  std::string_view view;
};
struct marker {};
struct marked : marker {
  int value = 0;
  std::string text;
};
struct marked_only : marker {};
struct with_statics {
  static constexpr int ignored = 5;
  static constexpr int ignored_as_well() { return 1; }
  int counted = 0;
};
struct over_aligned {
  char first = 0;
  alignas(32) int second = 0;
  const int third = 0;
};
struct initialised {
  int first = 7;
  std::string second = "x";
  std::vector<int> third{1, 2, 3};
};

}  // namespace

template <>
struct mamey::text_codec<std::any> : any_text {};
template <>
struct mamey::text_codec<std::function<void()>> : any_text {};
template <>
struct mamey::text_codec<std::unique_ptr<int>> : any_text {};
template <>
struct mamey::text_codec<std::variant<int, std::string>> : any_text {};
template <>
struct mamey::text_codec<std::string_view> : any_text {};
template <>
struct mamey::text_codec<char> : any_text {};

namespace {

TEST(reflect, members_have_their_names_and_places) {
  const nests object;
  const auto& model = mamey::model_of<nests>();
  ASSERT_EQ(names_of(model), "first nothing second padding_before_this_is_not_counted_twice last");
  EXPECT_EQ(place_of(object, 0), &object.first);
  EXPECT_EQ(place_of(object, 1), &object.nothing);
  EXPECT_EQ(place_of(object, 2), &object.second);
  EXPECT_EQ(place_of(object, 4), &object.last);
  EXPECT_EQ(names_of(model.members[0].type()), "sku quantity");
  EXPECT_EQ(model.members[2].type().kind, mamey::shape::object);
}

TEST(reflect, members_constructible_from_anything_are_counted_once) {
  EXPECT_EQ(names_of(mamey::model_of<awkward>()), "any function owner either maybe nested view");
}

TEST(reflect, a_struct_of_one_member_is_not_taken_for_its_copy) {
  EXPECT_EQ(names_of(mamey::model_of<one_text>()), "text");
  EXPECT_EQ(names_of(mamey::model_of<one_list>()), "children");
}

TEST(reflect, a_type_may_contain_itself) {
  const auto& model = mamey::model_of<one_list>();
  EXPECT_EQ(&model.members[0].type().element(), &model);
}

TEST(reflect, empty_structs_and_empty_bases_have_no_members) {
  EXPECT_TRUE(mamey::model_of<empty>().members.empty());
  EXPECT_TRUE(mamey::model_of<marked_only>().members.empty());
  EXPECT_EQ(names_of(mamey::model_of<marked>()), "value text");
  const marked object;
  EXPECT_EQ(place_of(object, 1), &object.text);
}

TEST(reflect, static_members_do_not_count) {
  static_assert(with_statics::ignored == with_statics::ignored_as_well() + 4);
  EXPECT_EQ(names_of(mamey::model_of<with_statics>()), "counted");
}

TEST(reflect, alignment_and_constness_of_members_are_respected) {
  const over_aligned object;
  EXPECT_EQ(place_of(object, 1), &object.second);
  EXPECT_EQ(place_of(object, 2), &object.third);
  EXPECT_EQ(mamey::model_of<over_aligned>().members[2].type().kind, mamey::shape::integer);
}

TEST(reflect, local_types_and_templates_are_reflected) {
  struct local {
    std::map<std::string, std::vector<line>> by_name;
    std::pair<int, int>* unused_type_in_name() { return nullptr; }
    int count = 0;
  };
  EXPECT_EQ(names_of(mamey::model_of<local>()), "by_name count");
}

template <class T, auto Value>
struct page {
  std::vector<T> items;
  int total_results = 0;
};

TEST(reflect, names_survive_template_arguments_that_look_like_them) {
  EXPECT_EQ(names_of(mamey::model_of<page<std::map<std::string, line>, 'x'>>()), "items total_results");
  EXPECT_EQ(names_of(mamey::model_of<page<page<line, 1>, &mamey::model_of<int>>>()), "items total_results");
}

struct sixty_four {
  int a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, d0, d1;
  std::string e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, g0, g1, g2, g3, g4, g5, g6, g7, g8, g9, h0,
      last;
};

TEST(reflect, sixty_four_members_are_reflected) {
  const auto& model = mamey::model_of<sixty_four>();
  ASSERT_EQ(model.members.size(), 64U);
  EXPECT_EQ(model.members.front().name, "a0");
  EXPECT_EQ(model.members.back().name, "last");
  EXPECT_EQ(model.members.back().offset, offsetof(sixty_four, last));
}

TEST(reflect, wire_names_are_camel_case) {
  struct names {
    int customer_id, line_2, CustomerName, IOStream, class_, a_b_c, HTTP;
  };
  EXPECT_EQ(wire_names_of(mamey::model_of<names>()), "customerId line2 customerName ioStream class aBC http");
  EXPECT_EQ(mamey::model_of<names>().members[0].json_key, "\"customerId\":");
}

struct renamed {
  int customer_id = 0;
  int other = 0;
};
struct colliding {
  int line_2 = 0;
  int line2 = 0;
};
struct wrongly_renamed {
  int value = 0;
};

}  // namespace

template <>
struct mamey::wire_names<renamed> {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {{"customer_id", "CustomerID"}};
};
template <>
struct mamey::wire_names<wrongly_renamed> {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {{"valeu", "v"}};
};

namespace {

TEST(reflect, a_trait_renames_members) { EXPECT_EQ(wire_names_of(mamey::model_of<renamed>()), "CustomerID other"); }

TEST(reflect, members_with_one_wire_name_and_renames_of_nothing_are_refused) {
  EXPECT_THROW(mamey::model_of<colliding>(), std::logic_error);
  EXPECT_THROW(mamey::model_of<wrongly_renamed>(), std::logic_error);
}

TEST(reflect, a_pointer_to_a_member_finds_it) {
  EXPECT_EQ(mamey::member_of(&line::quantity).wire_name, "quantity");
  EXPECT_EQ(mamey::member_of(&nests::nothing).wire_name, "nothing");
}

TEST(reflect, every_shape_is_told_apart) {
  using mamey::shape;
  EXPECT_EQ(mamey::model_of<bool>().kind, shape::boolean);
  EXPECT_EQ(mamey::model_of<std::int8_t>().kind, shape::integer);
  EXPECT_EQ(mamey::model_of<std::uint64_t>().kind, shape::unsigned_integer);
  EXPECT_EQ(mamey::model_of<float>().width, 4);
  EXPECT_EQ(mamey::model_of<std::deque<bool>>().kind, shape::list);
  EXPECT_EQ((mamey::model_of<std::unordered_map<std::string, int>>().kind), shape::dictionary);
  EXPECT_EQ(mamey::model_of<std::optional<int>>().kind, shape::optional);
  EXPECT_EQ(mamey::model_of<mamey::uuid>().kind, shape::scalar);
  EXPECT_EQ(mamey::model_of<mamey::uuid>().format, "uuid");
  EXPECT_EQ(&mamey::model_of<const line>(), &mamey::model_of<line>());
}

TEST(reflect, an_object_can_be_put_back_to_its_initialisers) {
  initialised object{1, "y", {}};
  mamey::model_of<initialised>().reset(&object);
  EXPECT_EQ(object.first, 7);
  EXPECT_EQ(object.second, "x");
  EXPECT_EQ(object.third.size(), 3U);
}

enum class status { placed, in_delivery = 3, Delivered, ON_HOLD = -128, last = 255 };
enum class small : std::uint8_t { zero, top = 255 };
enum class truth : bool { no, yes };
enum class letter : char { a = 'a', quote = '\'' };
enum plain : short { red, green = 7 };
enum class none_named {};
enum class far { near = 1, away = 1000 };
enum class tolerant { unknown, known };

}  // namespace

template <>
struct mamey::enum_limits<far> {
  static constexpr int min = 0;
  static constexpr int max = 1000;
};
template <>
struct mamey::enum_fallback<tolerant> {
  static constexpr tolerant value = tolerant::unknown;
};

namespace {

TEST(reflect, enumerators_have_names_and_values) {
  EXPECT_EQ(enumerators_of(mamey::model_of<status>()), "onHold=-128 placed=0 inDelivery=3 delivered=4 last=255");
  EXPECT_EQ(enumerators_of(mamey::model_of<small>()), "zero=0 top=255");
  EXPECT_EQ(enumerators_of(mamey::model_of<truth>()), "no=0 yes=1");
  EXPECT_EQ(enumerators_of(mamey::model_of<letter>()), "quote=39 a=97");
  EXPECT_EQ(enumerators_of(mamey::model_of<plain>()), "red=0 green=7");
  EXPECT_EQ(enumerators_of(mamey::model_of<none_named>()), "");
  EXPECT_EQ(enumerators_of(mamey::model_of<far>()), "near=1 away=1000");
}

TEST(reflect, enumerators_in_templates_and_functions_have_names) {
  enum class local { here };
  EXPECT_EQ(enumerators_of(mamey::model_of<local>()), "here=0");
}

TEST(reflect, enumerators_are_found_by_value_and_by_name_in_any_case) {
  const auto& model = mamey::model_of<status>();
  EXPECT_EQ(mamey::find_enumerator(model, "INDELIVERY")->value, 3);
  EXPECT_EQ(mamey::find_enumerator(model, 4)->wire_name, "delivered");
  EXPECT_EQ(mamey::find_enumerator(model, 5), nullptr);
  EXPECT_EQ(mamey::enum_name(status::in_delivery), "inDelivery");
  EXPECT_EQ(mamey::enum_name(static_cast<status>(77)), "");
}

TEST(reflect, a_fallback_enumerator_is_declared_by_a_trait) {
  EXPECT_EQ(*mamey::model_of<tolerant>().fallback, 0);
  EXPECT_EQ(mamey::model_of<status>().fallback, nullptr);
}

}  // namespace
