// Api answers what subcommands and HTTP clients ask of a workspace: one implementation, whether its
// owner lives (over the unix socket) or not (the subcommand opens the stores itself).
//
//   GET  /v1/runs                     GET  /v1/runs/RUN              POST /v1/runs {"spec"} or
//   {"resume"} GET  /v1/runs/RUN/rollouts        GET  /v1/runs/RUN/metrics      POST
//   /v1/runs/RUN/stop GET  /v1/runs/RUN/evaluations[/NAME]   GET /v1/runs/RUN/events (server-sent)
//   GET  /v1/waits   GET /v1/checkpoints   GET,POST /v1/votes        GET  /metrics   GET /healthz
//
// Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "actors/services.hpp"
#include "runtime/base/json.hpp"
#include "runtime/net/http_client.hpp"
#include "runtime/net/http_server.hpp"

namespace flywheel {

class Node;

class Api {
 public:
  Api(const Services& services, Node* node) : services_(services), node_(node) {}

  // `target` is a path with its query, for example "/v1/runs?limit=10"; not_found names it.
  Result<Json> get(std::string_view target);
  Result<Json> post(std::string_view target, const Json& body);

  void add_routes(HttpServer& server);

 private:
  Result<Json> runs() const;
  Result<Json> run(RunId id) const;
  Result<Json> rollouts(RunId id, const NamedValues& query) const;
  Result<Json> metrics(RunId id) const;
  Result<Json> evaluations(RunId id, std::string_view name) const;
  Result<Json> waits() const;
  Result<Json> checkpoints() const;
  Result<Json> votes() const;
  Result<Json> start_run(const Json& body);
  Result<Json> stop_run(RunId id);
  Result<Json> add_vote(const Json& body);
  void stream_events(const HttpRequest& request, const Responder& responder);

  Services services_;
  Node* node_;
};

}  // namespace flywheel
