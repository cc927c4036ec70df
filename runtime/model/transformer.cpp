#include "runtime/model/transformer.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <numeric>
#include <type_traits>

#include <torch/types.h>

#include "runtime/base/check.hpp"
#include "runtime/model/transformer_gemm.hpp"
#include "runtime/model/transformer_kernels.hpp"
#include "runtime/model/transformer_parallel.hpp"
#include "runtime/model/weights.hpp"

namespace flywheel {
namespace {

constexpr std::int64_t elements_grain = 16'384;  // what a thread takes at least
constexpr std::int64_t block_rows = 64;  // rows of one partial sum: fixed, so that sums are too

// Memory that grows and is kept from one pass to the next, so that pages are touched once.
class Buffer {
 public:
  torch::Tensor rows(std::int64_t count, std::int64_t width, torch::ScalarType type) {
    if (!memory_.defined() || memory_.size(0) < count || memory_.size(1) != width)
      memory_ = torch::empty({count, width}, type);
    return memory_.narrow(0, 0, count);
  }

 private:
  torch::Tensor memory_;
};

// What one layer keeps for its backward pass. Widths: H hidden, Q = (A + 2K) D, I intermediate.
struct LayerBuffers {
  Buffer x_in, x_mid;         // residual stream before attention and before the MLP: H, float32
  Buffer norm_in, norm_mid;   // inverse root mean squares: 1, float32
  Buffer qkv_raw, qkv;        // products, and the same rotated (one buffer without QK norm): Q
  Buffer attention, log_sum;  // A D; A, float32
  Buffer gate_up;             // 2 I
};

template <class T>
T* data(const torch::Tensor& tensor) {
  return static_cast<T*>(tensor.data_ptr());
}

template <class T>
class PackedTransformer final : public Transformer {
 public:
  explicit PackedTransformer(const ModelConfig& config)
      : config_(config),
        layout_(config),
        parameters_(torch::zeros({layout_.size}, type)),
        kernels_(kernels<T>()),
        buffers_(static_cast<std::size_t>(config.layer_count)) {}

  const ModelConfig& config() const override { return config_; }
  const ParameterLayout& layout() const override { return layout_; }
  Precision precision() const override {
    return type == torch::kFloat ? Precision::float32 : Precision::bfloat16;
  }
  torch::Tensor parameters() const override { return parameters_; }
  torch::Tensor head() const override {
    return matrix(layout_.head, config_.vocabulary_size, config_.hidden_size);
  }

  torch::Tensor forward(const TokenForest& forest, bool keep) override;
  void backward(const TokenForest& forest, const torch::Tensor& hidden_gradient,
                const torch::Tensor& gradient) override;

 private:
  static constexpr auto type = std::is_same_v<T, float> ? torch::kFloat : torch::kBFloat16;

  torch::Tensor matrix(std::int64_t offset, std::int64_t rows, std::int64_t columns) const {
    return parameters_.narrow(0, offset, rows * columns).view({rows, columns});
  }
  const T* vector(std::int64_t offset) const {
    return offset < 0 ? nullptr : data<T>(parameters_) + offset;
  }
  HeadShape heads() const { return {config_.head_count, config_.kv_head_count, config_.head_size}; }
  torch::Tensor temporary(Buffer& buffer, std::int64_t width) {
    return buffer.rows(row_count_, width, type);
  }
  float* floats(Buffer& buffer, std::int64_t width) {
    return data<float>(buffer.rows(row_count_, width, torch::kFloat));
  }
  LayerBuffers& layer_buffers(std::size_t n) { return buffers_[keep_ ? n : 0]; }

