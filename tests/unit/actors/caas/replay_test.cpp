// Trajectories and what stands on them, with boxes that only note what they are asked for.
#include "actors/caas/replay.hpp"

#include <doctest/doctest.h>

#include "actors/caas/container_view.hpp"
#include "actors/caas/logged_exec.hpp"
#include "storage/memory_store.hpp"

using namespace flywheel;
using namespace std::chrono_literals;

namespace {

class NotingBox final : public Container {
 public:
  const std::string& id() const override { return id_; }
  const SandboxSpec& spec() const override { return spec_; }
  ContainerState state() const override { return ContainerState::running; }
  std::string reason() const override { return {}; }
  Result<ExecResult> run(const ExecSpec& spec) override {
    done.push_back(spec.command.at(0));
    return ExecResult{.end = ExecEnd::exited, .exit_code = 0};
  }
  Result<std::shared_ptr<Exec>> start(const ExecSpec&, ExecObserver) override {
    return std::make_shared<LoggedExec>(ExecResult{});
  }
  Result<> put_file(const std::string& path, std::string_view, std::uint32_t) override {
    done.push_back("put " + path);
    return fail(Failure::not_found, "no such folder");
  }
  Result<std::string> get_file(const std::string&, std::uint64_t, std::size_t,
                               std::uint64_t*) override {
    return fail(Failure::not_found, "no file");
  }
  Result<FileEntry> stat_file(const std::string&) override { return FileEntry{}; }
  Result<std::vector<FileEntry>> list_files(const std::string&) override {
    return std::vector<FileEntry>{};
  }
  Result<> make_folder(const std::string&) override { return {}; }
  Result<> remove_file(const std::string&) override { return {}; }
  Result<> pause() override { return {}; }
  Result<> resume() override { return {}; }
  Result<std::string> snapshot(const std::string&) override { return std::string{"snap"}; }
  Result<std::shared_ptr<Container>> fork() override { return fail(Failure::unavailable, "no"); }
  Result<ContainerStats> stats() override { return ContainerStats{}; }
  void kill(ContainerState, const std::string&) override {}

  std::vector<std::string> done{};

 private:
  const std::string id_ = "box_1";
  const SandboxSpec spec_{};
};

class NotingHost final : public SandboxHost {
 public:
  explicit NotingHost(std::shared_ptr<NotingBox> box) : box_(std::move(box)) {}
  Result<std::shared_ptr<Container>> create(const SandboxSpec&) override { return box_; }
  const SandboxFacts& facts() const override { return facts_; }
  std::size_t container_count() const override { return 0; }
  std::vector<std::string> images() const override { return {"host"}; }
  std::vector<SnapshotFacts> snapshots() const override { return {}; }
  Result<SnapshotFacts> snapshot(const std::string&) const override {
    return fail(Failure::not_found, "no snapshot");
  }
  Result<> remove_snapshot(const std::string&) override { return {}; }
  void on_container_end(std::function<void(const std::string& id)>) override {}

 private:
  const std::shared_ptr<NotingBox> box_;
  const SandboxFacts facts_{};
};

CaasConfig config_of(CaasLimits limits) {
  return {.limits = limits};
}

struct Lab {
  explicit Lab(const CaasLimits& limits = {})
      : state(config_of(limits), std::make_unique<MemoryStore>(), std::make_unique<NotingHost>(box),
              metrics) {}
  ~Lab() {
    state.replays.stop();
    state.workers.stop();
    state.enders.stop();
  }
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  std::shared_ptr<LiveContainer> running(const std::shared_ptr<Container>& with = nullptr) {
    ContainerRecord record;
    record.id = make_id<ContainerId>(state.clock);
    record.spec = Json::object();
    WriteBatch batch;
    REQUIRE(state.table.admit({record}, batch));
    REQUIRE(state.table.become_running(record.id, with));
    return state.table.find(record.id);
  }
  void log(LiveContainer& live, std::string kind, const Json& request, const Json& result) {
    state.execs.log(live, state.execs.next_command(live), {1, std::move(kind), request, result});
  }
  std::vector<CommandRecord> commands(const LiveContainer& live) {
    const auto found = state.store.commands(live.id, 0, 1000);
    REQUIRE(found);
    return *found;
  }

  Metrics metrics{};
  std::shared_ptr<NotingBox> box = std::make_shared<NotingBox>();
  CaasState state;
};

ExecRequest request_of(std::string command) {
  ExecRequest request;
  request.spec.command = {std::move(command)};
  return request;
}

Json request_json(std::string command) {
  return request_of(std::move(command)).logged_json();
}

Json done_json() {
  return logged_result({.end = ExecEnd::exited, .exit_code = 0});
}

std::size_t count_of(const Result<std::unique_ptr<ReplayState>>& replay) {
  REQUIRE(replay.has_value());
  return (*replay)->commands->size();
}

}  // namespace

