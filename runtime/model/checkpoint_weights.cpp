#include "runtime/model/checkpoint_weights.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include <ATen/Parallel.h>
#include <fmt/ranges.h>
#include <torch/types.h>

#include "runtime/base/json.hpp"
#include "runtime/model/safetensors.hpp"
#include "runtime/model/tensor_shapes.hpp"
#include "runtime/model/weights.hpp"

namespace flywheel {
namespace {

using Shape = std::vector<std::int64_t>;

// A tensor of a file of either format: where it is and how its numbers are had.
struct Source {
  std::string file{};
  std::string name{};  // as the file has it
  Shape shape{};
  std::int64_t block_numbers = 1;  // numbers can be had in whole blocks only
  std::function<void(std::int64_t first, std::span<float> numbers)> read{};
  std::int64_t interleaved_heads = 0;  // llama.cpp's order of rotary pairs, to be undone; 0 = no
};
using Sources = std::map<std::string, Source>;  // by Hugging Face name

tl::unexpected<Error> refuse(const std::string& file, const std::string& what) {
  return fail(Failure::invalid_input, file + ": " + what);
}

std::string to_text(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

// The files hold exactly the tensors that the shape asks for.
Result<> check_sources(const Sources& sources, const ModelConfig& config, const std::string& path) {
  const auto shapes = tensor_shapes(config);
  for (const auto& [name, shape] : shapes) {
    const auto source = sources.find(name);
    if (source == sources.end()) return refuse(path, "tensor '" + name + "' is missing");
    if (source->second.shape != shape)
      return refuse(
          source->second.file,
          fmt::format("tensor '{}' is {}, the model's configuration asks for {}",
                      source->second.name, to_text(source->second.shape), to_text(shape)));
  }
  for (const auto& [name, source] : sources)
    if (!shapes.contains(name))
      return refuse(source.file, "tensor '" + source.name + "' has no place in a " +
                                     config.architecture + " model of this configuration");
  return {};
}

bool all_finite(std::span<const float> numbers) {
  std::uint32_t worst = 0;
  for (const float number : numbers)
    worst = std::max(worst, std::bit_cast<std::uint32_t>(number) & 0x7fffffffU);
  return worst < 0x7f800000U;
}

// llama.cpp stores the rows of a head so that rotary pairs are neighbours (0, half, 1, half
// + 1...); Hugging Face keeps all first members before all second ones. Rows are those of q_proj or
// k_proj.
torch::Tensor undo_interleaving(const torch::Tensor& tensor, std::int64_t head_count) {
  const std::int64_t half = tensor.size(0) / head_count / 2;
  return tensor.view({head_count, half, 2, -1})
      .transpose(1, 2)
      .reshape(tensor.sizes())
      .contiguous();
}

Result<torch::Tensor> read_tensor(const Source& source) {
  torch::Tensor tensor = torch::empty(source.shape, torch::kFloat32);
  float* const numbers = tensor.mutable_data_ptr<float>();
  const std::int64_t block_count = tensor.numel() / source.block_numbers;
  const std::int64_t grain =
      std::max<std::int64_t>(1, (std::int64_t{1} << 16) / source.block_numbers);
  std::atomic<bool> is_finite = true;
  at::parallel_for(0, block_count, grain, [&](std::int64_t begin, std::int64_t end) {
    // In pieces that stay in the cache between reading and checking.
    for (std::int64_t i = begin; i < end; i += grain) {
      const std::int64_t first = i * source.block_numbers;
      const std::int64_t last = std::min(i + grain, end) * source.block_numbers;
      const std::span<float> piece(numbers + first, static_cast<std::size_t>(last - first));
      source.read(first, piece);
      if (!all_finite(piece)) is_finite = false;
    }
  });
  if (!is_finite) return refuse(source.file, "tensor '" + source.name + "' holds NaN or infinity");
  if (source.interleaved_heads > 0) tensor = undo_interleaving(tensor, source.interleaved_heads);
  return tensor;
}

Result<WeightsHandle> read_weights(const Sources& sources, const ModelConfig& config,
                                   const std::string& path) {
  FLYWHEEL_TRY_VOID(check_sources(sources, config, path));
  try {
    const torch::NoGradGuard no_gradient;
    auto weights = std::make_shared<Weights>();
    weights->config = config;
    for (const auto& [name, source] : sources) {
      FLYWHEEL_TRY(torch::Tensor tensor, read_tensor(source));
      weights->tensors.emplace(name, std::move(tensor));
    }
    return WeightsHandle{std::move(weights)};
  } catch (const std::exception& error) {
    const std::string what = error.what();
    return fail(Failure::resource_exhausted,
                path + ": can't be loaded: " + what.substr(0, what.find('\n')));
  }
}

Source source_of(const SafetensorsFile& file, const std::string& name,
                 const SafetensorsTensor& tensor) {
  const auto bytes = file.bytes(tensor);
  const SafetensorsType type = tensor.type;
  return {.file = file.path(),
          .name = name,
          .shape = tensor.shape,
          .read = [bytes, type](std::int64_t first, std::span<float> numbers) {
            const std::size_t size = size_of(type);
            widen(type,
                  bytes.subspan(static_cast<std::size_t>(first) * size, numbers.size() * size),
                  numbers);
          }};
}

// The shards of an index: file name of each tensor.
Result<std::map<std::string, std::string>> read_index(const std::string& path) {
  FLYWHEEL_TRY(const std::string text, read_text_file(path));
  FLYWHEEL_TRY(const Json json, parse_json(text, path));
  FLYWHEEL_TRY(const Json map, json_field<Json>(json, "weight_map", path));
  if (!map.is_object()) return refuse(path, "field 'weight_map' is not an object");
  std::map<std::string, std::string> shards;
  for (const auto& [name, file] : map.items()) {
    if (!file.is_string())
      return refuse(path, "the shard of tensor '" + name + "' is not a file name");
    const auto shard = file.get<std::string>();
    if (shard.empty() || shard.find('/') != std::string::npos || shard == "..")
      return refuse(path, "shard '" + shard + "' is not a file of this folder");
    shards.emplace(name, shard);
  }
  return shards;
}

// Tied checkpoints may hold the output matrix a second time; it must then be the embedding.
Result<> drop_second_embedding(Sources& sources, const ModelConfig& config) {
  const auto output = sources.find("lm_head.weight");
  const auto embedding = sources.find("model.embed_tokens.weight");
  if (!config.tied_embeddings || output == sources.end() || embedding == sources.end()) return {};
  bool is_same = output->second.shape == embedding->second.shape;
  if (is_same) {
    FLYWHEEL_TRY(const torch::Tensor first, read_tensor(output->second));
    FLYWHEEL_TRY(const torch::Tensor second, read_tensor(embedding->second));
    is_same = torch::equal(first, second);
  }
  if (!is_same)
    return refuse(
        output->second.file,
        "tensor 'lm_head.weight' differs from the embedding, and config.json ties the two: "
        "set tie_word_embeddings to false there");
  sources.erase(output);
  return {};
}

}  // namespace

Result<std::string> read_text_file(const std::string& path) {
  FLYWHEEL_TRY(const MappedFile file, MappedFile::open(path));
  if (file.bytes().size() > (std::size_t{256} << 20)) return refuse(path, "larger than 256 MiB");
  return std::string{reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

Result<ModelConfig> config_from_folder(const std::string& folder) {
  const std::string path = folder + "/config.json",
                    generation_path = folder + "/generation_config.json";
  FLYWHEEL_TRY(const std::string text, read_text_file(path));
  FLYWHEEL_TRY(Json json, parse_json(text, path));
  if (json.is_object() && std::filesystem::exists(generation_path)) {
    FLYWHEEL_TRY(const std::string generation_text, read_text_file(generation_path));
    FLYWHEEL_TRY(const Json generation, parse_json(generation_text, generation_path));
    if (generation.is_object() && generation.contains("eos_token_id") &&
        !generation["eos_token_id"].is_null())
      json["eos_token_id"] = generation["eos_token_id"];
  }
  return model_config_from_json(json, path);
}

Result<WeightsHandle> weights_from_gguf(const GgufFile& file, const ModelConfig& config) {
  Sources sources;
  for (const auto& [name, tensor] : file.tensors()) {
    if (name == "rope_freqs.weight") continue;  // in the configuration already
    std::string known = hugging_face_name(name);
    if (known.empty())
      return refuse(file.path(), "tensor '" + name + "' has no place in a Llama-family model");
    const auto bytes = file.bytes(tensor);
    const GgufType type = tensor.type;
    Source source{.file = file.path(), .name = name, .shape = tensor.shape};
    source.block_numbers = block_of(type).number_count;
    source.read = [bytes, type](std::int64_t first, std::span<float> numbers) {
      const GgufBlock block = block_of(type);
      const auto begin = static_cast<std::size_t>(first / block.number_count * block.size_bytes);
      const auto size = numbers.size() / static_cast<std::size_t>(block.number_count) *
                        static_cast<std::size_t>(block.size_bytes);
      dequantise(type, bytes.subspan(begin, size), numbers);
    };
    if (config.architecture == "llama" && known.find(".q_proj.") != std::string::npos)
      source.interleaved_heads = config.head_count;
    if (config.architecture == "llama" && known.find(".k_proj.") != std::string::npos)
      source.interleaved_heads = config.kv_head_count;
    if (!sources.emplace(std::move(known), std::move(source)).second)
      return refuse(file.path(), "tensor '" + name + "' occurs twice under different names");
  }
  return read_weights(sources, config, file.path());
}

Result<WeightsHandle> weights_from_folder(const std::string& folder, const ModelConfig& config) {
  const std::string single = folder + "/model.safetensors";
  const std::string index = folder + "/model.safetensors.index.json";
  std::map<std::string, std::string> shards;  // tensor to file name
  std::set<std::string> names = {"model.safetensors"};
  if (!std::filesystem::exists(single) && std::filesystem::exists(index)) {
    FLYWHEEL_TRY(shards, read_index(index));
    names.clear();
    for (const auto& [tensor, shard] : shards) names.insert(shard);
  }
  Sources sources;
  std::vector<SafetensorsFile> files;  // keep the mappings until the tensors are read
  for (const std::string& file_name : names) {
    FLYWHEEL_TRY(SafetensorsFile opened, SafetensorsFile::open(folder + "/" + file_name));
    files.push_back(std::move(opened));
    for (const auto& [name, tensor] : files.back().tensors()) {
      if (name.ends_with(".rotary_emb.inv_freq")) continue;  // older files store what is computed
      const auto shard = shards.find(name);
      if (!shards.empty() && (shard == shards.end() || shard->second != file_name))
        return refuse(files.back().path(), "tensor '" + name + "' is here, but not by " + index);
      sources.emplace(name, source_of(files.back(), name, tensor));
    }
  }
  for (const auto& [name, shard] : shards)
    if (!sources.contains(name) && !name.ends_with(".rotary_emb.inv_freq"))
      return refuse(folder + "/" + shard,
                    "tensor '" + name + "', which the index lists, is missing");
  FLYWHEEL_TRY_VOID(drop_second_embedding(sources, config));
  return read_weights(sources, config, folder);
}

Result<WeightsHandle> load_weights(const std::string& path) {
  if (path.ends_with(".gguf")) {
    FLYWHEEL_TRY(const GgufFile file, GgufFile::open(path));
    FLYWHEEL_TRY(const ModelConfig config, model_config_from_gguf(file));
    return weights_from_gguf(file, config);
  }
  if (!std::filesystem::is_directory(path))
    return fail(Failure::not_found, path + ": neither a Hugging Face folder nor a .gguf file");
  FLYWHEEL_TRY(const ModelConfig config, config_from_folder(path));
  return weights_from_folder(path, config);
}

}  // namespace flywheel
