#include "runtime/base/base64.hpp"

#include <doctest/doctest.h>

#include "runtime/base/random.hpp"

using namespace flywheel;

TEST_SUITE("base/base64") {
  TEST_CASE("the examples of RFC 4648") {
    const std::pair<const char*, const char*> examples[] = {{"", ""},
                                                            {"f", "Zg=="},
                                                            {"fo", "Zm8="},
                                                            {"foo", "Zm9v"},
                                                            {"foob", "Zm9vYg=="},
                                                            {"fooba", "Zm9vYmE="},
                                                            {"foobar", "Zm9vYmFy"}};
    for (const auto& [bytes, text] : examples) {
      CHECK(encode_base64(bytes) == text);
      const auto decoded = decode_base64(text);
      REQUIRE(decoded);
      CHECK(*decoded == bytes);
    }
  }

  TEST_CASE("property: any bytes come back") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      CAPTURE(seed);
      Random random{derive_key({seed})};
      std::string bytes(seed, '\0');
      for (char& byte : bytes) byte = static_cast<char>(random.next());

      const auto decoded = decode_base64(encode_base64(bytes));

      REQUIRE(decoded);
      CHECK(*decoded == bytes);
    }
  }

  TEST_CASE("what is not whole groups of the alphabet is refused") {
    for (const char* text :
         {"Z", "Zg", "Zg=", "=Zg=", "Zg==Zg==", "Zm9 ", "Zm9v\n", "Z===", "Zm-v"})
      CHECK_MESSAGE(!decode_base64(text), text);
  }
}
