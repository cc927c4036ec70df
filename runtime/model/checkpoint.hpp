// Checkpoints on disk: Hugging Face folders (safetensors, sharded too) and GGUF files in, Hugging
// Face folders out.
#pragma once

#include <string>

#include "runtime/base/result.hpp"
#include "runtime/model/chat_template.hpp"
#include "runtime/model/model_config.hpp"
#include "runtime/model/tokenizer.hpp"
#include "runtime/model/weights_handle.hpp"

namespace flywheel {

struct Checkpoint {
  ModelConfig config{};
  WeightsHandle weights{};  // float32
  std::shared_ptr<const Tokenizer> tokenizer{};
  std::shared_ptr<const ChatTemplate> chat_template{};  // null where the model has none
};

// `path` is a Hugging Face folder or a .gguf file. Refuses, in one line that names file and tensor:
// missing or truncated files, missing, extra or wrongly shaped tensors, NaN or infinity in weights,
// unknown architectures, templates that can't be rendered.
Result<Checkpoint> load_checkpoint(const std::string& path);

// Writes a folder that `transformers` loads: config.json, generation_config.json,
// model.safetensors, tokenizer.json, tokenizer_config.json, chat_template.jinja. Atomic: a
// temporary folder beside it, fsync, rename. `precision` is what the tensors are stored in. An
// older checkpoint of that name is replaced, also atomically; refuses (already_exists) to replace a
// folder that holds anything else, and (resource_exhausted) a disk without room, before it writes.
Result<> save_checkpoint(const std::string& folder, const Checkpoint& checkpoint,
                         Precision precision);

}  // namespace flywheel
