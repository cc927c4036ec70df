// Snapshots: the kept files of containers, listed and removed. They belong to whoever owned the
// container; to others they are not there.
#include <fmt/format.h>

#include "actors/caas/caas_routes.hpp"

namespace flywheel {
namespace {

Json snapshot_json(const SnapshotFacts& facts) {
  return {{"id", facts.name},
          {"object", "snapshot"},
          {"image", facts.image},
          {"bytes", facts.size_bytes},
          {"files", facts.file_count}};
}

void list(CaasState& state, const HttpRequest& request, const Responder& responder) {
  Json data = Json::array();
  for (const SnapshotFacts& facts : state.host->snapshots())
    if (authorise(request.principal, Verb::read, Object::item(ObjectKind::container, facts.owner)))
      data.push_back(snapshot_json(facts));
  responder.json({{"object", "list"}, {"has_more", false}, {"data", std::move(data)}});
}

void remove(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const std::string name{request.parameter("name")};
  const auto facts = asked_snapshot(state, request.principal, name, Verb::remove);
  if (!facts) return void(responder.send(refusal(facts.error())));
  answer_later(state, responder, [&state, name] {
    const auto removed = state.host->remove_snapshot(name);
    if (!removed && removed.error().failure == Failure::unavailable)
      return error_response(409, removed.error().message, "snapshot_in_use");
    return removed
               ? json_response({{"id", name}, {"object", "snapshot.deleted"}, {"deleted", true}})
               : refusal(removed.error());
  });
}

}  // namespace

Result<SnapshotFacts> asked_snapshot(CaasState& state, const Principal& principal,
                                     const std::string& name, Verb verb) {
  auto facts = state.host->snapshot(name);
  if (facts && authorise(principal, verb, Object::item(ObjectKind::container, facts->owner)))
    return facts;
  return fail(Failure::not_found, "snapshot '" + name + "' is unknown");
}

void add_snapshot_routes(HttpServer& server, CaasState& state) {
  server.add({.method = "GET",
              .pattern = "/v1/snapshots",
              .verb = Verb::list,
              .object = ObjectKind::container,
              .handler = with_state(state, list)});
  server.add({.method = "DELETE",
              .pattern = "/v1/snapshots/{name}",
              .verb = Verb::remove,
              .object = ObjectKind::container,
              .handler = with_state(state, remove)});
}

}  // namespace flywheel
