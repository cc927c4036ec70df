#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <torch/types.h>

#include "runtime/base/durable_file.hpp"
#include "runtime/base/json.hpp"
#include "runtime/model/checkpoint.hpp"
#include "runtime/model/safetensors.hpp"
#include "runtime/model/weights.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 6> file_names = {
    "config.json",    "generation_config.json", "model.safetensors",
    "tokenizer.json", "tokenizer_config.json",  "chat_template.jinja"};

// A folder is replaced only where nothing but a checkpoint of ours can be lost.
Result<> check_replaceable(const fs::path& folder) {
  std::error_code code;
  if (!fs::exists(fs::symlink_status(folder, code))) return {};
  bool is_ours = fs::is_directory(fs::symlink_status(folder, code));
  if (is_ours)
    for (const auto& entry : fs::directory_iterator(folder, code))
      is_ours = is_ours && std::find(file_names.begin(), file_names.end(),
                                     entry.path().filename().string()) != file_names.end();
  if (is_ours && !code) return {};
  return fail(Failure::already_exists,
              folder.string() + ": exists and holds more than a checkpoint; choose another name");
}

Result<> check_space(const fs::path& parent, std::uint64_t needed_bytes) {
  std::error_code code;
  const fs::space_info space = fs::space(parent, code);
  if (code || space.available >= needed_bytes) return {};
  return fail(Failure::resource_exhausted,
              fmt::format("{}: a checkpoint needs {} MiB, {} MiB are free", parent.string(),
                          needed_bytes >> 20, space.available >> 20));
}

Result<> write_weights(const std::string& path, const WeightsHandle& weights) {
  std::vector<SafetensorsPart> parts;
  for (const auto& [name, tensor] : weights->tensors) {
    const auto type =
        tensor.scalar_type() == torch::kBFloat16 ? SafetensorsType::bf16 : SafetensorsType::f32;
    parts.push_back(
        {.name = name,
         .type = type,
         .shape = tensor.sizes().vec(),
         .bytes = {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()}});
  }
  return write_safetensors(path, parts);
}

Result<> write_files(const fs::path& folder, const Checkpoint& checkpoint,
                     const WeightsHandle& weights, Precision precision) {
  const auto write_json = [&](const char* name, const Json& json) {
    return write_durably((folder / name).string(), dump_json(json, 2) + "\n");
  };
  Json config = to_json(checkpoint.config);
  config["dtype"] = to_string(precision);
  config["torch_dtype"] = to_string(precision);  // how transformers before version 5 spells it
  FLYWHEEL_TRY_VOID(write_json("config.json", config));
  const Json generation{{"bos_token_id", config["bos_token_id"]},
                        {"eos_token_id", config["eos_token_id"]}};
  FLYWHEEL_TRY_VOID(write_json("generation_config.json", generation));
  FLYWHEEL_TRY_VOID(write_json("tokenizer.json", checkpoint.tokenizer->tokenizer_json()));
  Json settings = checkpoint.tokenizer->tokenizer_config_json();
  settings.erase("chat_template");
  if (checkpoint.chat_template) {
    const std::string& source = checkpoint.chat_template->source();
    settings["chat_template"] = source;
    FLYWHEEL_TRY_VOID(write_durably((folder / "chat_template.jinja").string(), source));
  }
  FLYWHEEL_TRY_VOID(write_json("tokenizer_config.json", settings));
  FLYWHEEL_TRY_VOID(write_weights((folder / "model.safetensors").string(), weights));
  return sync_path(folder.string());
}

// Gives the finished folder its name; what had that name is gone afterwards, never before.
Result<> put_in_place(const fs::path& finished, const fs::path& folder) {
  const auto rename = [&](unsigned flags) {
    return ::renameat2(AT_FDCWD, finished.c_str(), AT_FDCWD, folder.c_str(), flags) == 0;
  };
  std::error_code code;
  const bool is_exchanged = fs::exists(folder, code) && rename(RENAME_EXCHANGE);
  if (!is_exchanged && !rename(RENAME_NOREPLACE))
    return fail(Failure::unavailable,
                folder.string() +
                    ": the written checkpoint can't be given this name: " + std::strerror(errno));
  FLYWHEEL_TRY_VOID(sync_path(folder.parent_path().string()));
  if (is_exchanged) fs::remove_all(finished, code);
  return {};
}

}  // namespace

Result<> save_checkpoint(const std::string& folder, const Checkpoint& checkpoint,
                         Precision precision) {
  if (!checkpoint.weights || !checkpoint.tokenizer)
    return fail(Failure::invalid_argument, folder + ": a checkpoint needs weights and a tokenizer");
  FLYWHEEL_TRY_VOID(validate(checkpoint.config, folder));
  try {
    fs::path target = fs::absolute(folder).lexically_normal();
    if (!target.has_filename()) target = target.parent_path();  // "folder/"
    const fs::path temporary =
        target.parent_path() / ("." + target.filename().string() + ".incomplete");
    FLYWHEEL_TRY_VOID(check_replaceable(target));
    fs::create_directories(target.parent_path());
    const WeightsHandle weights = convert(checkpoint.weights, precision);
    std::uint64_t needed_bytes = std::uint64_t{64} << 20;
    for (const auto& [name, tensor] : weights->tensors) needed_bytes += tensor.nbytes();
    FLYWHEEL_TRY_VOID(check_space(target.parent_path(), needed_bytes));
    fs::remove_all(temporary);  // of a process that died
    fs::create_directory(temporary);
    auto written = write_files(temporary, checkpoint, weights, precision);
    if (written) written = put_in_place(temporary, target);
    std::error_code ignored;
    if (!written) fs::remove_all(temporary, ignored);
    return written;
  } catch (const std::exception& error) {
    const std::string what = error.what();
    return fail(Failure::unavailable,
                folder + ": can't be written: " + what.substr(0, what.find('\n')));
  }
}

}  // namespace flywheel
