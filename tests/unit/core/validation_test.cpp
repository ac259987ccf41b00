#include <mamey/core/validation.hpp>

#include <gtest/gtest.h>

#include <map>

#include <mamey/core/id.hpp>

namespace {

using mamey::field;

struct line {
  std::string sku;
  int quantity = 1;
  static constexpr auto rules() { return mamey::all(field<&line::sku>.length(1, 5), field<&line::quantity>.between(1, 100)); }
};

struct order {
  mamey::uuid order_id = mamey::uuid::v7();
  mamey::uuid customer_id;
  std::vector<line> lines;
  std::optional<mamey::uuid> coupon;
  std::optional<line> gift;
  std::map<std::string, line> by_name;
  static constexpr auto rules() { return mamey::all(field<&order::lines>.not_empty().max_length(2)); }
};

const mamey::uuid some_id("0190163d-8694-739b-aea5-966c26f8ad91");

std::string joined(const std::vector<mamey::violation>& found) {
  std::string text;
  for (const auto& violation : found) text += (text.empty() ? "" : "; ") + violation.path + ' ' + violation.code;
  return text;
}

template <class T>
std::string broken_by(const T& object, const mamey::validation_options& options = {}) {
  return joined(mamey::validate(mamey::model_of<T>(), &object, mamey::presence::of_all(), options));
}

template <class T>
std::string broken_by_text(std::string_view text) {
  T object{};
  return joined(mamey::read_and_validate(text, mamey::model_of<T>(), &object));
}

TEST(validation, an_object_within_its_rules_breaks_none) {
  EXPECT_EQ(broken_by(order{.customer_id = some_id, .lines = {{"a", 1}, {"b", 100}}}), "");
}

TEST(validation, nested_objects_lists_and_dictionaries_are_checked_with_their_paths) {
  const order object{.customer_id = some_id, .lines = {{"", 0}, {"abcdef", 101}}, .gift = line{"x", -1}, .by_name = {{"k", {"", 1}}}};
  EXPECT_EQ(broken_by(object),
            "lines[0].sku too_short; lines[0].quantity too_small; lines[1].sku too_long; lines[1].quantity too_large; gift.quantity "
            "too_small; byName.k.sku too_short");
}

TEST(validation, a_list_has_a_length) {
  EXPECT_EQ(broken_by(order{.customer_id = some_id}), "lines empty");
  EXPECT_EQ(broken_by(order{.customer_id = some_id, .lines = {{"a"}, {"b"}, {"c"}}}), "lines too_long");
}

TEST(validation, messages_are_for_people) {
  const order object{.customer_id = some_id, .lines = {{"", 0}}};
  const auto found = mamey::validate(mamey::model_of<order>(), &object);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].message, "must have at least 1 character");
  EXPECT_EQ(found[1].message, "must be at least 1");
}

TEST(validation, length_counts_characters_not_bytes) { EXPECT_EQ(broken_by(line{"éé€😀x", 1}), ""); }

TEST(validation, a_nil_uuid_is_refused_in_commands_and_let_pass_in_events) {
  const order object{.lines = {{"a"}}, .coupon = mamey::uuid()};
  EXPECT_EQ(broken_by(object), "customerId nil; coupon nil");
  EXPECT_EQ(broken_by(object, {.refuse_nil = false}), "");
}

struct with_ids {
  mamey::id<struct tag> id;
  mamey::uuid parent;
  std::vector<mamey::uuid> others;
  std::vector<mamey::uuid> loose;
  static constexpr auto rules() { return mamey::all(field<&with_ids::parent>.may_be_nil(), field<&with_ids::loose>.may_be_nil()); }
};

TEST(validation, a_nil_id_is_let_pass_where_its_rule_says_so) {
  EXPECT_EQ(broken_by(with_ids{.others = {some_id, {}}}), "id nil; others[1] nil");
}

struct awaited {
  mamey::uuid order_id;
  std::string name;
  int count = 0;
  static constexpr auto rules() { return mamey::all(field<&awaited::name>.required().length(1, 3), field<&awaited::count>.required()); }
};

TEST(validation, absence_is_told_from_a_default) {
  EXPECT_EQ(broken_by_text<awaited>("{}"), "orderId required; name required; count required");
  EXPECT_EQ(broken_by_text<awaited>(R"({"orderId":"0190163d-8694-739b-aea5-966c26f8ad91","name":"a","count":0})"), "");
  EXPECT_EQ(broken_by_text<awaited>(R"({"orderId":"00000000-0000-0000-0000-000000000000","name":"","count":null})"),
            "count not_an_integer; orderId nil; name too_short");
}

TEST(validation, what_another_source_brought_is_present) {
  awaited object{.order_id = some_id, .name = "a"};
  mamey::presence present;
  present.add(1);
  EXPECT_EQ(joined(mamey::read_and_validate(R"({"count":1})", mamey::model_of<awaited>(), &object, present)), "");
}

TEST(validation, a_member_that_could_not_be_read_is_told_once) {
  EXPECT_EQ(broken_by_text<order>(R"({"customerId":"x","lines":[{"sku":"abcdef","quantity":"three"},5],"gift":{"quantity":0}})"),
            "customerId not_a_uuid; lines[0].quantity not_an_integer; lines[1] not_an_object; lines[0].sku too_long; gift.sku too_short; "
            "gift.quantity too_small");
  EXPECT_EQ(broken_by_text<order>("{"), " malformed_json");
  EXPECT_EQ(broken_by_text<order>("[]"), " not_an_object");
}

struct generated {
  mamey::uuid id;
  std::optional<mamey::uuid> maybe;
  mamey::id<struct tag> other;
  std::vector<generated> nested;
  static constexpr auto rules() {
    return mamey::all(field<&generated::id>.generated(), field<&generated::maybe>.generated(), field<&generated::other>.generated());
  }
};