  std::int64_t row_grain() const { return elements_grain / config_.hidden_size + 1; }
  bool is_small() const { return row_count_ * config_.hidden_size < elements_grain; }
  void prepare(const TokenForest& forest);
  QkvTransform<T> transform_of(const TokenForest& forest, const LayerOffsets& layer) const;
  void add_norm(const float* x_in, const T* delta, float* x_out, std::int64_t weight, T* y,
                float* inverse_rms);
  void attend(const TokenForest& forest, bool backward, AttentionTask<T> task);
  torch::Tensor forward_attention(const TokenForest& forest, std::size_t n, const float* x,
                                  const torch::Tensor& delta);
  torch::Tensor forward_mlp(std::size_t n, const torch::Tensor& delta);
  void backward_attention(const TokenForest& forest, std::size_t n, float* dx,
                          const torch::Tensor& gradient);
  void backward_mlp(std::size_t n, float* dx, const torch::Tensor& gradient);
  void backward_norm(const T* dy, const float* x, std::int64_t weight, const float* inverse_rms,
                     float* dx, const torch::Tensor& gradient);
  void backward_embedding(const TokenForest& forest, const float* dx,
                          const torch::Tensor& gradient);
  // sums[width] += the blocks' partial sums, in order.
  void sum_blocks(std::int64_t width, float* sums,
                  const std::function<void(RowRange, float*)>& partial);

