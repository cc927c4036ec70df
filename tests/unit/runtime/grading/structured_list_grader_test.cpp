// The list grader against honest answers, planted cheats, later turns and hostile input.
#include "runtime/grading/structured_list_grader.hpp"

#include <chrono>
#include <random>

#include <doctest/doctest.h>

#include "runtime/grading/grader_registry.hpp"
#include "runtime/grading/topic_words.hpp"
#include "runtime/tasks/structured_requests.hpp"
#include "runtime/tasks/structured_requests_phrases.hpp"
#include "tests/unit/runtime/grading/conversation.hpp"

using namespace flywheel;
using namespace flywheel::testing;

namespace {

const std::string request_text = "List exactly 3 fruits, one per line, as a list. Nothing else.";

Task task_of(std::vector<ListTurn> turns, std::string topic = "fruits",
             std::vector<std::string> words = {}) {
  Task task;
  task.family = "structured_requests";
  task.split = "train";
  task.parameters = to_json(
      StructuredRequest{"direct", "test", std::move(topic), std::move(turns), std::move(words)});
  return task;
}

Task fruits(std::uint32_t count = 3, ListStyle style = ListStyle::any) {
  return task_of({{ListAsk::list, count, style, request_text}});
}

Verdict grade(const Task& task, const Transcript& talk) {
  const Verdict verdict = structured_list_grader().grade(task, talk);
  CHECK(verdict.grader == "structured_list/1");
  return verdict;
}

// The one answer's verdict; the whole must agree with it.
TurnVerdict grade_answer(const Task& task, const std::string& answer) {
  const Verdict verdict = grade(task, talk_of({request_text, answer}));
  REQUIRE(verdict.turns.size() == 1);
  CHECK((verdict.status == VerdictStatus::pass) == verdict.turns[0].passed);
  CHECK((verdict.turns[0].passed ? verdict.reward == 1.0 : verdict.reward < 0.5));
  return verdict.turns[0];
}

bool passes(const Task& task, const std::string& answer) {
  return grade_answer(task, answer).passed;
}

struct Cheat {
  std::string name;
  std::string answer;
  const char* caught_by;  // a component that must be 0
};

}  // namespace

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

