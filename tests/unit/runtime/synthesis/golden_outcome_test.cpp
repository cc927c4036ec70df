// Which outcomes count as the same.
#include "runtime/synthesis/golden_outcome.hpp"

#include <doctest/doctest.h>

namespace flywheel {
namespace {

bool same(const char* expected, const char* found) {
  const auto left = parse_json(expected, "expected"), right = parse_json(found, "found");
  REQUIRE(left);
  REQUIRE(right);
  return same_outcome(*left, *right);
}

}  // namespace

TEST_SUITE("runtime/synthesis/golden_outcome") {
  TEST_CASE("types count: one is neither one point zero nor true nor text") {
    CHECK(same("1", "1"));
    CHECK_FALSE(same("1", "1.0"));
    CHECK_FALSE(same("1.0", "1"));
    CHECK_FALSE(same("1", "true"));
    CHECK_FALSE(same("0", "null"));
    CHECK_FALSE(same("\"1\"", "1"));
    CHECK_FALSE(same("[1]", R"({"$":"tuple","v":[1]})"));
  }

  TEST_CASE("numbers with a fraction may differ by a billionth of their size, whole ones not") {
    CHECK(same("0.1", "0.10000000000000003"));
    CHECK(same("1e12", "1000000000000.5"));
    CHECK_FALSE(same("1.0", "1.00000001"));
    CHECK_FALSE(same("9007199254740991", "9007199254740990"));
  }

  TEST_CASE("everything inside must be the same, nothing may be missing or more") {
    CHECK(same(R"({"returns":[1,[2.0,"x"]]})", R"({"returns":[1,[2.0,"x"]]})"));
    CHECK_FALSE(same(R"({"returns":[1,2]})", R"({"returns":[1,2,3]})"));
    CHECK_FALSE(same(R"({"returns":[1,2]})", R"({"returns":[1]})"));
    CHECK_FALSE(same(R"({"returns":1})", R"({"returns":1,"changes":{"0":[]}})"));
    CHECK_FALSE(same(R"({"returns":1})", R"({"raises":1})"));
  }
}

}  // namespace flywheel
