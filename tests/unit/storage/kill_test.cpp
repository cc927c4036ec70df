// The ledger on a real disk under kill -9, and on a disk that refuses to grow.
#include <chrono>
#include <csignal>
#include <limits>
#include <random>
#include <thread>

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/conversation_store.hpp"
#include "storage/fsck.hpp"
#include "storage/ledger_store.hpp"
#include "storage/workspace.hpp"
#include "tests/unit/storage/sample_records.hpp"
#include "tests/unit/storage/temporary_folder.hpp"

namespace flywheel {
namespace {

constexpr std::uint32_t group_size = 4;

// What the child says over its pipe once it has been answered.
struct Acknowledged {
  std::uint64_t step = 0;
  std::uint64_t planned = 0;
  std::uint64_t graded = 0;  // rollouts with an index below it were graded at some time
  VoteId vote{};
};

WorkspaceConfig config_of(const std::filesystem::path& home) {
  return {.home = home,
          .free_bytes_min = 1,
          .block_cache_bytes = 1 << 20,
          .write_buffer_bytes = 1 << 16};  // small: tables are written and merged all the time
}

// One group after the other is planned, sampled, graded, learned, until the process is killed.
class Worker {
 public:
  Worker(Workspace& workspace, LedgerStore& ledger, int pipe)
      : votes_(workspace.store()), ledger_(ledger), pipe_(pipe) {}

