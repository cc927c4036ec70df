// flywheel try: base and trained answers side by side, and a vote: the first feedback record.
#include <iostream>
#include <memory>
#include <random>

#include <fmt/format.h>
#include <unistd.h>

#include "actors/commands/command.hpp"
#include "actors/commands/print.hpp"
#include "actors/commands/table.hpp"
#include "actors/commands/workspace_client.hpp"
#include "actors/model_location.hpp"
#include "actors/node.hpp"
#include "runtime/inference/engine.hpp"
#include "runtime/model/turn_tokens.hpp"

namespace flywheel {
namespace {

struct Options {
  std::string checkpoint{};
  std::string prompt{};
  std::string base = "smollm2-135m-instruct";
  std::string vote{};
  std::string rater = "local";
  std::uint32_t tokens_max = 128;
  double temperature = 0.7;
  std::uint64_t seed = 0;
  bool consent = false;
};

struct Answer {
  std::string text{};
  std::string
      checkpoint{};  // its id; empty for the base model and for folders that are not indexed
};

Result<std::string> answer_of(const Checkpoint& checkpoint, const Options& options) {
  const TurnTokens turns{checkpoint.tokenizer, checkpoint.chat_template};
  FLYWHEEL_TRY(const auto spans, turns.opening({}, options.prompt));
  EngineConfig config{.precision = fastest_precision(), .sequences_max = 1};
  config.context_length_max = static_cast<std::uint32_t>(
      std::min<std::int64_t>(config.context_length_max, checkpoint.config.context_length_max));
  FLYWHEEL_TRY(auto engine, make_engine(convert(checkpoint.weights, config.precision), 0, config));
  GenerateRequest request{.id = 1, .key = derive_key({options.seed})};
  for (const Span& span : spans)
    request.prompt.insert(request.prompt.end(), span.tokens.begin(), span.tokens.end());
  request.sampling.temperature = options.temperature;
  request.sampling.tokens_max = options.tokens_max;
  FLYWHEEL_TRY_VOID(engine->submit(std::move(request)));
  while (!engine->is_idle())
    for (const Generation& generation : engine->step().finished)
      return turns.text_of(generation.tokens);
  return fail(Failure::internal, "the engine went idle without an answer");
}

Result<Answer> ask_model(const std::string& path, const Options& options, WorkspaceClient* client) {
  FLYWHEEL_TRY(const auto checkpoint, load_named_checkpoint(path));
  Answer answer;
  FLYWHEEL_TRY(answer.text, answer_of(checkpoint, options));
  if (!client) return answer;
  FLYWHEEL_TRY(const Json known, client->get("/v1/checkpoints"));
  for (const Json& each : known["checkpoints"])
    if (std::filesystem::weakly_canonical(each["folder"].get<std::string>()) ==
        std::filesystem::weakly_canonical(path))
      answer.checkpoint = each["id"];
  return answer;
}

// What the person typed, as a choice; empty = no vote.
std::string read_vote() {
  print("Which is better? 1 = left, 2 = right, t = tie, b = both bad, Enter = no vote: ");
  std::string line;
  std::getline(std::cin, line);
  if (line == "1") return "left";
  if (line == "2") return "right";
  if (line == "t") return "tie";
  return line == "b" ? "both_bad" : "";
}

Result<int> execute(const GlobalOptions& global, const Options& options) {
  std::optional<WorkspaceClient> client;
  if (auto opened = WorkspaceClient::open(global.home)) client = std::move(*opened);
  WorkspaceClient* reader = client ? &*client : nullptr;
  FLYWHEEL_TRY(const auto base, ask_model(options.base, options, reader));
  FLYWHEEL_TRY(const auto trained, ask_model(options.checkpoint, options, reader));
  // Sides are drawn anew each time, so that a habit of voting left favours nobody.
  std::random_device coin;
  const bool trained_left = coin() % 2 == 0;
  const Answer& left = trained_left ? trained : base;
  const Answer& right = trained_left ? base : trained;
  Json answers{{"prompt", options.prompt}, {"base", base.text}, {"trained", trained.text}};
  if (!global.json)
    print(side_by_side_text({.title = options.prompt,
                             .before = {{"assistant", left.text}},
                             .after = {{"assistant", right.text}}},
                            terminal_columns(), "1", "2"));
  std::string choice = options.vote;
  if (choice.empty() && isatty(STDIN_FILENO) == 1 && !global.json) choice = read_vote();
  if (!global.json)
    print(fmt::format("1 was {}, 2 was {}\n", trained_left ? "trained" : "base",
                      trained_left ? "base" : "trained"));
  if (choice.empty()) {
    if (global.json) print_json(answers);
    return exit_done;
  }
  if (choice == "trained") choice = trained_left ? "left" : "right";
  if (choice == "base") choice = trained_left ? "right" : "left";
  client.reset();
  if (!Workspace::owner_of(global.home)) {  // a first vote makes the workspace
    FLYWHEEL_TRY(const auto made, Node::open({.home = global.home, .runs_actors = false}));
  }
  FLYWHEEL_TRY(auto writer, WorkspaceClient::open(global.home));
  const Json body{
      {"choice", choice},
      {"prompt", options.prompt},
      {"rater", options.rater},
      {"consent", options.consent},
      {"candidates", Json::array({{{"checkpoint", left.checkpoint}, {"answer", left.text}},
                                  {{"checkpoint", right.checkpoint}, {"answer", right.text}}})}};
  FLYWHEEL_TRY(const Json stored, writer.post("/v1/votes", body));
  answers["vote"] = stored;
  if (global.json)
    print_json(answers);
  else
    print("stored " + stored["id"].get<std::string>() + "\n");
  return exit_done;
}

}  // namespace

Command add_try(CLI::App& program, const GlobalOptions& global) {
  CLI::App* app = add_subcommand(
      program, "try",
      "Show the answers of the base model and of a checkpoint side by side, and take a vote.",
      "flywheel try .flywheel/checkpoints/NAME \"List exactly three fruits, nothing else.\"");
  auto options = std::make_shared<Options>();
  app->add_option("checkpoint", options->checkpoint,
                  "The trained checkpoint: a Hugging Face folder or .gguf file")
      ->required();
  app->add_option("prompt", options->prompt, "What to ask both")->required();
  app->add_option("--base", options->base, "The model to compare with")->capture_default_str();
  app->add_option("--vote", options->vote, "Vote without asking: trained, base, tie or both_bad");
  app->add_option("--rater", options->rater, "Whose vote it is")->capture_default_str();
  app->add_option("--tokens", options->tokens_max, "At most so many tokens an answer")
      ->capture_default_str();
  app->add_option("--temperature", options->temperature, "0 = greedy")->capture_default_str();
  app->add_option("--seed", options->seed, "Of both answers")->capture_default_str();
  app->add_flag("--consent", options->consent, "Allow training on this conversation");
  return {app, [&global, options] { return execute(global, *options); }};
}

}  // namespace flywheel
