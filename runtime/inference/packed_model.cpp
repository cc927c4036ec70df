#include "runtime/inference/packed_model.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "runtime/base/check.hpp"
#include "runtime/inference/kernels.hpp"
#include "runtime/model/weights.hpp"

namespace flywheel {
namespace {

std::int64_t element_bytes(Precision precision) {
  return precision == Precision::float32 ? 4 : 2;
}
torch::ScalarType element_type(Precision precision) {
  return precision == Precision::float32 ? torch::kFloat32 : torch::kBFloat16;
}

// Any 32-bit word that holds an exponent of all ones: infinity or NaN.
bool has_non_finite(const std::uint32_t* words, std::int64_t count, Precision precision) {
  const bool is_float = precision == Precision::float32;
  std::uint32_t found = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t high = (words[i] & 0x7f800000u) == 0x7f800000u;
    const std::uint32_t low = (words[i] & 0x7f80u) == 0x7f80u;
    found |= is_float ? high : high | low;
  }
  return found != 0;
}

std::string shape_text(c10::IntArrayRef shape) {
  std::string text = "[";
  for (const std::int64_t size : shape)
    text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

}  // namespace

// Lays out the buffer, then fills it.
class Packer {
 public:
  Packer(PackedModel& model, const Weights& weights) : model_(model), weights_(weights) {}

  Result<> pack(ThreadTeam& team);

 private:
  using Linear = PackedModel::Linear;

  std::int64_t panel_bytes(std::int64_t in) const {
    return panel_columns * in * element_bytes(model_.precision_);
  }
  static std::int64_t panel_count(std::int64_t columns) {
    return round_up(columns, panel_columns) / panel_columns;
  }
  void lay_out_layer(const std::string& prefix, PackedLayer& layer);
  void add_linear(const std::string& name, std::int64_t out, std::int64_t in, std::int64_t column,
                  std::int64_t panel, std::int64_t step);
  std::byte* end_group(std::int64_t panels, std::int64_t in);
  void add_vector(const std::string& name, std::vector<float>& values, std::int64_t begin,
                  std::int64_t size);
  Result<const torch::Tensor*> find(const std::string& name,
                                    const std::vector<std::int64_t>& shape) const;
  Result<> fill_linear(const Linear& linear, ThreadTeam& team) const;
  Result<> fill_vector(const PackedModel::Vector& vector) const;

