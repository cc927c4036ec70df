#include "actors/caas/caas.hpp"

#include <algorithm>
#include <condition_variable>
#include <filesystem>

#include <unistd.h>

#include "actors/caas/caas_routes.hpp"
#include "actors/caas/caas_state.hpp"
#include "actors/caas/session.hpp"
#include "runtime/base/log.hpp"
#include "storage/keys.hpp"
#include "storage/rocksdb_store.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

constexpr auto timer_period = 100ms;
constexpr auto forget_period = 5s;
constexpr auto forget_keys_period = 10min;
constexpr auto sync_period = 200ms;
constexpr auto stop_time_max = 20s;

const char* backend_name(CgroupBackend backend) {
  switch (backend) {
    case CgroupBackend::none:
      return "none";
    case CgroupBackend::v1:
      return "v1";
    case CgroupBackend::v2:
      return "v2";
  }
  return "none";
}

std::uint64_t half_of_memory() {
  const auto pages = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PHYS_PAGES), 0L));
  return std::max<std::uint64_t>(pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 2,
                                 1ULL << 30);
}

}  // namespace

CaasState::CaasState(CaasConfig chosen, std::unique_ptr<KeyValueStore> opened,
                     std::unique_ptr<SandboxHost> boxes, Metrics& registry)
    : config(std::move(chosen)),
      metrics(registry),
      create_seconds(registry.histogram("flywheel_caas_create_seconds",
                                        "From the request until the container runs.")),
      database(std::move(opened)),
      store(*database),
      commit(*database, kind_key(RecordKind::container_command), sync_period),
      host(std::move(boxes)),
      workers(config.limits.worker_count, config.limits.waiting_max,
              registry.gauge("flywheel_caas_waiting", "Requests that wait for a worker.")),
      enders(config.limits.worker_count, SIZE_MAX,
             registry.gauge("flywheel_caas_ends_waiting", "Ends that wait for a thread.")),
      replays(config.limits.replay_thread_count, config.limits.replay_waiting_max,
              registry.gauge("flywheel_caas_replays_waiting", "Replays that wait to catch up.")),
      table(config.limits, clock, store, commit, enders, registry),
      execs(config.limits, clock, table, store, commit, workers, registry) {}

Result<std::unique_ptr<Caas>> Caas::open(CaasConfig config, Metrics& metrics) {
  const std::filesystem::path folder = config.state_folder;
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code)
    return fail(Failure::unavailable,
                "the state folder " + folder.string() + " can't be made: " + code.message());
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, code);
  // The database first: its lock says that no other daemon has the folder.
  FLYWHEEL_TRY(auto database, open_rocksdb_store({.folder = (folder / "caas.db").string(),
                                                  .block_cache_bytes = 32ULL << 20}));
  for (std::uint64_t* ceiling : {&config.limits.memory_bytes_max, &config.limits.disk_bytes_max})
    if (*ceiling == 0) *ceiling = half_of_memory();
  if (config.image_folder.empty()) config.image_folder = (folder / "images").string();
  SandboxHostConfig sandbox = config.sandbox;
  if (sandbox.state_folder.empty()) sandbox.state_folder = (folder / "boxes").string();
  if (sandbox.image_folder.empty()) sandbox.image_folder = config.image_folder;
  sandbox.container_count_max = static_cast<std::uint32_t>(config.limits.container_count_max);
  FLYWHEEL_TRY(auto host, SandboxHost::open(std::move(sandbox)));
  auto state =
      std::make_unique<CaasState>(std::move(config), std::move(database), std::move(host), metrics);
  FLYWHEEL_TRY(const std::size_t lost, state->table.load());
  std::unique_ptr<Caas> caas{new Caas{std::move(state)}};
  caas->lost_count_ = lost;
  return caas;
}

Caas::Caas(std::unique_ptr<CaasState> state) : state_(std::move(state)) {
  state_->host->on_container_end(
      [raw = state_.get()](const std::string& id) { raw->table.end_box(id); });
  timer_ = std::thread{[this] { run_timers(); }};
}