TEST_SUITE("actors/caas/replay") {
  TEST_CASE("commands and environments count in a trajectory, whose end says that it is full") {
    Lab lab{{.log_bytes_max = 1 << 20}};
    const auto live = lab.running();
    Json request = request_json("true");
    request["env"] = {"A=" + std::string(60'000, 'x')};

    for (int i = 0; i < 300; ++i) lab.log(*live, "exec", request, done_json());

    const auto kept = lab.commands(*live);
    REQUIRE(kept.size() == 18);
    CHECK(kept[16].kind == "exec");
    CHECK(kept[17].kind == "log_full");
    CHECK(count_of(load_replay(lab.state, live->id)) == 17);
  }

  TEST_CASE("a replay takes of a trajectory what one may hold, however large it is") {
    Lab lab{{.log_bytes_max = 100'000}};
    const auto live = lab.running();
    WriteBatch batch;  // as a version that counted less has left it
    for (std::uint64_t number = 0; number < 20; ++number)
      ContainerStore::put_command(batch, live->id, number,
                                  {1, "exec", request_json(std::string(9'000, 'x')), done_json()});
    REQUIRE(lab.state.store.write(batch));

    CHECK(count_of(load_replay(lab.state, live->id)) == 10);
  }

  TEST_CASE("replays are bounded together with the output of commands, until they are let go") {
    Lab lab{{.output_bytes_max = 250'000}};
    const auto live = lab.running();
    lab.log(*live, "exec", request_json(std::string(100'000, 'x')), done_json());

    auto first = load_replay(lab.state, live->id);
    const auto second = load_replay(lab.state, live->id);
    const auto third = load_replay(lab.state, live->id);
    REQUIRE(first.has_value());
    REQUIRE(second.has_value());
    REQUIRE(!third.has_value());
    CHECK(third.error().failure == Failure::resource_exhausted);
    CHECK(third.error().message.find("come back") != std::string::npos);
    first->reset();
    CHECK(load_replay(lab.state, live->id).has_value());
  }

  TEST_CASE("what was refused the first time is not done when commands run again") {
    Lab lab;
    const auto source = lab.running();
    const Json put{{"path", "/no/a"}, {"mode", 0644}, {"bytes", ""}};
    lab.log(*source, "exec", request_json("one"), done_json());
    lab.log(*source, "put_file", put, logged_refusal({Failure::not_found, "no such folder"}));
    lab.log(*source, "exec", request_json("two"), {{"error", "as an older version wrote it"}});
    lab.log(*source, "exec", request_json("three"), done_json());
    const Json cut{{"path", "/tmp/cut"}, {"mode", 0644}, {"bytes", ""}};  // a part of it was left
    lab.log(*source, "put_file", cut, logged_refusal({Failure::resource_exhausted, "disk full"}));
    const auto live = lab.running();
    live->replay = *load_replay(lab.state, source->id);
    live->replay->next = 5;

    const auto made = materialise(lab.state, live);

    REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
    CHECK(lab.box->done == std::vector<std::string>{"one", "three", "put /tmp/cut"});
    CHECK(live->box == lab.box);
  }

  TEST_CASE("a refusal keeps its kind, and one without it is what was asked for") {
    const Error error{Failure::resource_exhausted, "full"};
    CHECK(is_refusal(logged_refusal(error)));
    CHECK(error_of_logged(logged_refusal(error)).failure == Failure::resource_exhausted);
    CHECK(error_of_logged(logged_refusal(error)).message == "full");
    CHECK(error_of_logged({{"error", "old"}}).failure == Failure::invalid_argument);
    CHECK(!is_refusal(done_json()));
    CHECK(!is_refusal({{"path", "/a"}, {"bytes", 1}}));
  }

  TEST_CASE("a trajectory counts up to open input, and to what came too late for its container") {
    Lab lab;
    ExecRequest open = request_of("cat");
    open.spec.keeps_input_open = true;
    const std::pair<const char*, Json> ends[] = {
        {open.logged_kind(), done_json()},
        {"exec", logged_refusal({Failure::cancelled, "it ended before"})}};

    for (const auto& [kind, result] : ends) {
      CAPTURE(kind);
      const auto live = lab.running();
      lab.log(*live, "exec", request_json("one"), done_json());
      lab.log(*live, kind, open.logged_json(), result);
      lab.log(*live, "exec", request_json("two"), done_json());
      CHECK(count_of(load_replay(lab.state, live->id)) == 1);
    }
    const auto live = lab.running();
    lab.log(*live, open.logged_kind(), open.logged_json(), done_json());
    const auto none = load_replay(lab.state, live->id);
    REQUIRE(!none.has_value());
    CHECK(none.error().message.find("stdin_open") != std::string::npos);
  }

  TEST_CASE("a streamed command counts what may wait for its client") {
    Lab lab{{.output_bytes_max = 2 * 14'000}};
    const auto live = lab.running(lab.box);
    ExecRequest streamed = request_of("sleep");
    streamed.is_streamed = true;
    streamed.spec.output_bytes_max = 1000;
    ExecRequest waited = streamed;
    waited.is_streamed = false;

    REQUIRE(lab.state.execs.begin(live, streamed, {}));
    for (int i = 0; i < 7; ++i) REQUIRE(lab.state.execs.begin(live, waited, {}));

    const auto more = lab.state.execs.begin(live, waited, {});
    REQUIRE(!more);
    CHECK(more.error().failure == Failure::resource_exhausted);
  }
}
