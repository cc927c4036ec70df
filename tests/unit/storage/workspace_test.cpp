// The workspace on a real disk: owners living and dead, versions, damage, space.
#include "storage/workspace.hpp"

#include <fstream>
#include <sstream>

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/ledger_store.hpp"
#include "tests/unit/storage/sample_records.hpp"
#include "tests/unit/storage/temporary_folder.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

std::string text_of_file(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream{path, std::ios::binary}.rdbuf();
  return text.str();
}

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream{path, std::ios::binary | std::ios::trunc} << text;
}

// The working folder of the process, for as long as it lives.
class WorkingFolder {
 public:
  explicit WorkingFolder(const fs::path& folder) : before_(fs::current_path()) {
    fs::current_path(folder);
  }
  ~WorkingFolder() { fs::current_path(before_); }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;

 private:
  fs::path before_;
};

// Opens it with little memory; the error must be one line.
Result<std::unique_ptr<Workspace>> open_at(const fs::path& home, std::uint64_t free_bytes_min = 1) {
  auto opened = Workspace::open({.home = home,
                                 .free_bytes_min = free_bytes_min,
                                 .block_cache_bytes = 1 << 20,
                                 .write_buffer_bytes = 1 << 16});
  if (!opened) {
    CHECK(opened.error().message.find('\n') == std::string::npos);
    CHECK(opened.error().message.find(home.string()) != std::string::npos);
  }
  return opened;
}

Failure failure_of(const Result<std::unique_ptr<Workspace>>& opened) {
  return opened ? Failure::none : opened.error().failure;
}

// A workspace with a run of `count` finished rollouts, enough of them to fill several SST files.
void fill(const fs::path& home, std::uint64_t count) {
  auto workspace = open_at(home);
  REQUIRE(workspace);
  auto ledger = LedgerStore::open((*workspace)->store(), system_clock());
  REQUIRE(ledger);
  const RunRecord run = sample_run();
  REQUIRE((*ledger)->create_run(run));
  REQUIRE((*workspace)->create_run_folder(run.id, run.spec_text));
  for (std::uint64_t first = 0; first < count; first += 100) {
    std::vector<LedgerChange> changes;
    changes.push_back(PlanRollouts{sample_rollouts(run, first, 100)});
    for (std::uint64_t i = first; i < first + 100; ++i) {
      const auto id = derive_id<RolloutId>(run.id, i);
      changes.push_back(StartRollouts{{id}});
      changes.push_back(FinishRollout{id, sample_transcript(60, 0)});
    }
    for (const auto& answer : (*ledger)->apply(std::move(changes))) REQUIRE(answer);
  }
}

std::vector<fs::path> files_of(const fs::path& folder, std::string_view part) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator{folder})
    if (entry.path().filename().string().find(part) != std::string::npos)
      files.push_back(entry.path());
  return files;
}

void flip(const fs::path& path, std::size_t offset) {
  std::string bytes = text_of_file(path);
  REQUIRE(offset < bytes.size());
  bytes[offset] = static_cast<char>(bytes[offset] ^ 0x55);
  write_file(path, bytes);
}

}  // namespace

