// GgufFile reads llama.cpp's model files: metadata, the table of tensors and their raw bytes.
// Format: ggml/docs/gguf.md of the llama.cpp project, versions 2 and 3, little-endian.
//
// Guarantees: every length, offset and name of the header is checked when the file is opened, so
// that
//             lookups and bytes() never leave the file, whatever its contents.
// Threads:    const after opening.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/model/mapped_file.hpp"
#include "runtime/model/model_config.hpp"
#include "runtime/model/tokenizer.hpp"

namespace flywheel {

// The numbers are the format's. Types that are not listed (IQ*, integers) are refused by name.
enum class GgufType : std::uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q2_k = 10,
  q3_k = 11,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  q8_k = 15,
  bf16 = 30,
};

// A type stores its numbers in blocks of equal size.
struct GgufBlock {
  std::int64_t number_count = 0;
  std::int64_t size_bytes = 0;
};
// number_count is 0 for types that are not supported.
GgufBlock block_of(GgufType type);

struct GgufTensor {
  GgufType type = GgufType::f32;
  std::vector<std::int64_t> shape{};  // outermost first, as HF and LibTorch have it
  std::int64_t number_count = 0;
  std::uint64_t offset_bytes = 0;  // from the start of the file
  std::uint64_t size_bytes = 0;
};

class GgufFile {
 public:
  static Result<GgufFile> open(const std::string& path);

  const std::string& path() const { return file_.path(); }
  bool has(std::string_view key) const { return metadata_.contains(key); }

  // One value of the metadata; refuses (invalid_input) an absent key or another type, by name.
  Result<std::string> text(std::string_view key) const;
  Result<std::int64_t> integer(std::string_view key) const;
  Result<double> number(std::string_view key) const;
  Result<bool> flag(std::string_view key) const;
  Result<std::vector<std::string>> texts(std::string_view key) const;
  Result<std::vector<std::int64_t>> integers(std::string_view key) const;

  const std::map<std::string, GgufTensor, std::less<>>& tensors() const { return tensors_; }
  std::span<const std::byte> bytes(const GgufTensor& tensor) const {
    return file_.bytes().subspan(tensor.offset_bytes, tensor.size_bytes);
  }

 private:
  friend class GgufParser;
  // Strings stay in the file until they are asked for.
  struct Array {
    std::uint32_t type = 0;
    std::uint64_t count = 0;
    std::size_t offset_bytes = 0;
  };
  using Value = std::variant<bool, std::int64_t, double, std::string, Array>;

  Result<const Value*> find(std::string_view key) const;
  Result<Array> array(std::string_view key) const;

  MappedFile file_{};
  std::map<std::string, Value, std::less<>> metadata_{};
  std::map<std::string, GgufTensor, std::less<>> tensors_{};
};

// The numbers of whole blocks as float32; `numbers` holds bytes.size() / block size * block count.
void dequantise(GgufType type, std::span<const std::byte> bytes, std::span<float> numbers);

// The shape of the model. Architectures llama, qwen2 and qwen3; anything else, and variants that
// the decoder does not compute (experts, other rotary scalings), are refused by name.
Result<ModelConfig> model_config_from_gguf(const GgufFile& file);

// What tokenizer_from_gguf takes; refuses (invalid_input) tokenizers other than byte-level BPE.
Result<GgufVocabulary> vocabulary_from_gguf(const GgufFile& file);

// The Hugging Face name of a tensor, empty for one that no Llama-family model has.
std::string hugging_face_name(std::string_view gguf_name);

}  // namespace flywheel