  PackedModel& model_;
  const Weights& weights_;
  std::int64_t size_bytes_ = 0;  // laid out so far
  std::size_t group_begin_ = 0;  // first linear of the group being laid out
};

void Packer::add_linear(const std::string& name, std::int64_t out, std::int64_t in,
                        std::int64_t column, std::int64_t panel, std::int64_t step) {
  model_.linears_.push_back({name, out, in, column, panel, step, nullptr});
}

// Places the linears added since the last group; addresses are offsets until the buffer exists.
std::byte* Packer::end_group(std::int64_t panels, std::int64_t in) {
  auto* const address =
      reinterpret_cast<std::byte*>(size_bytes_);  // NOLINT(performance-no-int-to-ptr)
  for (; group_begin_ < model_.linears_.size(); ++group_begin_)
    model_.linears_[group_begin_].panels = address;
  size_bytes_ += round_up(panels * panel_bytes(in), 64);
  return address;
}

void Packer::add_vector(const std::string& name, std::vector<float>& values, std::int64_t begin,
                        std::int64_t size) {
  values.resize(static_cast<std::size_t>(
      std::max<std::int64_t>(begin + size, static_cast<std::int64_t>(values.size()))));
  model_.vectors_.push_back({name, &values, begin, size});
}

void Packer::lay_out_layer(const std::string& prefix, PackedLayer& layer) {
  const ModelConfig& c = model_.config_;
  const std::int64_t q = c.head_count * c.head_size;
  const std::int64_t kv = c.kv_head_count * c.head_size;
  add_linear(prefix + "self_attn.q_proj.weight", q, c.hidden_size, 0, 0, 1);
  add_linear(prefix + "self_attn.k_proj.weight", kv, c.hidden_size, q, 0, 1);
  add_linear(prefix + "self_attn.v_proj.weight", kv, c.hidden_size, q + kv, 0, 1);
  layer.qkv = end_group(panel_count(q + 2 * kv), c.hidden_size);
  add_linear(prefix + "self_attn.o_proj.weight", c.hidden_size, q, 0, 0, 1);
  layer.o = end_group(panel_count(c.hidden_size), q);
  add_linear(prefix + "mlp.gate_proj.weight", c.intermediate_size, c.hidden_size, 0, 0, 2);
  add_linear(prefix + "mlp.up_proj.weight", c.intermediate_size, c.hidden_size, 0, 1, 2);
  layer.gate_up = end_group(2 * panel_count(c.intermediate_size), c.hidden_size);
  add_linear(prefix + "mlp.down_proj.weight", c.hidden_size, c.intermediate_size, 0, 0, 1);
  layer.down = end_group(panel_count(c.hidden_size), c.intermediate_size);
  add_vector(prefix + "input_layernorm.weight", layer.input_norm, 0, c.hidden_size);
  add_vector(prefix + "post_attention_layernorm.weight", layer.post_norm, 0, c.hidden_size);
  if (c.qkv_bias) {
    add_vector(prefix + "self_attn.q_proj.bias", layer.qkv_bias, 0, q);
    add_vector(prefix + "self_attn.k_proj.bias", layer.qkv_bias, q, kv);
    add_vector(prefix + "self_attn.v_proj.bias", layer.qkv_bias, q + kv, kv);
  }
  if (c.qk_norm) {
    add_vector(prefix + "self_attn.q_norm.weight", layer.q_norm, 0, c.head_size);
    add_vector(prefix + "self_attn.k_norm.weight", layer.k_norm, 0, c.head_size);
  }
}

Result<const torch::Tensor*> Packer::find(const std::string& name,
                                          const std::vector<std::int64_t>& shape) const {
  const auto found = weights_.tensors.find(name);
  if (found == weights_.tensors.end())
    return fail(Failure::invalid_argument, "weights: tensor '" + name + "' is missing");
  const torch::Tensor& tensor = found->second;
  if (tensor.sizes() != c10::IntArrayRef(shape))
    return fail(Failure::invalid_argument, "weights: tensor '" + name + "' has shape " +
                                               shape_text(tensor.sizes()) + ", expected " +
                                               shape_text(shape));
  if (tensor.scalar_type() != element_type(model_.precision_) || !tensor.is_contiguous() ||
      !tensor.device().is_cpu())
    return fail(Failure::invalid_argument, "weights: tensor '" + name +
                                               "' is not a contiguous CPU tensor of " +
                                               std::string{to_string(model_.precision_)});
  return &tensor;
}

Result<> Packer::fill_linear(const Linear& linear, ThreadTeam& team) const {
  FLYWHEEL_TRY(const torch::Tensor* tensor, find(linear.name, {linear.out, linear.in}));
  const std::int64_t words = linear.in * element_bytes(model_.precision_) / 4;
  const auto* from = static_cast<const std::uint32_t*>(tensor->data_ptr());
  std::atomic<bool> non_finite{false};
  const std::int64_t first = linear.first_column;
  const std::int64_t panels = panel_count(first + linear.out);
  team.for_each(panels, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = begin; panel < end; ++panel) {
      const std::int64_t lane_begin =
          std::clamp<std::int64_t>(first - panel * panel_columns, 0, panel_columns);
      const std::int64_t lane_end =
          std::clamp<std::int64_t>(first + linear.out - panel * panel_columns, 0, panel_columns);
      if (lane_begin >= lane_end) continue;
      auto* to = reinterpret_cast<std::uint32_t*>(linear.panels +
                                                  (linear.first_panel + panel * linear.panel_step) *
                                                      panel_bytes(linear.in));
      const std::uint32_t* rows = from + (panel * panel_columns - first) * words;
      if (has_non_finite(rows + lane_begin * words, (lane_end - lane_begin) * words,
                         model_.precision_))
        non_finite.store(true, std::memory_order_relaxed);
      for (std::int64_t word = 0; word < words; ++word)
        for (std::int64_t lane = lane_begin; lane < lane_end; ++lane)
          to[word * panel_columns + lane] = rows[lane * words + word];
    }
  });
  if (non_finite)
    return fail(Failure::invalid_argument,
                "weights: tensor '" + linear.name + "' holds NaN or infinity");
  return {};
}

Result<> Packer::fill_vector(const PackedModel::Vector& vector) const {
  FLYWHEEL_TRY(const torch::Tensor* tensor, find(vector.name, {vector.size}));
  const torch::Tensor floats = tensor->to(torch::kFloat32).contiguous();
  const float* from = floats.data_ptr<float>();
  if (has_non_finite(reinterpret_cast<const std::uint32_t*>(from), vector.size, Precision::float32))
    return fail(Failure::invalid_argument,
                "weights: tensor '" + vector.name + "' holds NaN or infinity");
  std::copy(from, from + vector.size, vector.values->data() + vector.begin);
  return {};
}

