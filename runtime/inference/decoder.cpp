#include "runtime/inference/decoder.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/model/rope_frequencies.hpp"

namespace flywheel {
namespace {

// Pieces smaller than this are not worth waking another thread for.
constexpr std::int64_t numbers_inline_max = 4096;

std::int64_t element_bytes_of(Precision precision) {
  return precision == Precision::float32 ? 4 : 2;
}

std::int64_t head_bytes_of(const ModelConfig& config, Precision precision) {
  return kv_block_tokens * (config.head_size + round_up(config.head_size, 16)) *
         element_bytes_of(precision);
}

template <class T>
T* as(const PageBuffer& buffer) {
  return reinterpret_cast<T*>(buffer.data());
}

}  // namespace

std::int64_t kv_block_bytes(const ModelConfig& config, Precision precision) {
  return config.layer_count * config.kv_head_count * head_bytes_of(config, precision);
}

Decoder::Decoder(const ModelConfig& config, Precision precision, std::int64_t context_length_max,
                 ThreadTeam& team)
    : config_(config),
      kernels_(kernels_of(best_instruction_set(), precision)),
      team_(team),
      element_bytes_(element_bytes_of(precision)),
      head_bytes_(head_bytes_of(config, precision)),
      layer_bytes_(head_bytes_ * config.kv_head_count),
      logits_stride_(round_up(config.vocabulary_size, 16)) {
  const std::vector<double> frequencies = rope_frequencies(config);
  for (std::int64_t position = 0; position < context_length_max; ++position)
    for (const double frequency : frequencies) {
      const double angle = static_cast<double>(position) * frequency;
      cosines_.push_back(static_cast<float>(std::cos(angle)));
      sines_.push_back(static_cast<float>(std::sin(angle)));
    }
}

void Decoder::reserve(std::int64_t rows, std::int64_t wanted) {
  const auto bytes = [](std::int64_t count, std::int64_t width, std::int64_t size) {
    return PageBuffer(static_cast<std::size_t>(count * width * size));
  };
  if (rows > rows_max_) {
    const std::int64_t heads = config_.head_count * config_.head_size;
    const std::int64_t kv_heads = config_.kv_head_count * config_.head_size;
    rows_max_ = 0;
    const std::int64_t count = round_up(rows, 64);
    residual_ = bytes(count, config_.hidden_size, 4);
    inputs_ = bytes(count, config_.hidden_size, element_bytes_);
    qkv_ = bytes(count, heads + 2 * kv_heads, 4);
    queries_ = bytes(count, heads, element_bytes_);
    attended_ = bytes(count, heads, element_bytes_);
    activated_ = bytes(count, config_.intermediate_size, element_bytes_);
    rows_max_ = count;
  }
  if (wanted > wanted_max_) {
    logits_ = bytes(wanted, logits_stride_, 4);
    std::fill_n(as<float>(logits_), wanted * logits_stride_,
                -std::numeric_limits<float>::infinity());
    wanted_max_ = wanted;
  }
}

void Decoder::multiply(const Gemm& gemm) {
  const std::int64_t tiles = gemm_tile_count(gemm);
  const std::int64_t grain = std::clamp<std::int64_t>(tiles / (8 * team_.size()), 1, 8);
  team_.for_each(tiles, grain, [&](std::int64_t begin, std::int64_t end) {
    kernels_.gemm_tiles(gemm, begin, end);
  });
}

// inputs = norm(residual) * weight
void Decoder::norm(const float* weight, std::int64_t rows) {
  const std::int64_t hidden = config_.hidden_size;
  const auto epsilon = static_cast<float>(config_.rms_norm_epsilon);
  team_.for_each(rows, std::max<std::int64_t>(1, numbers_inline_max / hidden),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t row = begin; row < end; ++row)
                     kernels_.rms_norm(as<float>(residual_) + row * hidden, weight, hidden, epsilon,
                                       inputs_.data() + row * hidden * element_bytes_);
                 });
}

void Decoder::append(const PackedLayer& layer, std::int64_t index, const DecoderRow& row,
                     std::int64_t i) {
  const std::int64_t size = config_.head_size;
  const std::int64_t width = (config_.head_count + 2 * config_.kv_head_count) * size;
  kernels_.rotate_append(
      {.qkv = as<float>(qkv_) + i * width,
       .cosines = cosines_.data() + row.position * (size / 2),
       .sines = sines_.data() + row.position * (size / 2),
       .q_norm = layer.q_norm.empty() ? nullptr : layer.q_norm.data(),
       .k_norm = layer.k_norm.empty() ? nullptr : layer.k_norm.data(),
       .epsilon = static_cast<float>(config_.rms_norm_epsilon),
       .heads = config_.head_count,
       .kv_heads = config_.kv_head_count,
       .head_size = size,
       .queries = queries_.data() + i * config_.head_count * size * element_bytes_,
       .block = row.blocks[row.position / kv_block_tokens] + index * layer_bytes_,
       .head_bytes = head_bytes_,
       .slot = row.position % kv_block_tokens});
}

