// Decoder runs a packed model over rows: one row is one position of one sequence, of a prompt or
// newly sampled, in any mixture. Every row's keys and values go into the cache before any row
// attends.
//
// Numbers: the residual stream is float; inputs of products and the outputs of linear layers are
// rounded to the precision, as are q, k, v and the attention's output; norms, softmax, rotation and
// logits are float.
// Guarantee: a row's bits depend on its sequence alone (kernels.hpp).
// Threads:   one at a time; the work is spread over the team.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/inference/kernels.hpp"
#include "runtime/inference/packed_model.hpp"
#include "runtime/inference/page_buffer.hpp"
#include "runtime/inference/thread_team.hpp"

namespace flywheel {

struct DecoderRow {
  Token token = 0;
  std::int64_t position = 0;
  std::byte* const* blocks = nullptr;  // the sequence's KV blocks, up to this position's
  bool is_alone = false;  // no other row of the pass reads this position: it may attend at once
};

// Bytes of one KV block of a model.
std::int64_t kv_block_bytes(const ModelConfig& config, Precision precision);

class Decoder {
 public:
  Decoder(const ModelConfig& config, Precision precision, std::int64_t context_length_max,
          ThreadTeam& team);

  // Computes all rows; then logits for the rows whose indices are in `wanted`. Returns them as
  // [wanted.size(), logits_stride()] floats, -infinity from the vocabulary's end on; valid until
  // the next call.
  const float* forward(const PackedModel& model, std::span<const DecoderRow> rows,
                       std::span<const std::uint32_t> wanted);

  std::int64_t logits_stride() const { return logits_stride_; }
  const InferenceKernels& kernels() const { return kernels_; }

 private:
  void reserve(std::int64_t rows, std::int64_t wanted);
  void run_layer(const PackedLayer& layer, std::int64_t index, std::span<const DecoderRow> rows);
  void append(const PackedLayer& layer, std::int64_t index, const DecoderRow& row, std::int64_t i);
  void attend(std::int64_t index, const DecoderRow& row, std::int64_t i);
  void mix(const PackedLayer& layer, std::int64_t index, std::span<const DecoderRow> rows);
  void norm(const float* weight, std::int64_t rows);
  void multiply(const Gemm& gemm);

  const ModelConfig config_;
  const InferenceKernels& kernels_;
  ThreadTeam& team_;
  const std::int64_t element_bytes_;
  const std::int64_t head_bytes_;   // keys and values of one kv head in a block
  const std::int64_t layer_bytes_;  // of one layer in a block
  const std::int64_t logits_stride_;
  std::int64_t rows_max_ = 0, wanted_max_ = 0;

  std::vector<float> cosines_{}, sines_{};  // [context_length_max, head_size / 2]
  PageBuffer residual_{};                   // float [rows, hidden]
  PageBuffer inputs_{};                     // elements [rows, hidden]
  PageBuffer qkv_{};                        // float [rows, (heads + 2 kv_heads) * head_size]
  PageBuffer queries_{};                    // elements [rows, heads * head_size]
  PageBuffer attended_{};                   // elements [rows, heads * head_size]
  PageBuffer activated_{};                  // elements [rows, intermediate]
  PageBuffer logits_{};                     // float [wanted, logits_stride]
};

}  // namespace flywheel
