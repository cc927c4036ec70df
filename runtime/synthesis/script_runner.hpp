// ScriptRunner runs a script of python/ in a container of its own and returns what it answers.
//
// Guarantees: the repository's code runs nowhere else; the container sees the scripts, one
//             repository tree, pytest and an archive, all read-only, and no network; every run ends
//             within its time.
// Threads:    any number at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"
#include "runtime/sandbox/sandbox_host.hpp"

namespace flywheel {

// Where a container shows what it is given.
inline constexpr const char* repository_folder = "/task/repository";
inline constexpr const char* site_folder = "/task/site";
inline constexpr const char* archive_path = "/task/archive";

struct ScriptCall {
  std::string script{};   // for example "survey.py"
  Json request{};         // "root" and "site" are added
  std::string tree{};     // host folder, shown as repository_folder; empty: the script makes one
  std::string archive{};  // host file or folder, shown as archive_path; may be empty
  std::chrono::milliseconds time_max{600'000};
  std::uint32_t hash_seed = 0;
  // Called with the container before it goes, to take files out of it; may be empty.
  std::function<Result<>(Container&, const Json& answer)> collect{};
};

class ScriptRunner {
 public:
  // Writes the scripts into a folder under `work_folder`. `site` is a host folder with pytest.
  static Result<ScriptRunner> make(SandboxHost& host, const std::filesystem::path& work_folder,
                                   const std::filesystem::path& site);

  // What the script refuses is Failure::invalid_input, "REASON" or "REASON: DETAIL".
  Result<Json> run(const ScriptCall& call) const;

  SandboxHost& host() const { return *host_; }
  const std::filesystem::path& site() const { return site_; }
  const std::string& site_stamp() const { return site_stamp_; }  // changes when its files do

 private:
  ScriptRunner(SandboxHost& host, std::filesystem::path scripts, std::filesystem::path site,
               std::string site_stamp)
      : host_(&host),
        scripts_(std::move(scripts)),
        site_(std::move(site)),
        site_stamp_(std::move(site_stamp)) {}

  SandboxHost* host_;
  std::filesystem::path scripts_;
  std::filesystem::path site_;
  std::string site_stamp_;
};

}  // namespace flywheel
