// The family's tasks, its user, and the border between what is trained on and what is held out.
#include "runtime/tasks/structured_requests.hpp"

#include <map>
#include <set>

#include <doctest/doctest.h>

#include "runtime/tasks/list_items.hpp"
#include "runtime/tasks/structured_requests_phrases.hpp"
#include "runtime/tasks/task_registry.hpp"

using namespace flywheel;

namespace {

Task make(std::string_view split, std::uint64_t index, std::uint64_t seed = 7) {
  auto task = structured_requests().make_task(split, index, seed);
  REQUIRE(task);
  return *task;
}

StructuredRequest request_of(const Task& task) {
  auto request = parse_structured_request(task.parameters);
  REQUIRE(request);
  return *request;
}

void say(Transcript& transcript, Role role, std::string text,
         FinishReason finish = FinishReason::stop) {
  Turn turn;
  turn.parent = static_cast<std::int32_t>(transcript.turns.size()) - 1;
  turn.role = role;
  turn.finish = role == Role::assistant ? finish : FinishReason::none;
  turn.parts.push_back({PartKind::text, std::move(text)});
  transcript.turns.push_back(std::move(turn));
}

Task planned(std::vector<ListTurn> turns) {
  Task task;
  task.family = "structured_requests";
  task.parameters = to_json(StructuredRequest{"direct", "test", "fruits", std::move(turns)});
  return task;
}

UserMove next_move(const Task& task, const Transcript& transcript) {
  auto move = next_user_move(structured_requests(), task, transcript);
  REQUIRE(move);
  return *move;
}

std::set<std::string> as_set(std::span<const std::string_view> texts) {
  std::set<std::string> set;
  for (const auto text : texts) set.insert(comparable_item(text));
  return set;
}

std::vector<std::string> phrasings(const PhraseBook& book) {
  std::vector<std::string> texts;
  for (const auto& phrase : book.openings) texts.push_back(comparable_item(phrase.text));
  for (const auto& phrase : book.later) texts.push_back(comparable_item(phrase.text));
  return texts;
}

}  // namespace