Result<> Packer::pack(ThreadTeam& team) {
  const ModelConfig& c = model_.config_;
  for (const std::int64_t size : {c.hidden_size, c.intermediate_size, c.head_size})
    if (size <= 0 || size % 2 != 0)
      return fail(Failure::invalid_argument,
                  "model: hidden, intermediate and head sizes must be positive and even");
  if (c.head_size > head_size_max)
    return fail(Failure::invalid_argument, "model: heads of " + std::to_string(c.head_size) +
                                               " are wider than " + std::to_string(head_size_max));
  model_.layers_.resize(static_cast<std::size_t>(c.layer_count));
  for (std::size_t i = 0; i < model_.layers_.size(); ++i)
    lay_out_layer("model.layers." + std::to_string(i) + ".", model_.layers_[i]);
  add_vector("model.norm.weight", model_.final_norm_, 0, c.hidden_size);
  add_linear("model.embed_tokens.weight", c.vocabulary_size, c.hidden_size, 0, 0, 1);
  model_.embedding_ = end_group(panel_count(c.vocabulary_size), c.hidden_size);
  model_.head_ = model_.embedding_;
  if (!c.tied_embeddings) {
    add_linear("lm_head.weight", c.vocabulary_size, c.hidden_size, 0, 0, 1);
    model_.head_ = end_group(panel_count(c.vocabulary_size), c.hidden_size);
  }
  model_.buffer_ = PageBuffer(static_cast<std::size_t>(size_bytes_));
  std::byte* const base = model_.buffer_.data();
  const auto place = [base](const void*& address) {
    address = base + reinterpret_cast<std::intptr_t>(address);
  };
  for (PackedLayer& layer : model_.layers_)
    for (const void** address : {&layer.qkv, &layer.o, &layer.gate_up, &layer.down})
      place(*address);
  model_.head_ = base + reinterpret_cast<std::intptr_t>(model_.head_);
  model_.embedding_ = base + reinterpret_cast<std::intptr_t>(model_.embedding_);
  for (Linear& linear : model_.linears_)
    linear.panels = base + reinterpret_cast<std::intptr_t>(linear.panels);
  for (const Linear& linear : model_.linears_) FLYWHEEL_TRY_VOID(fill_linear(linear, team));
  for (const PackedModel::Vector& vector : model_.vectors_) FLYWHEEL_TRY_VOID(fill_vector(vector));
  if (weights_.tensors.size() != model_.linears_.size() + model_.vectors_.size())
    return fail(Failure::invalid_argument,
                "weights: " + std::to_string(weights_.tensors.size()) +
                    " tensors, the model's shape asks for " +
                    std::to_string(model_.linears_.size() + model_.vectors_.size()));
  return {};
}

Result<std::shared_ptr<const PackedModel>> PackedModel::pack(const WeightsHandle& weights,
                                                             Precision precision,
                                                             ThreadTeam& team) {
  if (weights == nullptr) return fail(Failure::invalid_argument, "weights: none were given");
  try {
    const WeightsHandle converted = convert(weights, precision);
    auto model = std::make_shared<PackedModel>();
    model->config_ = converted->config;
    model->precision_ = precision;
    FLYWHEEL_TRY_VOID(Packer(*model, *converted).pack(team));
    return std::shared_ptr<const PackedModel>(std::move(model));
  } catch (const std::exception& error) {
    return fail(Failure::internal, std::string{"weights: could not be packed: "} + error.what());
  }
}

void PackedModel::embed(Token token, float* out) const {
  const std::int64_t words = config_.hidden_size * element_bytes(precision_) / 4;
  const auto* from = reinterpret_cast<const std::uint32_t*>(embedding_) +
                     token / panel_columns * panel_columns * words + token % panel_columns;
  for (std::int64_t word = 0; word < words; ++word) {
    const std::uint32_t bits = from[word * panel_columns];
    if (precision_ == Precision::float32) {
      std::memcpy(out + word, &bits, 4);
    } else {
      const std::uint32_t pair[2] = {bits << 16, bits & 0xffff0000u};
      std::memcpy(out + 2 * word, pair, 8);
    }
  }
}

WeightsHandle PackedModel::unpack(ThreadTeam& team) const {
  auto weights = std::make_shared<Weights>();
  weights->config = config_;
  const auto options = torch::TensorOptions().dtype(element_type(precision_));
  for (const Linear& linear : linears_) {
    torch::Tensor tensor = torch::empty({linear.out, linear.in}, options);
    const std::int64_t words = linear.in * element_bytes(precision_) / 4;
    auto* to = static_cast<std::uint32_t*>(tensor.data_ptr());
    team.for_each(linear.out, panel_columns, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const std::int64_t column = linear.first_column + row;
        const std::int64_t panel = linear.first_panel + column / panel_columns * linear.panel_step;
        const auto* from = reinterpret_cast<const std::uint32_t*>(linear.panels) +
                           panel * panel_columns * words + column % panel_columns;
        for (std::int64_t word = 0; word < words; ++word)
          to[row * words + word] = from[word * panel_columns];
      }
    });
    weights->tensors.emplace(linear.name, std::move(tensor));
  }
  for (const Vector& vector : vectors_)
    weights->tensors.emplace(vector.name,
                             torch::from_blob(vector.values->data() + vector.begin, {vector.size})
                                 .to(options.dtype(), /*non_blocking=*/false, /*copy=*/true));
  return weights;
}

Hash128 PackedModel::hash(ThreadTeam& team) const {
  return content_hash(unpack(team));
}

}  // namespace flywheel
