#include "actors/commands/doctor_machine.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/statvfs.h>

#include "actors/commands/doctor.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/memory.hpp"

#ifdef FLYWHEEL_HAS_NCCL_HEADER
#include <nccl.h>
#endif

namespace flywheel {
namespace {

constexpr double gib = 1024.0 * 1024.0 * 1024.0;

// A shared library for the time of an examination; it stays loaded, as unloading CUDA is not safe.
class Library {
 public:
  explicit Library(const std::string& path)
      : handle_(dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL)) {}
  explicit operator bool() const { return handle_ != nullptr; }

  template <class Function>
  Function find(const char* name) const {
    return reinterpret_cast<Function>(dlsym(handle_, name));
  }

 private:
  void* handle_;
};

std::string version_text(int version) {
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

// The words after `key` and a colon in the first line of that key.
std::string_view field_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const auto colon = line.find(':');
    if (line.starts_with(key) && colon != std::string_view::npos &&
        line.find_first_not_of(" \t", key.size()) == colon)
      return line.substr(std::min(colon + 2, line.size()));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

bool has_word(std::string_view words, std::string_view word) {
  for (auto at = words.find(word); at != std::string_view::npos; at = words.find(word, at + 1)) {
    const bool starts = at == 0 || words[at - 1] == ' ';
    const bool ends = at + word.size() == words.size() || words[at + word.size()] == ' ';
    if (starts && ends) return true;
  }
  return false;
}

// Bytes read and written a second while every core copies blocks that no cache holds.
double measure_copy_rate(int threads) {
  constexpr std::size_t block_bytes = std::size_t{48} << 20;
  std::vector<std::thread> workers;
  std::vector<double> rates(static_cast<std::size_t>(threads), 0.0);
  workers.reserve(rates.size());
  for (double& rate : rates)
    workers.emplace_back([&rate] {
      std::vector<char> from(block_bytes, 1), to(block_bytes, 2);
      const auto start = std::chrono::steady_clock::now();
      double seconds = 0.0, bytes = 0.0;
      while (seconds < 0.05) {
        std::memcpy(to.data(), from.data(), block_bytes);
        from[static_cast<std::size_t>(bytes) % block_bytes] = to[block_bytes / 2];
        bytes += 2.0 * double(block_bytes);
        seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      }
      rate = bytes / seconds;
    });
  double total = 0.0;
  for (std::size_t i = 0; i < workers.size(); ++i) {
    workers[i].join();
    total += rates[i];
  }
  return total;
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

}  // namespace

CpuFacts read_cpuinfo(std::string_view cpuinfo) {
  CpuFacts facts;
  if (const auto model = field_of(cpuinfo, "model name"); !model.empty()) facts.model = model;
  for (auto at = cpuinfo.find("processor\t"); at != std::string_view::npos;
       at = cpuinfo.find("processor\t", at + 1))
    ++facts.core_count;
  const auto flags = field_of(cpuinfo, "flags");
  for (const std::string_view name :
       {"avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16"})
    if (has_word(flags, name))
      facts.features += (facts.features.empty() ? "" : " ") + std::string{name};
  facts.has_avx2 = has_word(flags, "avx2");
  facts.has_amx = has_word(flags, "amx_bf16");
  facts.has_fast_bfloat16 = facts.has_amx || has_word(flags, "avx512_bf16");
  return facts;
}

Finding examine_nccl(const std::vector<std::string>& paths) {
  Finding finding{.name = "NCCL"};
  for (const std::string& path : paths) {
    const Library library{path};
    if (!library) continue;
    const auto get_version = library.find<int (*)(int*)>("ncclGetVersion");
    int version = 0;
    if (get_version == nullptr || get_version(&version) != 0) continue;
    finding.found = fmt::format("version {} ({})", version_text(version), path);
    finding.consequence = "learners on several GPUs exchange gradients through it";
#ifdef FLYWHEEL_HAS_NCCL_HEADER
    if (version / 10000 != NCCL_MAJOR) {
      finding.health = Health::limited;
      finding.consequence =
          fmt::format("this program was built for version {}: several GPUs may fail",
                      version_text(NCCL_VERSION_CODE));
      finding.remedy = "run scripts/setup, then scripts/build";
    }
#endif
    return finding;
  }
  finding.health = Health::limited;
  finding.found = "not found";
  finding.consequence = "no learning on several GPUs; CPUs use gloo and are not affected";
  finding.remedy = "run scripts/setup, or install NVIDIA's libnccl2";
  return finding;
}

Finding examine_gpus(const std::string& driver) {
  Finding finding{.name = "GPUs",
                  .found = "none: no NVIDIA driver",
                  .consequence = "everything runs on the CPU"};
  const Library library{driver};
  if (!library) return finding;
  const auto start = library.find<int (*)(unsigned)>("cuInit");
  const auto count_devices = library.find<int (*)(int*)>("cuDeviceGetCount");
  const auto name_of = library.find<int (*)(char*, int, int)>("cuDeviceGetName");
  const auto memory_of = library.find<int (*)(std::size_t*, int)>("cuDeviceTotalMem_v2");
  int count = 0;
  if (start == nullptr || count_devices == nullptr || start(0) != 0 || count_devices(&count) != 0) {
    finding.health = Health::limited;
    finding.found = "an NVIDIA driver that does not answer";
    finding.remedy =
        "look at nvidia-smi; a driver and its library of different versions need a reboot";
    return finding;
  }
  finding.found = fmt::format("{}", count);
  for (int device = 0; device < count; ++device) {
    char name[128] = "unnamed";
    std::size_t bytes = 0;
    if (name_of != nullptr) name_of(name, sizeof name, device);  // ordinals are handles
    if (memory_of != nullptr) memory_of(&bytes, device);
    finding.found +=
        fmt::format("{} {} ({:.0f} GiB)", device == 0 ? ":" : ",", name, double(bytes) / gib);
  }
  if (count > 0) finding.consequence = "found, but this version samples and learns on the CPU";
  return finding;
}

MachineFacts machine_facts(const std::string& workspace) {
  const CpuFacts cpu = read_cpuinfo(read_file("/proc/cpuinfo").value_or(""));
  MachineFacts facts{.cpu = cpu.model,
                     .cores = usable_cores(),
                     .has_fast_bfloat16 = cpu.has_fast_bfloat16,
                     .memory_available_bytes = usable_memory_bytes()};
  std::error_code error;
  auto folder = std::filesystem::absolute(workspace, error);
  while (!std::filesystem::exists(folder, error) && folder.has_relative_path())
    folder = folder.parent_path();
  struct statvfs space {};
  if (statvfs(folder.c_str(), &space) == 0)
    facts.disk_free_bytes = double(space.f_bavail) * double(space.f_frsize);
  facts.copy_bytes_per_second = measure_copy_rate(facts.cores);
  return facts;
}

}  // namespace flywheel