void Decoder::attend(std::int64_t index, const DecoderRow& row, std::int64_t i) {
  thread_local std::vector<float> scores;
  const std::int64_t group = config_.head_count / config_.kv_head_count;
  const std::int64_t length = row.position + 1;
  scores.resize(
      std::max(scores.size(), static_cast<std::size_t>(group * round_up(length, kv_block_tokens))));
  for (std::int64_t head = 0; head < config_.kv_head_count; ++head) {
    const std::int64_t offset =
        (i * config_.kv_head_count + head) * group * config_.head_size * element_bytes_;
    kernels_.attend({.queries = queries_.data() + offset,
                     .blocks = row.blocks,
                     .offset_bytes = index * layer_bytes_ + head * head_bytes_,
                     .length = length,
                     .group = group,
                     .head_size = config_.head_size,
                     .scores = scores.data(),
                     .out = attended_.data() + offset});
  }
}

// Lone rows append and attend at once, while what they wrote is in the nearest cache.
void Decoder::mix(const PackedLayer& layer, std::int64_t index, std::span<const DecoderRow> rows) {
  const auto count = static_cast<std::int64_t>(rows.size());
  const bool is_all_alone =
      std::all_of(rows.begin(), rows.end(), [](const DecoderRow& row) { return row.is_alone; });
  const auto each_row = [&](auto&& work) {
    team_.for_each(count, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) work(rows[static_cast<std::size_t>(i)], i);
    });
  };
  if (!is_all_alone)
    each_row([&](const DecoderRow& row, std::int64_t i) {
      if (!row.is_alone) append(layer, index, row, i);
    });
  each_row([&](const DecoderRow& row, std::int64_t i) {
    if (row.is_alone) append(layer, index, row, i);
    attend(index, row, i);
  });
}

void Decoder::run_layer(const PackedLayer& layer, std::int64_t index,
                        std::span<const DecoderRow> rows) {
  const auto count = static_cast<std::int64_t>(rows.size());
  const std::int64_t hidden = config_.hidden_size;
  const std::int64_t heads = config_.head_count * config_.head_size;
  const std::int64_t width = heads + 2 * config_.kv_head_count * config_.head_size;
  norm(layer.input_norm.data(), count);
  multiply({.a = inputs_.data(),
            .panels = layer.qkv,
            .bias = layer.qkv_bias.empty() ? nullptr : layer.qkv_bias.data(),
            .rows = count,
            .k = hidden,
            .n = width,
            .output = GemmOutput::rounded,
            .out = as<float>(qkv_),
            .out_stride = width});
  mix(layer, index, rows);
  multiply({.a = attended_.data(),
            .panels = layer.o,
            .rows = count,
            .k = heads,
            .n = hidden,
            .output = GemmOutput::added,
            .out = as<float>(residual_),
            .out_stride = hidden});
  norm(layer.post_norm.data(), count);
  multiply({.a = inputs_.data(),
            .panels = layer.gate_up,
            .rows = count,
            .k = hidden,
            .n = config_.intermediate_size,
            .output = GemmOutput::swiglu,
            .elements = activated_.data(),
            .out_stride = config_.intermediate_size});
  multiply({.a = activated_.data(),
            .panels = layer.down,
            .rows = count,
            .k = config_.intermediate_size,
            .n = hidden,
            .output = GemmOutput::added,
            .out = as<float>(residual_),
            .out_stride = hidden});
}

const float* Decoder::forward(const PackedModel& model, std::span<const DecoderRow> rows,
                              std::span<const std::uint32_t> wanted) {
  const auto count = static_cast<std::int64_t>(rows.size());
  const auto wanted_count = static_cast<std::int64_t>(wanted.size());
  const std::int64_t hidden = config_.hidden_size;
  reserve(count, wanted_count);
  team_.for_each(count, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      model.embed(rows[static_cast<std::size_t>(row)].token, as<float>(residual_) + row * hidden);
  });
  for (std::size_t i = 0; i < model.layers().size(); ++i)
    run_layer(model.layers()[i], static_cast<std::int64_t>(i), rows);
  for (std::int64_t i = 0; i < wanted_count; ++i)
    kernels_.rms_norm(as<float>(residual_) + wanted[static_cast<std::size_t>(i)] * hidden,
                      model.final_norm().data(), hidden,
                      static_cast<float>(config_.rms_norm_epsilon),
                      inputs_.data() + i * hidden * element_bytes_);
  if (wanted_count > 0)
    multiply({.a = inputs_.data(),
              .panels = model.head(),
              .rows = wanted_count,
              .k = hidden,
              .n = config_.vocabulary_size,
              .output = GemmOutput::plain,
              .out = as<float>(logits_),
              .out_stride = logits_stride_});
  return as<float>(logits_);
}

}  // namespace flywheel
