// A node that closes: who follows its runs hears of it, and no run is taken that would be lost.
#include "actors/node.hpp"

#include <future>
#include <thread>
#include <utility>

#include <doctest/doctest.h>

#include "actors/model_location.hpp"
#include "runtime/learning/algorithm.hpp"
#include "runtime/net/http_client.hpp"
#include "tests/unit/storage/temporary_folder.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

constexpr auto endless_spec_text = R"(name: endless
task: {family: structured_requests, tasks_per_step: 2, samples_per_task: 4}
model: {path: tiny, context_length: 256}
data: {train_tasks: 20, held_out_tasks: 2}
sampling: {tokens_max: 16}
budget: {steps: 1000000, disk_gib_min: 0.001}
evaluation: {samples_per_task: 1}
compute: {threads: 1}
)";

ExperimentSpec endless_spec() {
  auto spec = parse_experiment_spec(endless_spec_text, "spec", algorithm_table());
  REQUIRE(spec);
  return *spec;
}

std::unique_ptr<Node> open_node(const TemporaryFolder& folder) {
  auto node = Node::open({.home = folder.path() / "home", .free_bytes_min = 1});
  REQUIRE(node);
  return std::move(*node);
}

std::shared_ptr<RunHost> begin_run(Node& node) {
  auto checkpoint = load_named_checkpoint("tiny");
  REQUIRE(checkpoint);
  auto host = node.submit(endless_spec(), std::move(*checkpoint));
  REQUIRE(host);
  return *host;
}

Failure submitted(Node& node, ExperimentSpec spec) {
  auto checkpoint = load_named_checkpoint("tiny");
  REQUIRE(checkpoint);
  const auto host = node.submit(std::move(spec), std::move(*checkpoint));
  return host ? Failure::none : host.error().failure;
}

Failure resumed(Node& node, RunId run) {
  const auto host = node.resume(run);
  return host ? Failure::none : host.error().failure;
}

bool has_ended_within(const RunHost& host, std::chrono::seconds time_max) {
  const auto end = std::chrono::steady_clock::now() + time_max;
  FeedCursor cursor;
  while (std::chrono::steady_clock::now() < end)
    if (host.feed()->next(cursor, 100ms).outcome) return true;
  return false;
}

}  // namespace

TEST_SUITE("actors/node") {
  TEST_CASE("who follows a run hears how it ended when the node closes") {
    TemporaryFolder folder;
    auto node = open_node(folder);
    const std::string target = "/v1/runs/" + to_string(begin_run(*node)->run()) + "/events";
    const auto owner = Endpoint::unix_socket(node->services().workspace->socket_path().string());
    std::promise<void> attached;
    bool is_attached = false;
    std::string ended;
    std::thread follower{[&] {
      HttpClient client{owner};
      const auto read = client.read_events({.target = target}, 60s, [&](const ServerEvent& event) {
        if (!std::exchange(is_attached, true)) attached.set_value();
        if (event.type == "ended") ended = event.data;
        return event.type != "ended";
      });
      CHECK(read);
    }};
    CHECK(attached.get_future().wait_for(60s) == std::future_status::ready);

    node.reset();

    follower.join();
    CHECK(ended.find("\"interrupted\"") != std::string::npos);
    CHECK(ended.find("the node is shutting down") != std::string::npos);
  }

  TEST_CASE("a node closes to runs only while none is under way, and then takes none") {
    TemporaryFolder folder;
    const auto node = open_node(folder);
    const auto host = begin_run(*node);

    CHECK(!node->close_when_idle());
    CHECK(resumed(*node, host->run()) == Failure::already_exists);

    host->stop("enough");
    REQUIRE(has_ended_within(*host, 60s));
    CHECK(node->close_when_idle());
    CHECK(submitted(*node, endless_spec()) == Failure::unavailable);
    CHECK(resumed(*node, host->run()) == Failure::unavailable);
    CHECK(node->services().ledger->runs().size() == 1);
  }

  TEST_CASE("a run that needs more disk than is free is neither begun nor gone on with") {
    TemporaryFolder folder;
    const auto node = open_node(folder);
    LedgerStore& ledger = *node->services().ledger;
    ExperimentSpec large = endless_spec();
    large.budget.disk_gib_min = 1e300;

    CHECK(submitted(*node, large) == Failure::resource_exhausted);
    CHECK(ledger.runs().empty());

    RunRecord record = begin_run(*node)->record();
    record.id = make_id<RunId>(system_clock());
    record.spec_text = resolved_spec_text(large);
    REQUIRE(ledger.create_run(record));
    CHECK(resumed(*node, record.id) == Failure::resource_exhausted);
  }
}

}  // namespace flywheel
