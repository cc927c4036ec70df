// PackedModel is the engine's own copy of a model's weights, in the layout its kernels read: linear
// weights as panels (kernels.hpp), q, k and v in one, gate and up in alternating panels.
//
// It is the only copy: unpack() rebuilds the named tensors from the very bytes the kernels read, so
// a hash of what it gives speaks of what samples, and a panel that was damaged or left stale
// changes it. Threads: const after pack(); the team given is used for the call only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/hash.hpp"
#include "runtime/inference/page_buffer.hpp"
#include "runtime/inference/thread_team.hpp"
#include "runtime/model/weights_handle.hpp"

namespace flywheel {

struct PackedLayer {
  const void* qkv = nullptr;  // [hidden -> (heads + 2 kv_heads) * head_size]
  const void* o = nullptr;
  const void* gate_up = nullptr;  // panels alternate
  const void* down = nullptr;
  std::vector<float> qkv_bias{};  // empty where the model has none
  std::vector<float> input_norm{}, post_norm{}, q_norm{}, k_norm{};
};

class PackedModel {
 public:
  // Refuses (invalid_argument) missing or wrongly shaped tensors, odd sizes, and numbers that are
  // not finite; the message names the tensor.
  static Result<std::shared_ptr<const PackedModel>> pack(const WeightsHandle& weights,
                                                         Precision precision, ThreadTeam& team);

  const ModelConfig& config() const { return config_; }
  Precision precision() const { return precision_; }
  const std::vector<PackedLayer>& layers() const { return layers_; }
  const std::vector<float>& final_norm() const { return final_norm_; }
  const void* head() const { return head_; }  // [hidden -> vocabulary]

  void embed(Token token, float* out) const;  // [hidden]

  WeightsHandle unpack(ThreadTeam& team) const;

  // What content_hash() says of unpack().
  Hash128 hash(ThreadTeam& team) const;

  // Tests flip a byte here to see that the hash tells.
  std::byte* bytes_for_test() const { return buffer_.data(); }

 private:
  friend class Packer;

  // A named linear weight [out, in] within panels: its column c is column first_column + c there,
  // and panel i of those lies at first_panel + i * panel_step.
  struct Linear {
    std::string name{};
    std::int64_t out = 0, in = 0, first_column = 0, first_panel = 0, panel_step = 1;
    std::byte* panels = nullptr;
  };
  struct Vector {
    std::string name{};
    std::vector<float>* values = nullptr;
    std::int64_t begin = 0, size = 0;
  };

  ModelConfig config_{};
  Precision precision_ = Precision::float32;
  PageBuffer buffer_{};
  std::vector<PackedLayer> layers_{};
  std::vector<float> final_norm_{};
  std::byte* head_ = nullptr;
  std::byte* embedding_ = nullptr;  // the head where tied
  std::vector<Linear> linears_{};
  std::vector<Vector> vectors_{};
};

}  // namespace flywheel
