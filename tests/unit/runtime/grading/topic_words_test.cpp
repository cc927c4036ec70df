// The category guard and the word lists behind it.
#include "runtime/grading/topic_words.hpp"

#include <random>

#include <doctest/doctest.h>

#include "runtime/tasks/structured_requests_phrases.hpp"
#include "tests/unit/runtime/grading/list_lab.hpp"

using namespace flywheel;
using namespace flywheel::testing;

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
