#include "actors/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include <yaml-cpp/yaml.h>

#include "actors/config_keys.hpp"
#include "runtime/base/nearest_name.hpp"
#include "runtime/tools/live_address.hpp"
#include "runtime/tools/live_hosts.hpp"

namespace flywheel {
namespace {

constexpr std::array<std::string_view, 2> model_names = {"smollm2-135m-instruct", "tiny"};

struct Entry {
  const KeyRow* row = nullptr;
  YAML::Node value{};
};

// Reads one document; remembers the line of each key, so that a later check can point at it.
class Loader {
 public:
  Loader(ExperimentSpec& spec, std::string where) : spec_(spec), where_(std::move(where)) {}

  Result<> collect(const YAML::Node& map, const std::string& prefix);
  Result<> apply(std::span<const AlgorithmPreset> presets);
  Result<> check_together() const;
  Result<> check_live_pages() const;

 private:
  tl::unexpected<Error> refuse(int line, const std::string& what) const {
    return fail(Failure::invalid_input, where_ + ":" + std::to_string(line) + ": " + what);
  }
  tl::unexpected<Error> refuse_key(std::string_view path, const std::string& what) const {
    const auto line = lines_.find(std::string{path});
    return refuse(line == lines_.end() ? 1 : line->second, std::string{path} + " " + what);
  }
  Result<> refuse_unknown(int line, const std::string& prefix, const std::string& key) const;
  Result<> read(const Entry& entry);
  Result<> read_scalar(const KeyRow& row, const YAML::Node& value);
  Result<> apply_preset(std::span<const AlgorithmPreset> presets);
  Result<> resolve_path(const KeyRow& row, std::string& path) const;
  std::string absolute_path(const std::string& path) const;  // empty where there is none

