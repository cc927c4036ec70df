// A Workbench that does what the test tells it to: no container, no process.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/tools/workbench.hpp"

namespace flywheel::testing {

// What the test prepares and looks at; outlives the benches.
struct BenchScript {
  std::deque<BenchResult> results{};
  std::vector<BenchCommand> commands{};
  std::map<std::string, std::string> files{};
  std::atomic<int> made_count = 0;
  std::atomic<int> alive_count = 0;
};

class ScriptedBench final : public Workbench {
 public:
  explicit ScriptedBench(BenchScript& script) : script_(script) {
    ++script_.made_count;
    ++script_.alive_count;
  }
  ~ScriptedBench() override { --script_.alive_count; }

  Result<BenchResult> run(const BenchCommand& command) override {
    script_.commands.push_back(command);
    if (script_.results.empty()) return fail(Failure::unavailable, "the sandbox is full");
    auto result = std::move(script_.results.front());
    script_.results.pop_front();
    return result;
  }
  Result<> put_file(const std::string& path, std::string_view bytes) override {
    script_.files[path] = bytes;
    return {};
  }
  Result<std::string> get_file(const std::string& path, std::size_t bytes_max) override {
    const auto found = script_.files.find(path);
    if (found == script_.files.end()) return fail(Failure::not_found, path + " is not there");
    if (found->second.size() > bytes_max) return fail(Failure::resource_exhausted, path);
    return found->second;
  }
  void kill() override {}

 private:
  BenchScript& script_;
};

}  // namespace flywheel::testing
