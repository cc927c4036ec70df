#include "actors/tool_setup.hpp"

#include <algorithm>
#include <utility>

#include "runtime/tools/browse_tool.hpp"
#include "runtime/tools/file_tool.hpp"
#include "runtime/tools/model_tool.hpp"
#include "runtime/tools/python_tool.hpp"
#include "runtime/tools/sandbox_workbench.hpp"
#include "runtime/tools/shell_tool.hpp"

namespace flywheel {
namespace {

ToolLimits limits_of(const ToolsSpec& spec) {
  ToolLimits limits;
  limits.wall_time_max =
      std::chrono::milliseconds{static_cast<std::int64_t>(spec.call_seconds_max * 1000.0)};
  limits.output_bytes_max = spec.output_bytes_max;
  return limits;
}

// The name by which the tool `model` calls the model that the run trains.
constexpr const char* policy_name = "policy";

Result<std::shared_ptr<const Tool>> make_browse_tool(const ToolsSpec& spec,
                                                     const ToolLimits& limits) {
  auto pages = std::make_shared<PageStore>();
  if (!spec.snapshot.empty()) {
    FLYWHEEL_TRY(*pages, load_snapshot(spec.snapshot));
  }
  std::shared_ptr<const LivePages> live;
  if (!spec.live_proxy.empty()) {
    FLYWHEEL_TRY(auto opened, LivePages::open(spec.live_proxy, spec.live_hosts));
    live = std::make_shared<const LivePages>(std::move(opened));
  }
  return browse_tool(std::move(pages), limits, std::move(live));
}

Result<std::shared_ptr<const Toolbox>> make_toolbox(const ToolsSpec& spec,
                                                    std::shared_ptr<ModelLine> line) {
  const ToolLimits limits = limits_of(spec);
  AskModel ask = [line = std::move(line)](const ModelQuestion& question) {
    return line->ask(question);
  };
  std::vector<std::shared_ptr<const Tool>> tools = {python_tool(limits), shell_tool(limits),
                                                    file_tool(limits),
                                                    model_tool({policy_name}, ask, limits)};
  if (!spec.snapshot.empty() || !spec.live_proxy.empty()) {
    FLYWHEEL_TRY(auto browse, make_browse_tool(spec, limits));
    tools.push_back(std::move(browse));
  }
  if (!spec.documents.empty()) {
    FLYWHEEL_TRY(auto pages, load_documents(spec.documents));
    tools.push_back(search_tool(std::make_shared<PageStore>(std::move(pages)), limits));
  }
  return std::make_shared<const Toolbox>(std::move(tools));
}

Result<> check_provided(const TaskFamily& family, const Toolbox& toolbox) {
  for (const std::string& name : family.tools())
    if (toolbox.find(name) == nullptr) {
      std::string remedy = "there is no such tool";
      if (name == "browse") remedy = "set tools.snapshot to a web snapshot, or tools.live_proxy";
      if (name == "search") remedy = "set tools.documents to a folder of text files";
      return fail(Failure::invalid_input, "tasks of " + std::string{family.name()} +
                                              " use the tool " + name + ": " + remedy);
    }
  return {};
}

WorkbenchFactory workbench_factory(const ToolsSpec& spec, std::shared_ptr<SandboxHost> host) {
  SandboxSpec container;
  container.image = spec.image;
  return [container, host = std::move(host)](const TaskSetting& setting) {
    SandboxSpec own = container;
    for (const auto& [source, target] : setting.folders) own.binds.push_back({source, target});
    std::vector<WorkbenchFile> files;
    files.reserve(setting.files.size());
    for (const SettingFile& file : setting.files) files.push_back({file.path, file.text});
    return make_sandbox_workbench(*host, own, files);
  };
}

}  // namespace

Result<ToolSetup> open_tool_setup(const ExperimentSpec& spec, const TaskFamily& family,
                                  const Grader& grader, SandboxProvider& sandbox) {
  ToolSetup setup;
  const bool runs_answers = grader.code_grader() != nullptr;
  if (!family.tools().empty()) {
    setup.model_line = std::make_shared<ModelLine>();
    FLYWHEEL_TRY(setup.toolbox, make_toolbox(spec.tools, setup.model_line));
    FLYWHEEL_TRY_VOID(check_provided(family, *setup.toolbox));
  }
  const bool runs_tools = std::ranges::any_of(family.tools(), [&](const std::string& name) {
    return setup.toolbox->find(name)->runs_code();
  });
  if (!runs_tools && !runs_answers) return setup;
  auto host = sandbox.open();
  if (!host)
    return fail(host.error().failure, "tasks of " + std::string{family.name()} +
                                          " need a sandbox: " + host.error().message);
  if (runs_answers)
    setup.judge_code = [host = *host](const CodeJudgement& judgement) {
      return judge_code(*host, judgement);
    };
  if (runs_tools) setup.make_workbench = workbench_factory(spec.tools, *host);
  return setup;
}

ToolHostConfig tool_host_config(const ExperimentSpec& spec, const ToolSetup& setup) {
  ToolHostConfig config;
  config.make_workbench = setup.make_workbench;
  config.threads = spec.tools.threads;
  return config;
}

}  // namespace flywheel
