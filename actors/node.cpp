#include "actors/node.hpp"

#include <csignal>
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
  std::map<RunId, std::unique_ptr<RunHost>> hosts;
  std::set<RunId> starting;                    // loaded by someone, not yet among the hosts
  std::vector<std::unique_ptr<RunHost>> past;  // ended, and their runs were resumed
  std::unique_ptr<Api> api;
  std::unique_ptr<HttpServer> server;
};

Node::Node(std::unique_ptr<Inner> inner) : inner_(std::move(inner)) {}

Node::~Node() {
  if (inner_->server) inner_->server->stop();
  inner_->server.reset();
  {
    const std::lock_guard lock{inner_->mutex};
    for (auto& [run, host] : inner_->hosts) host->stop("the node is shutting down");
  }
  inner_->hosts.clear();
  inner_->past.clear();
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
  inner->checkpoints = std::make_unique<CheckpointIndex>(store, config.home);
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

Result<RunHost*> Node::adopt(std::unique_ptr<RunHost> host) {
  const std::lock_guard lock{inner_->mutex};
  auto& place = inner_->hosts[host->run()];
  if (place && !place->has_ended()) return fail(under_way(host->run()));
  if (place) inner_->past.push_back(std::move(place));  // someone may still look at it
  place = std::move(host);
  place->start();
  return place.get();
}

// One caller at a time loads a run: the hosts of two would write the same rollouts.
Result<> Node::reserve(RunId run) {
  const std::lock_guard lock{inner_->mutex};
  const auto found = inner_->hosts.find(run);
  const bool is_alive = found != inner_->hosts.end() && !found->second->has_ended();
  if (is_alive || !inner_->starting.insert(run).second) return fail(under_way(run));
  return {};
}

Result<RunHost*> Node::submit(ExperimentSpec spec, Checkpoint checkpoint) {
  FLYWHEEL_TRY(auto host,
               RunHost::create(inner_->services, std::move(spec), std::move(checkpoint)));
  return adopt(std::move(host));
}

Result<RunHost*> Node::resume(RunId run) {
  FLYWHEEL_TRY_VOID(reserve(run));
  auto loaded = RunHost::resume(inner_->services, run);
  Result<RunHost*> adopted = loaded ? adopt(std::move(*loaded)) : fail(std::move(loaded.error()));
  const std::lock_guard lock{inner_->mutex};
  inner_->starting.erase(run);
  return adopted;
}

RunHost* Node::find(RunId run) {
  const std::lock_guard lock{inner_->mutex};
  const auto found = inner_->hosts.find(run);
  if (found == inner_->hosts.end()) return nullptr;
  return found->second->has_ended() ? nullptr : found->second.get();
}

std::vector<RunHost*> Node::hosts() {
  const std::lock_guard lock{inner_->mutex};
  std::vector<RunHost*> hosts;
  for (auto& [run, host] : inner_->hosts) hosts.push_back(host.get());
  return hosts;
}

const Services& Node::services() const {
  return inner_->services;
}
Api& Node::api() {
  return *inner_->api;
}

}  // namespace flywheel