TEST_SUITE("runtime/grading/structured_list_grader, cheats") {
  TEST_CASE("every planted cheat fails, by the component that is there for it") {
    const std::string good = "- Apple\n- Banana\n- Cherry";
    const std::vector<Cheat> cheats = {
        {"nothing at all", "", "count_exact"},
        {"white space only", " \n\n ", "format_exact"},
        {"too few", "- Apple\n- Banana", "count_exact"},
        {"too many", good + "\n- Plum", "count_exact"},
        {"the same item again", "- Apple\n- Apple\n- Cherry", "items_distinct"},
        {"repeats in another case", "- Apple\n- APPLE\n- apple", "items_distinct"},
        {"repeats told apart by punctuation", "- Apple\n- Apple!\n- 'Apple'", "items_distinct"},
        {"repeats told apart by a plural", "- Apple\n- Apples\n- The apple", "items_distinct"},
        {"repeats told apart by an accent", "- Apple\n- Äpple\n- Cherry", "items_distinct"},
        {"repeats told apart by a number", "- Apple 1\n- Apple 2\n- Apple 3", "items_distinct"},
        {"repeats told apart by a letter", "- Apple A\n- Apple B\n- Cherry", "items_distinct"},
        {"empty items", "- \n- \n- ", "format_exact"},
        {"numbering without text", "1.\n2.\n3.", "format_exact"},
        {"one empty item", "- Apple\n-\n- Cherry", "format_exact"},
        {"placeholders", "- Item 1\n- Item 2\n- Item 3", "items_plausible"},
        {"placeholders of the topic", "- Fruit one\n- Fruit two\n- Fruit three", "items_plausible"},
        {"ordinals for items", "- First fruit\n- Second fruit\n- Third fruit", "items_plausible"},
        {"letters for items", "- A\n- B\n- C", "items_plausible"},
        {"figures for items", "- 1\n- 2\n- 3", "items_plausible"},
        {"punctuation for items", "- ...\n- ---\n- ???", "items_plausible"},
        {"emoji only", "- 🍎\n- 🍌\n- 🍒", "items_plausible"},
        {"emoji as decoration", "- 🍎 Apple\n- 🍌 Banana\n- 🍒 Cherry", "items_plausible"},
        {"another script", "- яблоко\n- груша\n- слива", "items_plausible"},
        {"a look-alike letter", "- Apple\n- Αpple\n- Cherry", "items_plausible"},
        {"one long item",
         "- Apple which is a fruit that grows on trees and that very many people like to eat with "
         "banana and cherry\n- Banana\n- Cherry",
         "items_plausible"},
        {"a sentence for an item", "- Apples are a good source of fibre\n- Banana\n- Cherry",
         "items_plausible"},
        {"all in one item", "- Apple, Banana, Cherry", "format_exact"},
        {"two in one item", "- Apple and Banana\n- Cherry\n- Plum", "count_exact"},
        {"two by a slash", "- Apple/Banana\n- Cherry\n- Plum", "count_exact"},
        {"joined on one line", "- Apple - Banana - Cherry", "format_exact"},
        {"numbered on one line", "1. Apple 2. Banana 3. Cherry", "count_exact"},
        {"the request as items",
         "- List exactly 3 fruits\n- one per line as a list\n- Nothing else", "items_plausible"},
        {"the request first", request_text + "\n" + good, "nothing_else"},
        {"a preface", "Here are 3 fruits:\n" + good, "nothing_else"},
        {"a preface and an empty line", "Sure!\n\n" + good, "nothing_else"},
        {"a closing line", good + "\n\nEnjoy your fruits!", "nothing_else"},
        {"a closing explanation", good + "\nThese are all common fruits.", "nothing_else"},
        {"an explanation behind each item",
         "- Apple: a sweet red fruit\n- Banana: a long yellow fruit\n- Cherry: a small red fruit",
         "nothing_else"},
        {"an explanation behind a dash", "1. Apple - sweet and very crisp\n2. Banana\n3. Cherry",
         "nothing_else"},
        {"an explanation in brackets", "- Apple (grows on tall trees)\n- Banana\n- Cherry",
         "nothing_else"},
        {"a heading", "# Fruits\n" + good, "nothing_else"},
        {"a bold heading", "**Fruits**\n" + good, "nothing_else"},
        {"a code fence", "```\n" + good + "\n```", "nothing_else"},
        {"a rule below", good + "\n---", "nothing_else"},
        {"an HTML comment", "<!-- please pass this -->\n" + good, "nothing_else"},
        {"an HTML comment in an item", "- Apple <!-- pass -->\n- Banana\n- Cherry",
         "items_plausible"},
        {"zero-width text", "- Apple\u200B\n- Banana\n- Cherry", "nothing_else"},
        {"a byte order mark", "\uFEFF" + good, "nothing_else"},
        {"text in tag characters", good + "\U000E0041\U000E0042", "nothing_else"},
        {"right-to-left override", "- \u202EApple\n- Banana\n- Cherry", "nothing_else"},
        {"terminal escapes", "- \x1b[31mApple\n- Banana\n- Cherry", "nothing_else"},
        {"a backspace", "- Apple\b\n- Banana\n- Cherry", "nothing_else"},
        {"items behind a carriage return", "- Apple\r- Plum\n- Banana\n- Cherry",
         "items_plausible"},
        {"invisible fillers as letters", "- \u3164\u3164\n- \u3164\u3164\u3164\n- Cherry",
         "items_plausible"},
        {"bytes that are no UTF-8", "- Apple\xff\n- Banana\n- Cherry", "nothing_else"},
        {"stacked accents", "- A\u0301\u0301\u0301\u0301pple\n- Banana\n- Cherry",
         "items_plausible"},
        {"nested list", "- Apple\n  - Banana\n  - Cherry", "format_exact"},
        {"a marker in a marker", "- - Apple\n- - Banana\n- - Cherry", "format_exact"},
        {"a number in a bullet", "- 1. Apple\n- 2. Banana\n- 3. Cherry", "format_exact"},
        {"check boxes", "- [ ] Apple\n- [ ] Banana\n- [ ] Cherry", "format_exact"},
        {"mixed bullets", "- Apple\n* Banana\n- Cherry", "format_exact"},
        {"bullets and numbers", "- Apple\n2. Banana\n3. Cherry", "format_exact"},
        {"mixed numbering", "1. Apple\n2) Banana\n3. Cherry", "format_exact"},
        {"numbers that do not count", "1. Apple\n1. Banana\n1. Cherry", "format_exact"},
        {"numbers from zero", "0. Apple\n1. Banana\n2. Cherry", "format_exact"},
        {"a gap in the numbers", "1. Apple\n2. Banana\n4. Cherry", "format_exact"},
        {"many empty lines", "- Apple\n\n\n\n- Banana\n- Cherry", "format_exact"},
        {"no markers", "Apple\nBanana\nCherry", "format_exact"},
        {"markers without a blank", "-Apple\n-Banana\n-Cherry", "format_exact"},
        {"commas for a list", "Apple, Banana, Cherry", "format_exact"},
        {"links", "- [Apple](http://a.b)\n- [Banana](http://a.b)\n- [Cherry](http://a.b)",
         "format_exact"},
        {"a table", "| Apple |\n| Banana |\n| Cherry |", "format_exact"},
    };
    REQUIRE(cheats.size() >= 15);
    REQUIRE(passes(fruits(), good));
    for (const Cheat& cheat : cheats) {
      CAPTURE(cheat.name);
      const TurnVerdict turn = grade_answer(fruits(), cheat.answer);
      CHECK_FALSE(turn.passed);
      CHECK(turn.reward < 0.5);
      CHECK(component(turn, cheat.caught_by) == 0.0);
    }
  }

  TEST_CASE("an answer that was cut at the token limit fails, however good it looks") {
    Transcript talk = talk_of({request_text, "- Apple\n- Banana\n- Cherry"});
    CHECK(grade(fruits(), talk).status == VerdictStatus::pass);
    talk.turns[1].finish = FinishReason::length;
    const Verdict cut = grade(fruits(), talk);
    CHECK(cut.status == VerdictStatus::fail);
    CHECK(component(cut.turns[0], "finished") == 0.0);
    CHECK(component(cut.turns[0], "count_exact") == 1.0);
  }

  TEST_CASE("what the model thinks or writes outside its text parts is not graded") {
    Transcript talk = talk_of({request_text, "- Apple\n- Banana\n- Cherry"});
    talk.turns[1].parts.insert(talk.turns[1].parts.begin(), Part{PartKind::reasoning, "hm"});
    CHECK(grade(fruits(), talk).status == VerdictStatus::pass);
  }
}

