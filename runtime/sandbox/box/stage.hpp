// Stage is the launcher's own mount namespace, from which containers are cut. Internal to
// flywheel_box; what lies on it is drawn in box.hpp.
#pragma once

#include <string>
#include <vector>

#include "runtime/sandbox/box/box.hpp"

namespace flywheel {

// Where this is no root: a user namespace in which it is, with one id.
BoxError enter_user_namespace();

class Stage {
 public:
  // Leaves the host's namespaces and builds the stage on an empty folder of the host. The
  // launcher's current folder is the stage afterwards.
  BoxError open(const std::string& mount_point);

  // Makes a folder of the host a layer, if it is not one yet, and counts a user of it.
  BoxError use_layer(const std::string& path, std::string& name);
  void release_layer(const std::string& name);

  // A detached read-only mount of a folder or file of the host.
  static BoxError bind(const std::string& source, CellBind& bind);

  // A network namespace with nothing but a loopback interface that is up, as a descriptor.
  BoxError take_network(int& network);
  void fill_networks();  // keeps some ready; called when there is nothing else to do
  bool needs_networks() const { return is_pooling_ && networks_.size() < network_count; }
  int home_network() const { return home_network_; }

 private:
  static constexpr std::size_t network_count = 8;

  struct Layer {
    std::string path{};
    std::string name{};
    int user_count = 0;
  };
  BoxError make_network(int& network) const;

  std::vector<Layer> layers_;
  std::uint64_t layers_made_ = 0;
  std::vector<int> networks_;
  bool is_pooling_ = false;  // from the first container with loopback on
  int home_network_ = -1;
};

}  // namespace flywheel
