// Snapshots of the learner: of the state at which they were asked for, in the background where the
// memory allows it.
#include "actors/learner.hpp"

#include <filesystem>
#include <random>

#include <doctest/doctest.h>
#include <unistd.h>

#include "tests/support/deterministic_system.hpp"
#include "tests/support/run_fixture.hpp"

using namespace flywheel;
using flywheel::testing::DeterministicSystem;
using flywheel::testing::RunFixture;

namespace {

std::unique_ptr<Trainer> trainer_of(std::uint64_t seed) {
  auto trainer = make_trainer(tiny_checkpoint(seed).weights, {.threads = 1});
  REQUIRE(trainer);
  return std::move(*trainer);
}

struct LearnerLab {
  RunFixture run{};
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("flywheel_learner_" + std::to_string(::getpid()));
  Hash128 first = trainer_of(1)->state_hash();
  DeterministicSystem lab{};
  Learner learner{};

  explicit LearnerLab(double usable_bytes, bool has_writer = true) {
    std::filesystem::create_directories(folder);
    LearnerConfig config;
    config.make_trainer = [] { return make_trainer(tiny_checkpoint(1).weights, {.threads = 1}); };
    if (has_writer) config.snapshot_writer = spawn_snapshot_writer(lab.system, Placement::shared);
    config.usable_memory_bytes = [usable_bytes] { return usable_bytes; };
    learner = spawn_learner(lab.system, run.context, std::move(config), Placement::shared);
    lab.run();
  }
  ~LearnerLab() { std::filesystem::remove_all(folder); }

  std::string file(const char* name) const { return (folder / name).string(); }
};

}  // namespace

TEST_SUITE("actors/learner") {
  TEST_CASE("a snapshot is of the moment it was asked for, whatever the learner does meanwhile") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      CAPTURE(seed);
      LearnerLab lab{1e12};
      const auto other = trainer_of(2)->save(lab.file("other"));
      REQUIRE(other);
      const auto saved = lab.lab.send<SnapshotSaved>(lab.learner, SaveSnapshot{4, lab.file("4")});
      lab.lab.scheduler.run_once();  // the one who asks
      lab.lab.scheduler.run_once();  // the learner, which hands a copy on
      REQUIRE_FALSE(*saved);

      const auto loaded =
          lab.lab.send<SnapshotLoaded>(lab.learner, LoadSnapshot{9, lab.file("other")});
      std::mt19937_64 random{seed};
      lab.lab.run_shuffled(random);

      REQUIRE(*loaded);
      REQUIRE((*loaded)->has_value());
      CHECK((**loaded)->hash == *other);
      REQUIRE(*saved);
      REQUIRE((*saved)->has_value());
      CHECK((**saved)->step == 4);
      CHECK((**saved)->hash == lab.first);
      const auto reader = trainer_of(3);
      REQUIRE(reader->load(lab.file("4")));
      CHECK(reader->state_hash() == lab.first);
    }
  }

  TEST_CASE("where no copy fits into memory the learner writes the snapshot itself") {
    LearnerLab lab{0.0, false};

    const auto saved = lab.lab.ask<SnapshotSaved>(lab.learner, SaveSnapshot{4, lab.file("4")});

    REQUIRE(saved);
    CHECK(saved->hash == lab.first);
    CHECK(std::filesystem::exists(lab.file("4")));
  }

  TEST_CASE("a snapshot that can't be written is refused, and the learner goes on") {
    LearnerLab lab{1e12};

    const auto refused =
        lab.lab.ask<SnapshotSaved>(lab.learner, SaveSnapshot{4, lab.file("absent/4")});

    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("absent/4") != std::string::npos);
    CHECK(lab.lab.ask<SnapshotSaved>(lab.learner, SaveSnapshot{4, lab.file("4")}));
  }
}
