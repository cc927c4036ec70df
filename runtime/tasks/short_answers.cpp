#include "runtime/tasks/short_answers.hpp"

#include <span>

#include <fmt/format.h>

#include "runtime/base/hash.hpp"
#include "runtime/base/random.hpp"

namespace flywheel {
namespace {

struct Question {
  std::string_view text;
  std::vector<std::string> answers;
};

// Everything of one split; no question and no phrasing is in both.
struct Book {
  std::vector<Question> questions;
  std::vector<std::string_view> phrases;  // "{q}" stands for the question
};

const Book& training_book() {
  static const Book book{
      {{"Which city is the capital of France?", {"Paris"}},
       {"Which city is the capital of Italy?", {"Rome", "Roma"}},
       {"Which city is the capital of Japan?", {"Tokyo"}},
       {"Which city is the capital of Egypt?", {"Cairo"}},
       {"Which city is the capital of Spain?", {"Madrid"}},
       {"Which city is the capital of Germany?", {"Berlin"}},
       {"What is the opposite of hot?", {"cold"}},
       {"What is the opposite of up?", {"down"}},
       {"What is the opposite of big?", {"small", "little", "tiny"}},
       {"What is the opposite of fast?", {"slow"}},
       {"What is the opposite of open?", {"closed", "shut", "close"}},
       {"What color is a ripe banana?", {"yellow"}},
       {"What color is grass?", {"green"}},
       {"What color is fresh snow?", {"white"}},
       {"What color is a clear sky at noon?", {"blue"}},
       {"Which animal says meow?", {"cat", "cats", "kitten"}},
       {"Which animal says moo?", {"cow", "cows"}},
       {"Which animal gives us wool?", {"sheep"}},
       {"Which planet do we live on?", {"Earth"}},
       {"Which day comes after Monday?", {"Tuesday"}},
       {"Which month comes after May?", {"June"}},
       {"Which season comes after summer?", {"autumn", "fall"}},
       {"What do bees make?", {"honey", "wax"}},
       {"What is frozen water called?", {"ice"}}},
      {"{q} Answer with one word.", "{q} One word only, please.", "One word: {q}",
       "Please answer in a single word. {q}", "{q} Just the word, nothing else."}};
  return book;
}

const Book& held_out_book() {
  static const Book book{
      {{"Which city is the capital of Portugal?", {"Lisbon", "Lisboa"}},
       {"Which city is the capital of Greece?", {"Athens"}},
       {"Which city is the capital of Cuba?", {"Havana"}},
       {"What is the opposite of wet?", {"dry"}},
       {"What is the opposite of left?", {"right"}},
       {"What is the opposite of early?", {"late"}},
       {"What color is coal?", {"black"}},
       {"What color is a ripe strawberry?", {"red"}},
       {"Which animal barks?", {"dog", "dogs"}},
       {"Which animal lays eggs and says cluck?", {"chicken", "hen"}},
       {"Which day comes before Sunday?", {"Saturday"}},
       {"What do cows give us to drink?", {"milk"}}},
      {"{q} I want exactly one word back.", "In one word, {q}", "{q} Reply with the word alone."}};
  return book;
}

class ShortAnswers final : public TaskFamily {
 public:
  std::string_view name() const override { return "short_answers"; }
  std::string_view grader() const override { return "short_answer"; }
  std::string_view description() const override {
    return "a question that one word answers, answered in one word";
  }

  Result<Task> make_task(std::string_view split, std::uint64_t index,
                         std::uint64_t seed) const override {
    if (split != split_train && split != split_held_out)
      return fail(
          Failure::invalid_argument,
          fmt::format("short_answers has no generated split '{}': ask for train or held_out",
                      split));
    const Book& book = split == split_train ? training_book() : held_out_book();
    Random random{derive_key({seed, hash_text(split).low, index})};
    const Question& question = book.questions[random.below(book.questions.size())];
    std::string say{book.phrases[random.below(book.phrases.size())]};
    say.replace(say.find("{q}"), 3, question.text);
    Task task;
    task.id = generated_task_id(name(), split, index, seed);
    task.family = name();
    task.split = split;
    task.parameters = to_json({std::string{question.text}, question.answers, std::move(say)});
    return task;
  }

  Result<> check(const Json& parameters) const override {
    FLYWHEEL_TRY_VOID(parse_short_answer(parameters));
    return {};
  }

  Result<UserMove> next_user_move(const Task& task, const Transcript&,
                                  std::int32_t leaf) const override {
    FLYWHEEL_TRY(ShortAnswer request, parse_short_answer(task.parameters));
    if (leaf == Turn::no_parent) return UserMove{.text = std::move(request.say)};
    return UserMove{.ends = true, .reason = "plan finished"};
  }

  Result<std::uint32_t> planned_turn_count(const Task&) const override { return 1u; }
};

}  // namespace

Json to_json(const ShortAnswer& request) {
  return {{"question", request.question}, {"answers", request.answers}, {"say", request.say}};
}

Result<ShortAnswer> parse_short_answer(const Json& parameters) {
  constexpr std::string_view where = "short_answers task";
  ShortAnswer request;
  FLYWHEEL_TRY(request.question, json_field<std::string>(parameters, "question", where));
  FLYWHEEL_TRY(request.answers, json_field<std::vector<std::string>>(parameters, "answers", where));
  FLYWHEEL_TRY(request.say, json_field<std::string>(parameters, "say", where));
  if (request.answers.empty() || request.say.empty())
    return fail(Failure::invalid_input, fmt::format("{}: 'answers' or 'say' is empty", where));
  return request;
}

const TaskFamily& short_answers() {
  static const ShortAnswers family;
  return family;
}

}  // namespace flywheel
