// The routes of the container service, and what their handlers have in common. Internal to
// actors/caas.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <tl/expected.hpp>

#include "actors/caas/caas_state.hpp"
#include "runtime/net/http_server.hpp"

namespace flywheel {

void add_snapshot_routes(HttpServer& server, CaasState& state);
void add_container_routes(HttpServer& server, CaasState& state);
void add_exec_routes(HttpServer& server, CaasState& state);
void add_file_routes(HttpServer& server, CaasState& state);
void add_session_routes(HttpServer& server, CaasState& state);

using CaasHandle = void (*)(CaasState&, const HttpRequest&, const Responder&);
HttpHandler with_state(CaasState& state, CaasHandle handle);

// An error as an answer: a bound that was reached has a Retry-After, a container that does not run
// is a conflict (409), or gone (410) where it has ended.
HttpResponse refusal(const Error& error);
// What a trajectory tells, as it was answered then: a refusal as one.
HttpResponse replayed(const Json& logged, int status = 200);

using LiveOrRefusal = tl::expected<std::shared_ptr<LiveContainer>, HttpResponse>;
using RecordOrRefusal = tl::expected<ContainerRecord, HttpResponse>;

// The container that the path names by {id}, if this person may do that to it.
RecordOrRefusal asked_record(CaasState& state, const HttpRequest& request, Verb verb);
// The same, and it lives: else 410 says how it ended.
LiveOrRefusal asked_live(CaasState& state, const HttpRequest& request, Verb verb);

// Whether this person may use that snapshot: not_found where not, as where there is none.
Result<SnapshotFacts> asked_snapshot(CaasState& state, const Principal& principal,
                                     const std::string& name, Verb verb);

// Its box: 409 while it is created, paused or ended.
tl::expected<std::shared_ptr<Container>, HttpResponse> running_box(CaasState& state,
                                                                   const LiveContainer& live);

// Does blocking work on a worker and answers with what comes of it (nothing: somebody else
// answers); 429 where all are busy.
void answer_later(CaasState& state, const Responder& responder,
                  std::function<std::optional<HttpResponse>()> work);

// A number of the query; nothing where it is no number.
std::optional<std::uint64_t> query_number(const HttpRequest& request, std::string_view name,
                                          std::uint64_t otherwise);

// Goes on once the container can take a request of that kind: at once, after the log of a replay
// has answered in its place (`answered`), or after its box was made (on a worker).
void when_ready(CaasState& state, const std::shared_ptr<LiveContainer>& live, std::string_view kind,
                const Json& logged, const Responder& responder,
                const std::function<void(const Json&)>& answered, std::function<void()> go_on);

std::uint64_t wall_ms(const CaasState& state);

}  // namespace flywheel
