#include "actors/commands/doctor.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "actors/commands/doctor_machine.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/memory.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;
constexpr double gib = 1024.0 * 1024.0 * 1024.0;

// Milliseconds of each of `count` appended and synced 4 KiB records; empty if the disk refuses.
std::vector<double> time_syncs(const std::string& path, int count) {
  const int file = open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return {};
  const std::string block(4096, 'x');
  std::vector<double> milliseconds;
  for (int i = 0; i < count; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const bool is_written =
        write(file, block.data(), block.size()) == static_cast<ssize_t>(block.size()) &&
        fdatasync(file) == 0;
    if (!is_written) {
      milliseconds.clear();
      break;
    }
    milliseconds.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
  }
  close(file);
  unlink(path.c_str());
  return milliseconds;
}

template <class Address>
bool can_listen(int family, const Address& address) {
  const int handle = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (handle < 0) return false;
  const bool is_bound =
      bind(handle, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      listen(handle, 1) == 0;
  close(handle);
  return is_bound;
}

bool can_listen_on_loopback() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);  // port 0: any free one
  return can_listen(AF_INET, address);
}

// Empty if a unix socket can be bound in the folder, else why not.
std::string refusal_of_unix_socket(const std::string& folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder + "/doctor.sock";
  if (path.size() >= sizeof address.sun_path)
    return fmt::format("its path has {} characters and {} are allowed", path.size(),
                       sizeof address.sun_path - 1);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  unlink(path.c_str());
  const bool can = can_listen(AF_UNIX, address);
  unlink(path.c_str());
  return can ? "" : "the file system or the permissions refuse it";
}

// The folder, or the nearest one above it that exists.
std::string existing_folder(const std::string& folder) {
  std::error_code error;
  fs::path path = fs::absolute(folder, error).lexically_normal();
  while (!path.empty() && !fs::is_directory(path, error) && path != path.root_path())
    path = path.parent_path();
  return path.string();
}

}  // namespace

const char* to_string(Health health) {
  switch (health) {
    case Health::good:
      return "good";
    case Health::limited:
      return "limited";
    case Health::failed:
      return "failed";
  }
  return "unknown";
}

bool DoctorReport::is_fit() const {
  return std::ranges::none_of(findings,
                              [](const Finding& f) { return f.health == Health::failed; });
}

Finding examine_cpu(std::string_view cpuinfo) {
  const CpuFacts cpu = read_cpuinfo(cpuinfo);
  Finding finding{.name = "cpu"};
  finding.found = fmt::format("{}; {} logical cores; {}", cpu.model, cpu.core_count,
                              cpu.features.empty() ? "no vector extensions found" : cpu.features);
  if (cpu.has_fast_bfloat16) {
    finding.consequence = cpu.has_amx ? "bfloat16 products run on AMX tiles"
                                      : "bfloat16 products run about four times as fast as float32";
  } else if (cpu.has_avx2) {
    finding.health = Health::limited;
    finding.consequence = "no fast bfloat16: runs take float32, three to five times as long";
    finding.remedy = "nothing to do; a CPU with AVX512-BF16 or AMX is faster";
  } else {
    finding.health = Health::limited;
    finding.consequence = "no AVX2: runs work and take ten times as long or more";
    finding.remedy = "use a newer CPU, or let the hypervisor pass its features on";
  }
  return finding;
}

Finding examine_memory(double available_bytes, double limit_bytes) {
  const double usable =
      limit_bytes > 0.0 ? std::min(available_bytes, limit_bytes) : available_bytes;
  Finding finding{.name = "memory"};
  finding.found = fmt::format("{:.1f} GiB available", usable / gib);
  if (limit_bytes > 0.0 && limit_bytes < available_bytes) finding.found += ", by a cgroup's limit";
  if (usable < 1.0 * gib) {
    finding.health = Health::failed;
    finding.consequence = "not even the tiny model's run fits";
    finding.remedy = "free memory or raise the limit: 1 GiB for the tiny model, 8 GiB for 135 M";
  } else if (usable < 8.0 * gib) {
    finding.health = Health::limited;
    finding.consequence = "the tiny model runs; the 135 M model needs about 7 GiB";
    finding.remedy = "lower compute.micro_batch_tokens; `flywheel plan SPEC` says what it gives";
  } else {
    finding.consequence = "the 135 M model's run fits (about 7 GiB)";
  }
  return finding;
}

