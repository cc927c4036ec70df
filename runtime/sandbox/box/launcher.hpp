// Launcher makes containers for one SandboxHost and ends them. Internal to flywheel_box.
//
// Guarantees: when the host goes away, so does every container; a container is told to have ended
//             after its processes, mounts and cgroups are gone.
// Threads:    one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/sandbox/box/box.hpp"
#include "runtime/sandbox/box/cgroups.hpp"
#include "runtime/sandbox/box/stage.hpp"
#include "runtime/sandbox/box/zygote_process.hpp"

namespace flywheel {

class Launcher {
 public:
  Launcher(int host, const std::string& mount_point, bool is_root)
      : host_(host), mount_point_(mount_point) {
    box_.is_root = is_root;
  }

  // Reads the filters, leaves the host's namespaces, tells the host what this machine gives.
  bool open(int filter_closed, int filter_loopback);
  bool enter_user_namespace() const;  // or tells the host why not
  void serve();  // until the host goes away; every container is gone afterwards

 private:
  struct Living {
    std::uint64_t number = 0;
    CellGroups groups{};
    std::vector<std::string> layers{};
    CellSpec spec{};  // its limits, for commands that the zygote starts
    int status = 0;
    std::uint32_t oom_kill_count = 0;
  };

  void handle(BoxPacket& packet);
  void create(BoxReader& request, BoxPacket& packet);
  void start_zygote_exec(BoxReader& request, BoxPacket& packet);
  BoxError prepare(BoxReader& request, CellSpec& spec, Living& living);
  BoxError launch(CellSpec& spec, Living& living);
  BoxError clone_cell(CellSpec& spec, int start_write, pid_t& process);
  BoxError map_ids(pid_t process) const;
  void refuse(std::uint64_t number, const BoxError& error) const;
  void forget(Living& living);
  void reap();
  void remove_ended();
  void end_all();

  int host_;
  std::string mount_point_;
  Box box_;
  Stage stage_;
  Cgroups cgroups_;
  ZygoteProcess zygote_;
  std::uint64_t id_base_ = 0;  // host id of id 0 of the container that is being made
  std::map<pid_t, Living> living_;
  std::vector<Living> ended_;  // whose cgroups are not removed yet
};

}  // namespace flywheel
