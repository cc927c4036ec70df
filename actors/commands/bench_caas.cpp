// flywheel bench caas: containers over HTTP, beside the same work without HTTP (the limit, from the
// same run) and beside bubblewrap, where it is installed.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/caas/caas.hpp"
#include "actors/commands/bench_cases.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/memory.hpp"
#include "runtime/net/http_client.hpp"
#include "runtime/net/http_server.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

using Call = std::function<Result<>()>;

struct Spread {
  double p50_ms = 0.0;
  double p99_ms = 0.0;
};

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

Spread spread_of(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() * 99 / 100]};
}

// `after` is done between two timed calls and not timed.
Result<Spread> timed(std::size_t count, const Call& call, const Call& after) {
  std::vector<double> times;
  for (std::size_t i = 0; i < count + count / 10; ++i) {
    const auto start = std::chrono::steady_clock::now();
    FLYWHEEL_TRY_VOID(call());
    if (i >= count / 10) times.push_back(milliseconds_since(start));  // the first ones warm up
    FLYWHEEL_TRY_VOID(after());
  }
  return spread_of(std::move(times));
}

// How often a second several threads get through `work`, which each makes for itself.
Result<double> rate_of(std::size_t thread_count, std::chrono::milliseconds time,
                       const std::function<Call()>& make_work) {
  std::atomic<std::uint64_t> count = 0;
  std::mutex mutex;
  Result<> outcome;
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  threads.reserve(thread_count);
  for (std::size_t i = 0; i < thread_count; ++i)
    threads.emplace_back([&] {
      const Call work = make_work();
      while (std::chrono::steady_clock::now() - start < time) {
        auto done = work();
        if (done) {
          ++count;
          continue;
        }
        const std::lock_guard lock{mutex};
        outcome = std::move(done);
        return;
      }
    });
  for (auto& thread : threads) thread.join();
  FLYWHEEL_TRY_VOID(std::move(outcome));
  return static_cast<double>(count) / milliseconds_since(start) * 1000.0;
}

// One client of the service.
class Client {
 public:
  explicit Client(std::uint16_t port) : http_(Endpoint::loopback(port)) {}

  Result<> create() {
    FLYWHEEL_TRY(const Json made, http_.post_json("/v1/containers", Json::object()));
    id_ = made.at("id").get<std::string>();
    return {};
  }
  Result<> exec(const Json& body) {
    FLYWHEEL_TRY(const Json done, http_.post_json("/v1/containers/" + id_ + "/exec", body));
    if (done.value("exit_code", Json{}) == 0) return {};
    return fail(Failure::internal, "a command of the bench failed: " + dump_json(done));
  }
  Result<> remove() { return remove(id_); }
  Result<> remove(const std::string& id) {
    FLYWHEEL_TRY(const auto reply,
                 http_.call({.method = "DELETE", .target = "/v1/containers/" + id}));
    if (reply.status == 200) return {};
    return fail(Failure::internal, "deleting a container of the bench: " + reply.body);
  }
  Result<std::string> fork() {
    FLYWHEEL_TRY(const Json made,
                 http_.post_json("/v1/containers/" + id_ + "/fork", Json::object()));
    return made.at("id").get<std::string>();
  }
  Result<std::vector<std::string>> create_many(std::size_t count) {
    FLYWHEEL_TRY(const Json made, http_.post_json("/v1/containers", {{"n", count}}, 60s));
    std::vector<std::string> ids;
    for (const Json& each : made.at("data")) {
      if (each.at("state") != "running")
        return fail(Failure::internal, "a container of the bench failed: " + dump_json(each));
      ids.push_back(each.at("id").get<std::string>());
    }
    return ids;
  }

 private:
  HttpClient http_;
  std::string id_;
};

