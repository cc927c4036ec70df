// Small model files built in memory, and random damage to them.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <unistd.h>

#include "runtime/base/random.hpp"

namespace flywheel::test {

// A folder of its own that goes with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "flywheel-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A new file each time: file systems flush one that is emptied and written again.
inline void write_file(const std::string& path, const std::string& bytes) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class Number>
void append(std::string& bytes, Number number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

// Writes GGUF version 3 as the format's page has it.
class GgufBytes {
 public:
  GgufBytes& text(const std::string& key, const std::string& value) {
    begin(key, 8);
    put_text(values_, value);
    return *this;
  }
  GgufBytes& whole(const std::string& key, std::uint32_t value) {
    begin(key, 4);
    append(values_, value);
    return *this;
  }
  GgufBytes& real(const std::string& key, float value) {
    begin(key, 6);
    append(values_, value);
    return *this;
  }
  GgufBytes& texts(const std::string& key, const std::vector<std::string>& values) {
    begin(key, 9);
    append(values_, std::uint32_t{8});
    append(values_, std::uint64_t{values.size()});
    for (const std::string& value : values) put_text(values_, value);
    return *this;
  }
  GgufBytes& wholes(const std::string& key, const std::vector<std::int32_t>& values) {
    begin(key, 9);
    append(values_, std::uint32_t{5});
    append(values_, std::uint64_t{values.size()});
    for (const std::int32_t value : values) append(values_, value);
    return *this;
  }
  // Sizes innermost first, as the format has them.
  GgufBytes& tensor(const std::string& name, const std::vector<std::uint64_t>& sizes,
                    std::uint32_t type, const std::string& bytes) {
    tensor_at(name, sizes, type, data_.size());
    data_ += bytes;
    data_.resize((data_.size() + 31) / 32 * 32);
    return *this;
  }
  // A tensor that brings no bytes of its own.
  GgufBytes& tensor_at(const std::string& name, const std::vector<std::uint64_t>& sizes,
                       std::uint32_t type, std::uint64_t offset) {
    put_text(tensors_, name);
    append(tensors_, static_cast<std::uint32_t>(sizes.size()));
    for (const std::uint64_t size : sizes) append(tensors_, size);
    append(tensors_, type);
    append(tensors_, offset);
    ++tensor_count_;
    return *this;
  }
  std::string bytes() const {
    std::string all = "GGUF";
    append(all, std::uint32_t{3});
    append(all, tensor_count_);
    append(all, value_count_);
    all += values_ + tensors_;
    all.resize((all.size() + 31) / 32 * 32);
    return all + data_;
  }

 private:
  static void put_text(std::string& bytes, const std::string& text) {
    append(bytes, std::uint64_t{text.size()});
    bytes += text;
  }
  void begin(const std::string& key, std::uint32_t type) {
    put_text(values_, key);
    append(values_, type);
    ++value_count_;
  }

  std::string values_{}, tensors_{}, data_{};
  std::uint64_t value_count_ = 0, tensor_count_ = 0;
};

inline std::string floats(std::size_t count, float value = 0.5F) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) append(bytes, value);
  return bytes;
}

// The metadata and tensors of a one-layer Llama: hidden 8, 2 heads, 1 key-value head, 16 tokens.
inline GgufBytes small_gguf_metadata() {
  GgufBytes file;
  file.text("general.architecture", "llama")
      .whole("llama.block_count", 1)
      .whole("llama.context_length", 64)
      .whole("llama.embedding_length", 8)
      .whole("llama.feed_forward_length", 12)
      .whole("llama.attention.head_count", 2)
      .whole("llama.attention.head_count_kv", 1)
      .real("llama.attention.layer_norm_rms_epsilon", 1e-5F)
      .whole("llama.vocab_size", 16)
      .whole("tokenizer.ggml.eos_token_id", 2);
  return file;
}

inline void add_small_gguf_tensors(GgufBytes& file) {
  file.tensor("token_embd.weight", {8, 16}, 0, floats(128))
      .tensor("output_norm.weight", {8}, 0, floats(8))
      .tensor("blk.0.attn_norm.weight", {8}, 0, floats(8))
      .tensor("blk.0.ffn_norm.weight", {8}, 0, floats(8))
      .tensor("blk.0.attn_q.weight", {8, 8}, 0, floats(64))
      .tensor("blk.0.attn_k.weight", {8, 4}, 0, floats(32))
      .tensor("blk.0.attn_v.weight", {8, 4}, 0, floats(32))
      .tensor("blk.0.attn_output.weight", {8, 8}, 0, floats(64))
      .tensor("blk.0.ffn_gate.weight", {8, 12}, 0, floats(96))
      .tensor("blk.0.ffn_up.weight", {8, 12}, 0, floats(96))
      .tensor("blk.0.ffn_down.weight", {12, 8}, 0, floats(96));
}

inline std::string small_gguf() {
  GgufBytes file = small_gguf_metadata();
  add_small_gguf_tensors(file);
  return file.bytes();
}

// One to four changes: a byte, a run set to extreme values, a cut, a doubled or a dropped piece.
inline std::string damage(std::string bytes, Random& rng) {
  for (std::uint64_t change = 0, count = 1 + rng.below(4); change < count && !bytes.empty();
       ++change) {
    const std::size_t at = rng.below(bytes.size());
    const std::size_t length = std::min<std::size_t>(1 + rng.below(16), bytes.size() - at);
    switch (rng.below(6)) {
      case 0:
        bytes[at] = static_cast<char>(rng.next());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.below(8)));
        break;
      case 2:
        bytes.replace(at, length, length, rng.below(2) == 0 ? '\xff' : '\0');
        break;
      case 3:
        bytes.resize(at);
        break;
      case 4:
        bytes.insert(at, bytes.substr(rng.below(bytes.size()), length));
        break;
      default:
        bytes.erase(at, length);
        break;
    }
  }
  return bytes;
}

}  // namespace flywheel::test
