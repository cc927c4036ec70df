#include "runtime/synthesis/code_judge.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <set>

#include <fmt/format.h>
#include <unistd.h>

#include "runtime/synthesis/golden_outcome.hpp"
#include "runtime/synthesis/python_files.hpp"
#include "runtime/synthesis/repository_tree.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t output_bytes_max = 16U << 20;
constexpr const char* judge_folder = "/task/judge";

// Files of the host that containers see, away when the judgement is over.
class FrozenFiles {
 public:
  static Result<std::unique_ptr<FrozenFiles>> make() {
    std::string pattern = (fs::temp_directory_path() / "flywheel_judge_XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      return fail(Failure::unavailable,
                  "judge: can't make a folder under " + fs::temp_directory_path().string());
    std::error_code code;
    fs::permissions(pattern, fs::perms{0755}, code);
    return std::unique_ptr<FrozenFiles>{new FrozenFiles{pattern}};
  }
  ~FrozenFiles() {
    std::error_code code;
    fs::remove_all(folder_, code);
  }
  FrozenFiles(const FrozenFiles&) = delete;
  FrozenFiles& operator=(const FrozenFiles&) = delete;

  Result<SandboxBind> freeze(std::string_view text, const std::string& target) {
    const fs::path path = folder_ / std::to_string(count_++);
    FLYWHEEL_TRY_VOID(write(path, text));
    return SandboxBind{path.string(), target};
  }

  Result<SandboxBind> freeze_scripts() {
    const fs::path folder = folder_ / "scripts";
    std::error_code code;
    fs::create_directory(folder, code);
    for (const PythonFile& file : python_files())
      FLYWHEEL_TRY_VOID(write(folder / file.name, file.text));
    return SandboxBind{folder.string(), judge_folder};
  }

 private:
  explicit FrozenFiles(fs::path folder) : folder_(std::move(folder)) {}

  static Result<> write(const fs::path& path, std::string_view text) {
    std::ofstream file{path, std::ios::binary};
    file << text;
    file.close();
    if (!file) return fail(Failure::resource_exhausted, "judge: can't write " + path.string());
    return {};
  }

  fs::path folder_;
  int count_ = 0;
};

Result<> check(const CodeJudgement& judgement) {
  const auto refuse = [](const std::string& what) {
    return fail(Failure::invalid_argument, "judge_code: " + what);
  };
  if (judgement.module.empty() || judgement.entry.empty()) return refuse("module or entry missing");
  if (judgement.solution.empty()) return refuse("no solution");
  if (judgement.golden.empty() && judgement.tests.empty())
    return refuse("neither golden pairs nor tests");
  if (!judgement.tests.empty() && (judgement.tree.empty() || judgement.site.empty()))
    return refuse("tests need a tree and a site folder");
  for (const CodeFile& file : judgement.solution) {
    if (!stays_inside(file.path)) return refuse("path '" + file.path + "' leaves the tree");
    if (!judgement.tree.empty() && !fs::is_regular_file(fs::path{judgement.tree} / file.path))
      return refuse("'" + file.path + "' is no file of the tree");
  }
  return {};
}

// `with_tests`: what the second container sees, else the first.
Result<SandboxSpec> spec_of(const CodeJudgement& judgement, bool with_tests, FrozenFiles& frozen) {
  SandboxSpec spec;
  spec.limits = judgement.limits;
  spec.env = {"PYTHONHASHSEED=" + std::to_string(judgement.hash_seed), "LC_ALL=C.UTF-8"};
  if (!judgement.tree.empty()) spec.binds.push_back({judgement.tree, repository_folder});
  if (!judgement.site.empty()) spec.binds.push_back({judgement.site, site_folder});
  const auto bind = [&](const std::string& text, const std::string& path) -> Result<> {
    FLYWHEEL_TRY(auto each, frozen.freeze(text, fmt::format("{}/{}", repository_folder, path)));
    spec.binds.push_back(std::move(each));
    return {};
  };
  for (const CodeFile& file : judgement.solution) FLYWHEEL_TRY_VOID(bind(file.text, file.path));
  std::set<std::string> masked{judgement.masked.begin(), judgement.masked.end()};
  if (!with_tests) masked.insert(judgement.hidden.begin(), judgement.hidden.end());
  for (const std::string& path : masked)
    if (fs::exists(fs::path{judgement.tree} / path)) FLYWHEEL_TRY_VOID(bind("", path));
  FLYWHEEL_TRY(auto scripts, frozen.freeze_scripts());
  spec.binds.push_back(std::move(scripts));
  return spec;
}