  ExperimentSpec& spec_;
  std::string where_;
  std::vector<Entry> entries_;
  std::map<std::string, int> lines_;
};

int line_of(const YAML::Node& node) {
  return node.Mark().line + 1;
}

bool is_section(const std::string& path) {
  return std::ranges::any_of(key_rows(),
                             [&](const KeyRow& row) { return row.path.starts_with(path + "."); });
}

Result<> Loader::collect(const YAML::Node& map, const std::string& prefix) {
  for (const auto& item : map) {
    const int line = line_of(item.first);
    if (!item.first.IsScalar()) return refuse(line, "a key must be a name");
    const std::string key = item.first.Scalar();
    const std::string path = prefix + key;
    if (const auto [earlier, is_new] = lines_.emplace(path, line); !is_new)
      return refuse(line, "key '" + path + "' is given twice, first in line " +
                              std::to_string(earlier->second));
    if (const KeyRow* row = find_key_row(path)) {
      entries_.push_back({row, item.second});
    } else if (is_section(path)) {
      if (!item.second.IsMap())
        return refuse(line, "section '" + path + "' must hold keys, one an indented line");
      FLYWHEEL_TRY_VOID(collect(item.second, path + "."));
    } else {
      return refuse_unknown(line, prefix, key);
    }
  }
  return {};
}

Result<> Loader::refuse_unknown(int line, const std::string& prefix, const std::string& key) const {
  std::vector<std::string_view> candidates;  // what could stand in this section
  for (const KeyRow& row : key_rows()) {
    if (!row.path.starts_with(prefix)) continue;
    const auto rest = row.path.substr(prefix.size());
    candidates.push_back(rest.substr(0, rest.find('.')));
  }
  const std::string what = "unknown key '" + prefix + key + "'";
  for (const KeyRow& row : key_rows())  // the right name in the wrong section
    if (row.path.ends_with("." + key))
      return refuse(line, what + "; did you mean '" + std::string{row.path} + "'?");
  if (const auto near = nearest_name(candidates, key); !near.empty())
    return refuse(line, what + "; did you mean '" + prefix + std::string{near} + "'?");
  return refuse(line, what + "; `flywheel plan --keys` lists all keys");
}

Result<> Loader::apply(std::span<const AlgorithmPreset> presets) {
  for (const Entry& entry : entries_)  // the preset first: single parts then change it
    if (entry.row->path == "algorithm.preset") {
      FLYWHEEL_TRY_VOID(read(entry));
      FLYWHEEL_TRY_VOID(apply_preset(presets));
    }
  for (const Entry& entry : entries_) FLYWHEEL_TRY_VOID(read(entry));
  return {};
}

Result<> Loader::apply_preset(std::span<const AlgorithmPreset> presets) {
  const std::string& name = spec_.algorithm_preset;
  if (name.empty()) return {};
  std::vector<std::string_view> names;
  for (const AlgorithmPreset& preset : presets) {
    if (preset.name == name) {
      AlgorithmConfig& chosen = spec_.trainer.algorithm = preset.config;
      const bool is_corrected =
          chosen.importance_cap > 0.0 || chosen.loss == PolicyLossKind::decoupled_ppo;
      if (!is_corrected) chosen.importance_cap = importance_cap_default;
      return {};
    }
    names.push_back(preset.name);
  }
  const auto near = nearest_name(names, name);
  return refuse_key("algorithm.preset",
                    "'" + name + "' is no preset; " +
                        (near.empty() ? std::string{"`flywheel explain` lists them"}
                                      : "did you mean '" + std::string{near} + "'?"));
}

// Json of any YAML value: the parameters of a task family.
Json json_of(const YAML::Node& node) {
  if (node.IsMap()) {
    Json json = Json::object();
    for (const auto& item : node) json[item.first.Scalar()] = json_of(item.second);
    return json;
  }
  if (node.IsSequence()) {
    Json json = Json::array();
    for (const auto& item : node) json.push_back(json_of(item));
    return json;
  }
  if (!node.IsScalar()) return nullptr;
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  const Json parsed = Json::parse(text, nullptr, false);
  return parsed.is_number() || parsed.is_boolean() || parsed.is_null() ? parsed : Json(text);
}

Result<> Loader::read(const Entry& entry) {
  const KeyRow& row = *entry.row;
  const KeySlot slot = row.slot(spec_);
  if (auto* json = std::get_if<Json*>(&slot)) {
    if (!entry.value.IsMap()) return refuse_key(row.path, "must be a map of keys and values");
    **json = json_of(entry.value);
    // Paths in a family's own parameters are told by their names.
    for (auto& [key, value] : (*json)->items())
      if (value.is_string() && (key.ends_with("_file") || key.ends_with("_folder")))
        value = absolute_path(value.get<std::string>());
    return {};
  }
  if (entry.value.IsNull()) return refuse_key(row.path, "has no value; give one or drop the line");
  if (!entry.value.IsScalar())
    return refuse_key(row.path, "must be one " + type_text(slot) + ", not a list or a map");
  return read_scalar(row, entry.value);
}

std::string in_quotes(const std::string& text) {
  return "'" + text + "'";
}

template <class Number>
bool parse_whole(const std::string& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

// Numbers a spec could mean but that no field can hold are told apart from what is no number.
Result<> Loader::read_scalar(const KeyRow& row, const YAML::Node& value) {
  const std::string& text = value.Scalar();
  const KeySlot slot = row.slot(spec_);
  const bool is_quoted = value.Tag() == "!";
  if (auto* target = std::get_if<std::string*>(&slot)) {
    **target = text;
    return resolve_path(row, **target);
  }
  if (auto* target = std::get_if<NamedSlot>(&slot)) {
    const auto found = std::ranges::find(target->names, text);
    if (found == target->names.end()) {
      const auto near = nearest_name(target->names, text);
      return refuse_key(row.path, "is " + in_quotes(text) + ", must be " + type_text(slot) +
                                      (near.empty() ? "" : "; nearest: " + std::string{near}));
    }
    *target->value = static_cast<std::uint8_t>(found - target->names.begin());
    return {};
  }
  if (auto* target = std::get_if<bool*>(&slot)) {
    if (is_quoted || (text != "true" && text != "false"))
      return refuse_key(row.path, "is " + in_quotes(text) + ", must be true or false");
    **target = text == "true";
    return {};
  }
  double number = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (is_quoted || end != text.data() + text.size() || error == std::errc::invalid_argument)
    return refuse_key(row.path, "is " + in_quotes(text) + ", must be a " + type_text(slot));
  if (error != std::errc{} || !std::isfinite(number))
    return refuse_key(row.path, "is " + text + ", must be a finite number");
  const KeyBounds& bounds = row.bounds;
  const std::string unit = row.unit.empty() ? "" : " (" + std::string{row.unit} + ")";
  if (number < bounds.least || number > bounds.most ||
      (bounds.above_least && number == bounds.least))
    return refuse_key(row.path, "is " + text + ", must be " + bounds_text(bounds) + unit + ": " +
                                    std::string{row.meaning});
  if (auto* target = std::get_if<double*>(&slot)) {
    **target = number;
    return {};
  }
  const bool is_read = std::holds_alternative<std::uint32_t*>(slot)
                           ? parse_whole(text, *std::get<std::uint32_t*>(slot))
                           : parse_whole(text, *std::get<std::uint64_t*>(slot));
  if (!is_read)
    return refuse_key(row.path, "is " + text + ", must be a whole number of at least 0" + unit +
                                    " that is not astronomically large");
  return {};
}

std::string Loader::absolute_path(const std::string& path) const {
  namespace fs = std::filesystem;
  std::error_code error;
  return fs::absolute(fs::path{where_}.parent_path() / path, error).lexically_normal().string();
}

// The run's folder, where the resolved spec lies, is another folder: paths become absolute.
Result<> Loader::resolve_path(const KeyRow& row, std::string& path) const {
  if (row.use == KeyUse::plain || path.empty()) return {};
  namespace fs = std::filesystem;
  if (row.use == KeyUse::model_path && std::ranges::find(model_names, path) != model_names.end())
    return {};
  const bool is_bare_name = path.find('/') == std::string::npos;
  const fs::path resolved = absolute_path(path);
  if (resolved.empty())
    return refuse_key(row.path, "is " + in_quotes(path) + ", which is no path here");
  std::error_code error;
  if (row.use == KeyUse::model_path && is_bare_name && !fs::exists(resolved, error)) {
    const auto near = nearest_name(model_names, path);
    return refuse_key(row.path, "is " + in_quotes(path) +
                                    ", which is no known model and no file; " +
                                    (near.empty() ? "known: smollm2-135m-instruct, tiny"
                                                  : "did you mean '" + std::string{near} + "'?"));
  }
  path = resolved.string();
  return {};
}

Result<> Loader::check_together() const {
  const AlgorithmConfig& algorithm = spec_.trainer.algorithm;
  if (spec_.task.family.empty())
    return refuse_key("task.family", "is missing: name a family of the task registry");
  if (spec_.sampling.tokens_max >= spec_.model.context_length)
    return refuse_key("sampling.tokens_max",
                      "is " + std::to_string(spec_.sampling.tokens_max) +
                          ", which leaves no room for a prompt in model.context_length " +
                          std::to_string(spec_.model.context_length));
  if (algorithm.aggregation == LossAggregation::constant_divisor &&
      algorithm.constant_divisor <= 0.0)
    return refuse_key("algorithm.constant_divisor",
                      "must be above 0 (tokens) where aggregation is constant_divisor");
  if (algorithm.kl != KlKind::none && algorithm.kl_weight <= 0.0)
    return refuse_key("algorithm.kl_weight", "must be above 0 where algorithm.kl is on");
  if (spec_.evaluation.every_steps > 0 && spec_.evaluation.tasks_during == 0)
    return refuse_key("evaluation.tasks_during", "must be at least 1 where every_steps is on");
  if (spec_.evaluation.every_steps > 0 && spec_.evaluation.tasks_during > spec_.data.held_out_tasks)
    return refuse_key("evaluation.tasks_during", "is " +
                                                     std::to_string(spec_.evaluation.tasks_during) +
                                                     ", more than data.held_out_tasks " +
                                                     std::to_string(spec_.data.held_out_tasks));
  const GateSpec& gates = spec_.gates;
  if (gates.pass_rate_before_min > gates.pass_rate_before_max)
    return refuse_key("gates.pass_rate_before_min", "is above gates.pass_rate_before_max");
  const bool has_gate = gates.pass_rate_before_min > 0.0 || gates.pass_rate_before_max < 1.0 ||
                        gates.pass_rate_after_min > 0.0 || gates.guard_fall_max < 1.0;
  if (has_gate && spec_.data.held_out_tasks == 0)
    return refuse_key("data.held_out_tasks", "must be at least 1 for the gates to speak of");
  return {};
}

// Nothing is fetched unless the proxy and the hosts are both stated.
Result<> Loader::check_live_pages() const {
  const ToolsSpec& tools = spec_.tools;
  const auto hosts = LiveHosts::parse(tools.live_hosts);
  if (!hosts) return refuse_key("tools.live_hosts", hosts.error().message);
  if (tools.live_proxy.empty()) return {};
  if (const auto proxy = check_live_proxy(tools.live_proxy); !proxy)
    return refuse_key("tools.live_proxy", proxy.error().message);
  if (hosts->is_empty())
    return refuse_key("tools.live_hosts",
                      "is empty and tools.live_proxy is set: list the hosts to fetch from");
  if (spec_.deterministic)
    return refuse_key("tools.live_proxy",
                      "can't be set in a deterministic run: what the live web answers is no "
                      "function of the seed");
  return {};
}

}  // namespace

std::span<const std::string_view> named_models() {
  return model_names;
}

Result<ExperimentSpec> parse_experiment_spec(const std::string& text, const std::string& where,
                                             std::span<const AlgorithmPreset> presets) {
  ExperimentSpec spec;
  spec.name = std::filesystem::path{where}.stem().string();
  Loader loader{spec, where};
  try {
    // yaml-cpp takes an open quote as closed by the file's end; a document's end marker in it
    // throws.
    const auto documents = YAML::LoadAll(text + "\n...\n");
    if (documents.size() != 1 || !documents.front().IsMap())
      return fail(Failure::invalid_input,
                  where + ":1: a spec is one YAML map of keys; `flywheel plan --keys` lists them");
    if (const auto format = documents.front()["format"]; format && format.IsScalar()) {
      std::uint64_t version = 0;
      if (parse_whole(format.Scalar(), version) && version > 1)
        return fail(Failure::too_new, where + ":" + std::to_string(line_of(format)) + ": format " +
                                          format.Scalar() +
                                          " is newer than this program reads (1): update it");
    }
    FLYWHEEL_TRY_VOID(loader.collect(documents.front(), ""));
    FLYWHEEL_TRY_VOID(loader.apply(presets));
  } catch (const YAML::Exception& exception) {
    return fail(Failure::invalid_input, where + ":" + std::to_string(exception.mark.line + 1) +
                                            ": not YAML: " + exception.msg);
  }
  FLYWHEEL_TRY_VOID(loader.check_together());
  FLYWHEEL_TRY_VOID(loader.check_live_pages());
  return spec;
}

Result<ExperimentSpec> load_experiment_spec(const std::string& path,
                                            std::span<const AlgorithmPreset> presets) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    return fail(Failure::invalid_input, path + " is a folder; name the .yaml file in it");
  std::ifstream file{path, std::ios::binary};
  if (!file) return fail(Failure::not_found, path + ": no such spec, or it can't be read");
  std::ostringstream text;
  text << file.rdbuf();
  return parse_experiment_spec(text.str(), path, presets);
}

Result<> check_against_model(const ExperimentSpec& spec, const ModelConfig& model) {
  if (static_cast<std::int64_t>(spec.model.context_length) > model.context_length_max)
    return fail(Failure::invalid_input,
                spec.name + ": model.context_length is " +
                    std::to_string(spec.model.context_length) + ", the model's own is " +
                    std::to_string(model.context_length_max) + " tokens: lower it");
  if (static_cast<std::int64_t>(spec.sampling.top_k) > model.vocabulary_size)
    return fail(Failure::invalid_input,
                spec.name + ": sampling.top_k is " + std::to_string(spec.sampling.top_k) +
                    ", the model knows only " + std::to_string(model.vocabulary_size) + " tokens");
  return {};
}

std::string resolved_spec_text(const ExperimentSpec& spec) {
  ExperimentSpec copy = spec;  // slots are of a spec that may change
  std::string text = "# The resolved spec: every key, defaults filled in. It loads as it stands.\n";
  std::string section;
  for (const KeyRow& row : key_rows()) {
    const auto dot = row.path.find('.');
    const std::string of{dot == std::string_view::npos ? "" : row.path.substr(0, dot)};
    if (of != section) text += "\n" + of + ":\n";
    section = of;
    const std::string unit = row.unit.empty() ? "" : std::string{row.unit} + ": ";
    const std::string indent = of.empty() ? "" : "  ";
    text.append(indent).append("# ").append(unit).append(row.meaning).append("\n");
    text += indent + std::string{row.path.substr(of.empty() ? 0 : dot + 1)} + ": " +
            value_text(row.slot(copy)) + "\n";
  }
  return text;
}

TrainerConfig trainer_config_of(const ExperimentSpec& spec, Precision precision) {
  TrainerConfig config = spec.trainer;
  config.precision = precision;
  config.threads = static_cast<int>(spec.compute.threads);
  return config;
}

EngineConfig engine_config_of(const ExperimentSpec& spec, Precision precision) {
  return {.precision = precision,
          .sequences_max = spec.compute.sequences_max,
          .context_length_max = spec.model.context_length,
          .prefill_tokens_max = spec.compute.prefill_tokens_max,
          .threads = static_cast<int>(spec.compute.threads)};
}

}  // namespace flywheel
