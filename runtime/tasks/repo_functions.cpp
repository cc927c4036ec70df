#include "runtime/tasks/repo_functions.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "runtime/base/file.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/base/random.hpp"
#include "runtime/synthesis/hidden_files.hpp"
#include "runtime/synthesis/repo_functions.hpp"
#include "runtime/synthesis/script_runner.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view where = "repo_functions task";
constexpr std::size_t instances_max = 1'000'000;

Result<Json> target_of(const Json& instance, const std::string& place) {
  FLYWHEEL_TRY(Json target, json_field<Json>(instance, "target", place));
  for (const char* key : {"path", "module", "qualname", "signature", "indent"})
    FLYWHEEL_TRY_VOID(json_field<std::string>(target, key, place));
  FLYWHEEL_TRY_VOID(json_field<std::uint64_t>(target, "before_lines", place));
  FLYWHEEL_TRY_VOID(json_field<std::vector<std::uint64_t>>(target, "span", place));
  FLYWHEEL_TRY_VOID(json_field<std::vector<std::string>>(target, "hidden_files", place));
  return target;
}

bool is_inside(const fs::path& path) {
  return path.is_relative() && std::ranges::find(path, fs::path{".."}) == path.end();
}

// The line that a model repeats to look at the file before the request comes.
std::string call_to_repeat(const RepoFunctionTask& task) {
  const std::string path = task.instance.at("target").at("path");
  const std::string command = dump_json(Json(fmt::format("head {}/{}", repository_folder, path)));
  return "Rewrite this text without changing anything:\n\n<tool_call>{\"name\": \"shell\", "
         "\"arguments\": {\"command\": " +
         command + "}}</tool_call>";
}

std::string opening_of(const RepoFunctionTask& task) {
  return task.instance.at("problem_statement").get<std::string>() +
         fmt::format(
             "\nThe repository is in {}. You may ask me one question first. When you are done, "
             "reply with the whole function in one code block.",
             repository_folder);
}

// A second golden pair, where there is one that can be shown; the first is in the request already.
std::string answer_of(const RepoFunctionTask& task) {
  const Json& golden = task.instance.at("golden_io");
  const Json& pair = golden.at(std::min(shown_pairs, golden.size()) - 1);
  return fmt::format(
      "I can only show you one more call, as JSON: {} gives {}. Keep the signature `{}`. Now reply "
      "with the whole function in one code block.",
      dump_json(pair.at("input")).substr(0, 400), dump_json(pair.at("outcome")).substr(0, 400),
      task.instance.at("target").at("signature").get<std::string>());
}

bool asks_a_question(const std::string& answer) {
  return answer.find("```") == std::string::npos && answer.find('?') != std::string::npos;
}

class RepoFunctions final : public TaskFamily {
 public:
  RepoFunctions() = default;
  RepoFunctions(std::vector<Json> instances, std::string trees, std::string site, bool shows_call)
      : instances_(std::move(instances)),
        trees_(std::move(trees)),
        site_(std::move(site)),
        shows_call_(shows_call) {}

  std::string_view name() const override { return "repo_functions"; }
  std::string_view grader() const override { return "repo_function"; }
  std::string_view description() const override {
    return "the body of a function of a real repository, right on every golden pair";
  }
  std::vector<std::string> tools() const override { return {"python", "shell"}; }

  Result<Task> make_task(std::string_view split, std::uint64_t index,
                         std::uint64_t seed) const override {
    if (split != split_train && split != split_held_out)
      return fail(
          Failure::invalid_argument,
          fmt::format("{} has no generated split '{}': ask for train or held_out", name(), split));
    std::vector<const Json*> candidates;
    for (const Json& instance : instances_)
      if (instance.at("split") == split) candidates.push_back(&instance);
    if (candidates.empty())
      return fail(Failure::invalid_input,
                  fmt::format("repo_functions has no instance of the split {}: set "
                              "task.parameters.instances_file to what `flywheel synth "
                              "repo-functions` made",
                              split));
    // A shuffled order that visits every instance before it repeats one.
    Random random{derive_key({seed, hash_text(split).low, index / candidates.size()})};
    for (std::size_t i = candidates.size(); i > 1; --i)
      std::swap(candidates[i - 1], candidates[random.below(i)]);
    const Json& instance = *candidates[index % candidates.size()];
    Task task;
    task.id = generated_task_id(name(), split, index, seed);
    task.family = name();
    task.split = split;
    task.parameters = {{"instance", instance},
                       {"tree", trees_ + "/" + instance.at("base_commit").get<std::string>()}};
    if (!site_.empty()) task.parameters["site"] = site_;
    if (shows_call_) task.parameters["shows_call"] = true;
    return task;
  }

  Result<> check(const Json& parameters) const override {
    FLYWHEEL_TRY_VOID(parse_repo_function_task(parameters));
    return {};
  }

  Result<UserMove> next_user_move(const Task& task, const Transcript& transcript,
                                  std::int32_t leaf) const override {
    FLYWHEEL_TRY(const auto request, parse_repo_function_task(task.parameters));
    const auto path = path_to(transcript, leaf);
    auto user_turns = std::ranges::count_if(path, [&](std::int32_t turn) {
      return transcript.turns[static_cast<std::size_t>(turn)].role == Role::user;
    });
    if (request.shows_call && user_turns-- == 0) return UserMove{.text = call_to_repeat(request)};
    if (user_turns == 0) return UserMove{.text = opening_of(request)};
    const Turn& answer = transcript.turns[static_cast<std::size_t>(leaf)];
    if (user_turns == 1 && asks_a_question(text_of(answer)))
      return UserMove{.text = answer_of(request)};
    return UserMove{.ends = true, .reason = "plan finished"};
  }