  bool work() {
    if (!ledger_.recover(run_.id)) return false;
    if (!votes_.conversation(conversation_.id) && !votes_.create(conversation_)) return false;
    said_.planned = ledger_.planned_count(run_.id).value();
    said_.step = ledger_.last_step(run_.id).value();
    for (std::uint64_t round = 0; round < 100'000; ++round)
      if (!step() || !vote()) return false;
    return true;
  }

 private:
  bool say() { return ::write(pipe_, &said_, sizeof said_) == sizeof said_; }

  bool step() {
    const auto planned = ledger_.planned_count(run_.id).value();
    if (in_state(RolloutState::planned).empty()) {
      if (!ledger_.plan(sample_rollouts(run_, planned, group_size))) return false;
      said_.planned = planned + group_size;
      if (!say()) return false;
    }
    std::vector<LedgerChange> sampled;
    const auto waiting = in_state(RolloutState::planned);
    for (const RolloutId& id : waiting) {
      sampled.push_back(StartRollouts{{id}});
      sampled.push_back(FinishRollout{id, sample_transcript(40, said_.step)});
    }
    if (!apply(std::move(sampled))) return false;
    std::vector<LedgerChange> judged;
    const auto finished = in_state(RolloutState::finished);
    for (const RolloutId& id : finished) judged.push_back(GradeRollout{id, sample_verdict()});
    if (!apply(std::move(judged))) return false;
    said_.graded = said_.planned;
    if (!say()) return false;
    const auto graded = in_state(RolloutState::graded);
    if (!ledger_.lease(run_.id, said_.step + 1, graded)) return false;
    if (!ledger_.commit_step(sample_step(run_, said_.step + 1))) return false;
    ++said_.step;
    return say();
  }

  std::vector<RolloutId> in_state(RolloutState state) const {
    return ledger_.in_state(run_.id, state).value();
  }

  bool vote() {
    Vote vote;
    vote.id = make_id<VoteId>(system_clock());
    vote.candidates = {{{}, conversation_.id, 0}};
    if (!votes_.add_vote(vote)) return false;
    said_.vote = vote.id;
    return say();
  }

  bool apply(std::vector<LedgerChange> changes) {
    for (const auto& answer : ledger_.apply(std::move(changes)))
      if (!answer) return false;
    return true;
  }

  RunRecord run_ = sample_run(1, group_size);
  Conversation conversation_{derive_id<ConversationId>(AnyId{5, 5}, 0), "test", 1, {}, "base", {}};
  ConversationStore votes_;
  LedgerStore& ledger_;
  int pipe_;
  Acknowledged said_{};
};

[[noreturn]] void run_child(const std::filesystem::path& home, int pipe) {
  auto workspace = Workspace::open(config_of(home));
  if (!workspace) ::_exit(11);
  auto ledger = LedgerStore::open((*workspace)->store(), system_clock());
  if (!ledger) ::_exit(12);
  if ((*ledger)->runs().empty() && !(*ledger)->create_run(sample_run(1, group_size))) ::_exit(13);
  ::_exit(Worker{**workspace, **ledger, pipe}.work() ? 0 : 14);
}

// The last thing the child said, up to `word_count` words or its end.
Acknowledged listen(int pipe,
                    std::uint64_t word_count = std::numeric_limits<std::uint64_t>::max()) {
  Acknowledged last;
  Acknowledged said;
  for (std::uint64_t i = 0; i < word_count && ::read(pipe, &said, sizeof said) == sizeof said; ++i)
    last = said;
  return last;
}

// When a child dies: after so many answers, and a moment more.
struct Life {
  std::uint64_t word_count = 0;
  std::chrono::microseconds rest{};
};

// Starts the child, kills it at its time, and returns what it had been answered.
Acknowledged live_and_die(const std::filesystem::path& home, const Life& life) {
  int ends[2] = {};
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(ends[0]);
    run_child(home, ends[1]);
  }
  ::close(ends[1]);
  Acknowledged last = listen(ends[0], life.word_count);
  std::this_thread::sleep_for(life.rest);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  const Acknowledged rest = listen(ends[0]);
  ::close(ends[0]);
  CHECK_MESSAGE(WIFSIGNALED(status), "the child ended by itself with ", WEXITSTATUS(status));
  return rest.planned > 0 ? rest : last;
}

void check_survived(const std::filesystem::path& home, const Acknowledged& said) {
  auto workspace = Workspace::open(config_of(home));
  REQUIRE_MESSAGE(workspace, (workspace ? "" : workspace.error().message));
  auto ledger = LedgerStore::open((*workspace)->store(), system_clock());
  REQUIRE(ledger);
  const RunRecord run = sample_run(1, group_size);
  if (said.planned > 0) {
    CHECK((*ledger)->planned_count(run.id).value() >= said.planned);
    CHECK((*ledger)->last_step(run.id).value() >= said.step);
    const auto counts = (*ledger)->counts(run.id).value();
    CHECK(counts[3] + counts[4] + counts[5] >= said.graded);
  }
  if (!said.vote.is_nil()) CHECK(ConversationStore{(*workspace)->store()}.vote(said.vote));
  const auto report = check_store((*workspace)->store(), home);
  REQUIRE(report);
  for (const std::string& finding : report->findings) FAIL_CHECK(finding);
  CHECK(report->lost_count == 0);
  CHECK(report->twice_count == 0);
}

}  // namespace

TEST_SUITE("storage/kill") {
  TEST_CASE("20 kills at random moments lose nothing that was answered") {
    TemporaryFolder folder;
    const std::uint64_t seed = std::random_device{}();
    MESSAGE("seed " << seed);
    std::mt19937_64 random{seed};
    Acknowledged last;
    for (int i = 0; i < 20; ++i) {
      CAPTURE(i);
      // Every fourth dies while it opens, the others at work.
      const Life life{i % 4 == 0 ? 0 : 1 + random() % 12,
                      std::chrono::microseconds{random() % 20'000}};
      const Acknowledged said = live_and_die(folder.path() / "home", life);
      check_survived(folder.path() / "home", said);
      if (said.step > 0) last = said;
    }
    MESSAGE("steps committed over all lives: " << last.step);
    CHECK(last.step >= 5);  // fewer: the children were never at work
  }

  TEST_CASE("a disk that refuses to grow is one error, and nothing answered is lost") {
    TemporaryFolder folder;
    const auto home = folder.path() / "home";
    int ends[2] = {};
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::close(ends[0]);
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{20'000, 20'000};  // of one file: the log meets it soon
      ::setrlimit(RLIMIT_FSIZE, &limit);
      run_child(home, ends[1]);
    }
    ::close(ends[1]);
    const Acknowledged said = listen(ends[0]);
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);

    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 14);  // an answer, not a crash
    CHECK(said.planned > 0);
    check_survived(home, said);
  }
}

}  // namespace flywheel
