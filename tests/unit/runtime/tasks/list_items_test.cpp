// What a reader sees as the items of an answer, and when two items are the same.
#include "runtime/tasks/list_items.hpp"

#include <random>

#include <doctest/doctest.h>

using namespace flywheel;

using Items = std::vector<std::string>;

TEST_SUITE("runtime/tasks/list_items") {
  TEST_CASE("reads the markers of a list and nothing else as one") {
    using Kind = ListMarker::Kind;
    for (const auto* line : {"- a", "* a", "+ a", "• a", "-  a"})
      CHECK(read_list_marker(line).kind == Kind::bullet);
    for (const auto* line : {"1. a", "1) a", "12. a", "1."})
      CHECK(read_list_marker(line).kind == Kind::number);
    for (const auto* line :
         {"a", "", "-a", "**a**", "1.5 l", "1", "--", "12345. a", "(1) a", "---"}) {
      CAPTURE(line);
      CHECK(read_list_marker(line).kind == Kind::none);
    }
    CHECK(read_list_marker("12) a").number == 12);
    CHECK(read_list_marker("• a").size_bytes == 4);
    CHECK_FALSE(read_list_marker("- ").has_text);
    CHECK_FALSE(read_list_marker("3.").has_text);
  }

  TEST_CASE("sees the items of tidy and untidy answers") {
    CHECK(items_seen("- apple\n- pear") == Items{"apple", "pear"});
    CHECK(items_seen("Sure! Here they are:\n\n1. **Apple**\n2. \"Pear\"\n\nEnjoy!") ==
          Items{"Apple", "Pear"});
    CHECK(items_seen("apple\npear\nplum") == Items{"apple", "pear", "plum"});
    CHECK(items_seen("apple, pear, and plum.") == Items{"apple", "pear", "plum"});
    CHECK(items_seen("-\n-\n").empty());
    CHECK(items_seen("").empty());
    CHECK(items_seen("I am sorry.").empty());
  }

  TEST_CASE("never returns more items than asked for, whatever the answer") {
    std::string many;
    for (int i = 0; i < 100'000; ++i) many += "- x\n";
    CHECK(items_seen(many).size() == 50);
    CHECK(items_seen(many, 3).size() == 3);
    CHECK(items_seen(std::string(1'000'000, ',')).empty());
  }

  TEST_CASE("compares without case, accents, punctuation, article and plural") {
    for (const auto* other : {"apple", "Apple", "APPLES", "  apple. ", "*Apple*", "an apple",
                              "the apples", "Äpple", "ａｐｐｌｅ", "ap\u200Bple", "app\u0301le"}) {
      CAPTURE(other);
      CHECK(comparable_item(other) == "apple");
    }
    CHECK(comparable_item("São Paulo") == comparable_item("Sao  Paulo"));
    CHECK(comparable_item("Ạpple") == "apple");
    CHECK(comparable_item("Phở") == "pho");
    CHECK(comparable_item("Nước mắm") == "nuoc mam");
    CHECK(comparable_item("Timișoara") == "timisoara");
    CHECK(comparable_item("Hǎikǒu") == "haikou");
    CHECK(comparable_item("ỿ") == "y");  // the last letter with a known base
    CHECK(comparable_item("Cherries") == comparable_item("cherry"));
    CHECK(comparable_item("tomatoes") == comparable_item("tomato"));
    CHECK(comparable_item("Salt & Pepper") == comparable_item("salt and pepper"));
    CHECK(comparable_item("rock'n'roll") == "rocknroll");
    CHECK(comparable_item("glass") == "glass");
    CHECK(comparable_item("apple") != comparable_item("pear"));
    CHECK(comparable_item("яблоко") == "яблоко");
    CHECK(comparable_item("🍎").size() == 4);
    CHECK(comparable_item("- ...").empty());
  }

  TEST_CASE("property: any bytes at all are read without harm") {
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
      CAPTURE(seed);
      std::mt19937_64 random{seed};
      std::string text;
      const std::string alphabet = "-*•1.) \n\r\t,ab\xC3\xE2\x80\xF0\xFF\"`_";
      for (std::size_t size = random() % 60; size > 0; --size)
        text += alphabet[random() % alphabet.size()];
      const std::string comparable = comparable_item(text);
      CHECK(comparable.size() <= 2 * text.size() + 5 * 60);
      for (const auto& item : items_seen(text)) CHECK_FALSE(item.empty());
    }
  }
}