  ModelConfig config_;
  ParameterLayout layout_;
  torch::Tensor parameters_;
  const Kernels<T>& kernels_;
  torch::Tensor rotary_;  // [2, positions, D / 2]
  std::vector<LayerBuffers> buffers_;
  Buffer normed_, delta_, activation_, hidden_, hidden_norm_, x_last_, block_sums_;
  Buffer dx_, d_hidden_, d_activation_, d_gate_up_, d_attention_, d_qkv_, dq_, dk_, dv_;
  std::int64_t row_count_ = 0;
  bool keep_ = false;
};

template <class T>
void PackedTransformer<T>::prepare(const TokenForest& forest) {
  row_count_ = forest.row_count();
  FLYWHEEL_CHECK(row_count_ > 0);
  if (!rotary_.defined() || rotary_.size(1) < forest.position_count)
    rotary_ = rotary_table(config_, std::max<std::int64_t>(forest.position_count, 256));
}

template <class T>
QkvTransform<T> PackedTransformer<T>::transform_of(const TokenForest& forest,
                                                   const LayerOffsets& layer) const {
  return {.shape = heads(),
          .bias = vector(layer.qkv_bias),
          .query_norm = vector(layer.query_norm),
          .key_norm = vector(layer.key_norm),
          .epsilon = static_cast<float>(config_.rms_norm_epsilon),
          .cosines = data<float>(rotary_),
          .sines = data<float>(rotary_) + rotary_.stride(0),
          .positions = forest.positions.data()};
}

template <class T>
void PackedTransformer<T>::add_norm(const float* x_in, const T* delta, float* x_out,
                                    std::int64_t weight, T* y, float* inverse_rms) {
  parallel_for(row_count_, row_grain(), [&](std::int64_t begin, std::int64_t end) {
    kernels_.add_norm({begin, end}, config_.hidden_size, x_in, delta, x_out, vector(weight),
                      static_cast<float>(config_.rms_norm_epsilon), y, inverse_rms);
  });
}

template <class T>
void PackedTransformer<T>::attend(const TokenForest& forest, bool backward, AttentionTask<T> task) {
  const auto tree_count = static_cast<std::int64_t>(forest.roots.size());
  task.shape = heads();
  parallel_for_each(tree_count * config_.head_count, is_small(), [&](std::int64_t index) {
    const auto tree = static_cast<std::size_t>(index / config_.head_count);
    const auto first = forest.roots[tree];
    const auto end = tree + 1 < forest.roots.size()
                         ? forest.roots[tree + 1]
                         : static_cast<std::int64_t>(forest.segments.size());
    auto mine = task;
    mine.head = index % config_.head_count;
    mine.segments = forest.segments.data() + first;
    mine.first_segment = first;
    mine.segment_count = end - first;
    for (auto n = first; n < end; ++n)
      mine.position_count = std::max(mine.position_count,
                                     forest.segments[static_cast<std::size_t>(n)].position_end());
    thread_local std::vector<float> scratch;
    const auto size = attention_scratch_floats(mine.position_count, config_.head_size);
    if (scratch.size() < static_cast<std::size_t>(size))
      scratch.resize(static_cast<std::size_t>(size));
    mine.scratch = scratch.data();
    backward ? kernels_.attention_backward(mine) : kernels_.attention(mine);
  });
}

// Returns what attention adds to the residual stream.
template <class T>
torch::Tensor PackedTransformer<T>::forward_attention(const TokenForest& forest, std::size_t n,
                                                      const float* x, const torch::Tensor& delta) {
  const auto& layer = layout_.layers[n];
  auto& kept = layer_buffers(n);
  const auto hidden = config_.hidden_size, width = heads().row_size();
  const auto attention_width = config_.head_count * config_.head_size;
  const auto normed = temporary(normed_, hidden);
  add_norm(x, delta.defined() ? data<T>(delta) : nullptr, floats(kept.x_in, hidden),
           layer.input_norm, data<T>(normed), floats(kept.norm_in, 1));
  const auto raw = temporary(kept.qkv_raw, width);
  linear_forward(normed, matrix(layer.qkv, width, hidden), raw);
  const auto qkv = config_.qk_norm ? temporary(kept.qkv, width) : raw;
  const auto transform = transform_of(forest, layer);
  parallel_for(row_count_, row_grain(), [&](std::int64_t begin, std::int64_t end) {
    kernels_.rotate({begin, end}, transform, data<T>(raw), data<T>(qkv));
  });
  const auto attention = temporary(kept.attention, attention_width);
  attend(forest, false,
         {.qkv = data<T>(qkv),
          .output = data<T>(attention),
          .log_sum = floats(kept.log_sum, config_.head_count)});
  const auto out = temporary(delta_, hidden);
  linear_forward(attention, matrix(layer.output, hidden, attention_width), out);
  return out;
}

// Adds attention's `delta` to the stream; returns what the MLP adds.
template <class T>
torch::Tensor PackedTransformer<T>::forward_mlp(std::size_t n, const torch::Tensor& delta) {
  const auto& layer = layout_.layers[n];
  auto& kept = layer_buffers(n);
  const auto hidden = config_.hidden_size, intermediate = config_.intermediate_size;
  const auto normed = temporary(normed_, hidden);
  add_norm(floats(kept.x_in, hidden), data<T>(delta), floats(kept.x_mid, hidden), layer.post_norm,
           data<T>(normed), floats(kept.norm_mid, 1));
  const auto gate_up = temporary(kept.gate_up, 2 * intermediate);
  linear_forward(normed, matrix(layer.gate_up, 2 * intermediate, hidden), gate_up);
  const auto activation = temporary(activation_, intermediate);
  parallel_for(row_count_, row_grain(), [&](std::int64_t begin, std::int64_t end) {
    kernels_.swiglu({begin, end}, intermediate, data<T>(gate_up), data<T>(activation));
  });
  const auto out = temporary(delta_, hidden);
  linear_forward(activation, matrix(layer.down, hidden, intermediate), out);
  return out;
}

template <class T>
torch::Tensor PackedTransformer<T>::forward(const TokenForest& forest, bool keep) {
  const torch::NoGradGuard no_grad;
  keep_ = keep;
  prepare(forest);
  const auto hidden = config_.hidden_size;
  float* x = floats(layer_buffers(0).x_in, hidden);
  parallel_for(row_count_, row_grain(), [&](std::int64_t begin, std::int64_t end) {
    for (auto row = begin; row < end; ++row)
      kernels_.to_float(
          hidden, vector(layout_.embedding + forest.tokens[static_cast<std::size_t>(row)] * hidden),
          x + row * hidden);
  });
  torch::Tensor delta;
  for (std::size_t n = 0; n < layout_.layers.size(); ++n) {
    delta = forward_attention(forest, n, x, delta);
    delta = forward_mlp(n, delta);
    x = floats(layer_buffers(n).x_mid, hidden);
  }
  const auto out = temporary(hidden_, hidden);
  add_norm(x, data<T>(delta), floats(x_last_, hidden), layout_.final_norm, data<T>(out),
           floats(hidden_norm_, 1));
  return out;
}

template <class T>
void PackedTransformer<T>::sum_blocks(std::int64_t width, float* sums,
                                      const std::function<void(RowRange, float*)>& partial) {
  const auto block_count = (row_count_ + block_rows - 1) / block_rows;
  const auto memory = block_sums_.rows(block_count, width, torch::kFloat);
  float* blocks = data<float>(memory);
  parallel_for(block_count, elements_grain / (block_rows * width) + 1,
               [&](std::int64_t begin, std::int64_t end) {
                 std::fill(blocks + begin * width, blocks + end * width, 0.0F);
                 for (auto block = begin; block < end; ++block)
                   partial({block * block_rows, std::min((block + 1) * block_rows, row_count_)},
                           blocks + block * width);
               });
  for (std::int64_t block = 0; block < block_count; ++block)
    kernels<float>().add_to_float(width, blocks + block * width, sums);
}

template <class T>
void PackedTransformer<T>::backward_norm(const T* dy, const float* x, std::int64_t weight,
                                         const float* inverse_rms, float* dx,
                                         const torch::Tensor& gradient) {
  sum_blocks(config_.hidden_size, data<float>(gradient) + weight, [&](RowRange rows, float* sums) {
    kernels_.norm_backward(rows, config_.hidden_size, dy, x, vector(weight), inverse_rms, dx, sums);
  });
}

template <class T>
void PackedTransformer<T>::backward_mlp(std::size_t n, float* dx, const torch::Tensor& gradient) {
  const auto& layer = layout_.layers[n];
  auto& kept = layer_buffers(n);
  const auto hidden = config_.hidden_size, intermediate = config_.intermediate_size;
  const auto dy = temporary(delta_, hidden), normed = temporary(normed_, hidden);
  const auto gate_up = temporary(kept.gate_up, 2 * intermediate);
  const auto activation = temporary(activation_, intermediate);
  parallel_for(row_count_, row_grain(), [&](std::int64_t begin, std::int64_t end) {
    kernels_.from_float((end - begin) * hidden, dx + begin * hidden, data<T>(dy) + begin * hidden);
    kernels_.swiglu({begin, end}, intermediate, data<T>(gate_up), data<T>(activation));
    kernels_.scale_norm({begin, end}, hidden, floats(kept.x_mid, hidden), vector(layer.post_norm),
                        floats(kept.norm_mid, 1), data<T>(normed));
  });
  const auto slice = [&](std::int64_t offset, std::int64_t rows, std::int64_t columns) {
    return gradient.narrow(0, offset, rows * columns).view({rows, columns});
  };
  linear_weight_gradient(dy, activation, slice(layer.down, hidden, intermediate));
  const auto d_activation = temporary(d_activation_, intermediate);
  linear_input_gradient(dy, matrix(layer.down, hidden, intermediate), d_activation);
  const auto d_gate_up = temporary(d_gate_up_, 2 * intermediate);
  parallel_for(row_count_, row_grain(), [&](std::int64_t begin, std::int64_t end) {
    kernels_.swiglu_backward({begin, end}, intermediate, data<T>(gate_up), data<T>(d_activation),
                             data<T>(d_gate_up));
  });
  linear_weight_gradient(d_gate_up, normed, slice(layer.gate_up, 2 * intermediate, hidden));
  linear_input_gradient(d_gate_up, matrix(layer.gate_up, 2 * intermediate, hidden), dy);
  backward_norm(data<T>(dy), floats(kept.x_mid, hidden), layer.post_norm, floats(kept.norm_mid, 1),
                dx, gradient);
}

template <class T>
void PackedTransformer<T>::backward_attention(const TokenForest& forest, std::size_t n, float* dx,
                                              const torch::Tensor& gradient) {
  const auto& layer = layout_.layers[n];
  auto& kept = layer_buffers(n);
  const auto hidden = config_.hidden_size, width = heads().row_size();
  const auto attention_width = config_.head_count * config_.head_size;
  const auto dy = temporary(delta_, hidden), normed = temporary(normed_, hidden);
  const auto attention = temporary(kept.attention, attention_width);
  const auto raw = temporary(kept.qkv_raw, width);
  const auto qkv = config_.qk_norm ? temporary(kept.qkv, width) : raw;
  parallel_for(row_count_, row_grain(), [&](std::int64_t begin, std::int64_t end) {
    kernels_.from_float((end - begin) * hidden, dx + begin * hidden, data<T>(dy) + begin * hidden);
    kernels_.scale_norm({begin, end}, hidden, floats(kept.x_in, hidden), vector(layer.input_norm),
                        floats(kept.norm_in, 1), data<T>(normed));
  });
  const auto slice = [&](std::int64_t offset, std::int64_t rows, std::int64_t columns) {
    return gradient.narrow(0, offset, rows * columns).view({rows, columns});
  };
  linear_weight_gradient(dy, attention, slice(layer.output, hidden, attention_width));
  const auto d_attention = temporary(d_attention_, attention_width);
  linear_input_gradient(dy, matrix(layer.output, hidden, attention_width), d_attention);
  const AttentionTask<T> task{.qkv = data<T>(qkv),
                              .log_sum = floats(kept.log_sum, config_.head_count),
                              .output_gradient = data<T>(d_attention),
                              .query_gradient = floats(dq_, attention_width),
                              .key_gradient = floats(dk_, attention_width),
                              .value_gradient = floats(dv_, attention_width)};
  attend(forest, true, task);
  const auto d_qkv = temporary(d_qkv_, width);
  const auto transform = transform_of(forest, layer);
  std::vector<float> norm_sums(static_cast<std::size_t>(2 * config_.head_size));
  sum_blocks(2 * config_.head_size, norm_sums.data(), [&](RowRange rows, float* sums) {
    kernels_.rotate_backward(rows, transform, data<T>(raw), task.query_gradient, task.key_gradient,
                             task.value_gradient, data<T>(d_qkv), sums);
  });
  if (config_.qk_norm) {
    const auto size = config_.head_size;
    kernels<float>().add_to_float(size, norm_sums.data(), data<float>(gradient) + layer.query_norm);
    kernels<float>().add_to_float(size, norm_sums.data() + size,
                                  data<float>(gradient) + layer.key_norm);
  }
  if (config_.qkv_bias)
    sum_blocks(width, data<float>(gradient) + layer.qkv_bias, [&](RowRange rows, float* sums) {
      kernels_.column_sum(rows, width, data<T>(d_qkv), sums);
    });
  linear_weight_gradient(d_qkv, normed, slice(layer.qkv, width, hidden));
  linear_input_gradient(d_qkv, matrix(layer.qkv, width, hidden), dy);
  backward_norm(data<T>(dy), floats(kept.x_in, hidden), layer.input_norm, floats(kept.norm_in, 1),
                dx, gradient);
}

// Rows of one token are added in row order by one thread.
template <class T>
void PackedTransformer<T>::backward_embedding(const TokenForest& forest, const float* dx,
                                              const torch::Tensor& gradient) {
  const auto hidden = config_.hidden_size;
  std::vector<std::int64_t> order(forest.tokens.size());
  std::iota(order.begin(), order.end(), 0);
  const auto token_of = [&](std::int64_t row) {
    return forest.tokens[static_cast<std::size_t>(row)];
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return token_of(a) < token_of(b); });
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < order.size(); ++i)
    if (i == 0 || token_of(order[i]) != token_of(order[i - 1])) starts.push_back(i);
  starts.push_back(order.size());
  float* sums = data<float>(gradient) + layout_.embedding;
  parallel_for_each(static_cast<std::int64_t>(starts.size()) - 1, is_small(),
                    [&](std::int64_t group) {
                      const auto at = static_cast<std::size_t>(group);
                      for (auto i = starts[at]; i < starts[at + 1]; ++i)
                        kernels<float>().add_to_float(hidden, dx + order[i] * hidden,
                                                      sums + token_of(order[i]) * hidden);
                    });
}

template <class T>
void PackedTransformer<T>::backward(const TokenForest& forest, const torch::Tensor& hidden_gradient,
                                    const torch::Tensor& gradient) {
  const torch::NoGradGuard no_grad;
  FLYWHEEL_CHECK(keep_ && row_count_ == forest.row_count());
  const auto hidden = config_.hidden_size;
  float* dx = floats(dx_, hidden);
  std::fill(dx, dx + row_count_ * hidden, 0.0F);
  backward_norm(data<T>(hidden_gradient), floats(x_last_, hidden), layout_.final_norm,
                floats(hidden_norm_, 1), dx, gradient);
  for (auto n = layout_.layers.size(); n-- > 0;) {
    backward_mlp(n, dx, gradient);
    backward_attention(forest, n, dx, gradient);
  }
  backward_embedding(forest, dx, gradient);
}

}  // namespace

std::unique_ptr<Transformer> make_transformer(const ModelConfig& config, Precision precision) {
  if (precision == Precision::float32) return std::make_unique<PackedTransformer<float>>(config);
  return std::make_unique<PackedTransformer<Bfloat16>>(config);
}

}  // namespace flywheel
