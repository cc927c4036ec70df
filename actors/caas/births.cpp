#include "actors/caas/births.hpp"

#include <utility>

#include "actors/caas/caas_routes.hpp"

namespace flywheel {
namespace {

// One request's containers, until all of them run or have failed.
struct Delivery {
  std::vector<Birth> births{};
  BornDone done{};
  SteadyTime started{};
  std::mutex mutex{};
  std::size_t left = 0;
  std::optional<Error> error{};
};

void finish_one(CaasState& state, const std::shared_ptr<Delivery>& delivery,
                std::optional<Error> error) {
  {
    const std::lock_guard lock{delivery->mutex};
    if (error && !delivery->error) delivery->error = std::move(error);
    if (--delivery->left > 0) return;
  }
  Born born;
  born.error = std::move(delivery->error);
  for (const Birth& birth : delivery->births)
    if (auto record = state.table.record(birth.record.id))
      born.records.push_back(std::move(*record));
  delivery->done(std::move(born));
}

Result<> furnish(CaasState& state, Birth& birth) {
  const ContainerId id = birth.record.id;
  const auto live = state.table.find(id);
  const auto ended = [&]() -> tl::unexpected<Error> {
    return fail(Failure::cancelled, to_string(id) + " was ended while it was created");
  };
  if (!live) return ended();
  std::shared_ptr<Container> box;
  if (birth.make) {
    FLYWHEEL_TRY(box, birth.make());
  } else {
    const std::lock_guard lock{state.table.mutex};
    live->replay = std::move(birth.replay);
  }
  if (birth.files)
    for (const FileUpload& file : *birth.files) {
      auto put = box->put_file(file.path, file.bytes, file.mode);
      if (put) continue;
      box->kill(ContainerState::failed, put.error().message);
      return put;
    }
  if (!state.table.become_running(id, box)) {
    if (box) box->kill(ContainerState::killed, "it was ended while it was created");
    return ended();
  }
  if (birth.command.empty()) return {};
  ExecRequest main{.is_detached = true};
  main.spec.command = birth.command;
  main.spec.wall_time_max = std::chrono::hours{24 * 7};  // its container's life ends it before
  FLYWHEEL_TRY(const auto started, state.execs.begin(live, main, {}, true));
  return {};
}

void deliver(CaasState& state, const std::shared_ptr<Delivery>& delivery) {
  for (Birth& each : delivery->births) {
    // The room was asked for before: what was admitted is not refused half-way.
    state.workers.post([&state, delivery, birth = &each] {
      auto outcome = furnish(state, *birth);
      if (outcome) {
        const std::chrono::duration<double> time = state.clock.steady_now() - delivery->started;
        state.create_seconds.observe(time.count());
        return finish_one(state, delivery, std::nullopt);
      }
      Error error = std::move(outcome.error());
      const EndCause cause{ContainerState::failed, "create_failed", error.message};
      const bool waits = state.table.end(birth->record.id, cause,
                                         [&state, delivery, error](const ContainerRecord&) {
                                           finish_one(state, delivery, error);
                                         });
      if (!waits) finish_one(state, delivery, error);
    });
  }
}

// The key would be forgotten, so that the client's next try would make the containers again.
void give_up(CaasState& state, const std::shared_ptr<Delivery>& delivery, const Error& why) {
  const Error error{Failure::resource_exhausted,
                    "the Idempotency-Key can't be stored, so nothing was made: " + why.message};
  for (const Birth& birth : delivery->births)
    state.table.end(birth.record.id, {ContainerState::failed, "create_failed", error.message});
  delivery->done(Born{.error = error, .is_unstored = true});
}

std::string scoped(const std::string& owner, const std::string& key) {
  return owner + '\0' + key;
}

Error other_body(const std::string& key) {
  return {Failure::already_exists,
          "the Idempotency-Key '" + key.substr(0, 80) + "' came with another body before"};
}

}  // namespace

ContainerRecord new_record(const CaasState& state, const ContainerRequest& request,
                           std::string owner) {
  ContainerRecord record;
  record.id = make_id<ContainerId>(state.clock);
  record.name = request.name;
  record.owner = std::move(owner);
  record.created_ms = record.active_ms = record.id.created_ms();
  record.expires_ms = request.ttl_ms == 0 ? 0 : record.created_ms + request.ttl_ms;
  record.idle_ms = request.idle_ms;
  record.spec = request.spec_json();
  return record;
}

void bear(CaasState& state, std::vector<Birth> births, const IdempotencyKey& key, BornDone done) {
  const std::string owner = births.front().record.owner;
  if (!key.key.empty()) {
    const std::lock_guard lock{state.keys_mutex};
    const auto under_way = state.keys_under_way.find(scoped(owner, key.key));
    if (under_way != state.keys_under_way.end()) {
      if (under_way->second != key.request) return done(fail(other_body(key.key)));
      return done(fail(Failure::already_exists,
                       "a request with this Idempotency-Key is under way: come back"));
    }
    if (const auto known = state.store.idempotency(owner, key.key)) {
      if (known->request != key.request) return done(fail(other_body(key.key)));
      Born born{.is_repeated = true};
      for (const ContainerId id : known->containers)
        if (auto record = state.table.record(id)) born.records.push_back(std::move(*record));
      return done(std::move(born));
    }
    state.keys_under_way.emplace(scoped(owner, key.key), key.request);
    done = [&state, name = scoped(owner, key.key), done = std::move(done)](Result<Born> born) {
      {
        const std::lock_guard erasing{state.keys_mutex};
        state.keys_under_way.erase(name);
      }
      done(std::move(born));
    };
  }
  if (!state.workers.has_room(births.size()))
    return done(
        fail(Failure::resource_exhausted, "too many requests wait for a worker: come back"));
  WriteBatch batch;
  std::vector<ContainerRecord> records;
  IdempotencyRecord used{.request = key.request, .created_ms = wall_ms(state)};
  for (const Birth& birth : births) {
    records.push_back(birth.record);
    used.containers.push_back(birth.record.id);
  }
  if (auto admitted = state.table.admit(records, batch); !admitted)
    return done(fail(std::move(admitted.error())));
  auto delivery = std::make_shared<Delivery>();
  delivery->left = births.size();
  delivery->births = std::move(births);
  delivery->done = std::move(done);
  delivery->started = state.clock.steady_now();
  if (key.key.empty()) {
    (void)state.store.write(batch);  // a disk that is full shows at the end, which is synced
    state.commit.note_buffered();
    return deliver(state, delivery);
  }
  ContainerStore::put_idempotency(batch, owner, key.key, used);
  state.commit.write(std::move(batch), [&state, delivery](const Result<>& written) {
    written ? deliver(state, delivery) : give_up(state, delivery, written.error());
  });
}

}  // namespace flywheel
