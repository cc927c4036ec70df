#include "runtime/model/gguf.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include <fmt/format.h>

namespace flywheel {

static_assert(std::endian::native == std::endian::little,
              "GGUF is read in the machine's own order");

namespace {

// The format's numbers for the types of metadata.
enum ValueType : std::uint32_t {
  type_uint8 = 0,
  type_int8 = 1,
  type_uint16 = 2,
  type_int16 = 3,
  type_uint32 = 4,
  type_int32 = 5,
  type_float32 = 6,
  type_bool = 7,
  type_string = 8,
  type_array = 9,
  type_uint64 = 10,
  type_int64 = 11,
  type_float64 = 12,
};

std::size_t size_of(std::uint32_t type) {
  constexpr std::size_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return type <= type_float64 ? sizes[type] : 0;
}

bool is_integer(std::uint32_t type) {
  return type <= type_int32 || type == type_uint64 || type == type_int64;
}

template <class Number>
Number read_as(const std::byte* data) {
  Number number;
  std::memcpy(&number, data, sizeof number);
  return number;
}

std::int64_t read_integer(std::uint32_t type, const std::byte* data) {
  switch (type) {
    case type_uint8:
      return read_as<std::uint8_t>(data);
    case type_int8:
      return read_as<std::int8_t>(data);
    case type_uint16:
      return read_as<std::uint16_t>(data);
    case type_int16:
      return read_as<std::int16_t>(data);
    case type_uint32:
      return read_as<std::uint32_t>(data);
    case type_int32:
      return read_as<std::int32_t>(data);
    default:
      return read_as<std::int64_t>(data);  // a uint64 beyond 2^63 becomes negative
  }
}

}  // namespace

// Walks the header from its start; the first refusal stops it.
class GgufParser {
 public:
  explicit GgufParser(GgufFile& gguf) : gguf_(gguf), bytes_(gguf.file_.bytes()) {}

  Result<> parse() {
    std::uint32_t magic = 0, version = 0;
    std::uint64_t tensor_count = 0, value_count = 0;
    FLYWHEEL_TRY_VOID(read(magic));
    if (magic != 0x46554747) return refuse("it does not begin with 'GGUF'");
    FLYWHEEL_TRY_VOID(read(version));
    if (version != 2 && version != 3)
      return refuse(version == 0x02000000 || version == 0x03000000
                        ? std::string{"big-endian files are not supported"}
                        : fmt::format("format version {} is not supported; 2 and 3 are", version));
    FLYWHEEL_TRY_VOID(read(tensor_count));
    FLYWHEEL_TRY_VOID(read(value_count));
    for (std::uint64_t i = 0; i < value_count; ++i) FLYWHEEL_TRY_VOID(parse_value());
    for (std::uint64_t i = 0; i < tensor_count; ++i) FLYWHEEL_TRY_VOID(parse_tensor());
    return place_tensors();
  }

 private:
  tl::unexpected<Error> refuse(const std::string& what) const {
    return fail(Failure::invalid_input, gguf_.path() + ": not a usable GGUF file: " + what);
  }
  tl::unexpected<Error> truncated() const {
    return refuse(fmt::format("it ends inside its header (byte {})", bytes_.size()));
  }
  std::uint64_t left() const { return bytes_.size() - position_; }

  template <class Number>
  Result<> read(Number& number) {
    if (left() < sizeof number) return truncated();
    number = read_as<Number>(bytes_.data() + position_);
    position_ += sizeof number;
    return {};
  }

  Result<> read_text(std::string& text) {
    std::uint64_t size = 0;
    FLYWHEEL_TRY_VOID(read(size));
    if (size > left()) return truncated();
    text.assign(reinterpret_cast<const char*>(bytes_.data() + position_), size);
    position_ += size;
    return {};
  }

  Result<> skip_text() {
    std::uint64_t size = 0;
    FLYWHEEL_TRY_VOID(read(size));
    if (size > left()) return truncated();
    position_ += size;
    return {};
  }

  Result<> parse_value() {
    std::string key;
    std::uint32_t type = 0;
    FLYWHEEL_TRY_VOID(read_text(key));
    FLYWHEEL_TRY_VOID(read(type));
    GgufFile::Value value;
    if (type == type_string) {
      std::string text;
      FLYWHEEL_TRY_VOID(read_text(text));
      value = std::move(text);
    } else if (type == type_array) {
      GgufFile::Array array;
      FLYWHEEL_TRY_VOID(parse_array(key, array));
      value = array;
    } else {
      const std::size_t size = size_of(type);
      if (size == 0) return refuse(fmt::format("key '{}' is of the unknown type {}", key, type));
      if (size > left()) return truncated();
      const std::byte* const data = bytes_.data() + position_;
      if (type == type_bool)
        value = read_as<std::uint8_t>(data) != 0;
      else if (type == type_float32)
        value = static_cast<double>(read_as<float>(data));
      else if (type == type_float64)
        value = read_as<double>(data);
      else
        value = read_integer(type, data);
      position_ += size;
    }
    if (!gguf_.metadata_.emplace(key, std::move(value)).second)
      return refuse("key '" + key + "' occurs twice");
    return {};
  }

