#include <gtest/gtest.h>

#include <stdexcept>

#include <mamey/core/error.hpp>
#include <mamey/core/time.hpp>
#include <mamey/domain/aggregate.hpp>
#include <mamey/domain/collection.hpp>
#include <mamey/domain/cursor.hpp>

namespace {

using namespace mamey;

enum class colour { deep_red, blue };

struct paint {
  int id = 0;
  std::string makerName;
  std::optional<colour> base_colour;
  int IOPort = 0;
};

struct shade {
  int amount = 0;
};

template <class T = paint>
collection mapped(table_mapping mapping) {
  collection made{.name = "paints", .model = &model_of<T>(), .columns = {}, .versioned = true};
  detail::map_collection(made, std::move(mapping), model_of<int>());
  return made;
}

std::vector<std::string> names(column_naming naming) {
  const auto made = mapped({.naming = naming});
  std::vector<std::string> all;
  for (const auto& each : made.mapped->others) all.push_back(each.name);
  return all;
}

std::string refused(table_mapping mapping) {
  try {
    mapped(std::move(mapping));
  } catch (const std::logic_error& refusal) {
    return refusal.what();
  }
  return "mapped";
}

using strings = std::vector<std::string>;

TEST(table_mapping_test, columns_are_called_as_the_naming_says) {
  EXPECT_EQ(names(column_naming::as_written), (strings{"makerName", "base_colour", "IOPort"}));
  EXPECT_EQ(names(column_naming::snake_case), (strings{"maker_name", "base_colour", "io_port"}));
  EXPECT_EQ(names(column_naming::camel_case), (strings{"makerName", "baseColour", "ioPort"}));
  EXPECT_EQ(names(column_naming::pascal_case), (strings{"MakerName", "BaseColour", "IOPort"}));
  EXPECT_EQ(mapped({.columns = {column<&paint::makerName>("by")}}).mapped->others[0].name, "by");
}

TEST(table_mapping_test, a_mapping_that_contradicts_itself_is_refused_with_the_reason) {
  EXPECT_EQ(refused({}), "mapped");
  EXPECT_NE(refused({.id = ""}).find("names no id column"), std::string::npos);
  EXPECT_NE(refused({.id = "version"}).find("the column version twice"), std::string::npos);
  EXPECT_NE(refused({.columns = {column<&paint::makerName>("version")}}).find("the column version twice, once for makerName"),
            std::string::npos);
  EXPECT_NE(refused({.columns = {column<&paint::makerName>("IOPort")}}).find("IOPort twice"), std::string::npos);
  EXPECT_NE(refused({.columns = {column<&paint::makerName>("")}}).find("gives makerName no name"), std::string::npos);
  EXPECT_NE(refused({.columns = {{.owner = &type_key_of<paint>, .offset = 1, .name = "x"}}}).find("not reflected"), std::string::npos);
  EXPECT_NE(refused({.columns = {column<&shade::amount>("x")}}).find("member of another type, for the column x"), std::string::npos);
}

TEST(table_mapping_test, an_enum_is_kept_as_its_number_or_name_and_read_from_either) {
  const auto& type = model_of<std::optional<colour>>();
  const std::optional<colour> red = colour::deep_red, none;
  const std::pair<enum_column, sql_value> forms[] = {{enum_column::number, std::int64_t{0}},
                                                     {enum_column::snake_case, std::string("deep_red")},
                                                     {enum_column::camel_case, std::string("deepRed")},
                                                     {enum_column::pascal_case, std::string("DeepRed")}};
  for (const auto& [form, kept] : forms) {
    EXPECT_EQ(mapped_value(type, &red, {.enums = form}), kept);
    EXPECT_EQ(mapped_value(type, &none, {.enums = form}), sql_value());
    std::optional<colour> back;
    EXPECT_EQ(read_mapped_value(kept, type, &back), "");
    EXPECT_EQ(back, red);
    EXPECT_EQ(read_mapped_value({}, type, &back), "");
    EXPECT_FALSE(back);
  }
  std::optional<colour> unknown;
  EXPECT_NE(read_mapped_value(std::string("Mauve"), type, &unknown), "");
}

TEST(table_mapping_test, a_cursor_with_a_key_that_no_such_column_holds_is_the_callers_mistake) {
  struct wall {
    colour paint{};
    bool dry = false;
    std::chrono::sys_days painted{};
    static constexpr auto indexes() { return indexed<&wall::paint, &wall::dry, &wall::painted>; }
    static table_mapping mapping() { return {}; }
  };
  struct room : aggregate<int, wall> {};
  const auto& rooms = aggregate_collection<room>();
  const auto is_read = [&](const std::string& order_by, sql_value key) {
    document_query query{.where = {}, .order_by = order_by};
    const auto cursor = detail::write_cursor({.key = std::move(key), .id = "7"}, rooms, query);
    try {
      return detail::read_cursor(cursor, rooms, model_of<int>(), query).id == "7";
    } catch (const validation_error&) {
      return false;
    }
  };
  EXPECT_TRUE(is_read("paint", std::int64_t{1}));
  EXPECT_FALSE(is_read("paint", std::string("blue")));
  EXPECT_TRUE(is_read("dry", std::int64_t{1}));
  EXPECT_FALSE(is_read("dry", std::int64_t{7}));
  EXPECT_TRUE(is_read("painted", std::string("2026-01-31")));
  EXPECT_FALSE(is_read("painted", std::string("yesterday")));
}

TEST(table_mapping_test, what_cannot_be_compared_cannot_be_declared_as_an_index) {
  struct sealed {
    std::vector<std::uint8_t> seal;
    static constexpr auto indexes() { return indexed<&sealed::seal>; }
    static table_mapping mapping() { return {}; }
  };
  struct seal : aggregate<int, sealed> {};
  EXPECT_THROW(aggregate_collection<seal>(), std::logic_error);
}

TEST(table_mapping_test, an_integer_that_no_column_holds_is_refused) {
  const std::uint64_t most = 18'446'744'073'709'551'615U;
  EXPECT_THROW(mapped_value(model_of<std::uint64_t>(), &most, {}), conflict);
}

}  // namespace