  Result<TaskSetting> setting(const Task& task) const override {
    FLYWHEEL_TRY(const auto request, parse_repo_function_task(task.parameters));
    const Json& target = request.instance.at("target");
    const std::string path = target.at("path");
    FLYWHEEL_TRY(const auto file, read_file(fs::path{request.tree} / path));
    const std::string root = std::string{repository_folder} + "/";
    TaskSetting setting;
    setting.tools = tools();
    setting.states_tools = !request.shows_call;
    setting.folders.push_back({request.tree, repository_folder});
    setting.files.push_back({root + path, with_body(file, target, blank_body)});
    for (const std::string& hidden : masked_files(request.tree, target))
      setting.files.push_back({root + hidden, ""});
    return setting;
  }

  Result<std::shared_ptr<const TaskFamily>> with_parameters(const Json& parameters) const override;

  Result<std::uint32_t> planned_turn_count(const Task&) const override { return 1u; }

 private:
  std::vector<Json> instances_{};
  std::string trees_{};
  std::string site_{};
  bool shows_call_ = false;
};

Result<std::vector<Json>> load_instances(const std::string& path, const std::string& trees,
                                         bool runs_tests) {
  std::ifstream file{path, std::ios::binary};
  if (!file)
    return fail(Failure::not_found,
                path + ": no such file of instances; `flywheel synth repo-functions` makes one");
  std::vector<Json> instances;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    const std::string place = fmt::format("{}:{}", path, number);
    if (line.empty()) continue;
    if (instances.size() == instances_max)
      return fail(Failure::resource_exhausted, place + ": more instances than a run may have");
    FLYWHEEL_TRY(Json instance, parse_json(line, place));
    FLYWHEEL_TRY_VOID(json_field<std::string>(instance, "split", place));
    FLYWHEEL_TRY(const auto commit, json_field<std::string>(instance, "base_commit", place));
    const Json parameters{{"instance", instance}, {"tree", trees + "/" + commit}};
    if (auto task = parse_repo_function_task(parameters); !task)
      return fail(task.error().failure, place + ": " + task.error().message);
    else if ((runs_tests && !task->tests.empty()) || !shown_pairs_suffice(instance.at("golden_io")))
      instances.push_back(std::move(instance));
  }
  if (instances.empty()) return fail(Failure::invalid_input, path + ": there is no instance in it");
  return instances;
}

Result<std::shared_ptr<const TaskFamily>> RepoFunctions::with_parameters(
    const Json& parameters) const {
  for (const auto& [key, value] : parameters.items()) {
    const bool is_path =
        (key == "instances_file" || key == "trees_folder" || key == "site_folder") &&
        value.is_string();
    if (!is_path && !(key == "shows_call" && value.is_boolean()))
      return fail(Failure::invalid_input, "task.parameters." + key +
                                              ": repo_functions takes instances_file and "
                                              "trees_folder, both paths, site_folder, a path "
                                              "too, and shows_call");
  }
  FLYWHEEL_TRY(const auto path,
               json_field<std::string>(parameters, "instances_file", "task.parameters"));
  FLYWHEEL_TRY(const auto trees,
               json_field<std::string>(parameters, "trees_folder", "task.parameters"));
  const auto site = parameters.value("site_folder", std::string{});
  if (std::error_code code; !site.empty() && !fs::is_directory(fs::path{site} / "_pytest", code))
    return fail(Failure::not_found,
                site +
                    " holds no pytest; experiments/repo_function_synthesis/setup makes "
                    ".deps/synthesis/site, which does");
  FLYWHEEL_TRY(auto instances, load_instances(path, trees, !site.empty()));
  return std::make_shared<const RepoFunctions>(std::move(instances), trees, site,
                                               parameters.value("shows_call", false));
}

}  // namespace

Result<RepoFunctionTask> parse_repo_function_task(const Json& parameters) {
  RepoFunctionTask task;
  const std::string place{where};
  FLYWHEEL_TRY(task.tree, json_field<std::string>(parameters, "tree", where));
  FLYWHEEL_TRY(task.instance, json_field<Json>(parameters, "instance", where));
  if (parameters.contains("site")) {
    FLYWHEEL_TRY(task.site, json_field<std::string>(parameters, "site", where));
  }
  for (const char* list : {"FAIL_TO_PASS", "PASS_TO_PASS"}) {
    if (!task.instance.contains(list)) continue;
    FLYWHEEL_TRY(const auto names,
                 json_field<std::vector<std::string>>(task.instance, list, where));
    task.tests.insert(task.tests.end(), names.begin(), names.end());
  }
  if (parameters.contains("shows_call")) {
    FLYWHEEL_TRY(task.shows_call, json_field<bool>(parameters, "shows_call", where));
  }
  FLYWHEEL_TRY_VOID(json_field<std::string>(task.instance, "problem_statement", where));
  FLYWHEEL_TRY(const Json target, target_of(task.instance, place));
  FLYWHEEL_TRY(const Json golden, json_field<Json>(task.instance, "golden_io", where));
  if (!golden.is_array() || golden.empty())
    return fail(Failure::invalid_input, place + ": 'golden_io' is empty");
  for (const Json& pair : golden)
    if (!pair.is_object() || !pair.contains("input") || !pair.contains("outcome"))
      return fail(Failure::invalid_input, place + ": a golden pair has no input or no outcome");
  std::vector<std::string> paths = target.at("hidden_files");
  paths.push_back(target.at("path"));
  for (const std::string& path : paths)
    if (!is_inside(path))
      return fail(Failure::invalid_input, place + ": the path " + path + " leaves the repository");
  return task;
}

const TaskFamily& repo_functions() {
  static const RepoFunctions family;
  return family;
}

}  // namespace flywheel
