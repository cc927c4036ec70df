// Containers: create, list, get, delete, pause, resume, snapshot, fork, extend, stats, trajectory,
// replay; images.
#include <utility>

#include <fmt/format.h>

#include "actors/caas/births.hpp"
#include "actors/caas/body_fields.hpp"
#include "actors/caas/caas_routes.hpp"
#include "actors/caas/container_view.hpp"
#include "actors/caas/replay.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t create_body_bytes_max = 32 << 20;
constexpr std::size_t page_max = 1000;
constexpr std::uint64_t life_s_max = 7ULL * 24 * 3600;

Json list_json(const std::vector<ContainerRecord>& records, bool has_more = false,
               ContainerId last = {}) {
  Json data = Json::array();
  for (const ContainerRecord& record : records) data.push_back(container_json(record));
  return {{"object", "list"},
          {"first_id", data.empty() ? Json{} : data.front()["id"]},
          {"last_id", !last.is_nil() ? Json(to_string(last))
                      : data.empty() ? Json{}
                                     : data.back()["id"]},
          {"has_more", has_more},
          {"data", std::move(data)}};
}

// One container as itself, several as a list. Where the only one failed, its error.
BornDone answer_born(const Responder& responder, bool is_list) {
  return [responder, is_list](const Result<Born>& born) {
    if (!born) {
      responder.send(refusal(born.error()));
      return;
    }
    if (born->is_unstored) {
      responder.send(
          error_response(507, born->error->message, to_string(Failure::resource_exhausted)));
      return;
    }
    if (born->records.empty()) {
      responder.send(
          refusal({Failure::not_found,
                   "the containers of this Idempotency-Key are forgotten: use another"}));
      return;
    }
    const bool failed = born->error && born->records.size() == 1;
    if (failed && !is_list) {
      responder.send(refusal(*born->error));
      return;
    }
    HttpResponse response = json_response(
        is_list ? list_json(born->records) : container_json(born->records.at(0)), 201);
    if (born->is_repeated) {
      response.status = 200;
      response.headers.push_back({"idempotent-replayed", "true"});
    }
    responder.send(std::move(response));
  };
}

Result<Json> body_of(const HttpRequest& request) {
  return request.body.empty() ? Result<Json>{Json::object()} : parse_json_body(request.body);
}

// A key is for one request: the same body elsewhere (a fork of another container) is another one.
IdempotencyKey key_of(const HttpRequest& request) {
  return {std::string{request.header("idempotency-key")},
          hash_text(request.method + " " + request.path + "\n" + request.body)};
}

void create(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto body = body_of(request);
  if (!body) return void(responder.send(refusal(body.error())));
  auto asked = parse_container_request(*body);
  if (!asked) return void(responder.send(refusal(asked.error())));
  const CaasLimits& limits = state.config.limits;
  if (auto may =
          check_ceilings(asked->sandbox.limits, limits.memory_bytes_max, limits.disk_bytes_max);
      !may)
    return void(responder.send(refusal(may.error())));
  if (request.header("idempotency-key").size() > 255)
    return void(responder.send(
        refusal({Failure::invalid_input, "the Idempotency-Key is longer than 255 bytes"})));
  if (const std::string& name = asked->sandbox.snapshot; !name.empty())
    if (auto may = asked_snapshot(state, request.principal, name, Verb::read); !may)
      return void(responder.send(refusal(may.error())));
  const auto files = std::make_shared<const std::vector<FileUpload>>(std::move(asked->files));
  const auto spec = std::make_shared<const SandboxSpec>(asked->sandbox);
  std::vector<Birth> births(asked->count);
  for (Birth& birth : births) {
    birth.record = new_record(state, *asked, request.principal.name);
    birth.make = [&state, spec] { return state.host->create(*spec); };
    birth.files = files;
    birth.command = asked->command;
  }
  const bool is_list = body->contains("n");
  bear(state, std::move(births), key_of(request), answer_born(responder, is_list));
}

