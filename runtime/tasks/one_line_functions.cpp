#include "runtime/tasks/one_line_functions.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <span>

#include <fmt/format.h>

#include "runtime/base/hash.hpp"
#include "runtime/base/random.hpp"
#include "runtime/tasks/one_line_function_table.hpp"

namespace flywheel {
namespace {

constexpr std::string_view where = "one_line_functions task";
constexpr std::uint64_t held_out_share = 4;  // every fourth function is held out

constexpr std::array<std::string_view, 5> training_phrases = {
    "Write a Python function {f} that returns {d}. Answer with the code only.",
    "Write {f} in Python. It returns {d}. Just the code, please.",
    "Please write a Python function {f} which returns {d}. Only code, no explanation.",
    "I need a Python function {f} that returns {d}. Give me the code and nothing else.",
    "Python: define {f} so that it returns {d}. Code only."};
constexpr std::array<std::string_view, 3> held_out_phrases = {
    "Can you write a function {f} in Python that returns {d}? Reply with code only.",
    "Define a Python function {f}. It should return {d}. No text, only the code.",
    "Implement {f} in Python: it has to return {d}. Show only the code."};

std::string fill(std::string_view phrase, const OneLineFunction& function) {
  std::string text{phrase};
  text.replace(text.find("{f}"), 3, function.signature);
  text.replace(text.find("{d}"), 3, function.description);
  return text;
}

// What a spec's task.parameters choose.
struct Choice {
  std::set<std::uint32_t> levels{};  // empty = all
  bool has_tools = false;
};

Result<Choice> parse_choice(const Json& parameters) {
  Choice choice;
  for (const auto& [key, value] : parameters.items()) {
    if (key == "tools" && value.is_boolean()) {
      choice.has_tools = value.get<bool>();
    } else if (key == "levels" && value.is_array() && !value.empty()) {
      for (const Json& level : value) {
        if (!level.is_number_integer() || level < 1 || level > one_line_levels)
          return fail(Failure::invalid_input,
                      fmt::format("task.parameters.levels: {} is no level; there are 1 to {}",
                                  dump_json(level), one_line_levels));
        choice.levels.insert(level.get<std::uint32_t>());
      }
    } else {
      return fail(Failure::invalid_input,
                  fmt::format("task.parameters.{}: one_line_functions takes levels (a list of "
                              "numbers) and tools (true or false)",
                              key));
    }
  }
  return choice;
}

class OneLineFunctions final : public TaskFamily {
 public:
  OneLineFunctions() = default;
  explicit OneLineFunctions(Choice choice) : choice_(std::move(choice)) {}

  std::string_view name() const override { return "one_line_functions"; }
  std::string_view grader() const override { return "one_line_function"; }
  std::string_view description() const override {
    return "a Python function that one line can be, right on every golden pair";
  }

  Result<Task> make_task(std::string_view split, std::uint64_t index,
                         std::uint64_t seed) const override {
    if (split != split_train && split != split_held_out)
      return fail(
          Failure::invalid_argument,
          fmt::format("{} has no generated split '{}': ask for train or held_out", name(), split));
    const bool is_training = split == split_train;
    const auto candidates = functions_of(split);
    Random random{derive_key({seed, hash_text(split).low, index})};
    OneLineRequest request;
    request.function = *candidates[random.below(candidates.size())];
    const std::span<const std::string_view> phrases =
        is_training ? std::span<const std::string_view>{training_phrases} : held_out_phrases;
    request.say = fill(phrases[random.below(phrases.size())], request.function);
    request.has_tools = choice_.has_tools;
    Task task;
    task.id = generated_task_id(name(), split, index, seed);
    task.family = name();
    task.split = split;
    task.parameters = to_json(request);
    return task;
  }

  Result<> check(const Json& parameters) const override {
    FLYWHEEL_TRY_VOID(parse_one_line_request(parameters));
    return {};
  }

  Result<UserMove> next_user_move(const Task& task, const Transcript&,
                                  std::int32_t leaf) const override {
    FLYWHEEL_TRY(OneLineRequest request, parse_one_line_request(task.parameters));
    if (leaf == Turn::no_parent) return UserMove{.text = std::move(request.say)};
    return UserMove{.ends = true, .reason = "plan finished"};
  }

