#include "runtime/grading/short_answer_grader.hpp"

#include "runtime/grading/pattern.hpp"
#include "runtime/grading/topic_words.hpp"
#include "runtime/tasks/short_answers.hpp"

namespace flywheel {
namespace {

class ShortAnswerGrader final : public Grader {
 public:
  std::string_view name() const override { return "short_answer/1"; }

  std::vector<ComponentInfo> components() const override {
    return {
        {"finished", ComponentKind::pass_condition, "the answer ended before the token limit"},
        {"one_word", ComponentKind::pass_condition, "one word, with or without a full stop"},
        {"correct", ComponentKind::guard, "the word is a right one"},
    };
  }

 private:
  Verdict judge(const Task& task, const Transcript& transcript) const override {
    const auto request = parse_short_answer(task.parameters);
    if (!request) return infra_error_verdict(name(), request.error().message);
    const auto answered = final_answer(transcript);
    if (!answered) return infra_error_verdict(name(), answered.error().message);
    const Turn& turn = *answered->turn;

    static const Pattern one_word{R"(\A\s*\p{Latin}[\p{Latin}'’-]{0,29}[.!]?\s*\z)"};
    const std::string answer = text_of(turn);
    const bool is_one_word = answer.size() <= graded_bytes_max && one_word.found_in(answer);
    // The start of a longer answer counts too: the guard asks what the model knows, not the form.
    const bool is_correct =
        TopicWords{request->answers, false}.accepts(std::string_view{answer}.substr(0, 200));
    return verdict_of_turns(
        name(),
        {turn_verdict(answered->index, {{"finished", score(turn.finish != FinishReason::length)},
                                        {"one_word", score(is_one_word)},
                                        {"correct", score(is_correct), ComponentKind::guard}})},
        1);
  }
};

}  // namespace

const Grader& short_answer_grader() {
  static const ShortAnswerGrader grader;
  return grader;
}

}  // namespace flywheel
