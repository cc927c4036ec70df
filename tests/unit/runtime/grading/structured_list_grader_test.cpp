// The list grader on honest answers and on hostile input; cheats and later turns have their own
// file.
#include "runtime/grading/structured_list_grader.hpp"

#include <chrono>
#include <random>

#include <doctest/doctest.h>

#include "tests/unit/runtime/grading/list_lab.hpp"

using namespace flywheel;
using namespace flywheel::testing;

TEST_SUITE("runtime/grading/structured_list_grader, honest answers") {
  TEST_CASE("a clean list passes with any of the usual markers") {
    for (const auto* answer :
         {"- Apple\n- Banana\n- Cherry", "* Apple\n* Banana\n* Cherry",
          "• Apple\n• Banana\n• Cherry", "+ Apple\n+ Banana\n+ Cherry",
          "1. Apple\n2. Banana\n3. Cherry", "1) Apple\n2) Banana\n3) Cherry"}) {
      CAPTURE(answer);
      const TurnVerdict turn = grade_answer(fruits(), answer);
      CHECK(turn.passed);
      for (const auto& one : turn.components) {
        CAPTURE(one.name);
        CHECK(one.value == 1.0);
      }
    }
  }

  TEST_CASE("what renders the same passes too") {
    for (const auto* answer :
         {"\n\n- Apple\n- Banana\n- Cherry\n\n", "- Apple\r\n- Banana\r\n- Cherry\r\n",
          "- Apple  \n- Banana\t\n- Cherry ", "  - Apple\n  - Banana\n  - Cherry",
          "-   Apple\n-   Banana\n-   Cherry", "- Apple\n\n- Banana\n\n- Cherry",
          "- apple\n- banana\n- cherry", "- APPLE\n- BANANA\n- CHERRY",
          "- Apple,\n- Banana,\n- Cherry", "- Apple.\n- Banana.\n- Cherry.",
          "- **Apple**\n- **Banana**\n- **Cherry**", "- *Apple*\n- _Banana_\n- `Cherry`",
          "1. \"Apple\"\n2. \"Banana\"\n3. \"Cherry\"", "01. Apple\n02. Banana\n03. Cherry",
          "- Granny Smith apple\n- Dragon fruit\n- Passion fruit", "- Açaí\n- Piña\n- Crème apple",
          "- Apples\n- Bananas\n- Cherries", "- Star-fruit\n- Ugli\n- Kiwi (green)"}) {
      CAPTURE(answer);
      CHECK(passes(fruits(), answer));
    }
  }

  TEST_CASE("items that look odd but are honest pass") {
    const auto list_of = [](const char* topic) {
      return task_of({{ListAsk::list, 3, ListStyle::any, "three"}}, topic);
    };
    CHECK(
        passes(list_of("books"),
               "- Pride and Prejudice\n- The Lord of the Rings: The Two Towers\n- 1984 by Orwell"));
    CHECK(passes(list_of("countries"),
                 "- Bosnia and Herzegovina\n- Trinidad and Tobago\n- Papua New Guinea"));
    CHECK(passes(list_of("cities"), "- Paris, France\n- St. Gallen\n- São Paulo"));
    CHECK(passes(list_of("languages"), "- C++\n- C#\n- C"));
    CHECK(passes(list_of("drinks"), "- 7 Up\n- Dr. Pepper\n- Ginger ale & lime"));
    CHECK(passes(list_of("oceans"), "- Pacific Ocean\n- Indian Ocean\n- Southern Ocean"));
    CHECK(passes(list_of("rooms"), "- Living room\n- Dining room\n- Bedroom"));
    CHECK(passes(list_of("spices"), "- Salt and pepper\n- Za'atar\n- Garam masala"));
    CHECK(passes(list_of("spices"), "- Five-spice powder\n- Allspice\n- Mixed spice"));
    CHECK(passes(list_of("drinks"), "- Seven Up\n- 7 Up\n- Vitamin B12 water"));
    CHECK(passes(list_of("music genres"), "- Pop\n- K-pop\n- J-pop"));
    CHECK(passes(list_of("vehicles"), "- Bike\n- E-bike\n- Model T"));
    CHECK(passes(list_of("clothes"), "- T-shirt\n- Shirt\n- A-line skirt"));
    CHECK(passes(list_of("mountains"), "- K2\n- Mont Blanc\n- Seven Sisters"));
    CHECK(passes(list_of("games"), "- Connect 4\n- Connect 5\n- Formula 1"));
    CHECK(passes(list_of("dishes"), "- Phở\n- Nước mắm\n- Bánh mì"));
    CHECK(passes(list_of("cities"), "- Brașov\n- Łódź\n- Hǎikǒu"));
    CHECK(
        passes(list_of("questions for a landlord"),
               "- How much is the deposit?\n- Are pets allowed in the flat?\n- Who pays heating?"));
  }

  TEST_CASE("another script passes where the request itself uses it") {
    const Task task =
        task_of({{ListAsk::list, 2, ListStyle::any, "Two Russian fruits, like слива"}});
    const auto talk = [](const char* request) { return talk_of({request, "- яблоко\n- груша"}); };
    CHECK(grade(task, talk("Two Russian fruits, like слива")).status == VerdictStatus::pass);
    CHECK(grade(task, talk("Two fruits")).status == VerdictStatus::fail);
  }

  TEST_CASE("a style that was asked for is wanted, one that was not is free") {
    const std::string bullets = "- Apple\n- Banana\n- Cherry";
    const std::string numbers = "1. Apple\n2. Banana\n3. Cherry";
    CHECK(passes(fruits(3, ListStyle::bullet), bullets));
    CHECK_FALSE(passes(fruits(3, ListStyle::bullet), numbers));
    CHECK(passes(fruits(3, ListStyle::number), numbers));
    CHECK_FALSE(passes(fruits(3, ListStyle::number), bullets));
  }

  TEST_CASE("a single item is a list where one was asked for") {
    CHECK(passes(fruits(1), "- Apple"));
    CHECK(passes(fruits(1), "1. Apple"));
    CHECK_FALSE(passes(fruits(1), "Apple"));
  }
}

