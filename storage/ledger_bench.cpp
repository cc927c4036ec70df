#include "storage/ledger_bench.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "storage/keys.hpp"
#include "storage/ledger_store.hpp"
#include "storage/record_format.hpp"
#include "storage/rocksdb_store.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t record_bytes_wanted = 1'024;

double seconds_since(SteadyTime begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0.0;
  const auto last = static_cast<double>(values.size() - 1);
  const auto at = values.begin() + std::lround(share * last);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

Transcript transcript_of(std::size_t token_count, std::size_t text_bytes) {
  Turn user;
  user.parts.push_back({PartKind::text, "List exactly four fruits and nothing else.", "", ""});
  user.spans.push_back({TokenOrigin::user, false, 0, std::vector<Token>(24, 17), {}});
  Turn assistant;
  assistant.parent = 0;
  assistant.role = Role::assistant;
  assistant.parts.push_back({PartKind::text, std::string(text_bytes, 'a'), "", ""});
  assistant.spans.push_back({TokenOrigin::policy, true, 0, std::vector<Token>(token_count, 99),
                             std::vector<float>(token_count, -0.25F)});
  Transcript transcript;
  transcript.owner = "bench";
  transcript.turns = {std::move(user), std::move(assistant)};
  return transcript;
}

// 48 sampled tokens, and as much text as makes the stored record 1 KiB.
Transcript one_kib_transcript() {
  std::size_t text_bytes = 0;
  while (encode(transcript_of(48, text_bytes)).size() < record_bytes_wanted) ++text_bytes;
  return transcript_of(48, text_bytes);
}

Verdict bench_verdict() {
  Verdict verdict;
  verdict.status = VerdictStatus::pass;
  verdict.reward = 1.0;
  verdict.grader = "bench/1";
  return verdict;
}

struct Bench {
  Bench(const LedgerBenchConfig& config_in, KeyValueStore& store_in)
      : config(config_in), store(store_in) {}

  const LedgerBenchConfig& config;
  KeyValueStore& store;
  RunRecord run{};
  std::unique_ptr<LedgerStore> ledger{};
  Transcript transcript = one_kib_transcript();

  RolloutId id(std::uint64_t index) const { return derive_id<RolloutId>(run.id, index); }

  std::vector<RolloutId> ids(std::uint64_t first, std::uint64_t end) const {
    std::vector<RolloutId> all;
    for (std::uint64_t i = first; i < end; ++i) all.push_back(id(i));
    return all;
  }

  Result<> apply(const std::vector<LedgerChange>& changes) {
    for (auto& answer : ledger->apply(changes))
      if (!answer) return std::move(answer);
    return {};
  }

  Result<> set_up();
  Result<double> records_per_second();
  Result<double> raw_records_per_second();
  Result<std::vector<double>> commit_seconds();
};

Result<> Bench::set_up() {
  run.id = make_id<RunId>(system_clock());
  run.name = "bench";
  FLYWHEEL_TRY(ledger, LedgerStore::open(store, system_clock()));
  FLYWHEEL_TRY_VOID(ledger->create_run(run));
  std::vector<Rollout> rollouts(config.record_count);
  for (std::uint64_t i = 0; i < config.record_count; ++i) {
    rollouts[i].id = id(i);
    rollouts[i].run = run.id;
    rollouts[i].index = i;
    rollouts[i].group_index = i;
  }
  FLYWHEEL_TRY_VOID(ledger->plan(std::move(rollouts)));
  return ledger->start(ids(0, config.record_count));
}

Result<double> Bench::records_per_second() {
  const auto begin = SteadyClock::now();
  for (std::uint64_t first = 0; first < config.record_count; first += config.batch_size) {
    const auto end = std::min<std::uint64_t>(first + config.batch_size, config.record_count);
    std::vector<LedgerChange> changes;
    for (std::uint64_t i = first; i < end; ++i) changes.push_back(FinishRollout{id(i), transcript});
    FLYWHEEL_TRY_VOID(apply(changes));
  }
  return config.record_count / seconds_since(begin);
}

// The batches that the ledger wrote, read back beforehand, under another run's keys.
Result<double> Bench::raw_records_per_second() {
  const RunId other = make_id<RunId>(system_clock());
  std::vector<WriteBatch> batches;
  for (std::uint64_t first = 0; first < config.record_count; first += config.batch_size) {
    const auto end = std::min<std::uint64_t>(first + config.batch_size, config.record_count);
    batches.emplace_back();
    for (std::uint64_t i = first; i < end; ++i)
      for (const RecordKind kind : {RecordKind::transcript, RecordKind::rollout_progress}) {
        FLYWHEEL_TRY(std::string value, store.get(id_key(kind, id(i))));
        batches.back().put(id_key(kind, derive_id<RolloutId>(other, i)), std::move(value));
      }
  }
  const auto begin = SteadyClock::now();
  for (const WriteBatch& batch : batches) FLYWHEEL_TRY_VOID(store.write(batch, Durability::synced));
  return config.record_count / seconds_since(begin);
}

Result<std::vector<double>> Bench::commit_seconds() {
  std::vector<double> seconds;
  for (std::uint64_t step = 1; step <= config.commit_count; ++step) {
    const std::uint64_t first = (step - 1) * config.batch_size;
    const std::uint64_t end = first + config.batch_size;
    if (end > config.record_count) break;
    std::vector<LedgerChange> changes;
    for (std::uint64_t i = first; i < end; ++i)
      changes.push_back(GradeRollout{id(i), bench_verdict()});
    changes.push_back(LeaseRollouts{run.id, step, ids(first, end)});
    FLYWHEEL_TRY_VOID(apply(changes));
    StepRecord record;
    record.run = run.id;
    record.step = step;
    record.policy_version = step;
    record.data_cursors["train"] = end;
    const auto begin = SteadyClock::now();
    FLYWHEEL_TRY_VOID(ledger->commit_step(std::move(record)));
    seconds.push_back(seconds_since(begin));
  }
  return seconds;
}

// Appends of `bytes` each followed by fsync: what any store on this disk must pay for durability.
Result<std::vector<double>> fsync_seconds(const fs::path& path, std::size_t bytes,
                                          std::uint32_t count) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return fail(Failure::unavailable,
                "can't create " + path.string() + ": " + std::strerror(errno));
  const std::string block(bytes, 'x');
  std::vector<double> seconds;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto begin = SteadyClock::now();
    const bool is_written =
        ::write(descriptor, block.data(), block.size()) == static_cast<ssize_t>(block.size()) &&
        ::fdatasync(descriptor) == 0;
    seconds.push_back(seconds_since(begin));
    if (is_written) continue;
    ::close(descriptor);
    return fail(Failure::unavailable, "can't write " + path.string() + ": " + std::strerror(errno));
  }
  ::close(descriptor);
  return seconds;
}

