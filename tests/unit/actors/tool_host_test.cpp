// The tool host by itself: sessions, bounds, and worker threads that do not hold anyone up.
#include "actors/tool_host.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <doctest/doctest.h>

#include "actors/actor_system.hpp"
#include "runtime/system/request.hpp"
#include "runtime/system/shutdown.hpp"
#include "runtime/tasks/one_line_functions.hpp"
#include "runtime/tools/tool_session.hpp"
#include "tests/support/deterministic_system.hpp"
#include "tests/support/run_fixture.hpp"
#include "tests/support/scripted_bench.hpp"

namespace flywheel::testing {
namespace {

using namespace std::chrono_literals;

// Stands in for `python`, the tool that the tasks of the lab allow.
std::shared_ptr<const Tool> slow_tool(std::function<void()> act) {
  class SlowTool final : public Tool {
   public:
    explicit SlowTool(std::function<void()> act) : act_(std::move(act)) { spec_.name = "python"; }
    const ToolSpec& spec() const override { return spec_; }
    ToolLimits limits() const override { return {}; }
    ToolResult run(const Json&, ToolSession& session) const override {
      (void)session.workbench();
      act_();
      return {.text = "done"};
    }

   private:
    ToolSpec spec_{};
    std::function<void()> act_;
  };
  return std::make_shared<SlowTool>(std::move(act));
}

struct HostLab {
  RunFixture run{};
  BenchScript bench{};
  ToolHostConfig config{};

  explicit HostLab(std::function<void()> act) {
    run.context->family = *open_task_family("one_line_functions", {{"tools", true}});
    run.context->toolbox = std::make_shared<Toolbox>(
        std::vector<std::shared_ptr<const Tool>>{slow_tool(std::move(act))});
    config.make_workbench = [this](const TaskSetting&) {
      return Result<std::unique_ptr<Workbench>>{std::make_unique<ScriptedBench>(bench)};
    };
  }

  RunTools request(std::uint64_t conversation) const {
    RunTools tools;
    tools.conversation = derive_id<RolloutId>(run.context->run, conversation);
    tools.task = *run.context->family->make_task(split_train, 0, 1);
    tools.calls.resize(1);
    tools.calls[0].name = "python";
    return tools;
  }
};

// Opened once, by the test; who waits before is held.
class Latch {
 public:
  void open() {
    const std::lock_guard lock{mutex_};
    is_open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock{mutex_};
    CHECK(changed_.wait_for(lock, 20s, [this] { return is_open_; }));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = false;
};

}  // namespace

TEST_SUITE("actors/tool_host") {
  TEST_CASE("a call that hangs holds up its own conversation only, and stopping ends it") {
    Latch latch;
    std::atomic<int> calls = 0;
    HostLab lab{[&] {
      if (++calls == 1) latch.wait();
    }};
    ActorSystemConfig system_config;
    caf::actor_system system{system_config};
    const auto host = spawn_tool_host(system, lab.run.context, lab.config, Placement::own_thread);
    caf::scoped_actor hung{system};
    auto pending = hung->request(host, 30s, lab.request(1));
    while (calls == 0) std::this_thread::sleep_for(1ms);

    const auto other = ask_and_wait<ToolsRan>(system, lab.run.waits, host,
                                              {"another call", "ToolHost", 10s}, lab.request(2));
    const auto again = ask_and_wait<ToolsRan>(
        system, lab.run.waits, host, {"the same conversation", "ToolHost", 10s}, lab.request(1));

    REQUIRE(other);
    CHECK(other->results[0].text == "done");
    CHECK(again.error().message.find("still runs") != std::string::npos);
    latch.open();
    pending.receive([](ToolsRan& ran) { CHECK(ran.results[0].text == "done"); },
                    [](caf::error&) { FAIL("the hung call was not answered"); });
    CHECK(stop_actors(system, {caf::actor_cast<caf::actor>(host)}, 10s) == 0);
    CHECK(lab.bench.alive_count == 0);
  }

  TEST_CASE("more conversations than can have a container are refused, idle ones make room") {
    HostLab lab{[] {}};
    lab.config.threads = 0;
    lab.config.sessions_max = 2;
    DeterministicSystem system;
    const auto host =
        spawn_tool_host(system.system, lab.run.context, lab.config, Placement::shared);

    CHECK(system.ask<ToolsRan>(host, lab.request(1)));
    CHECK(system.ask<ToolsRan>(host, lab.request(2)));
    CHECK(system.ask<ToolsRan>(host, lab.request(3)).error().failure ==
          Failure::resource_exhausted);
    CHECK(system.ask<ToolsRan>(host, lab.request(1)));
    CHECK(lab.bench.alive_count == 2);
    lab.run.clock.advance(lab.config.session_idle_max + 1s);
    CHECK(system.ask<ToolsRan>(host, lab.request(3)));
    CHECK(lab.bench.alive_count == 1);
    caf::anon_send(host, EndToolSession{lab.request(3).conversation});
    system.run();
    CHECK(lab.bench.alive_count == 0);
  }

  TEST_CASE("a full queue refuses one more turn at once") {
    Latch latch;
    HostLab lab{[&] { latch.wait(); }};
    lab.config.threads = 1;
    lab.config.queue_max = 1;
    ActorSystemConfig system_config;
    caf::actor_system system{system_config};
    const auto host = spawn_tool_host(system, lab.run.context, lab.config, Placement::own_thread);
    caf::scoped_actor first{system};
    caf::scoped_actor second{system};
    auto running = first->request(host, 30s, lab.request(1));
    while (lab.bench.made_count == 0) std::this_thread::sleep_for(1ms);
    auto waiting = second->request(host, 30s, lab.request(2));

    const auto third = ask_and_wait<ToolsRan>(system, lab.run.waits, host,
                                              {"a third", "ToolHost", 10s}, lab.request(3));

    CHECK(third.error().failure == Failure::resource_exhausted);
    latch.open();
    running.receive([](ToolsRan&) {}, [](caf::error&) { FAIL("the first was refused"); });
    waiting.receive([](ToolsRan&) {}, [](caf::error&) { FAIL("the second was refused"); });
    CHECK(stop_actors(system, {caf::actor_cast<caf::actor>(host)}, 10s) == 0);
  }
}

}  // namespace flywheel::testing
