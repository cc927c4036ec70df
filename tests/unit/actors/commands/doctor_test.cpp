// Shows the doctor machines that are well, limited and broken.
#include "actors/commands/doctor.hpp"

#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

#include "actors/commands/doctor_machine.hpp"
#include "runtime/base/memory.hpp"

namespace flywheel {
namespace {

std::string cpuinfo(const std::string& flags) {
  return "processor\t: 0\nmodel name\t: Test CPU 9\nflags\t\t: " + flags +
         "\n\nprocessor\t: 1\nmodel name\t: Test CPU 9\nflags\t\t: " + flags + "\n";
}

// A folder that is gone when the test ends.
struct Folder {
  std::filesystem::path path;
  explicit Folder(const std::string& name)
      : path(std::filesystem::temp_directory_path() / ("flywheel_doctor_" + name)) {
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream{path} << text;
}

}  // namespace

TEST_SUITE("actors/commands/doctor") {
  TEST_CASE("a CPU's features decide what precision is fast") {
    const auto fast = examine_cpu(cpuinfo("fpu avx2 avx512f avx512_bf16"));
    const auto tiles = examine_cpu(cpuinfo("avx2 amx_tile amx_bf16"));
    const auto old = examine_cpu(cpuinfo("fpu avx2"));
    const auto ancient = examine_cpu(cpuinfo("fpu sse2 notavx2"));

    CHECK(fast.health == Health::good);
    CHECK(fast.found == "Test CPU 9; 2 logical cores; avx2 avx512f avx512_bf16");
    CHECK(tiles.consequence.find("AMX") != std::string::npos);
    CHECK(old.health == Health::limited);
    CHECK(old.consequence.find("float32") != std::string::npos);
    CHECK(ancient.consequence.find("no AVX2") != std::string::npos);
    CHECK(examine_cpu("").health == Health::limited);
  }

  TEST_CASE("memory is what is available within the cgroup's limit") {
    const double gib = 1024.0 * 1024 * 1024;

    CHECK(examine_memory(16 * gib, 0).health == Health::good);
    CHECK(examine_memory(16 * gib, 4 * gib).health == Health::limited);
    CHECK(examine_memory(0.5 * gib, 0).health == Health::failed);
  }

  TEST_CASE("limits of both versions of cgroups are read") {
    const Folder second("v2"), first("v1"), none("none");
    write(second.path / "memory.max", "1073741824\n");
    write(second.path / "cgroup.controllers", "memory\n");
    write(first.path / "memory/memory.limit_in_bytes", "9223372036854771712\n");
    write(none.path / "memory.max", "max\n");

    CHECK(cgroup_memory_limit_bytes(second.path.string()) == 1073741824.0);
    CHECK(cgroup_memory_limit_bytes(first.path.string()) == 0.0);
    CHECK(cgroup_memory_limit_bytes(none.path.string()) == 0.0);
    CHECK(examine_cgroups(second.path.string()).found.starts_with("version 2"));
    CHECK(examine_cgroups(first.path.string()).found.starts_with("version 1"));
    CHECK(examine_cgroups((none.path / "absent").string()).health == Health::limited);
  }

  TEST_CASE("the disk is timed, and a folder that can't be written fails") {
    const Folder folder("disk");

    const auto finding = examine_disk(folder.path.string());

    CHECK(finding.health != Health::failed);
    CHECK(finding.found.find("fsync of 4 KiB takes") != std::string::npos);
    CHECK(std::filesystem::is_empty(folder.path));
    CHECK(examine_disk((folder.path / "absent").string()).health == Health::failed);
  }

  TEST_CASE("sockets bind, and a path too long for one is said") {
    const Folder folder("ports");

    CHECK(examine_ports(folder.path.string()).health == Health::good);
    const auto deep = examine_ports(folder.path.string() + "/" + std::string(120, 'x'));
    CHECK(deep.health == Health::failed);
    CHECK(deep.consequence.find("107 are allowed") != std::string::npos);
  }

  TEST_CASE("without NCCL, a driver or file handles the machine still runs") {
    CHECK(examine_nccl({"libabsent.so.9"}).health == Health::limited);
    CHECK(examine_nccl({"libm.so.6"}).found == "not found");
    CHECK(examine_gpus("libabsent.so.9").consequence == "everything runs on the CPU");
    CHECK(examine_gpus("libm.so.6").found.find("does not answer") != std::string::npos);
    CHECK(examine_file_limit(256).health == Health::limited);
    CHECK(examine_file_limit(1024).health == Health::good);
  }

  TEST_CASE("every finding that is not good says what follows and what to do") {
    const auto report = examine_machine({});

    REQUIRE(report.findings.size() == 8);
    for (const Finding& finding : report.findings) {
      CAPTURE(finding.name);
      CHECK_FALSE(finding.found.empty());
      CHECK_FALSE(finding.consequence.empty());
      if (finding.health != Health::good) CHECK_FALSE(finding.remedy.empty());
    }
    CHECK(doctor_json(report)["findings"].size() == 8);
  }

  TEST_CASE("one failure makes a machine unfit") {
    DoctorReport report{{{.name = "a"}, {.name = "b", .health = Health::limited}}};

    CHECK(report.is_fit());
    report.findings.push_back({.name = "c", .health = Health::failed});
    CHECK_FALSE(report.is_fit());
    CHECK(doctor_text(report).find("FAIL  c") != std::string::npos);
  }

  TEST_CASE("a plan's facts are measured") {
    const auto facts = machine_facts("absent_workspace/deep");

    CHECK(facts.cores >= 1);
    CHECK(facts.memory_available_bytes > 1e6);
    CHECK(facts.disk_free_bytes > 0.0);
    CHECK(facts.copy_bytes_per_second > 1e8);
  }
}

}  // namespace flywheel
