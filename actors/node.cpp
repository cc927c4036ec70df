#include "actors/node.hpp"

#include <algorithm>
#include <csignal>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include <caf/actor_system.hpp>

#include "actors/actor_system.hpp"
#include "actors/api.hpp"
#include "runtime/base/log.hpp"
#include "runtime/net/http_server.hpp"

namespace flywheel {
namespace {

Error under_way(RunId run) {
  return {Failure::already_exists,
          to_string(run) + " is under way already: `flywheel status` shows it"};
}

void wait_until_ended(const RunFeed& feed) {
  FeedCursor cursor;
  while (!feed.next(cursor, std::chrono::seconds{1}).outcome) {
  }
}

}  // namespace

// Members are in the order of their lives: each is gone before what it stands on.
struct Node::Inner {
  std::unique_ptr<Workspace> workspace;
  std::unique_ptr<LedgerStore> ledger;
  std::unique_ptr<DatasetStore> datasets;
  std::unique_ptr<ConversationStore> conversations;
  std::unique_ptr<CheckpointIndex> checkpoints;
  std::unique_ptr<MetricStore> metrics;
  WaitRegistry waits;
  ComputeGate gate{waits};
  std::unique_ptr<SandboxProvider> sandbox;
  ActorSystemConfig system_config;
  std::unique_ptr<caf::actor_system> system;
  Services services;
  std::mutex mutex;
  std::map<RunId, std::shared_ptr<RunHost>> hosts;
  std::set<RunId> starting;        // loaded by someone, not yet among the hosts
  std::size_t starting_count = 0;  // of these, and of new runs
  bool is_closing = false;         // takes no more runs
  std::unique_ptr<Api> api;
  std::unique_ptr<HttpServer> server;
};

Node::Node(std::unique_ptr<Inner> inner) : inner_(std::move(inner)) {}

Node::~Node() {
  {
    const std::lock_guard lock{inner_->mutex};
    inner_->is_closing = true;
    for (auto& [run, host] : inner_->hosts) host->stop("the node is shutting down");
  }
  for (const auto& host : hosts()) wait_until_ended(*host->feed());
  std::map<RunId, std::shared_ptr<RunHost>> ended;
  {
    const std::lock_guard lock{inner_->mutex};
    ended.swap(inner_->hosts);
  }
  ended.clear();
  // Only now: who follows a run is to hear how it ended.
  if (inner_->server) inner_->server->stop();
  inner_->server.reset();
  inner_->system.reset();
}

Result<std::unique_ptr<Node>> Node::open(const NodeConfig& config) {
  auto inner = std::make_unique<Inner>();
  WorkspaceConfig workspace;
  workspace.home = config.home;
  workspace.free_bytes_min = config.free_bytes_min;
  workspace.create_if_missing = config.creates_home;
  FLYWHEEL_TRY(inner->workspace, Workspace::open(workspace));
  KeyValueStore& store = inner->workspace->store();
  const Clock& clock = system_clock();
  FLYWHEEL_TRY(inner->ledger, LedgerStore::open(store, clock));
  inner->datasets = std::make_unique<DatasetStore>(store, clock);
  inner->conversations = std::make_unique<ConversationStore>(store);
  inner->checkpoints = std::make_unique<CheckpointIndex>(store, inner->workspace->home());
  inner->metrics = std::make_unique<MetricStore>(store);
  inner->services = {.workspace = inner->workspace.get(),
                     .ledger = inner->ledger.get(),
                     .datasets = inner->datasets.get(),
                     .conversations = inner->conversations.get(),
                     .checkpoints = inner->checkpoints.get(),
                     .metrics = inner->metrics.get(),
                     .waits = &inner->waits,
                     .gate = &inner->gate,
                     .clock = &clock};
  std::unique_ptr<Node> node{new Node{std::move(inner)}};
  Inner& self = *node->inner_;
  if (config.runs_actors) {
    std::signal(SIGPIPE, SIG_IGN);
    self.system = std::make_unique<caf::actor_system>(self.system_config);
    self.services.system = self.system.get();
    self.sandbox = std::make_unique<SandboxProvider>((self.workspace->home() / "sandbox").string());
    self.services.sandbox = self.sandbox.get();
  }
  self.api = std::make_unique<Api>(self.services, node.get());
  if (!config.runs_actors) return node;

  HttpServerConfig server;
  server.address.clear();
  server.socket_path = self.workspace->socket_path().string();
  self.server = std::make_unique<HttpServer>(std::move(server));
  self.api->add_routes(*self.server);
  FLYWHEEL_TRY_VOID(self.server->start());
  return node;
}

// One caller at a time loads a run: the hosts of two would write the same rollouts. A new run has
// no id yet, and counts all the same.
Result<> Node::reserve(std::optional<RunId> run) {
  const std::lock_guard lock{inner_->mutex};
  if (inner_->is_closing)
    return fail(Failure::unavailable, "the workspace's owner is ending: run it again in a moment");
  if (run) {
    const auto found = inner_->hosts.find(*run);
    const bool is_alive = found != inner_->hosts.end() && !found->second->has_ended();
    if (is_alive || !inner_->starting.insert(*run).second) return fail(under_way(*run));
  }
  ++inner_->starting_count;
  return {};
}

// What a reservation came to. Hosts that have ended make room; they are taken down when nobody
// looks at them any more.
Result<std::shared_ptr<RunHost>> Node::adopt(std::optional<RunId> reserved,
                                             Result<std::unique_ptr<RunHost>> loaded) {
  std::vector<std::shared_ptr<RunHost>> ended;  // outlives the lock
  const std::lock_guard lock{inner_->mutex};
  --inner_->starting_count;
  if (reserved) inner_->starting.erase(*reserved);
  if (!loaded) return fail(std::move(loaded.error()));
  std::shared_ptr<RunHost> host = std::move(*loaded);
  const std::string run = to_string(host->run());
  if (inner_->is_closing)
    return fail(Failure::unavailable,
                "the workspace's owner is ending: `flywheel run --resume " + run + "` goes on");
  std::erase_if(inner_->hosts, [&](const auto& entry) {
    const bool has_ended = entry.second->has_ended();
    if (has_ended) ended.push_back(entry.second);
    return has_ended;
  });
  if (!inner_->hosts.try_emplace(host->run(), host).second) return fail(under_way(host->run()));
  host->start();
  return host;
}

Result<std::shared_ptr<RunHost>> Node::submit(ExperimentSpec spec, Checkpoint checkpoint) {
  FLYWHEEL_TRY_VOID(reserve(std::nullopt));
  return adopt(std::nullopt,
               RunHost::create(inner_->services, std::move(spec), std::move(checkpoint)));
}

Result<std::shared_ptr<RunHost>> Node::resume(RunId run) {
  FLYWHEEL_TRY_VOID(reserve(run));
  return adopt(run, RunHost::resume(inner_->services, run));
}

bool Node::close_when_idle() {
  const std::lock_guard lock{inner_->mutex};
  const bool is_idle =
      inner_->starting_count == 0 && std::ranges::all_of(inner_->hosts, [](const auto& entry) {
        return entry.second->has_ended();
      });
  if (is_idle) inner_->is_closing = true;
  return is_idle;
}

std::shared_ptr<RunHost> Node::find(RunId run) {
  const std::lock_guard lock{inner_->mutex};
  const auto found = inner_->hosts.find(run);
  if (found == inner_->hosts.end()) return nullptr;
  return found->second->has_ended() ? nullptr : found->second;
}

std::vector<std::shared_ptr<RunHost>> Node::hosts() {
  const std::lock_guard lock{inner_->mutex};
  std::vector<std::shared_ptr<RunHost>> hosts;
  for (const auto& [run, host] : inner_->hosts) hosts.push_back(host);
  return hosts;
}

const Services& Node::services() const {
  return inner_->services;
}
Api& Node::api() {
  return *inner_->api;
}

}  // namespace flywheel
