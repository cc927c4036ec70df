// The weights of a checkpoint alone, without its tokenizer and template.
#pragma once

#include <string>

#include "runtime/base/result.hpp"
#include "runtime/model/gguf.hpp"
#include "runtime/model/model_config.hpp"
#include "runtime/model/weights_handle.hpp"

namespace flywheel {

// As load_checkpoint does it: float32, every refusal in one line that names file and tensor.
// `path` is a Hugging Face folder or a .gguf file.
Result<WeightsHandle> load_weights(const std::string& path);

Result<WeightsHandle> weights_from_gguf(const GgufFile& file, const ModelConfig& config);

// model.safetensors of a folder, or the shards that model.safetensors.index.json lists.
Result<WeightsHandle> weights_from_folder(const std::string& folder, const ModelConfig& config);

// config.json of a folder, with the end tokens of generation_config.json where it has some. A
// folder that names no end token anywhere has an empty list.
Result<ModelConfig> config_from_folder(const std::string& folder);

// A whole text file of at most 256 MiB.
Result<std::string> read_text_file(const std::string& path);

}  // namespace flywheel
