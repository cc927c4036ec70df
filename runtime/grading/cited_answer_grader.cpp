#include "runtime/grading/cited_answer_grader.hpp"

#include <algorithm>
#include <string_view>

#include "runtime/grading/pattern.hpp"
#include "runtime/tasks/cited_answers.hpp"

namespace flywheel {
namespace {

// Fewer stand on every page.
constexpr std::size_t cited_bytes_min = 20;
constexpr std::size_t cited_words_min = 4;

// Stretches without blanks that hold a letter, up to as many as are needed.
bool has_words(std::string_view text) {
  static const Pattern letter{R"(\p{L})"};
  std::size_t count = 0;
  while (!text.empty() && count < cited_words_min) {
    const std::size_t start = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    const std::size_t end = std::min(text.find_first_of(" \t\r\n", start), text.size());
    count += letter.found_in(text.substr(start, end - start)) ? 1 : 0;
    text.remove_prefix(end);
  }
  return count == cited_words_min;
}

class CitedAnswerGrader final : public Grader {
 public:
  std::string_view name() const override { return "cited_answer/2"; }

  std::vector<ComponentInfo> components() const override {
    return {
        {"finished", ComponentKind::pass_condition, "the answer ended before the token limit"},
        {"cited", ComponentKind::pass_condition, "words of the asked page, cited"},
        {"used_tools", ComponentKind::information, "a tool call was made"},
    };
  }

 private:
  Verdict judge(const Task& task, const Transcript& transcript) const override {
    const auto request = parse_cited_request(task.parameters);
    if (!request) return infra_error_verdict(name(), request.error().message);
    const auto answered = final_answer(transcript);
    if (!answered) return infra_error_verdict(name(), answered.error().message);
    const Turn& turn = *answered->turn;
    const bool is_cited = std::ranges::any_of(turn.parts, [&](const Part& part) {
      return part.kind == PartKind::text && part.name == request->url &&
             part.text.size() >= cited_bytes_min && has_words(part.text);
    });
    return verdict_of_turns(
        name(),
        {turn_verdict(answered->index, {{"finished", score(turn.finish != FinishReason::length)},
                                        {"cited", score(is_cited)},
                                        used_tools(transcript)})},
        1);
  }
};

}  // namespace

const Grader& cited_answer_grader() {
  static const CitedAnswerGrader grader;
  return grader;
}

}  // namespace flywheel