  std::vector<std::string> tools() const override {
    return choice_.has_tools ? std::vector<std::string>{"python"} : std::vector<std::string>{};
  }

  Result<TaskSetting> setting(const Task& task) const override {
    FLYWHEEL_TRY(const OneLineRequest request, parse_one_line_request(task.parameters));
    TaskSetting setting;
    if (request.has_tools) setting.tools = {"python"};
    return setting;
  }

  Result<std::shared_ptr<const TaskFamily>> with_parameters(const Json& parameters) const override {
    FLYWHEEL_TRY(Choice choice, parse_choice(parameters));
    return std::make_shared<const OneLineFunctions>(std::move(choice));
  }

  Result<std::uint32_t> planned_turn_count(const Task&) const override { return 1u; }

 private:
  std::vector<const OneLineFunction*> functions_of(std::string_view split) const {
    std::vector<const OneLineFunction*> chosen;
    for (const OneLineFunction& function : one_line_functions_of(split))
      if (choice_.levels.empty() || choice_.levels.contains(function.level))
        chosen.push_back(&function);
    return chosen;
  }

  Choice choice_{};
};

}  // namespace

std::string_view one_line_function_split(const std::vector<OneLinePair>& pairs) {
  std::string results;
  for (const OneLinePair& pair : pairs) results += dump_json(pair.result) + ";";
  return hash_text(results).low % held_out_share == 0 ? split_held_out : split_train;
}

const std::vector<OneLineFunction>& one_line_functions_of(std::string_view split) {
  const auto of_split = [](std::string_view wanted) {
    auto functions = all_one_line_functions();
    std::erase_if(functions, [&](const OneLineFunction& function) {
      return one_line_function_split(function.pairs) != wanted;
    });
    return functions;
  };
  static const auto training = of_split(split_train);
  static const auto held_out = of_split(split_held_out);
  return split == split_held_out ? held_out : training;
}

Json to_json(const OneLineRequest& request) {
  Json pairs = Json::array();
  for (const OneLinePair& pair : request.function.pairs)
    pairs.push_back({{"arguments", pair.arguments}, {"result", pair.result}});
  Json json{{"level", request.function.level},
            {"signature", request.function.signature},
            {"description", request.function.description},
            {"pairs", std::move(pairs)},
            {"say", request.say}};
  if (request.has_tools) json["tools"] = true;
  return json;
}

Result<OneLineRequest> parse_one_line_request(const Json& parameters) {
  OneLineRequest request;
  auto& function = request.function;
  FLYWHEEL_TRY(function.level, json_field<std::uint32_t>(parameters, "level", where));
  FLYWHEEL_TRY(function.signature, json_field<std::string>(parameters, "signature", where));
  FLYWHEEL_TRY(function.description, json_field<std::string>(parameters, "description", where));
  FLYWHEEL_TRY(request.say, json_field<std::string>(parameters, "say", where));
  FLYWHEEL_TRY(const Json pairs, json_field<Json>(parameters, "pairs", where));
  if (parameters.contains("tools")) {
    FLYWHEEL_TRY(request.has_tools, json_field<bool>(parameters, "tools", where));
  }
  if (!pairs.is_array() || pairs.empty() || request.say.empty())
    return fail(Failure::invalid_input, fmt::format("{}: 'pairs' or 'say' is empty", where));
  for (const Json& pair : pairs) {
    OneLinePair golden;
    FLYWHEEL_TRY(golden.arguments, json_field<Json>(pair, "arguments", where));
    FLYWHEEL_TRY(golden.result, json_field<Json>(pair, "result", where));
    if (!golden.arguments.is_array())
      return fail(Failure::invalid_input, fmt::format("{}: 'arguments' is no list", where));
    function.pairs.push_back(std::move(golden));
  }
  return request;
}

const TaskFamily& one_line_functions() {
  static const OneLineFunctions family;
  return family;
}

}  // namespace flywheel