TEST(validation, a_generated_id_is_made_when_absent_or_nil_and_kept_otherwise) {
  generated object;
  const auto text = R"({"other":"00000000-0000-0000-0000-000000000000","nested":[{"id":"0190163d-8694-739b-aea5-966c26f8ad91"}]})";
  EXPECT_EQ(joined(mamey::read_and_validate(text, mamey::model_of<generated>(), &object)), "");
  EXPECT_FALSE(object.id.is_nil());
  EXPECT_FALSE(object.maybe.value().is_nil());
  EXPECT_FALSE(object.other.is_nil());
  EXPECT_EQ(object.nested[0].id, some_id);
  EXPECT_FALSE(object.nested[0].other.is_nil());
}

struct texts {
  std::string code;
  std::string colour = "red";
  std::optional<std::string> mail;
  static constexpr auto rules() {
    return mamey::all(field<&texts::code>.pattern("[A-Z]{2}\\d+"), field<&texts::colour>.one_of("red", "green"),
                      field<&texts::mail>.pattern(".+@.+").max_length(9));
  }
};

TEST(validation, a_pattern_matches_the_whole_text) {
  EXPECT_EQ(broken_by(texts{.code = "AB12"}), "");
  EXPECT_EQ(broken_by(texts{.code = "xAB12"}), "code pattern_mismatch");
  EXPECT_EQ(broken_by(texts{.code = "AB12\n"}), "code pattern_mismatch");
}

TEST(validation, one_of_lists_what_is_allowed) { EXPECT_EQ(broken_by(texts{.code = "AB1", .colour = "Red"}), "colour not_allowed"); }

TEST(validation, rules_of_an_optional_apply_when_it_holds_a_value) {
  EXPECT_EQ(broken_by(texts{.code = "AB1", .mail = "a@b"}), "");
  EXPECT_EQ(broken_by(texts{.code = "AB1", .mail = "nobody at all"}), "mail too_long; mail pattern_mismatch");
}

struct numbers {
  std::uint64_t big = 1;
  double real = 0.5;
  mamey::decimal money{"0.01"};
  std::optional<mamey::decimal> tip;
  static constexpr auto rules() {
    return mamey::all(field<&numbers::big>.at_most(18446744073709551615U).at_least(1), field<&numbers::real>.between(0.25, 0.75),
                      field<&numbers::money>.at_least("0.01").at_most(1000), field<&numbers::tip>.at_least(0));
  }
};

TEST(validation, bounds_are_exact_for_every_kind_of_number) {
  EXPECT_EQ(broken_by(numbers{.big = 18446744073709551615U, .real = 0.75, .money = 1000, .tip = 0}), "");
  EXPECT_EQ(broken_by(numbers{.big = 0, .real = 0.76, .money = mamey::decimal("0.0099999999999999999999"), .tip = -1}),
            "big too_small; real too_large; money too_small; tip too_small");
  EXPECT_EQ(broken_by(numbers{.money = mamey::decimal("1000.0000000000000000000001")}), "money too_large");
}

struct span_of_time {
  int from = 0;
  int to = 0;
  static constexpr auto rules() { return field<&span_of_time::from>.at_least(0); }
  static void check(const span_of_time& span, mamey::violations& found) {
    if (span.to < span.from) found.add("to", "before_from", "must not be before from");
    if (span.from == 13) found.add("", "unlucky", "is unlucky");
  }
};
struct holder {
  std::vector<span_of_time> spans;
};

TEST(validation, rules_across_members_run_when_the_members_are_right) {
  EXPECT_EQ(broken_by(span_of_time{3, 2}), "to before_from");
  EXPECT_EQ(broken_by(span_of_time{-3, -4}), "from too_small");
  EXPECT_EQ(broken_by(holder{{{1, 2}, {3, 2}, {13, 13}}}), "spans[1].to before_from; spans[2] unlucky");
  EXPECT_EQ(broken_by_text<span_of_time>(R"({"from":5,"to":"x"})"), "to not_an_integer");
}

TEST(validation, violations_stop_at_the_limit) {
  EXPECT_EQ(broken_by(holder{std::vector<span_of_time>(100, {3, 2})}, {.max_violations = 2}),
            "spans[0].to before_from; spans[1].to before_from");
}

struct bad_pattern {
  std::string text;
  static constexpr auto rules() { return field<&bad_pattern::text>.pattern("("); }
};
struct bad_bound {
  mamey::decimal money;
  static constexpr auto rules() { return field<&bad_bound::money>.at_least("a lot"); }
};
struct said_twice {
  int number = 0;
  static constexpr auto rules() { return mamey::all(field<&said_twice::number>.at_least(1), field<&said_twice::number>.at_most(2)); }
};

TEST(validation, rules_that_make_no_sense_are_refused_with_their_place) {
  EXPECT_THROW(broken_by(bad_pattern{}), std::logic_error);
  EXPECT_THROW(broken_by(bad_bound{}), std::logic_error);
  EXPECT_THROW(broken_by(said_twice{}), std::logic_error);
}

TEST(validation, rules_can_be_walked) {
  const auto& rules = mamey::model_of<numbers>().rules();
  ASSERT_EQ(rules.members().size(), 4U);
  EXPECT_EQ(rules.find(2)->minimum->text, "0.01");
  EXPECT_EQ(rules.find(1)->maximum->text, "0.75");
  EXPECT_EQ(mamey::model_of<texts>().rules().find(0)->pattern, "[A-Z]{2}\\d+");
  EXPECT_EQ(mamey::model_of<line>().rules().find(0)->max_length, 5U);
  EXPECT_EQ(mamey::model_of<with_ids>().rules().find(0), nullptr);
}

}  // namespace