TEST_SUITE("storage/workspace") {
  TEST_CASE("a new workspace has its layout and opens again") {
    TemporaryFolder folder;
    const fs::path home = folder.path() / "home";
    {
      auto workspace = open_at(home);
      REQUIRE(workspace);
      CHECK(!(*workspace)->took_over());
      CHECK(text_of_file(home / "FORMAT") == "flywheel workspace format 1\n");
      const auto run_folder = (*workspace)->create_run_folder(sample_run().id, "seed: 7\n");
      REQUIRE(run_folder);
      CHECK(text_of_file(*run_folder / "spec.yaml") == "seed: 7\n");
      CHECK(fs::is_directory((*workspace)->snapshot_folder(sample_run().id)));
      CHECK((*workspace)->relative_to_home(home / "checkpoints" / "x") == "checkpoints/x");
    }
    CHECK(text_of_file(home / "owner.lock").empty());
    CHECK(open_at(home));
    CHECK(failure_of(Workspace::open(
              {.home = folder.path() / "none", .create_if_missing = false})) == Failure::not_found);
    CHECK(!fs::exists(folder.path() / "none"));
  }

  TEST_CASE("a living owner is named with its process and its socket") {
    TemporaryFolder folder;
    CHECK(!Workspace::owner_of(folder.path()));
    const auto owner = open_at(folder.path());
    REQUIRE(owner);

    const auto second = open_at(folder.path());

    CHECK(failure_of(second) == Failure::already_exists);
    CHECK(second.error().message.find(std::to_string(::getpid())) != std::string::npos);
    CHECK(second.error().message.find("owner.sock") != std::string::npos);
    const auto known = Workspace::owner_of(folder.path());
    REQUIRE(known);
    CHECK(known->process_id == ::getpid());
    CHECK(known->started_at.size() == 20);
  }

  TEST_CASE("a dead owner's workspace is taken over") {
    TemporaryFolder folder;
    const pid_t child = ::fork();
    if (child == 0) {
      const auto owner = Workspace::open({.home = folder.path(), .free_bytes_min = 1});
      std::ofstream{folder.path() / "owner.sock"} << "left behind";
      ::kill(::getpid(), owner ? SIGKILL : SIGTERM);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WTERMSIG(status) == SIGKILL);
    CHECK(!Workspace::owner_of(folder.path()));

    const auto workspace = open_at(folder.path());

    REQUIRE(workspace);
    CHECK((*workspace)->took_over());
    CHECK(!fs::exists(folder.path() / "owner.sock"));
  }

  TEST_CASE("what a newer version wrote is refused untouched") {
    TemporaryFolder folder;
    write_file(folder.path() / "FORMAT", "flywheel workspace format 2\n");

    CHECK(failure_of(open_at(folder.path())) == Failure::too_new);

    CHECK(!fs::exists(folder.path() / "owner.lock"));
    CHECK(!fs::exists(folder.path() / "db"));
  }

  TEST_CASE("a damaged or missing FORMAT file is refused") {
    TemporaryFolder folder;
    REQUIRE(open_at(folder.path()));
    for (const char* text :
         {"", "flywheel workspace format", "flywheel workspace format 0\n", "\x01"}) {
      CAPTURE(text);
      write_file(folder.path() / "FORMAT", text);
      CHECK(failure_of(open_at(folder.path())) == Failure::corrupt);
    }
    fs::remove(folder.path() / "FORMAT");
    CHECK(failure_of(open_at(folder.path())) == Failure::corrupt);
    write_file(folder.path() / "FORMAT", "flywheel workspace format 1\n");
    CHECK(open_at(folder.path()));
  }

  TEST_CASE("a folder of something else is no workspace") {
    TemporaryFolder folder;
    write_file(folder.path() / "thesis.tex", "precious");

    CHECK(failure_of(open_at(folder.path())) == Failure::invalid_input);

    CHECK(!fs::exists(folder.path() / "db"));
    CHECK(failure_of(open_at(folder.path() / "thesis.tex" / "home")) == Failure::permission_denied);
  }

  TEST_CASE("too little free space is refused before anything is written") {
    TemporaryFolder folder;

    CHECK(failure_of(open_at(folder.path(), 1ULL << 60)) == Failure::resource_exhausted);

    CHECK(!fs::exists(folder.path() / "FORMAT"));
    CHECK(open_at(folder.path()));
  }

  TEST_CASE("a long home has its socket where sockets fit") {
    const fs::path home = "/tmp/" + std::string(120, 'x');

    CHECK(Workspace::socket_path_of(home).string().size() <= 100);
    CHECK(Workspace::socket_path_of(home) != Workspace::socket_path_of(home.string() + "y"));
    CHECK(Workspace::socket_path_of("/a") == "/a/owner.sock");
  }

  TEST_CASE("a home is the same however it is spelled and from wherever") {
    TemporaryFolder folder;
    const fs::path deep = folder.path() / std::string(60, 'd') / std::string(60, 'e');
    fs::create_directories(deep);
    fs::create_directory_symlink(deep, folder.path() / "link");
    const WorkingFolder inside{deep};
    for (const fs::path& before : {deep, folder.path()}) {
      const WorkingFolder here{before};
      CAPTURE(before.string());
      // Before it is there, and after.
      for (int made = 0; made < 2; ++made) {
        const auto socket = Workspace::socket_path_of("home");
        CHECK(socket.is_absolute());
        CHECK(socket.string().size() <= 100);
        CHECK(socket == Workspace::socket_path_of(fs::absolute("home")));
        CHECK(socket == Workspace::socket_path_of("./home/"));
        fs::create_directory("home");
      }
    }
    CHECK(Workspace::socket_path_of(folder.path() / "link" / "home") ==
          Workspace::socket_path_of("home"));

    const auto workspace = open_at("home");

    REQUIRE(workspace);
    CHECK((*workspace)->home() == fs::canonical("home"));
    CHECK((*workspace)->socket_path() == Workspace::socket_path_of("home"));
  }

  TEST_CASE("an open workspace is asked for any amount of free space") {
    TemporaryFolder folder;
    const auto workspace = open_at(folder.path());
    REQUIRE(workspace);

    CHECK((*workspace)->check_free_space(1));
    const auto refused = (*workspace)->check_free_space(1ULL << 60);

    REQUIRE(!refused);
    CHECK(refused.error().failure == Failure::resource_exhausted);
    CHECK(refused.error().message.find("MiB are needed") != std::string::npos);
  }

  TEST_CASE(
      "a lost or damaged CURRENT or MANIFEST is refused, and mending it gives everything back") {
    TemporaryFolder folder;
    fill(folder.path(), 200);
    const fs::path db = folder.path() / "db";
    const auto manifests = files_of(db, "MANIFEST-");
    REQUIRE(manifests.size() == 1);
    for (const fs::path& victim : {db / "CURRENT", manifests.front()}) {
      const std::string bytes = text_of_file(victim);
      for (std::size_t damage = 0; damage < 17; ++damage) {
        CAPTURE(victim.filename().string());
        CAPTURE(damage);
        const std::size_t place = damage * bytes.size() / 18;
        if (damage == 0) fs::remove(victim);
        if (damage % 2 == 1) write_file(victim, bytes.substr(0, place));
        if (damage > 0 && damage % 2 == 0) flip(victim, place);

        CHECK(failure_of(open_at(folder.path())) == Failure::corrupt);

        write_file(victim, bytes);
      }
    }
    const auto mended = open_at(folder.path());
    REQUIRE(mended);
    const auto ledger = LedgerStore::open((*mended)->store(), system_clock());
    REQUIRE(ledger);
    CHECK(
        (*ledger)->counts(sample_run().id)->at(static_cast<std::size_t>(RolloutState::finished)) ==
        200);
  }

  TEST_CASE("a database that vanished under its runs is not replaced by an empty one") {
    TemporaryFolder folder;
    fill(folder.path(), 100);
    fs::rename(folder.path() / "db", folder.path() / "runs" / "moved");

    CHECK(failure_of(open_at(folder.path())) == Failure::corrupt);

    fs::rename(folder.path() / "runs" / "moved", folder.path() / "db");
    CHECK(open_at(folder.path()));
  }

  TEST_CASE("a damaged table file costs its block: the rest is read, the loss is said") {
    TemporaryFolder folder;
    fill(folder.path(), 2'000);
    { REQUIRE(open_at(folder.path())); }  // what the log holds goes into tables
    const auto tables = files_of(folder.path() / "db", ".sst");
    REQUIRE(!tables.empty());
    for (const fs::path& table : tables) flip(table, text_of_file(table).size() / 3);

    const auto workspace = open_at(folder.path());

    if (!workspace) {
      CHECK(failure_of(workspace) == Failure::corrupt);
      return;
    }
    const RunRecord run = sample_run();
    const auto ledger = LedgerStore::open((*workspace)->store(), system_clock());
    std::size_t readable_count = 0;
    std::size_t corrupt_count = 0;
    if (ledger)
      for (std::uint64_t i = 0; i < 2'000; ++i) {
        const auto rollout = (*ledger)->rollout(derive_id<RolloutId>(run.id, i));
        if (rollout)
          ++readable_count;
        else if (rollout.error().failure == Failure::corrupt)
          ++corrupt_count;
        if (!rollout) CHECK(rollout.error().message.find('\n') == std::string::npos);
      }
    CHECK(readable_count > 1'000);
    CHECK(corrupt_count > 0);
    CHECK(readable_count + corrupt_count == 2'000);
  }

  TEST_CASE("after an orderly close a log that lost a byte is refused") {
    TemporaryFolder folder;
    fill(folder.path(), 100);
    const auto logs = files_of(folder.path() / "db", ".log");
    REQUIRE(logs.size() == 1);
    const std::string bytes = text_of_file(logs.front());
    REQUIRE(bytes.size() > 100);
    flip(logs.front(), bytes.size() / 3);
    CHECK(failure_of(open_at(folder.path())) == Failure::corrupt);
    write_file(logs.front(), bytes.substr(0, bytes.size() - 1));
    CHECK(failure_of(open_at(folder.path())) == Failure::corrupt);

    write_file(logs.front(), bytes);

    CHECK(open_at(folder.path()));
  }

  TEST_CASE("a seal that can't be broken keeps the database closed: it would come back") {
    TemporaryFolder folder;
    fill(folder.path(), 100);
    fs::create_directories(folder.path() / "db.seal.broken" / "in the way");

    const auto refused = open_at(folder.path());

    CHECK(failure_of(refused) == Failure::unavailable);
    CHECK(fs::exists(folder.path() / "db.seal"));
    fs::remove_all(folder.path() / "db.seal.broken");
    CHECK(open_at(folder.path()));
  }

  TEST_CASE("after a crash a torn end of the log is what was never answered; a hole is refused") {
    TemporaryFolder folder;
    fill(folder.path(), 100);
    fs::remove(folder.path() / "db.seal");  // as if the owner had died
    const auto logs = files_of(folder.path() / "db", ".log");
    REQUIRE(logs.size() == 1);
    const std::string bytes = text_of_file(logs.front());
    REQUIRE(bytes.size() > 100);
    flip(logs.front(), bytes.size() / 3);
    CHECK(failure_of(open_at(folder.path())) == Failure::corrupt);
    write_file(logs.front(), bytes.substr(0, bytes.size() - 1));

    const auto workspace = open_at(folder.path());

    REQUIRE(workspace);
    const auto ledger = LedgerStore::open((*workspace)->store(), system_clock());
    REQUIRE(ledger);
    CHECK((*ledger)->run(sample_run().id));
    CHECK((*ledger)->planned_count(sample_run().id).value() ==
          0);  // one batch: whole or not at all
  }
}

}  // namespace flywheel