void list(CaasState& state, const HttpRequest& request, const Responder& responder) {
  ContainerTable::Filter filter;
  const bool sees_all =
      authorise(request.principal, Verb::list, Object::item(ObjectKind::container, "")).has_value();
  if (!sees_all) filter.owner = request.principal.name;
  filter.name = request.query_value("name");
  filter.label = request.query_value("label");
  filter.is_ascending = request.query_value("order") == "asc";
  const auto refuse = [&](std::string message) {
    responder.send(refusal({Failure::invalid_input, std::move(message)}));
  };
  if (const auto text = request.query_value("state"); !text.empty()) {
    const auto wanted = parse_container_state(text);
    if (!wanted) return refuse(wanted.error().message);
    filter.state = static_cast<int>(*wanted);
  }
  if (const auto text = request.query_value("after"); !text.empty()) {
    const auto after = parse_id<ContainerId>(text);
    if (!after) return refuse("after: " + after.error().message);
    filter.after = *after;
  }
  const auto limit = query_number(request, "limit", filter.limit);
  if (!limit || *limit == 0 || *limit > page_max)
    return refuse(fmt::format("limit: a whole number from 1 to {}", page_max));
  filter.limit = *limit;
  answer_later(state, responder, [&state, filter] {
    const auto page = state.table.list(filter);
    return page ? json_response(list_json(page->records, page->has_more, page->last))
                : refusal(page.error());
  });
}

void get(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto record = asked_record(state, request, Verb::read);
  responder.send(record ? json_response(container_json(*record)) : record.error());
}

void remove(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto record = asked_record(state, request, Verb::remove);
  if (!record) return void(responder.send(record.error()));
  const auto answer = [responder](const ContainerRecord& ended) {
    responder.json({{"id", to_string(ended.id)},
                    {"object", "container.deleted"},
                    {"deleted", true},
                    {"state", to_string(ended.state)},
                    {"reason", ended.reason}});
  };
  const EndCause cause{ContainerState::killed, "deleted", "somebody deleted it"};
  if (state.table.end(record->id, cause, answer)) return;
  if (const auto ended = state.table.record(record->id)) answer(*ended);
}

enum class Change : std::uint8_t { pause, resume, snapshot };

HttpResponse make_change(CaasState& state, const std::shared_ptr<LiveContainer>& live,
                         Change change) {
  std::shared_ptr<Container> box;
  {
    const std::lock_guard lock{state.table.mutex};
    box = live->box;
    const ContainerState wanted =
        change == Change::resume ? ContainerState::paused : ContainerState::running;
    if (!box || live->replay || live->record.state != wanted)
      return refusal(
          {Failure::cancelled, fmt::format("{} is {} and not {}", to_string(live->id),
                                           to_string(live->record.state), to_string(wanted))});
  }
  if (change == Change::snapshot) {
    CommandRecord command{wall_ms(state), "snapshot"};
    const std::uint64_t number = state.execs.next_command(*live);
    const std::string owner = state.table.record_of(*live).owner;
    auto name = [&] {
      const std::unique_lock lock{live->files_mutex};
      return box->snapshot(owner);
    }();
    command.result = name ? Json{{"snapshot", *name}} : logged_refusal(name.error());
    state.execs.log(*live, number, command);
    return name ? json_response({{"object", "snapshot"}, {"snapshot", *name}}, 201)
                : refusal(name.error());
  }
  auto outcome = change == Change::pause ? box->pause() : box->resume();
  if (!outcome) return refusal(outcome.error());
  state.table.set_paused(*live, change == Change::pause);
  return json_response(container_json(state.table.record_of(*live)));
}

HttpHandler change_handler(CaasState& state, Change change) {
  return [&state, change](HttpRequest request, Responder responder) {
    const auto live = asked_live(state, request, Verb::control);
    if (!live) return void(responder.send(live.error()));
    const auto go_on = [&state, live = *live, change, responder] {
      answer_later(state, responder,
                   [&state, live, change] { return make_change(state, live, change); });
    };
    if (change != Change::snapshot) return go_on();
    when_ready(
        state, *live, "snapshot", Json::object(), responder,
        [responder](const Json& logged) { responder.send(replayed(logged, 201)); }, go_on);
  };
}