  Result<> parse_array(const std::string& key, GgufFile::Array& array) {
    FLYWHEEL_TRY_VOID(read(array.type));
    FLYWHEEL_TRY_VOID(read(array.count));
    array.offset_bytes = position_;
    if (array.type == type_string) {
      for (std::uint64_t i = 0; i < array.count; ++i) FLYWHEEL_TRY_VOID(skip_text());
      return {};
    }
    const std::size_t size = size_of(array.type);
    if (size == 0)
      return refuse(
          fmt::format("key '{}' is an array of the unsupported type {}", key, array.type));
    if (array.count > left() / size) return truncated();
    position_ += array.count * size;
    return {};
  }

  Result<> parse_tensor() {
    std::string name;
    std::uint32_t dimension_count = 0, type = 0;
    GgufTensor tensor;
    FLYWHEEL_TRY_VOID(read_text(name));
    FLYWHEEL_TRY_VOID(read(dimension_count));
    if (dimension_count > 4)
      return refuse(fmt::format("tensor '{}' has {} dimensions", name, dimension_count));
    tensor.number_count = 1;
    tensor.shape.resize(dimension_count);
    for (std::uint32_t i = 0; i < dimension_count; ++i) {
      std::int64_t& size = tensor.shape[dimension_count - 1 - i];
      FLYWHEEL_TRY_VOID(read(size));
      if (size < 0 || __builtin_mul_overflow(tensor.number_count, size, &tensor.number_count))
        return refuse("the shape of tensor '" + name + "' is impossible");
    }
    FLYWHEEL_TRY_VOID(read(type));
    FLYWHEEL_TRY_VOID(read(tensor.offset_bytes));
    tensor.type = static_cast<GgufType>(type);
    const GgufBlock block = block_of(tensor.type);
    if (block.number_count == 0)
      return refuse(
          fmt::format("tensor '{}' is of type {}, which is not supported; F32, F16, BF16, "
                      "Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and Q2_K to Q8_K are",
                      name, type));
    const std::int64_t row = tensor.shape.empty() ? 1 : tensor.shape.back();
    std::int64_t size_bytes = 0;
    if (row % block.number_count != 0 ||
        __builtin_mul_overflow(tensor.number_count / block.number_count, block.size_bytes,
                               &size_bytes))
      return refuse("the shape of tensor '" + name + "' does not fit its type");
    tensor.size_bytes = static_cast<std::uint64_t>(size_bytes);
    if (!gguf_.tensors_.emplace(name, std::move(tensor)).second)
      return refuse("tensor '" + name + "' occurs twice");
    return {};
  }

  Result<> place_tensors() {
    std::int64_t alignment = 32;
    if (gguf_.has("general.alignment")) {
      FLYWHEEL_TRY(alignment, gguf_.integer("general.alignment"));
    }
    if (alignment < 1 || alignment > (1 << 20) ||
        !std::has_single_bit(static_cast<std::uint64_t>(alignment)))
      return refuse(fmt::format("its alignment is {}", alignment));
    const auto step = static_cast<std::uint64_t>(alignment);
    const std::uint64_t start = (position_ + step - 1) / step * step;
    for (auto& [name, tensor] : gguf_.tensors_) {
      if (tensor.offset_bytes % step != 0)
        return refuse("the offset of tensor '" + name + "' is not aligned");
      if (__builtin_add_overflow(start, tensor.offset_bytes, &tensor.offset_bytes) ||
          tensor.offset_bytes > bytes_.size() ||
          tensor.size_bytes > bytes_.size() - tensor.offset_bytes)
        return refuse(
            fmt::format("tensor '{}' lies beyond the end of the file ({} bytes): the file "
                        "is truncated; fetch it again",
                        name, bytes_.size()));
    }
    return refuse_overlaps();
  }

  // Tensors that share bytes would load as another model than the file's writer had.
  Result<> refuse_overlaps() const {
    using Entry = std::pair<const std::string, GgufTensor>;
    std::vector<const Entry*> placed;
    placed.reserve(gguf_.tensors_.size());
    for (const Entry& entry : gguf_.tensors_)
      if (entry.second.size_bytes > 0) placed.push_back(&entry);
    std::ranges::sort(placed, {}, [](const Entry* entry) { return entry->second.offset_bytes; });
    for (std::size_t i = 1; i < placed.size(); ++i) {
      const auto& [name, tensor] = *placed[i - 1];
      if (tensor.offset_bytes + tensor.size_bytes > placed[i]->second.offset_bytes)
        return refuse(
            fmt::format("tensors '{}' and '{}' overlap: the file is damaged; fetch it again", name,
                        placed[i]->first));
    }
    return {};
  }

