#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include <mamey/core/error.hpp>
#include <mamey/core/gzip.hpp>

namespace mamey {
namespace {

using namespace std::string_literals;

const std::string hello = "\037\213\010\000\000\000\000\000\002\003\313\110\315\311\311\127\000\000\366\371\201\355\006\000\000\000"s;
const std::string world = "\037\213\010\000\000\000\000\000\002\003\053\317\057\312\111\001\000\103\021\167\072\005\000\000\000"s;

std::string refusal(const std::string& body) {
  try {
    return "unpacked: " + unpacked_gzip(body);
  } catch (const domain_error& refused) {
    EXPECT_EQ(refused.code(), "unreadable_encoding");
    return refused.reason();
  }
}

TEST(gzip, several_members_are_one_text) {
  EXPECT_EQ(unpacked_gzip(hello), "hello ");
  EXPECT_EQ(unpacked_gzip(hello + world), "hello world");
  EXPECT_THROW(unpacked_gzip(hello + world, 10), domain_error) << "the bound is of all together";
}

TEST(gzip, what_is_damaged_cut_off_or_followed_by_something_else_is_refused) {
  EXPECT_NE(refusal(hello + "junk").find("behind its end"), std::string::npos) << refusal(hello + "junk");
  EXPECT_NE(refusal(hello + "\x1f").find("damaged"), std::string::npos) << refusal(hello + "\x1f");
  EXPECT_NE(refusal(hello.substr(0, hello.size() - 3)).find("damaged"), std::string::npos);
  for (const auto* plain : {"plain text", "\x1f", ""}) EXPECT_NE(refusal(plain).find("is not"), std::string::npos) << plain;
}

}  // namespace
}  // namespace mamey