Result<ExecResult> run_script(SandboxHost& host, const SandboxSpec& spec, const char* script,
                              const Json& request, const CodeJudgement& judgement) {
  FLYWHEEL_TRY(const auto container, host.create(spec));
  ExecSpec exec;
  exec.command = {"/usr/bin/python3", "-S", "-s", "-B", fmt::format("{}/{}", judge_folder, script)};
  exec.input = request.dump();
  exec.wall_time_max = judgement.time_max;
  exec.output_bytes_max = output_bytes_max;
  auto result = container->run(exec);
  container->kill(ContainerState::killed, "judged");
  return result;
}

// The end of a run that says more than its output does; nothing where the output decides.
std::optional<CodeVerdict> verdict_of_end(const ExecResult& result) {
  CodeVerdict verdict;
  switch (result.end) {
    case ExecEnd::wall_timeout:
    case ExecEnd::silence_timeout:
      verdict.status = VerdictStatus::timeout;
      verdict.reason = "ran out of time";
      return verdict;
    case ExecEnd::out_of_memory:
      verdict.status = VerdictStatus::fail;
      verdict.reason = "ran out of memory";
      return verdict;
    case ExecEnd::not_started:
    case ExecEnd::cancelled:
    case ExecEnd::container_gone:
      verdict.reason = std::string{"the container ended early: "} + to_string(result.end) +
                       (result.error.empty() ? "" : ", " + result.error);
      return verdict;
    case ExecEnd::exited:
    case ExecEnd::signalled:
      return std::nullopt;
  }
  return std::nullopt;
}

// "NUMBER TEXT" lines; what is not one is left out. A number that comes twice has none: one of its
// lines was forged.
std::vector<std::optional<std::string>> numbered_lines(const std::string& output,
                                                       std::size_t count) {
  std::vector<std::optional<std::string>> lines(count);
  std::vector<bool> is_taken(count, false);
  std::size_t start = 0;
  while (start < output.size()) {
    const std::size_t end = std::min(output.find('\n', start), output.size());
    const std::string line = output.substr(start, end - start);
    start = end + 1;
    const std::size_t space = line.find(' ');
    if (space == 0 || space > 9 || line.find_first_not_of("0123456789") != space) continue;
    const auto number = static_cast<std::size_t>(std::stoul(line.substr(0, space)));
    if (number >= count) continue;
    lines[number] = is_taken[number] ? std::nullopt : std::optional{line.substr(space + 1)};
    is_taken[number] = true;
  }
  return lines;
}

std::string first_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const std::size_t start = text.rfind('\n');  // Python's last line names the exception
  return text.substr(start == std::string::npos ? 0 : start + 1).substr(0, 200);
}

CodeVerdict compare(const CodeJudgement& judgement, const ExecResult& result) {
  if (auto ended = verdict_of_end(result)) return *ended;
  CodeVerdict verdict;
  verdict.status = VerdictStatus::pass;
  const auto lines = numbered_lines(result.output, judgement.golden.size());
  for (std::size_t n = 0; n < lines.size(); ++n) {
    bool is_same = false;
    if (lines[n]) {
      const auto found = parse_json(*lines[n], "outcome");
      is_same = found && same_outcome(judgement.golden[n].outcome, *found);
    }
    if (is_same) {
      ++verdict.golden_passed;
    } else if (verdict.status == VerdictStatus::pass) {
      verdict.status = VerdictStatus::fail;
      verdict.reason = lines[n] ? fmt::format("golden pair {} came to something else", n)
                                : fmt::format("golden pair {} came to nothing: {}", n,
                                              first_line(result.error_output));
    }
  }
  return verdict;
}

// A word that the solution has not been told.
std::string secret_word() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

