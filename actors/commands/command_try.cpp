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
  std::string path{};  // of its model
  std::string text{};
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
    for (const Generation& generation : engine->step().finished) {
      if (!generation.failure.empty())
        return fail(Failure::invalid_input, generation.failure + "; use another checkpoint");
      return turns.text_of(generation.tokens);
    }
  return fail(Failure::internal, "the engine went idle without an answer");
}

Result<Answer> ask_model(const std::string& path, const Options& options) {
  FLYWHEEL_TRY(const auto checkpoint, load_named_checkpoint(path));
  Answer answer{.path = path};
  FLYWHEEL_TRY(answer.text, answer_of(checkpoint, options));
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

// A checkpoint that the workspace knows is named by its id; the base model and folders from
// elsewhere have none.
Json candidate_of(const Answer& answer, const Json& checkpoints) {
  std::string id;
  for (const Json& each : checkpoints)
    if (std::filesystem::weakly_canonical(each["folder"].get<std::string>()) ==
        std::filesystem::weakly_canonical(answer.path))
      id = each["id"];
  return {{"checkpoint", id}, {"answer", answer.text}};
}

// A first vote makes the workspace.
Result<WorkspaceClient> open_for_vote(const std::string& home) {
  if (!Workspace::owner_of(home)) {
    const auto made = Node::open({.home = home, .runs_actors = false});
    if (!made && made.error().failure != Failure::already_exists) return fail(made.error());
  }
  return WorkspaceClient::open(home);
}

Result<Json> store_vote(const std::string& home, const Options& options, const std::string& choice,
                        const Answer& left, const Answer& right) {
  FLYWHEEL_TRY(auto writer, open_for_vote(home));
  FLYWHEEL_TRY(const Json known, writer.get("/v1/checkpoints"));
  const Json& checkpoints = known["checkpoints"];
  return writer.post("/v1/votes",
                     {{"choice", choice},
                      {"prompt", options.prompt},
                      {"rater", options.rater},
                      {"consent", options.consent},
                      {"candidates", Json::array({candidate_of(left, checkpoints),
                                                  candidate_of(right, checkpoints)})}});
}

// The workspace is opened for the vote alone: loading and answering take long, a person longer.
Result<int> execute(const GlobalOptions& global, const Options& options) {
  FLYWHEEL_TRY(const auto base, ask_model(options.base, options));
  FLYWHEEL_TRY(const auto trained, ask_model(options.checkpoint, options));
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
  FLYWHEEL_TRY(const Json stored, store_vote(global.home, options, choice, left, right));
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