TEST_SUITE("runtime/grading/structured_list_grader, bad input") {
  TEST_CASE("what can't be judged is an infra_error with a note and never a reward") {
    const auto is_infra_error = [](const Task& task, const Transcript& talk) {
      const Verdict verdict = grade(task, talk);
      return verdict.status == VerdictStatus::infra_error && !verdict.note.empty() &&
             verdict.turns.empty();
    };
    const Transcript good = talk_of({request_text, "- Apple\n- Banana\n- Cherry"});
    CHECK_FALSE(is_infra_error(fruits(), good));
    Task broken = fruits();
    broken.parameters.erase("turns");
    CHECK(is_infra_error(broken, good));
    CHECK(is_infra_error(Task{}, good));
    CHECK(is_infra_error(fruits(), {}));
    CHECK(is_infra_error(fruits(), talk_of({request_text})));
    CHECK(is_infra_error(fruits(), talk_of({"a", "- b", "c", "- d"})));
    Transcript cancelled = good;
    cancelled.turns[1].finish = FinishReason::cancelled;
    CHECK(is_infra_error(fruits(), cancelled));
    Transcript deleted = good;
    deleted.deleted = true;
    CHECK(is_infra_error(fruits(), deleted));
  }

  TEST_CASE("huge and hostile answers are failed within a bounded time") {
    std::string lines;
    for (int i = 0; i < 5'000; ++i) lines += "- x\n";
    for (const std::string& answer :
         {std::string(200'000, 'a'), std::string(200'000, '\n'), lines, std::string(16'000, '('),
          "- " + std::string(16'000, ' ') + "x", std::string(8'000, ',') + "a",
          "- a" + std::string(5'000, '-') + " b", std::string("- a\0b\n- c\n- d", 13),
          "- " + std::string(8'000, 'a') + std::string(8'000, ' ')}) {
      const auto start = std::chrono::steady_clock::now();
      CHECK_FALSE(passes(fruits(), answer));
      const auto took = std::chrono::steady_clock::now() - start;
      CHECK(took < std::chrono::seconds(2));
    }
  }

  TEST_CASE("property: any bytes get a verdict, and a passing one holds only what it should") {
    const std::vector<std::string> pieces = {
        "- ", "* ", "1. ", "2. ", "3. ", "\n",   "\n\n", "Apple",  "Banana", "Cherry",
        " ",  "\t", ":",   "**",  "(",   "\xE2", "\xFF", "\u200B", ",",      "and "};
    std::size_t passed_count = 0;
    for (std::uint64_t seed = 0; seed < 4000; ++seed) {
      CAPTURE(seed);
      std::mt19937_64 random{seed};
      std::string answer;
      for (std::size_t size = random() % 14; size > 0; --size)
        answer += pieces[random() % pieces.size()];
      const Verdict verdict = grade(fruits(1 + random() % 2), talk_of({request_text, answer}));
      CHECK(verdict.status != VerdictStatus::infra_error);
      if (verdict.status != VerdictStatus::pass) continue;
      ++passed_count;
      CAPTURE(answer);
      CHECK(answer.find("\u200B") == std::string::npos);
      CHECK(answer.find('\xFF') == std::string::npos);
    }
    CHECK(passed_count > 0);
  }

  TEST_CASE("the components it announces are the ones it gives") {
    const auto announced = structured_list_grader().components();
    const Task task = task_of({{ListAsk::list, 3, ListStyle::any, request_text},
                               {ListAsk::keep, 2, ListStyle::any, "Only two."}});
    const Verdict verdict = grade(
        task, talk_of({request_text, "- Apple\n- Fig\n- Plum", "Only two.", "- Apple\n- Fig"}));
    const auto& given = verdict.turns[1].components;
    REQUIRE(given.size() == announced.size());
    for (std::size_t i = 0; i < given.size(); ++i) {
      CHECK(given[i].name == announced[i].name);
      CHECK(given[i].kind == announced[i].kind);
    }
  }
}
