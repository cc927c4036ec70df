// Births make containers: admitted, recorded as `creating`, then given a box on a worker.
//
//   request ─▶ quota, record (with its idempotency key: durable) ─▶ worker: box, files, main
//   command ─▶ running ─▶ done
//
// Guarantees: done() is called once, after every container of the request runs or has failed; a
//             key that was used before gives the containers of then, and makes none.
// Threads:    any; done() runs on a worker, the commit thread or the caller's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actors/caas/caas_state.hpp"
#include "actors/caas/container_request.hpp"

namespace flywheel {

struct Birth {
  ContainerRecord record{};
  std::function<Result<std::shared_ptr<Container>>()> make{};  // none: it stands on a replay
  std::unique_ptr<ReplayState> replay{};
  std::shared_ptr<const std::vector<FileUpload>> files{};  // of all births of a request
  std::vector<std::string> command{};
};

struct Born {
  std::vector<ContainerRecord> records{};
  std::optional<Error> error{};  // the first container's that failed
  bool is_repeated = false;      // by its idempotency key
  bool is_unstored = false;      // the key could not be stored: nothing was made
};

struct IdempotencyKey {
  std::string key{};  // empty: none
  Hash128 request{};  // of the body
};

using BornDone = std::function<void(Result<Born>)>;

// A record that begins now.
ContainerRecord new_record(const CaasState& state, const ContainerRequest& request,
                           std::string owner);

// All births have one owner. resource_exhausted: a bound; already_exists: the key came with another
// body.
void bear(CaasState& state, std::vector<Birth> births, const IdempotencyKey& key, BornDone done);

}  // namespace flywheel
