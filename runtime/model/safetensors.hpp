// Safetensors files: 8 bytes of header length, a JSON header that names each tensor's type, shape
// and place, then the tensors' bytes without gaps (huggingface/safetensors, README "Format").
//
// Guarantees: names, lengths and places are checked when a file is opened, so that bytes() never
//             leaves it, whatever its contents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/model/mapped_file.hpp"

namespace flywheel {

enum class SafetensorsType : std::uint8_t { f32 = 0, f16 = 1, bf16 = 2 };
const char* to_string(SafetensorsType type);  // as the header writes it
std::size_t size_of(SafetensorsType type);    // bytes a number

struct SafetensorsTensor {
  SafetensorsType type = SafetensorsType::f32;
  std::vector<std::int64_t> shape{};
  std::int64_t number_count = 0;
  std::uint64_t offset_bytes = 0;  // from the start of the file
  std::uint64_t size_bytes = 0;
};

class SafetensorsFile {
 public:
  static Result<SafetensorsFile> open(const std::string& path);

  const std::string& path() const { return file_.path(); }
  const std::map<std::string, SafetensorsTensor>& tensors() const { return tensors_; }
  std::span<const std::byte> bytes(const SafetensorsTensor& tensor) const {
    return file_.bytes().subspan(tensor.offset_bytes, tensor.size_bytes);
  }

 private:
  MappedFile file_{};
  std::map<std::string, SafetensorsTensor> tensors_{};
};

// Numbers of any type as float32; `numbers` holds bytes.size() / size_of(type).
void widen(SafetensorsType type, std::span<const std::byte> bytes, std::span<float> numbers);

// One tensor to write; its bytes are read when write_safetensors comes to it.
struct SafetensorsPart {
  std::string name{};
  SafetensorsType type = SafetensorsType::f32;
  std::vector<std::int64_t> shape{};
  std::span<const std::byte> bytes{};
};

// Writes a file and flushes it to the disk. Refuses (resource_exhausted) a full disk; what was
// written by then stays for the caller to remove.
Result<> write_safetensors(const std::string& path, std::span<const SafetensorsPart> parts);

}  // namespace flywheel
