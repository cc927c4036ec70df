#include "actors/caas/replay.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "actors/caas/container_view.hpp"
#include "runtime/base/base64.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t commands_max = 10'000;
constexpr std::size_t command_bytes = 4096;  // what a command takes in memory beside its texts
constexpr auto rerun_slack = 5s;

bool is_replayable(const CommandRecord& command) {
  // It came too late for its container: nothing of it is known.
  if (is_refusal(command.result) && error_of_logged(command.result).failure == Failure::cancelled)
    return false;
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

// As long as it took the first time and a little more, and never beyond all of them together.
std::chrono::milliseconds rerun_time(const CommandRecord& command, std::chrono::milliseconds bound,
                                     SteadyTime until) {
  const auto took = std::chrono::milliseconds{
      static_cast<std::int64_t>(command.result.value("wall_ms", 0.0) * 3 / 2)};
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      until - std::chrono::steady_clock::now());
  return std::max(1ms, std::min({bound, took + rerun_slack, left}));
}

// A file for which the disk had no room: a part of it was left there.
bool is_cut_file(const CommandRecord& command) {
  return command.kind == "put_file" && command.request.contains("bytes") &&
         error_of_logged(command.result).failure == Failure::resource_exhausted;
}

Result<> run_again(Container& box, const CommandRecord& command, SteadyTime until) {
  const bool is_refused = is_refusal(command.result);
  if (is_refused && !is_cut_file(command)) return {};  // it did nothing the first time
  if (command.kind == "exec") {
    // Whoever cancelled it the first time is not there to do so again.
    if (command.result.value("end", Json{}) == to_string(ExecEnd::cancelled)) return {};
    ExecSpec spec = spec_of(command.request);
    spec.wall_time_max = rerun_time(command, spec.wall_time_max, until);
    FLYWHEEL_TRY(const auto result, box.run(spec));
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
    auto put = box.put_file(path, bytes, command.request.at("mode").get<std::uint32_t>());
    return is_refused ? Result<>{} : put;
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

Error ended_meanwhile(const LiveContainer& live) {
  return {Failure::cancelled, to_string(live.id) + " was ended meanwhile"};
}

// A box of the last snapshot, if it is still there and belongs to whom the trajectory belongs to;
// else a fresh one. The command to go on with.
Result<Made> begin_box(CaasState& state, const ReplayState& replay, const SandboxSpec& spec,
                       std::size_t& from) {
  from = 0;
  const std::vector<CommandRecord>& commands = *replay.commands;
  const std::size_t at = last_snapshot(commands, replay.next);
  if (at < replay.next) {
    SandboxSpec of_snapshot = spec;
    of_snapshot.snapshot = commands[at].result.at("snapshot").get<std::string>();
    const auto facts = state.host->snapshot(of_snapshot.snapshot);
    const auto source = state.table.record(replay.source);
    if (facts && source && facts->owner == source->owner)
      if (auto box = state.host->create(of_snapshot)) {
        from = at + 1;
        return Made{std::move(*box), "snapshot", 0};
      }
  }
  FLYWHEEL_TRY(auto box, state.host->create(spec));
  return Made{std::move(box), "rerun", 0};
}

Result<Made> make_box(CaasState& state, LiveContainer& live, const ReplayState& replay,
                      const SandboxSpec& spec) {
  if (auto box = forked(state, replay)) return Made{std::move(box), "fork", 0};
  const SteadyTime until = std::chrono::steady_clock::now() + state.config.limits.replay_time_max;
  std::size_t from = 0;
  FLYWHEEL_TRY(Made made, begin_box(state, replay, spec, from));
  const auto refused = [&](Error error) {
    made.box->kill(ContainerState::failed, error.message);
    return fail(std::move(error));
  };
  // From here on an end of the container ends the box, and with it the command that runs.
  if (!state.table.adopt_replay_box(live, made.box)) return refused(ended_meanwhile(live));
  for (std::size_t i = from; i < replay.next; ++i, ++made.rerun_count) {
    if (state.table.is_ending(live)) return refused(ended_meanwhile(live));
    if (std::chrono::steady_clock::now() >= until)
      return refused({Failure::deadline_exceeded,
                      fmt::format("its commands took longer than {} s to run again: take "
                                  "snapshots in between",
                                  state.config.limits.replay_time_max.count() / 1000)});
    if (auto outcome = run_again(*made.box, (*replay.commands)[i], until); !outcome)
      return refused(std::move(outcome.error()));
  }
  return made;
}

Result<Made> make_box_guarded(CaasState& state, LiveContainer& live, const ReplayState& replay,
                              const SandboxSpec& spec) {
  try {
    return make_box(state, live, replay, spec);
  } catch (const std::exception& error) {
    return fail(Failure::internal, std::string{"its trajectory can't be read: "} + error.what());
  }
}

}  // namespace

Result<std::unique_ptr<ReplayState>> load_replay(CaasState& state, ContainerId source) {
  auto replay = std::make_unique<ReplayState>();
  replay->source = source;
  FLYWHEEL_TRY(const std::uint64_t count, state.store.command_count(source));
  std::vector<CommandRecord> commands;
  std::size_t size_bytes = 0;
  const auto take = [&](std::uint64_t number, std::size_t taken_bytes, CommandRecord command) {
    // A gap is a command that had no result when its container ended: what follows it is not known.
    if (number != commands.size() || number >= commands_max || !is_replayable(command) ||
        size_bytes + taken_bytes > state.config.limits.log_bytes_max)
      return false;
    size_bytes += taken_bytes;
    commands.push_back(std::move(command));
    return true;
  };
  FLYWHEEL_TRY_VOID(state.store.visit_commands(source, 0, take));
  if (commands.empty() && count > 0)
    return fail(Failure::invalid_argument,
                "the trajectory of " + to_string(source) +
                    " begins with something that can't be replayed (a session, a tar, or a "
                    "command with stdin_open)");
  auto budget = state.execs.reserve(size_bytes + command_bytes * commands.size());
  if (!budget)
    return fail(Failure::resource_exhausted,
                "the trajectories of replays and the output of commands are at their limit: come "
                "back when some have ended");
  replay->budget = std::move(*budget);
  replay->commands = std::make_shared<const std::vector<CommandRecord>>(std::move(commands));
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
    const std::vector<CommandRecord>& commands = *replay.commands;
    if (replay.next >= commands.size() || commands[replay.next].kind != kind ||
        !is_same_command(commands[replay.next].request, request)) {
      replay.is_materialising = true;
      return {ReplayStep::diverged, {}};
    }
    command = commands[replay.next++];
    number = live.command_count++;
  }
  state.execs.log(live, number, command);
  return {ReplayStep::answered, std::move(command.result)};
}

Result<> materialise(CaasState& state, const std::shared_ptr<LiveContainer>& live) {
  std::unique_ptr<ReplayState> replay;
  Json spec_json;
  {
    const std::lock_guard lock{state.table.mutex};
    if (live->cause) return fail(ended_meanwhile(*live));
    replay = std::make_unique<ReplayState>(*live->replay);
    spec_json = live->record.spec;
  }
  FLYWHEEL_TRY(auto request, parse_recorded_spec(std::move(spec_json)));
  auto made = make_box_guarded(state, *live, *replay, request.sandbox);
  if (!made) {
    state.table.end(live->id, {ContainerState::failed, "replay_failed", made.error().message});
    return fail(std::move(made.error()));
  }
  if (!state.table.become_running(live->id, made->box)) {
    made->box->kill(ContainerState::killed, "its container was ended meanwhile");
    return fail(ended_meanwhile(*live));
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