  GgufFile& gguf_;
  std::span<const std::byte> bytes_;
  std::uint64_t position_ = 0;
};

GgufBlock block_of(GgufType type) {
  switch (type) {
    case GgufType::f32:
      return {1, 4};
    case GgufType::f16:
    case GgufType::bf16:
      return {1, 2};
    case GgufType::q4_0:
      return {32, 18};
    case GgufType::q4_1:
      return {32, 20};
    case GgufType::q5_0:
      return {32, 22};
    case GgufType::q5_1:
      return {32, 24};
    case GgufType::q8_0:
      return {32, 34};
    case GgufType::q2_k:
      return {256, 84};
    case GgufType::q3_k:
      return {256, 110};
    case GgufType::q4_k:
      return {256, 144};
    case GgufType::q5_k:
      return {256, 176};
    case GgufType::q6_k:
      return {256, 210};
    case GgufType::q8_k:
      return {256, 292};
  }
  return {};
}

Result<GgufFile> GgufFile::open(const std::string& path) {
  GgufFile gguf;
  FLYWHEEL_TRY(gguf.file_, MappedFile::open(path));
  FLYWHEEL_TRY_VOID(GgufParser(gguf).parse());
  return gguf;
}

Result<const GgufFile::Value*> GgufFile::find(std::string_view key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end())
    return fail(Failure::invalid_input,
                path() + ": metadata key '" + std::string{key} + "' is missing");
  return &found->second;
}

namespace {

tl::unexpected<Error> wrong_type(const GgufFile& file, std::string_view key, const char* expected) {
  return fail(Failure::invalid_input,
              file.path() + ": metadata key '" + std::string{key} + "' is not " + expected);
}

}  // namespace

Result<std::string> GgufFile::text(std::string_view key) const {
  FLYWHEEL_TRY(const Value* value, find(key));
  if (const auto* text = std::get_if<std::string>(value)) return *text;
  return wrong_type(*this, key, "text");
}

Result<std::int64_t> GgufFile::integer(std::string_view key) const {
  FLYWHEEL_TRY(const Value* value, find(key));
  if (const auto* integer = std::get_if<std::int64_t>(value)) return *integer;
  return wrong_type(*this, key, "a whole number");
}

Result<double> GgufFile::number(std::string_view key) const {
  FLYWHEEL_TRY(const Value* value, find(key));
  if (const auto* number = std::get_if<double>(value)) return *number;
  if (const auto* integer = std::get_if<std::int64_t>(value)) return static_cast<double>(*integer);
  return wrong_type(*this, key, "a number");
}

Result<bool> GgufFile::flag(std::string_view key) const {
  FLYWHEEL_TRY(const Value* value, find(key));
  if (const auto* flag = std::get_if<bool>(value)) return *flag;
  return wrong_type(*this, key, "true or false");
}

Result<GgufFile::Array> GgufFile::array(std::string_view key) const {
  FLYWHEEL_TRY(const Value* value, find(key));
  if (const auto* array = std::get_if<Array>(value)) return *array;
  return wrong_type(*this, key, "an array");
}

Result<std::vector<std::string>> GgufFile::texts(std::string_view key) const {
  FLYWHEEL_TRY(const Array array, this->array(key));
  if (array.type != type_string) return wrong_type(*this, key, "an array of texts");
  std::vector<std::string> texts;
  texts.reserve(array.count);
  const std::byte* data = file_.bytes().data() + array.offset_bytes;
  for (std::uint64_t i = 0; i < array.count; ++i) {
    const auto size = read_as<std::uint64_t>(data);
    texts.emplace_back(reinterpret_cast<const char*>(data + sizeof size), size);
    data += sizeof size + size;
  }
  return texts;
}

Result<std::vector<std::int64_t>> GgufFile::integers(std::string_view key) const {
  FLYWHEEL_TRY(const Array array, this->array(key));
  if (!is_integer(array.type)) return wrong_type(*this, key, "an array of whole numbers");
  const std::size_t size = size_of(array.type);
  const std::byte* const data = file_.bytes().data() + array.offset_bytes;
  std::vector<std::int64_t> integers(array.count);
  for (std::uint64_t i = 0; i < array.count; ++i)
    integers[i] = read_integer(array.type, data + i * size);
  return integers;
}

}  // namespace flywheel