void fork(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto live = asked_live(state, request, Verb::control);
  if (!live) return void(responder.send(live.error()));
  const auto body = body_of(request);
  if (!body) return void(responder.send(refusal(body.error())));
  BodyFields fields{*body, "request body"};
  const auto count = fields.number("n", 1, 1, 256);
  const std::string name = fields.text("name", "", 256);
  if (auto outcome = fields.finish(); !outcome)
    return void(responder.send(refusal(outcome.error())));
  const auto box = running_box(state, **live);
  if (!box) return void(responder.send(box.error()));
  std::vector<Birth> births(count);
  for (Birth& birth : births) {
    birth.record = state.table.record_of(**live);
    const std::uint64_t life_ms =
        birth.record.expires_ms == 0 ? 0 : birth.record.expires_ms - birth.record.created_ms;
    birth.record.id = make_id<ContainerId>(state.clock);
    birth.record.name = name;
    birth.record.owner = request.principal.name;
    birth.record.state = ContainerState::creating;
    birth.record.created_ms = birth.record.active_ms = birth.record.id.created_ms();
    birth.record.expires_ms = life_ms == 0 ? 0 : birth.record.created_ms + life_ms;
    birth.record.spec["forked_from"] = to_string((*live)->id);
    birth.record.spec["command"] = Json::array();
    birth.make = [from = *box, live = *live] {
      const std::unique_lock lock{live->files_mutex};
      return from->fork();
    };
  }
  bear(state, std::move(births), key_of(request), answer_born(responder, body->contains("n")));
}

void extend(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto live = asked_live(state, request, Verb::control);
  if (!live) return void(responder.send(live.error()));
  const auto body = body_of(request);
  if (!body) return void(responder.send(refusal(body.error())));
  BodyFields fields{*body, "request body"};
  const auto ttl_s = fields.number("ttl_s", 0, 1, life_s_max);
  if (fields.find("ttl_s") == nullptr) fields.refuse("ttl_s", "is missing: seconds from now on");
  if (auto outcome = fields.finish(); !outcome)
    return void(responder.send(refusal(outcome.error())));
  state.table.set_expiry(**live, wall_ms(state) + ttl_s * 1000);
  responder.json(container_json(state.table.record_of(**live)));
}

void stats(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto live = asked_live(state, request, Verb::read);
  if (!live) return void(responder.send(live.error()));
  answer_later(state, responder, [&state, live = *live] {
    std::shared_ptr<Container> box;
    {
      const std::lock_guard lock{state.table.mutex};
      box = live->box;
    }
    if (!box) return refusal({Failure::cancelled, to_string(live->id) + " has no processes yet"});
    const auto stats = box->stats();
    return stats ? json_response(stats_json(*stats)) : refusal(stats.error());
  });
}

void log(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto record = asked_record(state, request, Verb::read);
  if (!record) return void(responder.send(record.error()));
  const auto after = query_number(request, "after", 0);
  const auto limit = query_number(request, "limit", 100);
  if (!after || !limit || *limit == 0 || *limit > page_max)
    return void(responder.send(refusal(
        {Failure::invalid_input, "after and limit are whole numbers, limit from 1 to 1000"})));
  answer_later(state, responder, [&state, id = record->id, after = *after, limit = *limit] {
    const auto commands = state.store.commands(id, after, limit + 1);
    if (!commands) return refusal(commands.error());
    Json data = Json::array();
    for (const CommandRecord& command : *commands)
      if (data.size() < limit)
        data.push_back({{"kind", command.kind},
                        {"started_ms", command.started_ms},
                        {"request", command.request},
                        {"result", command.result}});
    return json_response(
        {{"object", "list"}, {"has_more", commands->size() > limit}, {"data", std::move(data)}});
  });
}

