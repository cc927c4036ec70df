#include "runtime/learning/snapshot.hpp"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <torch/torch.h>

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

// Reads and checks everything before the buffers.
Result<Header> read_header(std::ifstream& file, const std::string& path, const ModelConfig& config,
                           std::int64_t elements) {
  std::string first, second;
  if (!std::getline(file, first) || !first.starts_with(magic))
    return fail(Failure::corrupt, path + ": this is no trainer snapshot");
  if (first.substr(magic.size()) != std::to_string(format_version))
    return fail(Failure::too_new,
                fmt::format("{}: format {} is newer than {}: use a newer Flywheel", path,
                            first.substr(magic.size()), format_version));
  if (!std::getline(file, second) || second.size() > header_size_max || file.eof())
    return fail(Failure::corrupt, path + ": the snapshot ends within its header");
  FLYWHEEL_TRY(const auto json, parse_json(second, path));
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