// `end`: what the runner of the tests writes last.
CodeVerdict count_tests(const CodeJudgement& judgement, const ExecResult& result,
                        const std::string& end) {
  if (auto ended = verdict_of_end(result)) return *ended;
  CodeVerdict verdict;
  if (!result.output.ends_with(fmt::format("end {}\n", end))) {
    verdict.status = VerdictStatus::fail;
    verdict.failed_tests = judgement.tests;
    verdict.reason = fmt::format("the {} tests did not run to their end: {}",
                                 judgement.tests.size(), first_line(result.error_output));
    return verdict;
  }
  const auto lines = numbered_lines(result.output, judgement.tests.size());
  for (std::size_t n = 0; n < lines.size(); ++n) {
    if (lines[n] && *lines[n] == "p")
      ++verdict.tests_passed;
    else
      verdict.failed_tests.push_back(judgement.tests[n]);
  }
  const bool passes = verdict.failed_tests.empty();
  verdict.status = passes ? VerdictStatus::pass : VerdictStatus::fail;
  if (!passes)
    verdict.reason =
        fmt::format("{} of {} tests do not pass, first {}", verdict.failed_tests.size(),
                    judgement.tests.size(), verdict.failed_tests.front());
  return verdict;
}

CodeVerdict broken(const Error& error) {
  CodeVerdict verdict;
  verdict.reason = error.message;
  return verdict;
}

CodeVerdict judge_golden(SandboxHost& host, FrozenFiles& frozen, const CodeJudgement& judgement) {
  const auto spec = spec_of(judgement, false, frozen);
  if (!spec) return broken(spec.error());
  Json inputs = Json::array();
  for (const GoldenPair& pair : judgement.golden) inputs.push_back(pair.input);
  const Json request{{"root", repository_folder},
                     {"module", judgement.module},
                     {"entry", judgement.entry},
                     {"inputs", std::move(inputs)}};
  const auto result = run_script(host, *spec, "judge.py", request, judgement);
  return result ? compare(judgement, *result) : broken(result.error());
}

CodeVerdict judge_tests(SandboxHost& host, FrozenFiles& frozen, const CodeJudgement& judgement) {
  const auto spec = spec_of(judgement, true, frozen);
  if (!spec) return broken(spec.error());
  const std::string end = secret_word();
  const Json request{
      {"root", repository_folder}, {"site", site_folder}, {"tests", judgement.tests}, {"end", end}};
  const auto result = run_script(host, *spec, "judge_tests.py", request, judgement);
  return result ? count_tests(judgement, *result, end) : broken(result.error());
}

Json written(const Json& plain) {
  if (plain.is_array()) {
    Json items = Json::array();
    for (const Json& each : plain) items.push_back(written(each));
    return items;
  }
  if (!plain.is_object()) return plain;
  Json pairs = Json::array();
  for (const auto& [name, value] : plain.items()) pairs.push_back({name, written(value)});
  return {{"$", "dict"}, {"v", std::move(pairs)}};
}

Json input_of(const Json& arguments) {
  return Json::array({written(arguments), written(Json::object())});
}

}  // namespace

GoldenPair golden_pair(const Json& arguments, const Json& returned) {
  return {input_of(arguments), {{"returns", written(returned)}}};
}

GoldenPair golden_pair_raising(const Json& arguments, const std::string& exception) {
  return {input_of(arguments), {{"raises", exception}}};
}

Result<CodeVerdict> judge_code(SandboxHost& host, const CodeJudgement& judgement) {
  FLYWHEEL_TRY_VOID(check(judgement));
  const auto start = std::chrono::steady_clock::now();
  auto frozen = FrozenFiles::make();
  if (!frozen) return broken(frozen.error());
  CodeVerdict verdict;
  verdict.status = VerdictStatus::pass;
  if (!judgement.golden.empty()) verdict = judge_golden(host, **frozen, judgement);
  if (verdict.status == VerdictStatus::pass && !judgement.tests.empty()) {
    CodeVerdict of_tests = judge_tests(host, **frozen, judgement);
    of_tests.golden_passed = verdict.golden_passed;
    verdict = std::move(of_tests);
  }
  verdict.golden_count = static_cast<std::uint32_t>(judgement.golden.size());
  verdict.test_count = static_cast<std::uint32_t>(judgement.tests.size());
  verdict.wall_time = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - start);
  return verdict;
}

}  // namespace flywheel
