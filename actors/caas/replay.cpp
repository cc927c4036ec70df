#include "actors/caas/replay.hpp"

#include <utility>

#include <fmt/format.h>

#include "actors/caas/container_view.hpp"
#include "runtime/base/base64.hpp"

namespace flywheel {
namespace {

constexpr std::size_t commands_max = 10'000;

bool is_replayable(const CommandRecord& command) {
  return command.kind == "exec" || command.kind == "put_file" || command.kind == "remove_file" ||
         command.kind == "snapshot";
}

ExecSpec spec_of(const Json& logged) {
  ExecSpec spec;
  spec.command = logged.at("command").get<std::vector<std::string>>();
  spec.input = logged.at("stdin").get<std::string>();
  spec.env = logged.at("env").get<std::vector<std::string>>();
  spec.working_folder = logged.at("cwd").get<std::string>();
  spec.uses_zygote = logged.at("zygote").get<bool>();
  spec.wall_time_max = std::chrono::milliseconds{logged.at("timeout_ms").get<std::int64_t>()};
  spec.silence_max =
      std::chrono::milliseconds{logged.at("no_output_timeout_ms").get<std::int64_t>()};
  spec.output_bytes_max = logged.at("max_output_bytes").get<std::size_t>();
  return spec;
}

Result<> run_again(Container& box, const CommandRecord& command) {
  if (command.kind == "exec") {
    FLYWHEEL_TRY(const auto result, box.run(spec_of(command.request)));
    if (result.end == ExecEnd::container_gone) return fail(Failure::unavailable, result.error);
    return {};
  }
  const auto path = command.request.at("path").get<std::string>();
  if (command.kind == "put_file") {
    if (!command.request.contains("bytes"))
      return fail(Failure::invalid_argument,
                  "the trajectory does not hold the bytes of " + path +
                      ": it was too large; take a snapshot after such a file");
    FLYWHEEL_TRY(const auto bytes,
                 decode_base64(command.request.at("bytes").get_ref<const std::string&>()));
    return box.put_file(path, bytes, command.request.at("mode").get<std::uint32_t>());
  }
  if (command.kind == "remove_file") (void)box.remove_file(path);  // as little as the first time
  return {};
}

// The last snapshot among the first `count` commands; `count` where there is none.
std::size_t last_snapshot(const std::vector<CommandRecord>& commands, std::size_t count) {
  for (std::size_t i = count; i > 0; --i)
    if (commands[i - 1].kind == "snapshot" && commands[i - 1].result.contains("snapshot"))
      return i - 1;
  return count;
}

struct Made {
  std::shared_ptr<Container> box{};
  const char* how = "rerun";
  std::size_t rerun_count = 0;
};

// The older container's own files, if it lives and has done exactly what was replayed.
std::shared_ptr<Container> forked(CaasState& state, const ReplayState& replay) {
  std::shared_ptr<Container> source;
  const auto live = state.table.find(replay.source);
  if (live) {
    const std::lock_guard lock{state.table.mutex};
    if (live->command_count == replay.next && live->running_count == 0 && !live->replay)
      source = live->box;
  }
  if (!source) return nullptr;
  const std::unique_lock lock{live->files_mutex};
  auto box = source->fork();
  return box ? *box : nullptr;
}

Result<Made> make_box(CaasState& state, const ReplayState& replay, SandboxSpec spec) {
  if (auto box = forked(state, replay)) return Made{std::move(box), "fork", 0};
  Made made;
  std::size_t from = 0;
  const std::size_t snapshot = last_snapshot(replay.commands, replay.next);
  if (snapshot < replay.next) {
    SandboxSpec of_snapshot = spec;
    of_snapshot.snapshot = replay.commands[snapshot].result.at("snapshot").get<std::string>();
    if (auto box = state.host->create(of_snapshot)) {
      made = {std::move(*box), "snapshot", 0};
      from = snapshot + 1;
    }
  }
  if (!made.box) {
    FLYWHEEL_TRY(made.box, state.host->create(spec));
  }
  for (std::size_t i = from; i < replay.next; ++i, ++made.rerun_count) {
    auto outcome = run_again(*made.box, replay.commands[i]);
    if (outcome) continue;
    made.box->kill(ContainerState::failed, outcome.error().message);
    return fail(std::move(outcome.error()));
  }
  return made;
}

}  // namespace

Result<std::unique_ptr<ReplayState>> load_replay(CaasState& state, ContainerId source) {
  auto replay = std::make_unique<ReplayState>();
  replay->source = source;
  FLYWHEEL_TRY(const std::uint64_t count, state.store.command_count(source));
  FLYWHEEL_TRY(auto commands, state.store.commands(source, 0, commands_max));
  // A gap is a command that had no result when its container ended: what follows it is not known.
  std::size_t usable = 0;
  FLYWHEEL_TRY_VOID(state.store.visit_command_numbers(source, [&](std::uint64_t number) {
    if (number != usable || usable >= commands.size() || !is_replayable(commands[usable]))
      return false;
    ++usable;
    return true;
  }));
  commands.resize(usable);
  replay->commands = std::move(commands);
  if (usable == 0 && count > 0)
    return fail(Failure::invalid_argument,
                "the trajectory of " + to_string(source) +
                    " begins with something that can't be replayed (a session or a tar)");
  return replay;
}

ReplayAnswer replay_next(CaasState& state, LiveContainer& live, std::string_view kind,
                         const Json& request) {
  CommandRecord command;
  std::uint64_t number = 0;
  {
    const std::lock_guard lock{state.table.mutex};
    if (!live.replay) return {};
    ReplayState& replay = *live.replay;
    if (replay.is_materialising) return {ReplayStep::in_progress, {}};
    if (replay.next >= replay.commands.size() || replay.commands[replay.next].kind != kind ||
        !is_same_command(replay.commands[replay.next].request, request)) {
      replay.is_materialising = true;
      return {ReplayStep::diverged, {}};
    }
    command = replay.commands[replay.next++];
    number = live.command_count++;
  }
  const Json result = command.result;
  state.execs.log(live, number, std::move(command));
  return {ReplayStep::answered, result};
}

Result<> materialise(CaasState& state, const std::shared_ptr<LiveContainer>& live) {
  std::unique_ptr<ReplayState> replay;
  Json spec_json;
  {
    const std::lock_guard lock{state.table.mutex};
    replay = std::make_unique<ReplayState>(*live->replay);
    spec_json = live->record.spec;
  }
  FLYWHEEL_TRY(auto request, parse_recorded_spec(std::move(spec_json)));
  auto made = make_box(state, *replay, std::move(request.sandbox));
  if (!made) {
    state.table.end(live->id, {ContainerState::failed, "replay_failed", made.error().message});
    return fail(std::move(made.error()));
  }
  if (!state.table.become_running(live->id, made->box)) {
    made->box->kill(ContainerState::killed, "its container was ended meanwhile");
    return fail(Failure::cancelled, to_string(live->id) + " was ended meanwhile");
  }
  const std::lock_guard lock{state.table.mutex};
  live->record.spec["replayed"] = {{"from", to_string(replay->source)},
                                   {"commands", replay->next},
                                   {"files_by", made->how},
                                   {"run_again", made->rerun_count}};
  live->replay.reset();
  return {};
}

}  // namespace flywheel
