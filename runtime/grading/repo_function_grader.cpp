#include "runtime/grading/repo_function_grader.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "runtime/base/file.hpp"
#include "runtime/synthesis/hidden_files.hpp"
#include "runtime/synthesis/repo_functions.hpp"
#include "runtime/tasks/repo_functions.hpp"

namespace flywheel {
namespace {

constexpr std::chrono::milliseconds run_time_max{15'000};

std::size_t indent_of(std::string_view line) {
  const auto first = line.find_first_not_of(" \t");
  return first == std::string_view::npos ? line.size() : first;
}

bool is_blank(std::string_view line) {
  return indent_of(line) == line.size();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < text.size();) {
    const auto end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

// One past the line that ends the head that starts at `line`: its brackets are closed and it ends
// with a colon.
std::size_t end_of_head(const std::vector<std::string>& lines, std::size_t line) {
  int depth = 0;
  for (; line < lines.size(); ++line) {
    for (const char byte : lines[line]) {
      depth += byte == '(' || byte == '[' || byte == '{' ? 1 : 0;
      depth -= byte == ')' || byte == ']' || byte == '}' ? 1 : 0;
    }
    const auto last = lines[line].find_last_not_of(" \t\r");
    if (depth == 0 && last != std::string::npos && lines[line][last] == ':') return line + 1;
  }
  return line;
}

class RepoFunctionGrader final : public CodeGrader {
 public:
  std::string_view name() const override { return "repo_function/2"; }

  std::vector<ComponentInfo> components() const override {
    return {
        {"has_function", ComponentKind::pass_condition, "one block of code with the function"},
        {"correct", ComponentKind::pass_condition, "share of golden pairs that it gets right"},
        {"used_tools", ComponentKind::information, "a tool call was made"},
    };
  }

 private:
  Verdict judge_by_running(const Task& task, const Transcript& transcript,
                           const JudgeCode& run) const override {
    const auto request = parse_repo_function_task(task.parameters);
    if (!request) return infra_error_verdict(name(), request.error().message);
    const auto answered = final_answer(transcript);
    if (!answered) return infra_error_verdict(name(), answered.error().message);
    const std::string qualified = request->instance.at("target").at("qualname");
    const std::string answer = text_of(*answered->turn);
    const std::string body =
        answer.size() > graded_bytes_max
            ? ""
            : function_body_in(code_in_answer(answer), qualified.substr(qualified.rfind('.') + 1));
    CodeScore result;
    if (!body.empty()) {
      const auto judgement = judgement_of(*request, body);
      if (!judgement) return infra_error_verdict(name(), judgement.error().message);
      auto judged = score_by_running(*judgement, run);
      if (!judged) return infra_error_verdict(name(), judged.error().message);
      result = std::move(*judged);
    }
    Verdict verdict =
        verdict_of_turns(name(),
                         {turn_verdict(answered->index, {{"has_function", score(!body.empty())},
                                                         {"correct", result.correct},
                                                         used_tools(transcript)})},
                         1);
    verdict.note = std::move(result.note);
    return verdict;
  }

  static Result<CodeJudgement> judgement_of(const RepoFunctionTask& task, const std::string& body) {
    const Json& target = task.instance.at("target");
    const std::string path = target.at("path");
    FLYWHEEL_TRY(const auto file, read_file(std::filesystem::path{task.tree} / path));
    CodeJudgement judgement;
    judgement.module = target.at("module");
    judgement.entry = target.at("qualname");
    judgement.tree = task.tree;
    judgement.solution = {{path, with_body(file, target, body)}};
    judgement.masked = masked_files(task.tree, target);
    for (const Json& pair : task.instance.at("golden_io"))
      judgement.golden.push_back({pair.at("input"), pair.at("outcome")});
    judgement.time_max = run_time_max;
    return judgement;
  }
};

}  // namespace

std::string function_body_in(const std::string& code, const std::string& name) {
  const auto lines = lines_of(code);
  const auto defines = [&](std::string_view line) {
    line.remove_prefix(indent_of(line));
    if (line.starts_with("async ")) line.remove_prefix(6);
    return line.starts_with("def " + name + "(") || line.starts_with("def " + name + " (");
  };
  const auto head = std::ranges::find_if(lines, defines);
  if (head == lines.end()) return {};
  const std::size_t outer = indent_of(*head);
  const auto first = end_of_head(lines, static_cast<std::size_t>(head - lines.begin()));
  std::size_t end = first;
  std::size_t inner = std::string::npos;
  for (; end < lines.size(); ++end) {
    if (is_blank(lines[end])) continue;
    const std::size_t indent = indent_of(lines[end]);
    if (indent <= outer) break;
    inner = std::min(inner, indent);
  }
  std::string body;
  for (std::size_t line = first; line < end; ++line)
    body += is_blank(lines[line]) ? "\n" : lines[line].substr(inner) + "\n";
  return inner == std::string::npos ? std::string{} : body;
}

const Grader& repo_function_grader() {
  static const RepoFunctionGrader grader;
  return grader;
}

}  // namespace flywheel