Finding examine_disk(const std::string& folder) {
  Finding finding{.name = "disk"};
  struct statvfs space {};
  auto times = time_syncs(folder + "/.doctor_sync", 24);
  if (statvfs(folder.c_str(), &space) != 0 || times.empty()) {
    finding.health = Health::failed;
    finding.found = folder + " can't be written and synced";
    finding.consequence = "no workspace can live there";
    finding.remedy = "free space, mount it writable, or choose another folder with --home";
    return finding;
  }
  std::ranges::sort(times);
  const double free_bytes = double(space.f_bavail) * double(space.f_frsize);
  const double median_ms = times[times.size() / 2], worst_ms = times.back();
  finding.found = fmt::format("{:.1f} GiB free; fsync of 4 KiB takes {:.2f} ms, at worst {:.1f} ms",
                              free_bytes / gib, median_ms, worst_ms);
  finding.consequence = fmt::format("about {:.0f} durable ledger commits a second",
                                    1000.0 / std::max(median_ms, 1e-3));
  if (free_bytes < 6.0 * gib) {
    finding.health = Health::limited;
    finding.consequence += "; snapshots of a 135 M model (5 GiB) do not fit";
    finding.remedy = "free some, lower snapshots.kept, or choose another folder with --home";
  } else if (median_ms > 20.0) {
    finding.health = Health::limited;
    finding.consequence += "; runs wait for the disk";
    finding.remedy = "put the workspace on a local disk with --home";
  }
  return finding;
}

Finding examine_cgroups(const std::string& root) {
  Finding finding{.name = "cgroups"};
  std::error_code error;
  const bool is_v2 = fs::exists(root + "/cgroup.controllers", error);
  const bool is_v1 = !is_v2 && fs::exists(root + "/memory", error);
  const std::string folder = is_v2 ? root : root + "/memory";
  const bool is_writable = (is_v2 || is_v1) && access(folder.c_str(), W_OK) == 0;
  finding.found = is_v2 ? "version 2" : is_v1 ? "version 1" : "none";
  if (is_v2 || is_v1) finding.found += is_writable ? ", writable" : ", read-only";
  if (is_writable) {
    finding.consequence = "graders and tools in processes of their own get memory and CPU limits";
  } else {
    finding.health = Health::limited;
    finding.consequence = "processes of graders are held by rlimits and deadlines alone";
    finding.remedy =
        "run as root, or let systemd delegate a slice: systemd-run --user --scope "
        "-p Delegate=yes";
  }
  return finding;
}

Finding examine_ports(const std::string& folder) {
  Finding finding{.name = "sockets"};
  const bool has_loopback = can_listen_on_loopback();
  const std::string refusal = refusal_of_unix_socket(folder);
  finding.found = fmt::format("TCP on 127.0.0.1: {}; unix socket in the workspace: {}",
                              has_loopback ? "yes" : "no", refusal.empty() ? "yes" : "no");
  finding.consequence = "the workspace's owner answers status, waits and data to other commands";
  if (!refusal.empty()) {
    finding.health = Health::failed;
    finding.consequence = "other commands can't reach a run: " + refusal;
    finding.remedy = "choose a local folder with a shorter path with --home";
  } else if (!has_loopback) {
    finding.health = Health::limited;
    finding.consequence =
        "no web page and no second node: only this machine's commands reach a run";
    finding.remedy = "bring the loopback interface up: ip link set lo up";
  }
  return finding;
}

Finding examine_file_limit(std::uint64_t files_max) {
  Finding finding{.name = "open files", .found = fmt::format("{} at once", files_max)};
  if (files_max >= 1024) {
    finding.consequence = "enough for the store and for hundreds of clients";
  } else {
    finding.health = Health::limited;
    finding.consequence = "the store and its clients may run out of file handles";
    finding.remedy = "ulimit -n 4096";
  }
  return finding;
}

DoctorReport examine_machine(const DoctorOptions& options) {
  const std::string folder = existing_folder(options.workspace);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  return {{examine_cpu(read_file("/proc/cpuinfo").value_or("")),
           examine_memory(available_memory_bytes(), cgroup_memory_limit_bytes("/sys/fs/cgroup")),
           examine_disk(folder), examine_cgroups("/sys/fs/cgroup"), examine_ports(folder),
           examine_file_limit(files.rlim_cur), examine_nccl(options.nccl_paths),
           examine_gpus("libcuda.so.1")}};
}

std::string doctor_text(const DoctorReport& report) {
  std::string text;
  for (const Finding& finding : report.findings) {
    const char* const mark = finding.health == Health::good      ? "ok  "
                             : finding.health == Health::limited ? "note"
                                                                 : "FAIL";
    text += fmt::format("{}  {:<10}  {}\n                  → {}\n", mark, finding.name,
                        finding.found, finding.consequence);
    if (!finding.remedy.empty()) text += "                  to do: " + finding.remedy + "\n";
  }
  text += report.is_fit() ? "This machine can run experiments.\n"
                          : "Something essential fails: see FAIL above.\n";
  return text;
}

OrderedJson doctor_json(const DoctorReport& report) {
  OrderedJson json = {{"fit", report.is_fit()}, {"findings", OrderedJson::array()}};
  for (const Finding& finding : report.findings)
    json["findings"].push_back(OrderedJson{{"name", finding.name},
                                           {"health", to_string(finding.health)},
                                           {"found", finding.found},
                                           {"consequence", finding.consequence},
                                           {"remedy", finding.remedy}});
  return json;
}

}  // namespace flywheel