// A command under bubblewrap with comparable confinement: every namespace, a fresh /proc and /dev.
Result<> run_bwrap(const std::vector<std::string>& command) {
  std::vector<std::string> words{"bwrap",     "--unshare-all", "--die-with-parent",
                                 "--ro-bind", "/usr",          "/usr",
                                 "--symlink", "usr/bin",       "/bin",
                                 "--symlink", "usr/lib",       "/lib",
                                 "--symlink", "usr/lib64",     "/lib64",
                                 "--proc",    "/proc",         "--dev",
                                 "/dev",      "--tmpfs",       "/work",
                                 "--chdir",   "/work",         "--"};
  words.insert(words.end(), command.begin(), command.end());
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t process = 0;
  const int error = posix_spawnp(&process, "bwrap", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail(Failure::not_found, "bubblewrap is not installed");
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(Failure::unavailable, "bubblewrap does not run on this machine");
}

const Json true_body{{"command", {"true"}}};
const Json python_body{{"python", "print(6 * 7)"}};

struct Bench {
  Caas& caas;
  std::uint16_t port;
  bool thorough;
  std::vector<BenchFigure> figures{};

  std::size_t count(std::size_t usual) const { return thorough ? 5 * usual : usual; }
  void add(std::string name, double value, std::string unit, bool is_higher_better,
           double limit = 0.0) {
    figures.push_back({std::move(name), value, std::move(unit), is_higher_better, limit});
  }

  Result<> latency();
  Result<> throughput();
  Result<> density();
  Result<> python();
  Result<> forks();
  void bubblewrap();
};

Result<> raw_run(Container& box, const ExecSpec& spec) {
  FLYWHEEL_TRY(const auto result, box.run(spec));
  if (result.end == ExecEnd::exited && result.exit_code == 0) return {};
  return fail(Failure::internal, "a command of the bench failed: " + result.error_output);
}

Result<> Bench::latency() {
  Client client{port};
  std::shared_ptr<Container> box;
  const auto raw = timed(
      count(200),
      [&]() -> Result<> {
        FLYWHEEL_TRY(box, caas.host().create({}));
        return raw_run(*box, {.command = {"true"}});
      },
      [&]() -> Result<> {
        box->kill(ContainerState::killed, "bench");
        return {};
      });
  if (!raw) return fail(raw.error());
  const auto served = timed(
      count(200),
      [&]() -> Result<> {
        FLYWHEEL_TRY_VOID(client.create());
        return client.exec(true_body);
      },
      [&] { return client.remove(); });
  if (!served) return fail(served.error());
  add("create_to_result_p50_ms", served->p50_ms, "ms", false, raw->p50_ms);
  add("create_to_result_p99_ms", served->p99_ms, "ms", false, raw->p99_ms);
  return {};
}

Result<> Bench::throughput() {
  const std::chrono::milliseconds time = thorough ? 20s : 4s;
  const auto raw = rate_of(4, time, [&]() -> Call {
    return [&]() -> Result<> {
      FLYWHEEL_TRY(const auto box, caas.host().create({}));
      FLYWHEEL_TRY_VOID(raw_run(*box, {.command = {"true"}}));
      box->kill(ContainerState::killed, "bench");
      return {};
    };
  });
  if (!raw) return fail(raw.error());
  const auto served = rate_of(8, time, [&]() -> Call {
    return [client = std::make_shared<Client>(port)]() -> Result<> {
      FLYWHEEL_TRY_VOID(client->create());
      FLYWHEEL_TRY_VOID(client->exec(true_body));
      return client->remove();
    };
  });
  if (!served) return fail(served.error());
  add("cycles_per_second", *served, "1/s", true, *raw);
  return {};
}

// What the machine has less for each idle container, the kernel's part included.
Result<> Bench::density() {
  constexpr std::size_t at_once = 250;
  constexpr std::size_t total = 2000;
  Client client{port};
  std::vector<std::string> ids;
  const double before = available_memory_bytes();
  while (ids.size() < total) {
    FLYWHEEL_TRY(const auto more, client.create_many(at_once));
    ids.insert(ids.end(), more.begin(), more.end());
  }
  std::this_thread::sleep_for(500ms);
  add("idle_bytes_per_container", (before - available_memory_bytes()) / static_cast<double>(total),
      "B", false);
  std::atomic<std::size_t> next = 0;
  const auto deleted = rate_of(4, 60s, [&]() -> Call {
    return [&, each = std::make_shared<Client>(port)]() -> Result<> {
      const std::size_t i = next++;
      return i < ids.size() ? each->remove(ids[i]) : fail(Failure::cancelled, "all are deleted");
    };
  });
  if (!deleted && deleted.error().failure != Failure::cancelled) return fail(deleted.error());
  return {};
}

Result<> Bench::python() {
  const auto nothing = []() -> Result<> { return {}; };
  Client client{port};
  FLYWHEEL_TRY_VOID(client.create());
  FLYWHEEL_TRY(const auto box, caas.host().create({}));
  const ExecSpec spec{.command = {"python3", "-c", "print(6 * 7)"}, .uses_zygote = true};
  const auto raw = timed(
      count(100), [&] { return raw_run(*box, spec); }, nothing);
  if (!raw) return fail(raw.error());
  const auto served = timed(
      count(100), [&] { return client.exec(python_body); }, nothing);
  if (!served) return fail(served.error());
  box->kill(ContainerState::killed, "bench");
  FLYWHEEL_TRY_VOID(client.remove());
  add("python_p50_ms", served->p50_ms, "ms", false, raw->p50_ms);
  const auto fresh = timed(
      count(100),
      [&]() -> Result<> {
        FLYWHEEL_TRY_VOID(client.create());
        return client.exec(python_body);
      },
      [&] { return client.remove(); });
  if (!fresh) return fail(fresh.error());
  add("python_in_fresh_container_p50_ms", fresh->p50_ms, "ms", false);
  return {};
}

Result<> Bench::forks() {
  Client client{port};
  FLYWHEEL_TRY_VOID(client.create());
  FLYWHEEL_TRY_VOID(
      client.exec({{"command", "for i in $(seq 100); do echo $i > /tmp/file_$i; done"}}));
  FLYWHEEL_TRY(const auto box, caas.host().create({}));
  FLYWHEEL_TRY_VOID(raw_run(
      *box, {.command = {"sh", "-c", "for i in $(seq 100); do echo $i > /tmp/file_$i; done"}}));
  std::shared_ptr<Container> child;
  const auto raw = timed(
      count(50),
      [&]() -> Result<> {
        FLYWHEEL_TRY(child, box->fork());
        return {};
      },
      [&]() -> Result<> {
        child->kill(ContainerState::killed, "bench");
        return {};
      });
  if (!raw) return fail(raw.error());
  std::string id;
  const auto served = timed(
      count(50),
      [&]() -> Result<> {
        FLYWHEEL_TRY(id, client.fork());
        return {};
      },
      [&] { return client.remove(id); });
  if (!served) return fail(served.error());
  box->kill(ContainerState::killed, "bench");
  add("fork_ms", served->p50_ms, "ms", false, raw->p50_ms);
  return client.remove();
}

void Bench::bubblewrap() {
  const auto nothing = []() -> Result<> { return {}; };
  const auto once = timed(
      count(100), [] { return run_bwrap({"true"}); }, nothing);
  if (!once) {
    log_warning("no figures of bubblewrap: {} (apt-get install bubblewrap)", once.error().message);
    return;
  }
  add("bwrap_create_to_result_p50_ms", once->p50_ms, "ms", false);
  add("bwrap_create_to_result_p99_ms", once->p99_ms, "ms", false);
  if (const auto rate = rate_of(4, 3s, []() -> Call { return [] { return run_bwrap({"true"}); }; }))
    add("bwrap_cycles_per_second", *rate, "1/s", true);
  if (const auto python = timed(
          count(50),
          [] {
            return run_bwrap({"python3", "-c", "print(6 * 7)"});
          },
          nothing))
    add("bwrap_python_p50_ms", python->p50_ms, "ms", false);
}

Result<BenchReport> run(Caas& caas, bool thorough) {
  HttpServer server{HttpServerConfig{}};
  caas.add_routes(server);
  FLYWHEEL_TRY_VOID(server.start());
  Bench bench{caas, server.port(), thorough};
  FLYWHEEL_TRY_VOID(bench.latency());
  FLYWHEEL_TRY_VOID(bench.throughput());
  FLYWHEEL_TRY_VOID(bench.python());
  FLYWHEEL_TRY_VOID(bench.forks());
  FLYWHEEL_TRY_VOID(bench.density());
  bench.bubblewrap();
  server.stop();
  return BenchReport{"caas", std::move(bench.figures)};
}

}  // namespace

Result<BenchReport> caas_bench(const std::string&, bool thorough) {
  const auto folder = std::filesystem::current_path() / ".flywheel-bench-caas";
  std::error_code code;
  std::filesystem::remove_all(folder, code);
  FLYWHEEL_TRY(auto caas, Caas::open({.state_folder = folder.string()}));
  auto report = run(*caas, thorough);
  caas.reset();
  std::filesystem::remove_all(folder, code);
  return report;
}

}  // namespace flywheel