Result<LedgerBenchReport> measure(const LedgerBenchConfig& config) {
  FLYWHEEL_TRY(const auto store, open_rocksdb_store({.folder = (config.folder / "db").string()}));
  Bench bench{config, *store};
  FLYWHEEL_TRY_VOID(bench.set_up());
  LedgerBenchReport report;
  report.batch_size = config.batch_size;
  report.record_bytes = encode(bench.transcript).size();
  FLYWHEEL_TRY(report.records_per_second, bench.records_per_second());
  FLYWHEEL_TRY(report.raw_records_per_second, bench.raw_records_per_second());
  FLYWHEEL_TRY(const auto commits, bench.commit_seconds());
  report.commit_p50_ms = 1e3 * percentile(commits, 0.5);
  report.commit_p99_ms = 1e3 * percentile(commits, 0.99);

  StepRecord step;
  step.consumed = bench.ids(0, config.batch_size);
  const std::size_t progress_bytes =
      encode(RolloutProgress{}).size() + id_key(RecordKind::rollout_progress, AnyId{}).size();
  const std::size_t commit_bytes = encode(step).size() + config.batch_size * progress_bytes;
  FLYWHEEL_TRY(const auto fsyncs,
               fsync_seconds(config.folder / "fsync", commit_bytes, config.commit_count));
  report.fsync_p99_ms = 1e3 * percentile(fsyncs, 0.99);
  double total = 0.0;
  for (const double seconds : fsyncs) total += seconds;
  report.fsyncs_per_second = static_cast<double>(fsyncs.size()) / total;
  return report;
}

}  // namespace

Result<LedgerBenchReport> run_ledger_bench(const LedgerBenchConfig& config) {
  if (config.batch_size == 0 || config.commit_count == 0 || config.record_count < config.batch_size)
    return fail(Failure::invalid_argument, "the bench needs at least one batch of records");
  std::error_code code;
  if (fs::exists(config.folder, code))
    return fail(Failure::already_exists,
                config.folder.string() + " exists: the bench makes and removes its own folder");
  fs::create_directories(config.folder, code);
  if (code)
    return fail(Failure::permission_denied,
                fmt::format("can't make {}: {}", config.folder.string(), code.message()));
  auto report = measure(config);
  fs::remove_all(config.folder, code);
  return report;
}

}  // namespace flywheel
