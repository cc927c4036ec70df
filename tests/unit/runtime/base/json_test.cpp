// JSON from strangers: depth is bounded, brackets in text do not count.
#include "runtime/base/json.hpp"

#include <doctest/doctest.h>

using namespace flywheel;

TEST_SUITE("runtime/base/json") {
  TEST_CASE(
      "a million open brackets are refused, the deepest allowed nesting is copied and written") {
    const auto nested = [](int depth) {
      const auto count = static_cast<std::size_t>(depth);
      return std::string(count, '[') + std::string(count, ']');
    };
    CHECK(parse_json(nested(1'000'000), "body").error().failure == Failure::invalid_input);
    CHECK_FALSE(parse_json(nested(json_depth_max + 1), "body").has_value());

    const auto json = parse_json(nested(json_depth_max), "body");

    REQUIRE(json.has_value());
    const Json copy = *json;
    CHECK(dump_json(copy) == nested(json_depth_max));
  }

  TEST_CASE("brackets inside text are no nesting") {
    const std::string text = "\"\\\"" + std::string(1000, '{') + "\"";

    const auto json = parse_json(text, "body");

    REQUIRE(json.has_value());
    CHECK(json->get<std::string>() == "\"" + std::string(1000, '{'));
  }
}
