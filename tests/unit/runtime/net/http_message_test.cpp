#include "runtime/net/http_message.hpp"

#include <random>

#include <doctest/doctest.h>

using namespace flywheel;

TEST_SUITE("net/http_message") {
  TEST_CASE("a body nested deeper than allowed is refused before it is parsed") {
    const auto nested = [](std::size_t depth) {
      return std::string(depth, '[') + std::string(depth, ']');
    };

    CHECK(parse_json_body(nested(64)));
    CHECK(parse_json_body(nested(65)).error().failure == Failure::invalid_input);
    CHECK(parse_json_body(nested(3), 3));
    CHECK_FALSE(parse_json_body(nested(4), 3));
    CHECK(parse_json_body(R"({"a": "[[[[\"[[[["})", 1));
    CHECK(parse_json_body("[[],[],[[]]]", 3));
    CHECK_FALSE(parse_json_body(std::string(1'000'000, '[')));
    CHECK_FALSE(parse_json_body("]]]]"));
    CHECK_FALSE(parse_json_body("\"abc\\"));
    CHECK_FALSE(parse_json_body(""));
  }

  TEST_CASE("property: percent encoding gives any text back") {
    std::mt19937_64 random{11};
    for (int i = 0; i < 500; ++i) {
      std::string text(random() % 40, 'x');
      for (char& c : text) c = static_cast<char>(random() % 255 + 1);
      CAPTURE(text);
      CHECK(*decode_percent(encode_percent(text)) == text);
      CHECK(encode_percent(text).find_first_of("/?&=+ #") == std::string::npos);
    }
  }

  TEST_CASE("broken escapes are refused") {
    for (const char* text : {"%", "%4", "%zz", "a%4", "%00", "%-1", "%+1"})
      CHECK_MESSAGE(decode_percent(text).error().failure == Failure::invalid_input, text);
    CHECK(*decode_percent("%41+b") == "A+b");
    CHECK(*decode_percent("%41+b", true) == "A b");
  }

  TEST_CASE("header names have no case, parameter names have") {
    const NamedValues values{{"Content-Type", "a"}, {"content-type", "b"}};
    CHECK(*find_header(values, "CONTENT-TYPE") == "a");
    CHECK(*find_value(values, "content-type") == "b");
    CHECK(find_value(values, "CONTENT-TYPE") == nullptr);
  }

  TEST_CASE("every failure has a status of the right class") {
    for (int i = 1; i <= static_cast<int>(Failure::internal); ++i) {
      const int status = status_of(static_cast<Failure>(i));
      CHECK(status >= 400);
      CHECK(status < 600);
      CHECK(std::string{reason_of(status)} != "Status");
    }
    CHECK(failure_of(401) == Failure::permission_denied);
    CHECK(failure_of(418) == Failure::invalid_argument);
    CHECK(failure_of(599) == Failure::internal);
    CHECK(failure_of(200) == Failure::none);
  }
}
