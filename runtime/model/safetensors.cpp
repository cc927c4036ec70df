#include "runtime/model/safetensors.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

#include <fmt/format.h>

#include "runtime/base/check.hpp"
#include "runtime/base/durable_file.hpp"
#include "runtime/base/json.hpp"
#include "runtime/model/half.hpp"

namespace flywheel {

static_assert(std::endian::native == std::endian::little,
              "safetensors are read in the machine's own order");

namespace {

constexpr std::uint64_t header_limit_bytes = 100'000'000;  // the reference reader's own limit

tl::unexpected<Error> refuse(const std::string& path, const std::string& what) {
  return fail(Failure::invalid_input, path + ": not a usable safetensors file: " + what);
}

// The header, with repeated names refused: a plain JSON parser would keep the last.
Result<Json> parse_header(std::string_view text, const std::string& path) {
  if (nests_too_deep(text)) return refuse(path, "its header nests too deep");
  std::set<std::string> names;
  std::string repeated;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key && depth == 1 &&
        !names.insert(parsed.get<std::string>()).second)
      repeated = parsed.get<std::string>();
    return true;
  };
  Json header = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (header.is_discarded() || !header.is_object())
    return refuse(path, "its header is not a JSON object");
  if (!repeated.empty()) return refuse(path, "tensor '" + repeated + "' occurs twice");
  return header;
}

Result<SafetensorsType> type_named(const std::string& text, const std::string& name,
                                   const std::string& path) {
  for (const SafetensorsType type :
       {SafetensorsType::f32, SafetensorsType::f16, SafetensorsType::bf16})
    if (text == to_string(type)) return type;
  return refuse(path,
                fmt::format("tensor '{}' is of type '{}', which is not supported; F32, F16 and "
                            "BF16 are",
                            name, text.substr(0, 32)));
}

// One entry: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, offsets from the header's
// end.
Result<SafetensorsTensor> parse_tensor(const std::string& name, const Json& entry,
                                       const std::string& path) {
  const std::string where = path + ": tensor '" + name + "'";
  SafetensorsTensor tensor;
  FLYWHEEL_TRY(const std::string type, json_field<std::string>(entry, "dtype", where));
  FLYWHEEL_TRY(tensor.type, type_named(type, name, path));
  for (const char* field : {"shape", "data_offsets"}) {
    const bool is_list = entry.contains(field) && entry[field].is_array();
    if (!is_list || !std::all_of(entry[field].begin(), entry[field].end(), [](const Json& number) {
          return number.is_number_unsigned() && number.get<std::uint64_t>() <= INT64_MAX;
        }))
      return fail(Failure::invalid_input, where + ": field '" + field + "' is not a list of sizes");
  }
  tensor.shape = entry["shape"].get<std::vector<std::int64_t>>();
  const auto offsets = entry["data_offsets"].get<std::vector<std::uint64_t>>();
  std::int64_t size_bytes = 0;
  tensor.number_count = 1;
  for (const std::int64_t size : tensor.shape)
    if (__builtin_mul_overflow(tensor.number_count, size, &tensor.number_count))
      return refuse(path, "the shape of tensor '" + name + "' is impossible");
  if (__builtin_mul_overflow(tensor.number_count, size_of(tensor.type), &size_bytes) ||
      offsets.size() != 2 || offsets[1] < offsets[0] ||
      offsets[1] - offsets[0] != static_cast<std::uint64_t>(size_bytes))
    return refuse(path, "the place of tensor '" + name + "' does not fit its shape");
  tensor.offset_bytes = offsets[0];
  tensor.size_bytes = static_cast<std::uint64_t>(size_bytes);
  return tensor;
}