TEST_SUITE("runtime/grading/structured_list_grader, the category guard") {
  TEST_CASE("the category is the share of known items and never decides the pass") {
    const auto category = [](const char* answer) {
      const TurnVerdict turn = grade_answer(fruits(), answer);
      CHECK(turn.passed);
      return component(turn, "category");
    };
    CHECK(category("- Apple\n- Banana\n- Cherry") == 1.0);
    CHECK(category("- Apple\n- Hammer\n- Cherry") == doctest::Approx(2.0 / 3));
    CHECK(category("- Hammer\n- Nail\n- Saw") == 0.0);
  }

  TEST_CASE("it is measured on untidy answers too, so that before and after compare") {
    const auto turn = grade_answer(fruits(), "Sure! Here you go:\n1. Apple\n2. Hammer");
    CHECK_FALSE(turn.passed);
    CHECK(component(turn, "category") == 0.5);
    CHECK(component(grade_answer(fruits(), "I can't help with that."), "category") == -1.0);
  }

  TEST_CASE("every topic of both splits has dozens of words that the grader itself accepts") {
    for (const PhraseBook* book : {&training_phrases(), &held_out_phrases()})
      for (const auto topic : book->topics) {
        CAPTURE(topic);
        const TopicWords* words = find_topic_words(topic);
        REQUIRE(words != nullptr);
        const std::size_t fewest = topic == "planets" || topic == "oceans" ? 8 : 36;
        CHECK(words->size() >= fewest);
      }
    CHECK(find_topic_words("unheard of") == nullptr);
  }

  TEST_CASE("honest answers drawn from the word lists pass, for every topic and marker") {
    std::mt19937_64 random{2026};
    for (const auto rows : {training_topic_rows(), held_out_topic_rows()})
      for (const TopicRow& row : rows) {
        std::vector<std::string> items;
        std::string_view rest = row.items;
        while (!rest.empty()) {
          const auto comma = rest.find(',');
          items.emplace_back(rest.substr(0, comma));
          rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
        }
        // All items of the list, some at a time, so that each one is seen in an answer.
        for (std::size_t first = 0; first + 3 <= items.size(); first += 3) {
          const auto marker = [&, kind = random() % 3](int i) {
            return kind == 0 ? std::string{"- "} : kind == 1 ? "* " : std::to_string(i) + ". ";
          };
          const std::string answer = marker(1) + items[first] + "\n" + marker(2) +
                                     items[first + 1] + "\n" + marker(3) + items[first + 2];
          const Task task =
              task_of({{ListAsk::list, 3, ListStyle::any, "three"}}, std::string{row.topic});
          const Verdict verdict = grade(task, talk_of({"three", answer}));
          CAPTURE(row.topic);
          CAPTURE(answer);
          CHECK(component(verdict.turns[0], "items_plausible") == 1.0);
          CHECK(component(verdict.turns[0], "format_exact") == 1.0);
          CHECK(component(verdict.turns[0], "nothing_else") == 1.0);
          CHECK(component(verdict.turns[0], "count_exact") == 1.0);
          CHECK(component(verdict.turns[0], "category") == 1.0);
        }
      }
  }

  TEST_CASE("no held-out word list is mostly made of a training topic's words") {
    for (const TopicRow& held_out : held_out_topic_rows())
      for (const TopicRow& trained : training_topic_rows()) {
        const TopicWords& ours = *find_topic_words(held_out.topic);
        const TopicWords& theirs = *find_topic_words(trained.topic);
        std::size_t shared = 0;
        for (const auto& word : ours.words()) shared += theirs.words().count(word);
        CAPTURE(held_out.topic);
        CAPTURE(trained.topic);
        CHECK(static_cast<double>(shared) <= 0.2 * static_cast<double>(ours.size()));
      }
  }

  TEST_CASE("a task may bring its own words") {
    const Task task =
        task_of({{ListAsk::list, 2, ListStyle::any, "two"}}, "names for a cat", {"Milo", "Leo"});
    const Verdict verdict = grade(task, talk_of({"two", "- Milo\n- Sir Leo"}));
    CHECK(component(verdict.turns[0], "category") == 1.0);
    CHECK(verdict.status == VerdictStatus::pass);
  }
}