TEST_SUITE("runtime/tasks/structured_requests") {
  TEST_CASE("a task is a function of split, index and seed alone") {
    for (const auto split : {split_train, split_held_out}) {
      const Task task = make(split, 12, 3);
      const Task again = make(split, 12, 3);
      CHECK(task.id == again.id);
      CHECK(task.parameters == again.parameters);
      CHECK(make(split, 13, 3).id != task.id);
      CHECK(make(split, 12, 4).id != task.id);
      CHECK(make(split, 12, 4).parameters != task.parameters);
    }
    CHECK(make(split_train, 12).id != make(split_held_out, 12).id);
  }

  TEST_CASE("a split that can't be generated is refused with what to do") {
    const auto task = structured_requests().make_task("hand_written", 0, 1);
    REQUIRE(!task);
    CHECK(task.error().failure == Failure::invalid_argument);
    CHECK(task.error().message.find("load a file") != std::string::npos);
  }

  TEST_CASE("training never sees a held-out topic or phrasing") {
    const auto training_topics = as_set(training_phrases().topics);
    for (const auto& topic : as_set(held_out_phrases().topics)) {
      CAPTURE(topic);
      CHECK(training_topics.count(topic) == 0);
    }
    const auto trained = phrasings(training_phrases());
    const std::set<std::string> training_texts{trained.begin(), trained.end()};
    CHECK(training_texts.size() == trained.size());
    for (const auto& text : phrasings(held_out_phrases())) {
      CAPTURE(text);
      CHECK(training_texts.count(text) == 0);
    }
    CHECK(training_phrases().topics.size() >= 30);
    CHECK(held_out_phrases().topics.size() >= 12);
  }

  TEST_CASE("the 200 held-out tasks are distinct and share no message with 2000 training tasks") {
    std::set<std::string> said;
    for (std::uint64_t i = 0; i < 2000; ++i) {
      const auto request = request_of(make(split_train, i));
      for (const auto& turn : request.turns) said.insert(turn.say);
    }
    std::set<std::string> openings;
    std::map<std::string, int> topics;
    std::map<std::string, int> personas;
    for (std::uint64_t i = 0; i < 200; ++i) {
      const auto request = request_of(make(split_held_out, i));
      openings.insert(request.turns[0].say);
      ++topics[request.topic];
      ++personas[request.persona];
      for (const auto& turn : request.turns) {
        CAPTURE(turn.say);
        CHECK(said.count(turn.say) == 0);
      }
    }
    CHECK(openings.size() == 200);
    CHECK(topics.size() == held_out_phrases().topics.size());
    CHECK(personas.size() == 6);
  }

  TEST_CASE("no training task comes twice before all combinations have come") {
    std::set<std::string> openings;
    for (std::uint64_t i = 0; i < 1000; ++i)
      openings.insert(request_of(make(split_train, i)).turns[0].say);
    CHECK(openings.size() == 1000);
  }

  TEST_CASE("every block of eight tasks has six of one turn, one of two and one of three") {
    for (std::uint64_t block = 0; block < 30; ++block) {
      std::map<std::size_t, int> count_of;
      for (std::uint64_t i = 0; i < 8; ++i)
        ++count_of[request_of(make(split_train, block * 8 + i)).turns.size()];
      CAPTURE(block);
      CHECK(count_of[1] == 6);
      CHECK(count_of[2] == 1);
      CHECK(count_of[3] == 1);
    }
  }

  TEST_CASE("every generated task is one that the family accepts, with counts of 2 to 6") {
    for (const auto split : {split_train, split_held_out}) {
      std::set<ListAsk> asks;
      for (std::uint64_t i = 0; i < 1500; ++i) {
        const Task task = make(split, i, 11);
        CAPTURE(i);
        CHECK(structured_requests().check(task.parameters));
        const auto request = request_of(task);
        CHECK(request.turns[0].count >= 2);
        CHECK(request.turns[0].count <= 5);
        for (const auto& turn : request.turns) {
          asks.insert(turn.ask);
          const bool has_hole = turn.say.find('{') != std::string::npos;
          CHECK(has_hole == (turn.ask == ListAsk::drop));
        }
      }
      CHECK(asks.size() == 6);
    }
  }

  TEST_CASE("users never say how they are graded") {
    for (const PhraseBook* book : {&training_phrases(), &held_out_phrases()})
      for (const auto& text : phrasings(*book))
        for (const auto* leak :
             {"grade", "score", "reward", "marker", "regex", "dash", "hyphen", "asterisk",
              "duplicate", "distinct", "repeat an", "blank line", "token", "rule", "placeholder"}) {
          CAPTURE(text);
          CHECK(text.find(leak) == std::string::npos);
        }
  }

  TEST_CASE("the user opens, goes through the plan, and ends") {
    const Task task = planned({{ListAsk::list, 3, ListStyle::any, "Three fruits, list only."},
                               {ListAsk::keep, 2, ListStyle::any, "Only two."},
                               {ListAsk::add, 0, ListStyle::any, "One more."}});
    Transcript talk;
    CHECK(next_move(task, talk).text == "Three fruits, list only.");
    say(talk, Role::user, "Three fruits, list only.");
    say(talk, Role::assistant, "- apple\n- pear\n- plum");
    CHECK(next_move(task, talk).text == "Only two.");
    say(talk, Role::user, "Only two.");
    say(talk, Role::assistant, "- apple\n- pear");
    CHECK(next_move(task, talk).text == "One more.");
    say(talk, Role::user, "One more.");
    say(talk, Role::assistant, "- apple\n- pear\n- fig");
    const UserMove end = next_move(task, talk);
    CHECK(end.ends);
    CHECK(end.reason == "plan finished");
    CHECK(*structured_requests().planned_turn_count(task) == 3);
  }

  TEST_CASE("the user names an item of the answer that it wants gone") {
    for (const auto& [phrase, expected] : {std::pair{"Without {last}.", "Without plum."},
                                           std::pair{"Not {first}.", "Not Granny Smith apple."}}) {
      const Task task = planned({{ListAsk::list, 3, ListStyle::any, "Three fruits."},
                                 {ListAsk::drop, 0, ListStyle::any, phrase}});
      Transcript talk;
      say(talk, Role::user, "Three fruits.");
      say(talk, Role::assistant, "1. **Granny Smith apple**\n2. pear\n3. plum.");
      CHECK(next_move(task, talk).text == expected);
    }
  }

  TEST_CASE("the user gives up after a cut answer, prose, or too few items") {
    const Task task = planned({{ListAsk::list, 3, ListStyle::any, "Three fruits."},
                               {ListAsk::keep, 2, ListStyle::any, "Only two."}});
    const auto ends_after = [&](const std::string& answer, FinishReason finish) {
      Transcript talk;
      say(talk, Role::user, "Three fruits.");
      say(talk, Role::assistant, answer, finish);
      const UserMove move = next_move(task, talk);
      CHECK((move.ends ? move.text.empty() : !move.text.empty()));
      CHECK((move.ends ? !move.reason.empty() : move.reason.empty()));
      return move.ends;
    };
    CHECK(ends_after("- apple\n- pear\n- plum", FinishReason::length));
    CHECK(ends_after("Fruit is healthy and there is a lot of it in the world to choose from.",
                     FinishReason::stop));
    CHECK(ends_after("", FinishReason::stop));
    CHECK(ends_after("- apple\n- pear", FinishReason::stop));
    CHECK_FALSE(ends_after("- apple\n- pear\n- plum", FinishReason::stop));
    CHECK_FALSE(ends_after("Here you go: apple, pear, plum", FinishReason::stop));
  }

  TEST_CASE("the user follows the path of a branched conversation, not its neighbours") {
    const Task task = planned({{ListAsk::list, 3, ListStyle::any, "Three fruits."},
                               {ListAsk::drop, 0, ListStyle::any, "Without {last}."}});
    Transcript talk;
    say(talk, Role::user, "Three fruits.");
    say(talk, Role::assistant, "- apple\n- pear\n- plum");
    say(talk, Role::assistant, "- fig\n- kiwi\n- lime");
    talk.turns[2].parent = 0;
    CHECK(structured_requests().next_user_move(task, talk, 1)->text == "Without plum.");
    CHECK(structured_requests().next_user_move(task, talk, 2)->text == "Without lime.");
    CHECK_FALSE(structured_requests().next_user_move(task, talk, 0));
    CHECK_FALSE(structured_requests().next_user_move(task, talk, 9));
  }

  TEST_CASE("parameters survive the way through JSON") {
    for (std::uint64_t i = 0; i < 64; ++i) {
      const Task task = make(split_train, i);
      CHECK(to_json(request_of(task)) == task.parameters);
    }
  }

  TEST_CASE("impossible parameters are refused and the message names the field") {
    const Json good = make(split_train, 0).parameters;
    const auto refused_naming = [&](const Json& change, std::string_view name) {
      Json bad = good;
      bad.merge_patch(change);
      const auto checked = structured_requests().check(bad);
      REQUIRE(!checked);
      CAPTURE(checked.error().message);
      CHECK(checked.error().failure == Failure::invalid_input);
      CHECK(checked.error().message.find(name) != std::string::npos);
    };
    const auto one_turn = [](const Json& turn) { return Json{{"turns", Json::array({turn})}}; };
    CHECK(structured_requests().check(good));
    refused_naming({{"topic", nullptr}}, "topic");
    refused_naming({{"persona", 3}}, "persona");
    refused_naming({{"turns", Json::array()}}, "turns");
    refused_naming({{"colour", "red"}}, "colour");
    refused_naming(one_turn({{"ask", "list"}, {"count", 0}, {"say", "x"}}), "count");
    refused_naming(one_turn({{"ask", "list"}, {"count", -1}, {"say", "x"}}), "count");
    refused_naming(one_turn({{"ask", "list"}, {"count", 2.5}, {"say", "x"}}), "count");
    refused_naming(one_turn({{"ask", "list"}, {"count", 21}, {"say", "x"}}), "count");
    refused_naming(one_turn({{"ask", "list"}, {"count", 5'000'000'000}, {"say", "x"}}), "count");
    refused_naming(one_turn({{"ask", "poem"}, {"count", 2}, {"say", "x"}}), "poem");
    refused_naming(one_turn({{"ask", "keep"}, {"count", 2}, {"say", "x"}}), "first turn");
    refused_naming(one_turn({{"ask", "list"}, {"count", 2}, {"say", ""}}), "say");
    refused_naming(one_turn({{"ask", "list"}, {"count", 2}, {"say", "x"}, {"style", "loud"}}),
                   "style");
    CHECK_FALSE(structured_requests().check(Json::array()));
    CHECK_FALSE(structured_requests().check(Json{}));
  }
}

TEST_SUITE("runtime/tasks/task_registry") {
  TEST_CASE("finds every family by its name and names them all when it can't") {
    for (const TaskFamily* family : task_families()) {
      CHECK(*find_task_family(family->name()) == family);
      CHECK_FALSE(family->description().empty());
      for (const auto split : {split_train, split_held_out}) {
        const auto task = family->make_task(split, 0, 1);
        if (!task) {  // made of a file: it says by which parameter a spec names it
          CHECK(task.error().message.find("task.parameters.") != std::string::npos);
          continue;
        }
        CHECK(task->family == family->name());
        CHECK(task->split == split);
        CHECK(family->check(task->parameters));
        CHECK_FALSE(family->next_user_move(*task, {}, Turn::no_parent)->text.empty());
      }
    }
    const auto missing = find_task_family("structured_request");
    REQUIRE(!missing);
    CHECK(missing.error().failure == Failure::not_found);
    CHECK(missing.error().message.find("structured_requests") != std::string::npos);
  }
}
