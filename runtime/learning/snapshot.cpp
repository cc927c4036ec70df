#include "runtime/learning/snapshot.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>

#include <fmt/format.h>
#include <torch/types.h>

#include "runtime/base/durable_file.hpp"
#include "runtime/base/json.hpp"

namespace flywheel {
namespace {

constexpr std::string_view magic = "flywheel trainer snapshot ";
constexpr int format_version = 1;
constexpr std::size_t header_size_max = 1 << 20;  // bytes; a longer line is no snapshot

std::size_t bytes_of(const torch::Tensor& tensor) {
  return static_cast<std::size_t>(tensor.nbytes());
}

Result<> write_state(const std::string& path, const std::string& header,
                     const Optimizer& optimizer) {
  FLYWHEEL_TRY(DurableFile file, DurableFile::create(path));
  FLYWHEEL_TRY_VOID(file.write(header.data(), header.size()));
  for (const auto* buffer : {&optimizer.master(), &optimizer.mean(), &optimizer.variance()})
    FLYWHEEL_TRY_VOID(file.write(buffer->data_ptr(), bytes_of(*buffer)));
  return file.finish();
}

struct Header {
  std::uint64_t steps = 0;
  std::string state_hash{};
};

// The next line, or nothing where it is longer than a header can be or does not end.
std::optional<std::string> read_line(std::ifstream& file) {
  std::string line;
  char byte = 0;
  while (file.get(byte) && byte != '\n') {
    if (line.size() == header_size_max) return std::nullopt;
    line += byte;
  }
  if (!file) return std::nullopt;
  return line;
}

Result<> check_format(std::string_view text, const std::string& path) {
  int format = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), format);
  if (error != std::errc{} || end != text.data() + text.size() || format < 1)
    return fail(Failure::corrupt, path + ": this is no trainer snapshot: its format is no number");
  if (format > format_version)
    return fail(Failure::too_new,
                fmt::format("{}: format {} is newer than {}: use a newer Flywheel", path, format,
                            format_version));
  return {};
}

// Reads and checks everything before the buffers.
Result<Header> read_header(std::ifstream& file, const std::string& path, const ModelConfig& config,
                           std::int64_t elements) {
  const auto first = read_line(file);
  if (!first || !first->starts_with(magic))
    return fail(Failure::corrupt, path + ": this is no trainer snapshot");
  FLYWHEEL_TRY_VOID(check_format(std::string_view{*first}.substr(magic.size()), path));
  const auto second = read_line(file);
  if (!second) return fail(Failure::corrupt, path + ": the snapshot ends within its header");
  FLYWHEEL_TRY(const auto json, parse_json(*second, path));
  FLYWHEEL_TRY(const auto stored, json_field<Json>(json, "config", path));
  FLYWHEEL_TRY(const auto count, json_field<std::int64_t>(json, "elements", path));
  if (stored != to_json(config) || count != elements)
    return fail(Failure::invalid_input, path + ": the snapshot is of another model");
  Header header;
  FLYWHEEL_TRY(header.steps, json_field<std::uint64_t>(json, "steps", path));
  FLYWHEEL_TRY(header.state_hash, json_field<std::string>(json, "state_hash", path));
  return header;
}

}  // namespace

Result<Hash128> write_snapshot(const std::string& path, const ModelConfig& config,
                               const Optimizer& optimizer) {
  const auto hash = optimizer.state_hash();
  const Json header{{"config", to_json(config)},
                    {"elements", optimizer.master().numel()},
                    {"steps", optimizer.steps_taken()},
                    {"state_hash", to_string(hash)}};
  const auto text = fmt::format("{}{}\n{}\n", magic, format_version, dump_json(header));
  const auto temporary = path + ".partial";
  auto written = write_state(temporary, text, optimizer);
  if (written) written = replace_durably(temporary, path);
  if (!written) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    return fail(written.error().failure, "the snapshot can't be kept: " + written.error().message);
  }
  return hash;
}

Result<> read_snapshot(const std::string& path, const ModelConfig& config, Optimizer& optimizer) {
  std::ifstream file{path, std::ios::binary};
  if (!file) return fail(Failure::not_found, path + ": there is no such snapshot");
  FLYWHEEL_TRY(const Header header, read_header(file, path, config, optimizer.master().numel()));
  // Into a second set of buffers, so that a bad file leaves the trainer as it was.
  Optimizer incoming = optimizer.empty_copy();
  for (const auto* buffer : {&incoming.master(), &incoming.mean(), &incoming.variance()}) {
    file.read(static_cast<char*>(buffer->data_ptr()),
              static_cast<std::streamsize>(bytes_of(*buffer)));
    if (!file) return fail(Failure::corrupt, path + ": the snapshot is truncated");
  }
  if (file.peek() != std::ifstream::traits_type::eof())
    return fail(Failure::corrupt, path + ": bytes follow the end of the snapshot");
  incoming.set_steps_taken(header.steps);
  if (to_string(incoming.state_hash()) != header.state_hash)
    return fail(Failure::corrupt, path + ": the snapshot's bytes do not match its hash");
  optimizer.take_state(incoming);
  return {};
}

}  // namespace flywheel
