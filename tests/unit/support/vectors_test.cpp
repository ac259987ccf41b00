/// The helper that holds the tables of differences: it fails for what is not listed, and for what is listed in vain.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <memory>

#include "vectors.hpp"

namespace {

std::unique_ptr<mamey::testing::vectors> sample() { return std::make_unique<mamey::testing::vectors>(MAMEY_SAMPLES, "cases.json"); }

TEST(vectors, a_case_that_is_the_same_or_listed_passes) {
  auto recorded = sample();
  EXPECT_EQ(recorded->cases().size(), 3U);
  recorded->compare("same", "1", "1");
  recorded->compare("listed", "1", "2");
  EXPECT_TRUE(recorded->is_listed("listed"));
  EXPECT_FALSE(recorded->is_listed("same"));
}

TEST(vectors, a_difference_that_is_not_listed_fails_with_both_sides) {
  auto recorded = sample();
  recorded->compare("listed", "1", "2");
  EXPECT_NONFATAL_FAILURE(recorded->compare("other", "left", "right"), "there: left");
}

TEST(vectors, a_listed_difference_that_is_none_any_more_fails) {
  auto recorded = sample();
  recorded->compare("listed", "1", "1");
  EXPECT_NONFATAL_FAILURE(recorded.reset(), "take it out");
}

TEST(vectors, a_listed_difference_that_nobody_tried_fails) {
  auto recorded = sample();
  EXPECT_NONFATAL_FAILURE(recorded.reset(), "no test has tried");
}

TEST(vectors, a_file_that_is_not_there_is_told) { EXPECT_THROW(mamey::testing::vectors(MAMEY_SAMPLES, "none.json"), std::runtime_error); }

}  // namespace
