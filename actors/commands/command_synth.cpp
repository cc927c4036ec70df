// flywheel synth: data sets out of raw material, by pipelines of rules.
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>

#include <fmt/format.h>

#include "actors/commands/command.hpp"
#include "actors/commands/print.hpp"
#include "actors/commands/repo_functions_report.hpp"
#include "runtime/base/file.hpp"
#include "storage/journal_file.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

std::atomic<bool> is_stopping{false};

// The first signal ends it in good order, a second one at once: the journal survives both.
void on_interrupt(int number) {
  is_stopping.store(true);
  std::signal(number, SIG_DFL);
}

struct Options {
  std::vector<std::string> sources{};
  std::string site{};
  std::string output = "synth/repo_functions";
  std::size_t workers = 2;
  RepoFunctionsConfig pipeline{};
};

// The pipeline's journal, kept by storage.
class StoredJournal final : public Journal {
 public:
  explicit StoredJournal(JournalFile& file) : file_(file) {}

  Result<std::optional<std::string>> find(const std::string& key) override {
    return file_.find(key);
  }
  Result<> append(const std::vector<JournalEntry>& entries) override {
    std::vector<JournalFile::KeyValue> pairs;
    pairs.reserve(entries.size());
    for (const JournalEntry& each : entries) pairs.emplace_back(each.key, each.value);
    return file_.append(pairs);
  }

 private:
  JournalFile& file_;
};

std::string lines_of(const std::vector<Json>& rows) {
  std::string text;
  for (const Json& row : rows) text += dump_json(row) + "\n";
  return text;
}

Result<> write_results(const fs::path& output, const PipelineResult& result,
                       const RepoFunctionSet& set, const PipelineReport& report) {
  std::vector<Json> rejections;
  for (const auto* list : {&result.rejections, &set.rejected})
    for (const Rejection& each : *list)
      rejections.push_back({{"id", each.id}, {"reason", each.reason}, {"detail", each.detail}});
  FLYWHEEL_TRY_VOID(write_file_durably(output / "instances.jsonl", lines_of(set.instances)));
  FLYWHEEL_TRY_VOID(write_file_durably(output / "rejected.jsonl", lines_of(rejections)));
  FLYWHEEL_TRY_VOID(write_file_durably(output / "report.html", pipeline_report_html(report)));
  return write_file_durably(output / "report.json", pipeline_report_json(report).dump(1) + "\n");
}

Result<int> conclude(const GlobalOptions& global, const fs::path& output,
                     const PipelineResult& result, const PipelineReport& report) {
  if (global.json) {
    OrderedJson json = pipeline_report_json(report);
    json["folder"] = output.string();
    print(json.dump() + "\n");
  } else {
    print("\n" + table_text(funnel_table(report.funnel)) + "\n");
    print(table_text(reason_table(report.funnel)) + "\n");
    for (const auto& [title, table] : report.tables)
      if (title == "Repositories") print(table_text(table) + "\n");
    print(fmt::format("{}\nreport:    {}\ninstances: {}\n", report.outcome,
                      (output / "report.html").string(), (output / "instances.jsonl").string()));
  }
  if (result.is_interrupted) {
    if (!global.json) print("interrupted; the same command goes on\n");
    return exit_interrupted;
  }
  if (!result.first_error.empty())
    return fail(Failure::unavailable,
                "not everything could be processed; the same command tries "
                "again; first: " +
                    result.first_error);
  return report.succeeded ? exit_done : exit_failed;
}

Result<int> run_repo_functions(const GlobalOptions& global, const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<PipelineItem> items;
  for (const std::string& source : options.sources) {
    FLYWHEEL_TRY(auto item, repository_item(source));
    items.push_back(std::move(item));
  }
  const fs::path output = fs::absolute(options.output);
  FLYWHEEL_TRY(const auto file, JournalFile::open(output / "journal"));
  StoredJournal journal{*file};
  SandboxHostConfig host_config;
  host_config.state_folder = (output / "sandbox").string();
  FLYWHEEL_TRY(const auto host, SandboxHost::open(host_config));
  FLYWHEEL_TRY(const auto runner, ScriptRunner::make(*host, output, options.site));
  RepositoryTrees trees{runner, output / "trees"};
  const auto stages = repo_function_stages(runner, trees, options.pipeline);
  PipelineDisplay display{progress_mode_for_stdout(global.json), print};
  PipelineConfig config;
  config.worker_count = options.workers;
  config.is_stopping = &is_stopping;
  config.on_progress = [&](const PipelineProgress& progress) { display.update(progress); };
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  FLYWHEEL_TRY(const auto result, run_pipeline(std::move(items), stages, journal, config));
  display.finish();
  FLYWHEEL_TRY(const auto set, select_instances(result.items, output / "trees", options.pipeline));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto report =
      repo_functions_report({result, set, options.sources, seconds, FLYWHEEL_COMMIT});
  FLYWHEEL_TRY_VOID(write_results(output, result, set, report));
  return conclude(global, output, result, report);
}

}  // namespace

Command add_synth(CLI::App& program, const GlobalOptions& global) {
  CLI::App* app = add_subcommand(
      program, "synth", "Make data sets out of raw material, by pipelines of rules.",
      "flywheel synth repo-functions toolz-1.2.0.tar.gz --site site --out synth/toolz");
  app->require_subcommand(1);
  CLI::App* functions = app->add_subcommand(
      "repo-functions",
      "Cut functions out of Python repositories and keep what checks whoever writes them again; "
      "the same command goes on after an interruption.");
  auto options = std::make_shared<Options>();
  functions
      ->add_option("sources", options->sources,
                   "Source archives (.tar.gz, .zip, .whl) or folders, with their tests")
      ->required();
  functions->add_option("--site", options->site, "A folder with pytest and what the tests need")
      ->required();
  functions->add_option("--out", options->output, "Where journal, instances and report go")
      ->capture_default_str();
  functions->add_option("--workers", options->workers, "Containers at work at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  functions
      ->add_option("--candidates", options->pipeline.candidates_max,
                   "Functions of one repository that are examined")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  functions
      ->add_option("--gold-runs", options->pipeline.gold_runs,
                   "Runs of the unchanged code, each under another hash seed")
      ->check(CLI::Range(2, 100))
      ->capture_default_str();
  functions
      ->add_option("--held-out", options->pipeline.held_out_share,
                   "Share of the instances that is held out, in whole repositories")
      ->check(CLI::Range(0.0, 0.9))
      ->capture_default_str();
  functions->add_option("--seed", options->pipeline.seed, "Draws which repositories are held out")
      ->capture_default_str();
  return {app, [&global, options] { return run_repo_functions(global, *options); }};
}

}  // namespace flywheel