// The tensors fill the file from the header's end to the last byte.
Result<> check_places(const std::map<std::string, SafetensorsTensor>& tensors,
                      std::uint64_t data_size_bytes, const std::string& path) {
  std::vector<const std::pair<const std::string, SafetensorsTensor>*> in_order;
  in_order.reserve(tensors.size());
  for (const auto& entry : tensors) in_order.push_back(&entry);
  std::sort(in_order.begin(), in_order.end(), [](const auto* left, const auto* right) {
    return std::pair{left->second.offset_bytes, left->second.size_bytes} <
           std::pair{right->second.offset_bytes, right->second.size_bytes};
  });
  std::uint64_t end = 0;
  for (const auto* entry : in_order) {
    const auto& [name, tensor] = *entry;
    if (tensor.offset_bytes != end)
      return refuse(path, "tensor '" + name + "' does not begin where the one before it ends");
    end += tensor.size_bytes;  // no overflow: both fit 63 bits
    if (end > data_size_bytes)
      return refuse(path, fmt::format("tensor '{}' lies beyond the end of the file: the file is "
                                      "truncated; fetch it again",
                                      name));
  }
  if (end != data_size_bytes)
    return refuse(path, fmt::format("{} bytes follow the last tensor", data_size_bytes - end));
  return {};
}

}  // namespace

const char* to_string(SafetensorsType type) {
  switch (type) {
    case SafetensorsType::f32:
      return "F32";
    case SafetensorsType::f16:
      return "F16";
    case SafetensorsType::bf16:
      return "BF16";
  }
  return "?";
}

std::size_t size_of(SafetensorsType type) {
  return type == SafetensorsType::f32 ? 4 : 2;
}

Result<SafetensorsFile> SafetensorsFile::open(const std::string& path) {
  SafetensorsFile result;
  FLYWHEEL_TRY(result.file_, MappedFile::open(path));
  const auto bytes = result.file_.bytes();
  std::uint64_t header_size = 0;
  if (bytes.size() < sizeof header_size) return refuse(path, "it ends inside its header");
  std::memcpy(&header_size, bytes.data(), sizeof header_size);
  if (header_size > header_limit_bytes)
    return refuse(path, fmt::format("its header states a length of {} bytes", header_size));
  if (header_size > bytes.size() - sizeof header_size)
    return refuse(path, "it ends inside its header: the file is truncated; fetch it again");
  const std::string_view text(reinterpret_cast<const char*>(bytes.data() + sizeof header_size),
                              header_size);
  FLYWHEEL_TRY(const Json header, parse_header(text, path));
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    FLYWHEEL_TRY(SafetensorsTensor tensor, parse_tensor(name, entry, path));
    result.tensors_.emplace(name, std::move(tensor));
  }
  const std::uint64_t data_begin = sizeof header_size + header_size;
  FLYWHEEL_TRY_VOID(check_places(result.tensors_, bytes.size() - data_begin, path));
  for (auto& [name, tensor] : result.tensors_) tensor.offset_bytes += data_begin;
  return result;
}

void widen(SafetensorsType type, std::span<const std::byte> bytes, std::span<float> numbers) {
  FLYWHEEL_CHECK(bytes.size() == numbers.size() * size_of(type));
  if (type == SafetensorsType::f32) {
    if (!bytes.empty()) std::memcpy(numbers.data(), bytes.data(), bytes.size());
    return;
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, bytes.data() + 2 * i, sizeof bits);
    numbers[i] = type == SafetensorsType::f16 ? float_of_half(bits) : float_of_bfloat16(bits);
  }
}

Result<> write_safetensors(const std::string& path, std::span<const SafetensorsPart> parts) {
  OrderedJson header;
  header["__metadata__"] = {{"format", "pt"}};  // transformers refuses files that do not say so
  std::uint64_t offset = 0;
  for (const SafetensorsPart& part : parts) {
    header[part.name] = {{"dtype", to_string(part.type)},
                         {"shape", part.shape},
                         {"data_offsets", {offset, offset + part.bytes.size()}}};
    offset += part.bytes.size();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // tensors begin at a multiple of 8
  const std::uint64_t header_size = text.size();

  FLYWHEEL_TRY(DurableFile file, DurableFile::create(path));
  FLYWHEEL_TRY_VOID(file.write(&header_size, sizeof header_size));
  FLYWHEEL_TRY_VOID(file.write(text.data(), text.size()));
  for (const SafetensorsPart& part : parts)
    FLYWHEEL_TRY_VOID(file.write(part.bytes.data(), part.bytes.size()));
  return file.finish();
}

}  // namespace flywheel