Caas::~Caas() {
  state_->is_stopping = true;
  timer_.join();
  struct Waiting {  // shared: an end may be told after this has stopped waiting
    std::mutex mutex{};
    std::condition_variable changed{};
    std::size_t count = 0;
  };
  const auto waiting = std::make_shared<Waiting>();
  const auto ended = [waiting](const ContainerRecord&) {
    const std::lock_guard lock{waiting->mutex};
    --waiting->count;
    waiting->changed.notify_all();
  };
  for (const ContainerId id : state_->table.living()) {
    {
      const std::lock_guard lock{waiting->mutex};
      ++waiting->count;
    }
    const EndCause cause{ContainerState::killed, "daemon_stopped",
                         "the container service was stopped"};
    if (!state_->table.end(id, cause, ended)) ended({});
  }
  {
    std::unique_lock lock{waiting->mutex};
    if (!waiting->changed.wait_for(lock, stop_time_max, [&] { return waiting->count == 0; }))
      log_warning("{} containers did not end within {} s; the next start ends them", waiting->count,
                  stop_time_max.count());
  }
  state_->replays.stop();
  state_->workers.stop();
  state_->enders.stop();
  state_->host.reset();  // its event thread calls the table until it has gone
}

void Caas::run_timers() {
  auto forget_at = std::chrono::steady_clock::now() + forget_period;
  auto forget_keys_at = forget_at;
  while (!state_->is_stopping) {
    std::this_thread::sleep_for(timer_period);
    try {
      state_->table.sweep();
      const auto now = std::chrono::steady_clock::now();
      for (const auto& session : state_->table.sessions()) session->tick(now);
      if (now >= forget_at) {
        if (!forget_some()) forget_at = now + forget_period;
      }
      if (now >= forget_keys_at) {
        forget_keys_at = now + forget_keys_period;
        if (auto outcome = state_->table.forget_old_keys(); !outcome)
          log_warning("forgetting old Idempotency-Keys: {}", to_string(outcome.error()));
      }
    } catch (const std::exception& error) {
      log_error("containers: their timer threw: {}", error.what());
    }
  }
}

// A piece at a time: sessions and ends wait for the same thread. Whether there may be more.
bool Caas::forget_some() {
  const auto outcome = state_->table.forget_old();
  if (!outcome) log_warning("forgetting old containers: {}", to_string(outcome.error()));
  return outcome && *outcome > 0;
}

void Caas::add_routes(HttpServer& server) {
  server.add({.method = "GET",
              .pattern = "/healthz",
              .handler = [this](HttpRequest, Responder responder) { responder.json(health()); },
              .is_public = true});
  server.add({.method = "GET",
              .pattern = "/readyz",
              .handler = [this](HttpRequest, Responder responder) { answer_ready(responder); },
              .is_public = true});
  add_metrics_route(server, state_->metrics);
  add_snapshot_routes(server, *state_);
  add_container_routes(server, *state_);
  add_exec_routes(server, *state_);
  add_file_routes(server, *state_);
  add_session_routes(server, *state_);
}

// Ready to make another container: what a load balancer asks.
void Caas::answer_ready(const Responder& responder) const {
  const bool has_room = state_->table.living_count() < state_->config.limits.container_count_max;
  const bool is_ready = has_room && !state_->is_stopping && state_->workers.has_room(1);
  responder.json({{"ready", is_ready}}, is_ready ? 200 : 503);
}

SandboxHost& Caas::host() {
  return *state_->host;
}

Json Caas::health() const {
  const SandboxFacts& facts = state_->host->facts();
  return {{"status", state_->is_stopping ? "stopping" : "ok"},
          {"cgroups", backend_name(facts.cgroups)},
          {"limits",
           {{"memory", facts.limits_memory},
            {"cpu", facts.limits_cpu},
            {"processes", facts.limits_processes}}},
          {"landlock", facts.landlock_abi},
          {"root", facts.is_root},
          {"kernel", facts.kernel},
          {"warnings", facts.warnings},
          {"containers", state_->table.living_count()},
          {"isolation", "namespaces and seccomp on a shared kernel: not a virtual machine"}};
}

std::size_t Caas::living_count() const {
  return state_->table.living_count();
}

}  // namespace flywheel