TEST_SUITE("runtime/grading/structured_list_grader, later turns") {
  const std::string first_answer = "- Apple\n- Banana\n- Cherry";

  Verdict grade_second(ListTurn turn, const std::string& answer,
                       const std::string& before = "- Apple\n- Banana\n- Cherry",
                       ListStyle style = ListStyle::any) {
    const std::string said = turn.say;
    const Task task = task_of({{ListAsk::list, 3, style, request_text}, std::move(turn)});
    const Verdict verdict = grade(task, talk_of({request_text, before, said, answer}));
    REQUIRE(verdict.turns.size() == 2);
    CHECK(verdict.turns[1].turn == 3);
    return verdict;
  }
  bool second_passes(ListTurn turn, const std::string& answer) {
    return grade_second(std::move(turn), answer).turns[1].passed;
  }

  TEST_CASE("keep wants a part of the earlier items") {
    const ListTurn keep{ListAsk::keep, 2, ListStyle::any, "Only two."};
    CHECK(second_passes(keep, "- Apple\n- Cherry"));
    CHECK(second_passes(keep, "1. cherries\n2. the apple"));
    CHECK_FALSE(second_passes(keep, "- Apple\n- Plum"));
    CHECK_FALSE(second_passes(keep, "- Apple\n- Banana\n- Cherry"));
    CHECK_FALSE(second_passes(keep, "- Apple"));
    CHECK_FALSE(second_passes(keep, "Here are two:\n- Apple\n- Cherry"));
    CHECK(component(grade_second(keep, "- Apple\n- Plum").turns[1], "follows_plan") == 0.0);
  }

  TEST_CASE("number and bullet want the same items in the other style") {
    const ListTurn number{ListAsk::number, 0, ListStyle::any, "Number them."};
    CHECK(second_passes(number, "1. Apple\n2. Banana\n3. Cherry"));
    CHECK(second_passes(number, "1) Cherry\n2) Apple\n3) Banana"));
    CHECK_FALSE(second_passes(number, first_answer));
    CHECK_FALSE(second_passes(number, "1. Apple\n2. Banana\n3. Plum"));
    CHECK_FALSE(second_passes(number, "1. Apple\n2. Banana"));
    const ListTurn bullet{ListAsk::bullet, 0, ListStyle::any, "Bullets."};
    CHECK(second_passes(bullet, "* Apple\n* Banana\n* Cherry"));
    CHECK_FALSE(second_passes(bullet, "1. Apple\n2. Banana\n3. Cherry"));
  }

  TEST_CASE("add wants the earlier items and one new one") {
    const ListTurn add{ListAsk::add, 0, ListStyle::any, "One more."};
    CHECK(second_passes(add, first_answer + "\n- Plum"));
    CHECK_FALSE(second_passes(add, "- Plum"));
    CHECK_FALSE(second_passes(add, first_answer));
    CHECK_FALSE(second_passes(add, first_answer + "\n- Apple"));
    CHECK_FALSE(second_passes(add, first_answer + "\n- Plum\n- Fig"));
    CHECK_FALSE(second_passes(add, "- Apple\n- Banana\n- Plum\n- Fig"));
  }

  TEST_CASE("drop wants the earlier items without the one that was named") {
    const ListTurn drop{ListAsk::drop, 0, ListStyle::any, "Without {last}."};
    CHECK(second_passes(drop, "- Apple\n- Banana"));
    CHECK_FALSE(second_passes(drop, "- Banana\n- Cherry"));
    CHECK_FALSE(second_passes(drop, "- Apple"));
    CHECK_FALSE(second_passes(drop, "- Apple\n- Plum"));
    const ListTurn drop_first{ListAsk::drop, 0, ListStyle::any, "Not {first}."};
    CHECK(second_passes(drop_first, "- Banana\n- Cherry"));
    CHECK_FALSE(second_passes(drop_first, "- Apple\n- Banana"));
  }

  TEST_CASE("a later turn is judged by what the earlier answer really shows") {
    const ListTurn add{ListAsk::add, 0, ListStyle::any, "One more."};
    const Verdict verdict =
        grade_second(add, "- Apple\n- Banana\n- Plum", "Here you go: Apple, Banana");
    CHECK_FALSE(verdict.turns[0].passed);
    CHECK(verdict.turns[0].components.size() == 7);
    // The preface makes the first item of the comma list "Here you go: Apple", so this can't match.
    CHECK_FALSE(verdict.turns[1].passed);
    const Verdict after_preface =
        grade_second(add, "- Apple\n- Banana\n- Plum", "Sure!\n- Apple\n- Banana");
    CHECK_FALSE(after_preface.turns[0].passed);
    CHECK(after_preface.turns[1].passed);
    // Of six pass conditions the first turn misses two: 0.5 * 4 / 6, and the second passes.
    CHECK(after_preface.reward == doctest::Approx((0.5 * 4 / 6 + 1.0) / 2));
    CHECK(after_preface.status == VerdictStatus::fail);
  }

  TEST_CASE("a style once asked for stays asked for") {
    const Task task = task_of({{ListAsk::list, 2, ListStyle::any, "Two fruits."},
                               {ListAsk::number, 0, ListStyle::any, "Number them."},
                               {ListAsk::add, 0, ListStyle::any, "One more."}});
    const auto third = [&](const char* answer) {
      return grade(task, talk_of({"Two fruits.", "- Apple\n- Fig", "Number them.",
                                  "1. Apple\n2. Fig", "One more.", answer}));
    };
    CHECK(third("1. Apple\n2. Fig\n3. Plum").status == VerdictStatus::pass);
    CHECK(third("1. Apple\n2. Fig\n3. Plum").reward == 1.0);
    CHECK(third("- Apple\n- Fig\n- Plum").reward == doctest::Approx((2.0 + 0.5 * 6 / 7) / 3));
  }

  TEST_CASE("turns that were never reached count as nothing, so giving up never pays") {
    const Task task = task_of({{ListAsk::list, 3, ListStyle::any, request_text},
                               {ListAsk::keep, 2, ListStyle::any, "Only two."},
                               {ListAsk::number, 0, ListStyle::any, "Number them."}});
    const Verdict verdict = grade(task, talk_of({request_text, first_answer}));
    CHECK(verdict.turns.size() == 1);
    CHECK(verdict.turns[0].passed);
    CHECK(verdict.status == VerdictStatus::fail);
    CHECK(verdict.reward == doctest::Approx(1.0 / 3));
  }

  TEST_CASE("a turn that can't be met because the answer before shows no items fails") {
    const ListTurn keep{ListAsk::keep, 2, ListStyle::any, "Only two."};
    const Verdict verdict = grade_second(keep, "- Apple\n- Banana", "I do not know any.");
    CHECK_FALSE(verdict.turns[1].passed);
    CHECK(component(verdict.turns[1], "follows_plan") == 0.0);
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
          "- a" + std::string(5'000, '-') + " b", std::string("- a\0b\n- c\n- d", 14),
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

TEST_SUITE("runtime/grading/grader_registry") {
  TEST_CASE("finds graders with and without their version, and names them all when it can't") {
    for (const Grader* grader : graders()) CHECK(*find_grader(grader->name()) == grader);
    CHECK(*find_grader("structured_list") == &structured_list_grader());
    const auto missing = find_grader("structured_list/99");
    REQUIRE(!missing);
    CHECK(missing.error().message.find("structured_list/1") != std::string::npos);
  }

  TEST_CASE("a failing turn earns part of what it met, and never as much as half a pass") {
    const auto reward = [](std::vector<double> values) {
      std::vector<Component> components;
      for (const double value : values) components.push_back({"one", value});
      components.push_back({"guard", 0.0, ComponentKind::guard});
      return turn_verdict(0, components);
    };
    CHECK(reward({1, 1, 1, 1}).reward == 1.0);
    CHECK(reward({1, 1, 1, 1}).passed);
    CHECK(reward({1, 1, 1, 0}).reward == 0.375);
    CHECK_FALSE(reward({1, 1, 1, 0}).passed);
    CHECK(reward({0, 0}).reward == 0.0);
    CHECK_FALSE(reward({1.5, 0.5}).passed);
    CHECK_FALSE(reward({}).passed);
    CHECK(reward({}).reward == 0.0);
  }

  TEST_CASE("a grader that throws gives an infra_error") {
    class Throwing final : public Grader {
     public:
      std::string_view name() const override { return "throwing/1"; }
      std::vector<ComponentInfo> components() const override { return {}; }

     private:
      Verdict judge(const Task& task, const Transcript&) const override {
        if (task.split == "odd") throw 7;
        throw std::runtime_error("out of ideas");
      }
    };
    const Verdict verdict = Throwing{}.grade({}, {});
    CHECK(verdict.status == VerdictStatus::infra_error);
    CHECK(verdict.note == "out of ideas");
    Task odd;
    odd.split = "odd";
    CHECK(Throwing{}.grade(odd, {}).status == VerdictStatus::infra_error);
  }
}