// {"container": ID, "name", "idle_s", "ttl_s"}: a new one that answers from the older one's log.
Result<Birth> replay_birth(CaasState& state, const ContainerRecord& source, const Json& body,
                           const Principal& principal) {
  BodyFields fields{body, "request body"};
  fields.find("container");
  if (source.spec.contains("forked_from"))
    return fail(Failure::invalid_argument, to_string(source.id) +
                                               " began as a fork: its trajectory does not say how "
                                               "its files came to be");
  FLYWHEEL_TRY(auto asked, parse_recorded_spec(source.spec));
  if (const std::string& snapshot = asked.sandbox.snapshot; !snapshot.empty())
    FLYWHEEL_TRY_VOID(asked_snapshot(state, principal, snapshot, Verb::read));
  asked.name = fields.text("name", source.name, 256);
  asked.idle_ms = fields.number("idle_s", source.idle_ms / 1000, 0, life_s_max) * 1000;
  asked.ttl_ms = fields.number("ttl_s", asked.ttl_ms / 1000, 0, life_s_max) * 1000;
  FLYWHEEL_TRY_VOID(fields.finish());
  if (!asked.command.empty())
    return fail(Failure::invalid_argument, "a container with a main command can't be replayed");
  Birth birth;
  FLYWHEEL_TRY(birth.replay, load_replay(state, source.id));
  birth.record = new_record(state, asked, principal.name);
  birth.record.spec["replays"] = {{"from", to_string(source.id)},
                                  {"commands", birth.replay->commands->size()}};
  return birth;
}

void replay(CaasState& state, const HttpRequest& asking, const Responder& responder) {
  HttpRequest request = asking;
  const auto body = body_of(request);
  if (!body) return void(responder.send(refusal(body.error())));
  const auto source = json_field<std::string>(*body, "container", "request body");
  if (!source) return void(responder.send(refusal(source.error())));
  request.parameters = {{"id", *source}};
  const auto record = asked_record(state, request, Verb::read);
  if (!record) return void(responder.send(record.error()));
  const auto work = [&state, record = *record, body = *body, request, responder] {
    auto birth = replay_birth(state, record, body, request.principal);
    if (!birth) return void(responder.send(refusal(birth.error())));
    std::vector<Birth> births;
    births.push_back(std::move(*birth));
    bear(state, std::move(births), key_of(request), answer_born(responder, false));
  };
  if (!state.workers.try_post(work))
    responder.send(
        refusal({Failure::resource_exhausted, "too many requests wait for a worker: come back"}));
}

void images(CaasState& state, const HttpRequest&, const Responder& responder) {
  answer_later(state, responder, [&state] {
    Json data = Json::array();
    for (const std::string& name : state.host->images())
      data.push_back({{"id", name}, {"object", "image"}});
    return json_response({{"object", "list"}, {"data", std::move(data)}});
  });
}

}  // namespace

void add_container_routes(HttpServer& server, CaasState& state) {
  const auto add = [&](std::string method, std::string pattern, Verb verb, CaasHandle handle) {
    server.add({.method = std::move(method),
                .pattern = std::move(pattern),
                .verb = verb,
                .object = ObjectKind::container,
                .handler = with_state(state, handle),
                .answer_time_max = 60s,
                .body_bytes_max = create_body_bytes_max});
  };
  add("POST", "/v1/containers", Verb::create, create);
  add("GET", "/v1/containers", Verb::list, list);
  add("POST", "/v1/containers/replay", Verb::create, replay);
  add("GET", "/v1/containers/{id}", Verb::read, get);
  add("DELETE", "/v1/containers/{id}", Verb::remove, remove);
  add("POST", "/v1/containers/{id}/fork", Verb::create, fork);
  add("POST", "/v1/containers/{id}/extend", Verb::control, extend);
  add("GET", "/v1/containers/{id}/stats", Verb::read, stats);
  add("GET", "/v1/containers/{id}/log", Verb::read, log);
  add("GET", "/v1/images", Verb::list, images);
  for (const auto& [name, change] : {std::pair{"pause", Change::pause},
                                     {"resume", Change::resume},
                                     {"snapshot", Change::snapshot}})
    server.add({.method = "POST",
                .pattern = std::string{"/v1/containers/{id}/"} + name,
                .verb = Verb::control,
                .object = ObjectKind::container,
                .handler = change_handler(state, change),
                .answer_time_max = 60s});
}

}  // namespace flywheel
