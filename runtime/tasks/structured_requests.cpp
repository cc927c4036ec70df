#include "runtime/tasks/structured_requests.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>

#include "runtime/base/check.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/base/random.hpp"
#include "runtime/tasks/list_items.hpp"
#include "runtime/tasks/structured_requests_phrases.hpp"

namespace flywheel {
namespace {

constexpr std::array<std::uint32_t, 4> opening_counts = {2, 3, 4, 5};

// Of every block of this many tasks exactly two have more than one turn (75 % have one), so that a
// step of eight tasks always sees the same share.
constexpr std::uint64_t plan_block_size = 8;

std::string_view number_word(std::uint32_t number) {
  constexpr std::string_view words[] = {"zero", "one", "two", "three", "four", "five", "six"};
  FLYWHEEL_CHECK(number < std::size(words));
  return words[number];
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

std::string fill(std::string_view phrase, std::uint32_t count, std::string_view topic) {
  std::string text{phrase};
  replace_all(text, "{n}", std::to_string(count));
  replace_all(text, "{number}", number_word(count));
  replace_all(text, "{t}", topic);
  return text;
}

// Position `index` of a shuffle of 0 to size - 1: no value comes twice before all have come once.
std::uint64_t shuffled(std::uint64_t index, std::uint64_t size, RandomKey key) {
  std::vector<std::uint64_t> order(size);
  std::iota(order.begin(), order.end(), 0);
  Random random{derive_key({key.value, index / size})};
  for (std::uint64_t i = size; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order[index % size];
}

// One, two or three turns: in every block one task of two turns, one of three, the others of one.
std::size_t turn_count_of(std::uint64_t index, RandomKey key) {
  switch (shuffled(index, plan_block_size, key)) {
    case 0:
      return 2;
    case 1:
      return 3;
    default:
      return 1;
  }
}

// Asks that make sense of a list of `count` items that was last asked for in `style`.
std::vector<ListAsk> possible_asks(std::uint32_t count, ListStyle style) {
  std::vector<ListAsk> asks = {ListAsk::add};
  if (count > 2) asks.insert(asks.end(), {ListAsk::keep, ListAsk::drop});
  if (style != ListStyle::number) asks.push_back(ListAsk::number);
  if (style != ListStyle::bullet) asks.push_back(ListAsk::bullet);
  return asks;
}

ListTurn later_turn(ListAsk ask, std::uint32_t& count, ListStyle& style, std::string_view persona,
                    const PhraseBook& book, Random& random) {
  ListTurn turn;
  turn.ask = ask;
  if (ask == ListAsk::keep) {
    count = static_cast<std::uint32_t>(count == 3 ? 2 : 2 + random.below(2));
    turn.count = count;
  }
  if (ask == ListAsk::add) ++count;
  if (ask == ListAsk::drop) --count;
  if (ask == ListAsk::number) style = ListStyle::number;
  if (ask == ListAsk::bullet) style = ListStyle::bullet;
  std::vector<std::string_view> phrases;
  for (const LaterPhrase& phrase : book.later)
    if (phrase.ask == ask && phrase.persona == persona) phrases.push_back(phrase.text);
  FLYWHEEL_CHECK(!phrases.empty());
  turn.say = fill(phrases[random.below(phrases.size())], count, "");
  return turn;
}

StructuredRequest make_request(const PhraseBook& book, std::uint64_t index, RandomKey key) {
  const std::uint64_t topic_count = book.topics.size();
  const std::uint64_t opening_count = book.openings.size();
  const std::uint64_t place = shuffled(index, topic_count * opening_count * opening_counts.size(),
                                       derive_key({key.value, 1}));
  const OpeningPhrase& opening = book.openings[place % opening_count];
  Random random{derive_key({key.value, 2, index})};

  StructuredRequest request;
  request.persona = opening.persona;
  request.topic = book.topics[place / opening_count % topic_count];
  request.goal = book.goals[random.below(book.goals.size())];
  std::uint32_t count = opening_counts[place / opening_count / topic_count];
  ListStyle style = opening.style;
  request.turns.push_back(
      {ListAsk::list, count, opening.style, fill(opening.text, count, request.topic)});

  const std::size_t turn_count = turn_count_of(index, derive_key({key.value, 3}));
  std::vector<ListAsk> used;
  while (request.turns.size() < turn_count) {
    auto asks = possible_asks(count, style);
    std::erase_if(
        asks, [&](ListAsk ask) { return std::find(used.begin(), used.end(), ask) != used.end(); });
    used.push_back(asks[random.below(asks.size())]);
    request.turns.push_back(later_turn(used.back(), count, style, opening.persona, book, random));
  }
  return request;
}

class StructuredRequests final : public TaskFamily {
 public:
  std::string_view name() const override { return "structured_requests"; }
  std::string_view grader() const override { return "structured_list"; }
  std::string_view description() const override {
    return "a list of exactly N items and nothing else, over one to three turns";
  }

  Result<Task> make_task(std::string_view split, std::uint64_t index,
                         std::uint64_t seed) const override {
    if (split != split_train && split != split_held_out)
      return fail(Failure::invalid_argument,
                  fmt::format("structured_requests has no generated split '{}': ask for train or "
                              "held_out, or load a file of tasks",
                              split));
    const PhraseBook& book = split == split_train ? training_phrases() : held_out_phrases();
    const RandomKey key = derive_key({seed, hash_text(split).low});
    Task task;
    task.id = generated_task_id(name(), split, index, seed);
    task.family = name();
    task.split = split;
    task.parameters = to_json(make_request(book, index, key));
    return task;
  }

  Result<> check(const Json& parameters) const override {
    FLYWHEEL_TRY_VOID(parse_structured_request(parameters));
    return {};
  }

  Result<UserMove> next_user_move(const Task& task, const Transcript& transcript,
                                  std::int32_t leaf) const override {
    FLYWHEEL_TRY(const StructuredRequest request, parse_structured_request(task.parameters));
    if (leaf == Turn::no_parent) return UserMove{.text = request.turns[0].say};
    if (leaf < 0 || static_cast<std::size_t>(leaf) >= transcript.turns.size() ||
        transcript.turns[static_cast<std::size_t>(leaf)].role != Role::assistant)
      return fail(Failure::invalid_argument, "the user moves after an answer of the assistant");
    const auto answers = assistant_texts(transcript, leaf);
    if (answers.size() >= request.turns.size())
      return UserMove{.ends = true, .reason = "plan finished"};
    if (transcript.turns[static_cast<std::size_t>(leaf)].finish == FinishReason::length)
      return UserMove{.ends = true, .reason = "answer was cut"};
    const ListTurn& next = request.turns[answers.size()];
    const auto items = items_seen(answers.back());
    if (std::string reason = reason_to_give_up(next, items); !reason.empty())
      return UserMove{.ends = true, .reason = std::move(reason)};
    UserMove move{.text = next.say};
    replace_all(move.text, "{first}", items.front());
    replace_all(move.text, "{last}", items.back());
    return move;
  }

  Result<std::uint32_t> planned_turn_count(const Task& task) const override {
    FLYWHEEL_TRY(const StructuredRequest request, parse_structured_request(task.parameters));
    return static_cast<std::uint32_t>(request.turns.size());
  }
};

}  // namespace

std::string dropped_item(const ListTurn& turn, const std::vector<std::string>& items_before) {
  if (turn.ask != ListAsk::drop || items_before.empty()) return {};
  const bool names_first = turn.say.find("{first}") != std::string::npos;
  return names_first ? items_before.front() : items_before.back();
}

std::string reason_to_give_up(const ListTurn& next, const std::vector<std::string>& items) {
  if (items.empty()) return "there is no list to go on with";
  if (items.size() > listed_count_max) return "the list is far too long to go on with";
  if (next.ask == ListAsk::keep && items.size() <= next.count)
    return "there are too few items to choose from";
  if (next.ask == ListAsk::drop && items.size() < 2) return "there is only one item";
  return {};
}

const TaskFamily& structured_requests() {
  static const StructuredRequests family;
  return family;
}

}  // namespace flywheel
