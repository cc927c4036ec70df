// Tokenizer is byte-level BPE as Hugging Face's tokenizers library does it, from tokenizer.json or
// from GGUF metadata.
//
// Guarantees: the ids of encode() are those of `tokenizers` for the same file without what its
//             post-processor adds: no begin token is put in front, since chat templates spell
//             theirs. decode(encode(x)) == x for any bytes where the vocabulary covers all bytes
//             and there is no normalizer.
// Threads:    const after construction; any number of threads may encode.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/transcript.hpp"

namespace flywheel {

// What GGUF metadata holds of a byte-level BPE tokenizer.
struct GgufVocabulary {
  std::string pre_tokenizer{};        // tokenizer.ggml.pre: "smollm", "qwen2", "llama-bpe", ...
  std::vector<std::string> tokens{};  // by id, in the byte-to-unicode alphabet
  std::vector<std::string> merges{};  // "left right", best first
  std::vector<std::int32_t> token_types{};  // 1 normal, 3 control, 4 user-defined
  Token begin_token = -1;
  Token end_token = -1;
  Token unknown_token = -1;
  Token padding_token = -1;
  bool add_begin_token = false;
  std::string chat_template{};  // tokenizer.chat_template, for tokenizer_config.json
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Special tokens written in `text` become their ids when `parse_special`; else they are plain
  // text, so that what a person types can't forge a turn's border.
  virtual std::vector<Token> encode(std::string_view text, bool parse_special) const = 0;
  virtual std::string decode(std::span<const Token> tokens, bool skip_special) const = 0;

  virtual std::size_t vocabulary_size() const = 0;
  virtual Token token_of(std::string_view token) const = 0;  // -1 when there is none
  virtual std::string bytes_of(Token token) const = 0;       // what one token decodes to
  virtual bool is_special(Token token) const = 0;
  virtual Token begin_token() const = 0;  // -1 = none
  virtual Token end_token() const = 0;

  // tokenizer.json and tokenizer_config.json that give this tokenizer again.
  virtual Json tokenizer_json() const = 0;
  virtual Json tokenizer_config_json() const = 0;
};

// `config` is tokenizer_config.json, null where there is none.
Result<std::shared_ptr<const Tokenizer>> tokenizer_from_json(const Json& tokenizer,
                                                             const Json& config,
                                                             const std::string& where);
Result<std::shared_ptr<const Tokenizer>> tokenizer_from_gguf(GgufVocabulary vocabulary,
                                                             const std::string& where);

}  // namespace flywheel
