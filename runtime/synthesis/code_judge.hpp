// judge_code says whether a solution does what it should, in containers that it never saw before.
//
//   frozen solution, inputs ─▶ container 1: calls the function ─▶ outcomes ─▶ compared here
//   frozen solution, tests  ─▶ container 2: runs hidden tests   ─▶ a letter a test, and an end
//
// Guarantees: expected outcomes never enter a container, so no code can find, return or forge them;
//             the solution is a copy that nothing can change any more, the tree around it is
//             read-only and mounted anew; tests run only when all golden pairs hold, in a container
//             of their own. A test that is reported twice fails, and a report that its runner did
//             not end counts for nothing.
// Not held:   tests share the interpreter with the solution. A solution that is right on every
//             golden pair and looks for the runner (its frames, pytest's functions) can make it
//             report passes. Golden pairs are the first wall and must decide alone; tests, the
//             second, find honest mistakes beyond them.
// Threads:    any number at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/verdict.hpp"
#include "runtime/sandbox/sandbox_host.hpp"

namespace flywheel {

struct CodeFile {
  std::string path{};  // relative to the repository's root, no ".."
  std::string text{};
};

// A call and what must come of it. `input` is [[positional...], {"$":"dict","v":[[name,
// value]...]}] and `outcome` {"returns": value} or {"raises": "ValueError"}; values as in
// python/values.py: what JSON has stands for itself (but objects), {"$":"tuple","v":[1,2]} is a
// tuple.
struct GoldenPair {
  Json input{};
  Json outcome{};
};

// A pair of plain JSON arguments and result: objects become dictionaries.
GoldenPair golden_pair(const Json& arguments, const Json& returned);
GoldenPair golden_pair_raising(const Json& arguments, const std::string& exception);

struct CodeJudgement {
  std::string module{};               // that holds the function, for example "solution"
  std::string entry{};                // its qualified name there, for example "nth_even"
  std::vector<CodeFile> solution{};   // a file of the tree takes the place of the tree's own
  std::vector<GoldenPair> golden{};   // at least one, or tests
  std::string tree{};                 // host folder: the repository; empty: the solution alone
  std::vector<std::string> masked{};  // files of the tree that are shown empty
  std::vector<std::string> hidden{};  // files that are shown empty, but to the tests
  std::vector<std::string> tests{};   // pytest's names of hidden tests in the tree, all must pass
  std::string site{};                 // host folder with pytest; needed for tests
  std::chrono::milliseconds time_max{10'000};  // of the calls, and again of the tests
  std::uint32_t hash_seed = 0;                 // PYTHONHASHSEED
  SandboxLimits limits{};
};

struct CodeVerdict {
  VerdictStatus status = VerdictStatus::infra_error;
  std::string reason{};  // one line for anything but a pass
  std::uint32_t golden_passed = 0;
  std::uint32_t golden_count = 0;
  std::uint32_t tests_passed = 0;
  std::uint32_t test_count = 0;
  std::vector<std::string> failed_tests{};
  std::chrono::milliseconds wall_time{0};
};

// An Error only for a judgement that makes no sense (invalid_argument); what the machine broke is
// VerdictStatus::infra_error.
Result<CodeVerdict> judge_code(SandboxHost& host, const CodeJudgement& judgement);

}  // namespace flywheel
