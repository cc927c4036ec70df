// The transformer's own inner loops: everything that is not a matrix product. Arithmetic is
// float32; activations are float or Bfloat16. Torch-free; built for three instruction sets, chosen
// once.
//
// Legend: N rows (tokens), H hidden, D head size, A query heads, K kv heads, I intermediate,
//         V vocabulary. Functions take row ranges, so that any split over threads gives the same
//         bits.
#pragma once

#include <cstdint>

#include "runtime/model/transformer_forest.hpp"

namespace flywheel {

struct Bfloat16 {
  std::uint16_t bits;
};

struct RowRange {
  std::int64_t begin, end;
};

struct HeadShape {
  std::int64_t heads, kv_heads, head_size;

  std::int64_t row_size() const { return (heads + 2 * kv_heads) * head_size; }  // of a QKV row
};

// What turns a row of QKV products into queries, keys and values. Null where the model has none.
template <class T>
struct QkvTransform {
  HeadShape shape{};
  const T* bias = nullptr;        // [(A + 2K) D]
  const T* query_norm = nullptr;  // [D]
  const T* key_norm = nullptr;    // [D]
  float epsilon = 0.0F;
  const float* cosines = nullptr;  // [positions, D / 2]
  const float* sines = nullptr;
  const std::int32_t* positions = nullptr;  // [N]
};

// Attention of one tree and one query head; trees and heads are independent.
template <class T>
struct AttentionTask {
  HeadShape shape{};
  const TokenSegment* segments = nullptr;  // of the tree, depth first
  std::int64_t first_segment = 0;          // the forest's number of segments[0]
  std::int64_t segment_count = 0;
  std::int64_t position_count = 0;  // of the tree
  std::int64_t head = 0;
  const T* qkv = nullptr;              // [N, (A + 2K) D], rotated
  T* output = nullptr;                 // [N, A D]
  float* log_sum = nullptr;            // [N, A]: log of the softmax's denominator
  const T* output_gradient = nullptr;  // [N, A D]; backward only
  float* query_gradient = nullptr;     // [N, A, D]; key and value gradients are per query head too
  float* key_gradient = nullptr;
  float* value_gradient = nullptr;
  float* scratch = nullptr;  // attention_scratch_floats()
};
std::int64_t attention_scratch_floats(std::int64_t position_count, std::int64_t head_size);

// One AdamW update (Loshchilov and Hutter 2019, algorithm 2), bias corrections folded in.
struct AdamwStep {
  float gradient_scale;  // what clipping multiplies gradients by
  float beta1, beta2;
  float decay;       // 1 - learning rate * weight decay
  float step_size;   // learning rate / (1 - beta1^t)
  float correction;  // 1 / sqrt(1 - beta2^t)
  float epsilon;
};

template <class T>
struct Kernels {
  // x_out = x_in + delta; y = x_out * inverse_rms * weight. delta and y may be null.
  void (*add_norm)(RowRange, std::int64_t hidden, const float* x_in, const T* delta, float* x_out,
                   const T* weight, float epsilon, T* y, float* inverse_rms);
  // y = x * inverse_rms * weight again, as add_norm had it.
  void (*scale_norm)(RowRange, std::int64_t hidden, const float* x, const T* weight,
                     const float* inverse_rms, T* y);
  // dx += gradient through the norm; weight_gradient[H] += over the range.
  void (*norm_backward)(RowRange, std::int64_t hidden, const T* dy, const float* x, const T* weight,
                        const float* inverse_rms, float* dx, float* weight_gradient);
  // raw and rotated may be the same.
  void (*rotate)(RowRange, const QkvTransform<T>&, const T* raw, T* rotated);
  // Sums key and value gradients over the query heads of a kv head, undoes the rotation and the
  // norms; norm gradients [2 D] (query, key) are added over the range.
  void (*rotate_backward)(RowRange, const QkvTransform<T>&, const T* raw, const float* dq,
                          const float* dk, const float* dv, T* dqkv, float* norm_gradient);
  void (*attention)(const AttentionTask<T>&);
  void (*attention_backward)(const AttentionTask<T>&);
  void (*swiglu)(RowRange, std::int64_t intermediate, const T* gate_up, T* y);
  void (*swiglu_backward)(RowRange, std::int64_t intermediate, const T* gate_up, const T* dy,
                          T* dgate_up);
  void (*from_float)(std::int64_t count, const float* x, T* y);
  void (*to_float)(std::int64_t count, const T* x, float* y);
  void (*add_to_float)(std::int64_t count, const T* x, float* y);              // y += x
  void (*column_sum)(RowRange, std::int64_t columns, const T* x, float* sum);  // sum += over rows
  // One row of logits [V]: log-probability of `target`, and the entropy in nats.
  void (*log_softmax_row)(std::int64_t vocabulary, const float* logits, std::int64_t target,
                          float* log_probability, float* entropy, float* log_sum);
  // dlogits = scale * (one_hot(target) - softmax(logits)).
  void (*log_softmax_row_backward)(std::int64_t vocabulary, const float* logits,
                                   std::int64_t target, float log_sum, float scale, T* dlogits);
  double (*sum_of_squares)(std::int64_t count, const float* x);
  // `rounded` gets the new parameters in this precision; it may be `parameters` itself.
  void (*adamw)(std::int64_t count, const AdamwStep&, const float* gradient, float* parameters,
                float* mean, float* variance, T* rounded);
};

// The fastest set this CPU runs.
template <class T>
const Kernels<T>& kernels();

}  // namespace flywheel
