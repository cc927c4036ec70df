#include "runtime/tools/sandbox_workbench.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include <stdlib.h>

namespace flywheel {
namespace {

BenchEnd end_of(ExecEnd end) {
  switch (end) {
    case ExecEnd::exited:
    case ExecEnd::not_started:
      return BenchEnd::exited;
    case ExecEnd::signalled:
    case ExecEnd::cancelled:
      return BenchEnd::signalled;
    case ExecEnd::wall_timeout:
    case ExecEnd::silence_timeout:
      return BenchEnd::timeout;
    case ExecEnd::out_of_memory:
      return BenchEnd::out_of_memory;
    case ExecEnd::container_gone:
      return BenchEnd::gone;
  }
  return BenchEnd::gone;
}

// Files of this machine that lie over files of a bound folder; gone with the container.
class Overlays {
 public:
  ~Overlays() {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }

  Result<SandboxBind> add(const WorkbenchFile& file) {
    namespace fs = std::filesystem;
    std::error_code error;
    if (folder_.empty()) {
      std::string pattern = (fs::temp_directory_path() / "flywheel_bench_XXXXXX").string();
      if (mkdtemp(pattern.data()) == nullptr)
        return fail(Failure::unavailable,
                    "can't make a folder under " + fs::temp_directory_path().string());
      folder_ = pattern;
      fs::permissions(folder_, fs::perms{0755}, error);
    }
    const fs::path path = folder_ / std::to_string(count_++);
    std::ofstream out{path, std::ios::binary};
    out << file.text;
    out.close();
    if (!out || error)
      return fail(Failure::resource_exhausted, path.string() + " can't be written");
    return SandboxBind{path.string(), file.path};
  }

 private:
  std::filesystem::path folder_{};
  int count_ = 0;
};

class SandboxWorkbench final : public Workbench {
 public:
  SandboxWorkbench(std::shared_ptr<Container> container, std::unique_ptr<Overlays> overlays)
      : overlays_(std::move(overlays)), container_(std::move(container)) {}

  Result<BenchResult> run(const BenchCommand& command) override {
    ExecSpec spec;
    spec.command = command.command;
    spec.input = command.input;
    spec.wall_time_max = command.wall_time_max;
    spec.output_bytes_max = command.output_bytes_max;
    FLYWHEEL_TRY(ExecResult ran, container_->run(spec));
    BenchResult result;
    result.end = end_of(ran.end);
    result.exit_code = ran.exit_code;
    result.signal = ran.signal;
    result.output = std::move(ran.output);
    result.error_output = std::move(ran.error_output);
    result.is_truncated = ran.is_truncated;
    if (ran.end == ExecEnd::not_started) result.error_output = std::move(ran.error);
    return result;
  }

  Result<> put_file(const std::string& path, std::string_view bytes) override {
    return container_->put_file(path, bytes);
  }

  Result<std::string> get_file(const std::string& path, std::size_t bytes_max) override {
    FLYWHEEL_TRY(const FileEntry entry, container_->stat_file(path));
    if (entry.kind != FileKind::file) return fail(Failure::not_found, path + " is no file");
    if (entry.size_bytes > bytes_max)
      return fail(Failure::resource_exhausted,
                  path + " has more than " + std::to_string(bytes_max) + " bytes");
    return container_->get_file(path, 0, bytes_max);
  }

  void kill() override { container_->kill(ContainerState::killed, "its conversation is over"); }

 private:
  std::unique_ptr<Overlays> overlays_;  // outlives the container, which sees them
  std::shared_ptr<Container> container_;
};

bool lies_in(const std::string& path, const SandboxSpec& spec) {
  return std::ranges::any_of(
      spec.binds, [&](const SandboxBind& bind) { return path.starts_with(bind.target + "/"); });
}

}  // namespace

Result<std::unique_ptr<Workbench>> make_sandbox_workbench(SandboxHost& host,
                                                          const SandboxSpec& spec,
                                                          const std::vector<WorkbenchFile>& files) {
  auto overlays = std::make_unique<Overlays>();
  SandboxSpec own = spec;
  for (const WorkbenchFile& file : files) {
    if (!lies_in(file.path, spec)) continue;
    FLYWHEEL_TRY(auto bind, overlays->add(file));
    own.binds.push_back(std::move(bind));
  }
  FLYWHEEL_TRY(auto container, host.create(own));
  for (const WorkbenchFile& file : files)
    if (!lies_in(file.path, spec)) FLYWHEEL_TRY_VOID(container->put_file(file.path, file.text));
  return std::make_unique<SandboxWorkbench>(std::move(container), std::move(overlays));
}

}  // namespace flywheel
