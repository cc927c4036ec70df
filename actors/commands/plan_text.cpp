#include <fmt/format.h>

#include "actors/commands/plan.hpp"
#include "actors/commands/table.hpp"

namespace flywheel {
namespace {

constexpr double gib = 1024.0 * 1024.0 * 1024.0;

std::string size_text(double bytes) {
  return bytes < 0.1 * gib ? fmt::format("{:.1f} MiB", bytes / gib * 1024)
                           : fmt::format("{:.1f} GiB", bytes / gib);
}

std::string count_text(std::int64_t count) {
  if (count >= 1'000'000'000) return fmt::format("{:.2f} B", double(count) / 1e9);
  if (count >= 1'000'000) return fmt::format("{:.1f} M", double(count) / 1e6);
  return fmt::format("{}", count);
}

std::vector<std::string> device_row(const ModelPlan& model, const DevicePlan& device) {
  const std::string fit = device.fits ? "" : "  does not fit";
  return {model.model + " (" + count_text(model.parameter_count) + ")",
          device.device,
          device.fits ? std::to_string(device.device_count) : "-",
          size_text(device.memory_bytes_each) + fit,
          duration_text(device.sampling_seconds),
          duration_text(device.learning_seconds),
          duration_text(device.run_seconds)};
}

}  // namespace

std::string plan_text(const Plan& plan) {
  const ModelPlan& chosen = plan.models.front();
  const DevicePlan& cpu = chosen.devices.front();
  std::string text = fmt::format(
      "Plan for {} on {}\n"
      "  {} steps of {} samples, {} in flight at most; {} evaluation samples in all\n"
      "  a step samples at most {} tokens and learns over {} (a group's prompt once)\n"
      "  {}, about {} in all; disk {} (snapshots, checkpoint, rollouts)\n\n",
      plan.experiment, cpu.device, plan.steps, plan.samples_per_step, plan.samples_in_flight_max,
      plan.evaluation_samples, plan.tokens_sampled_per_step, plan.tokens_learned_per_step,
      plan.precision, duration_text(cpu.run_seconds), size_text(chosen.disk_bytes));

  Table memory{.columns = {{"memory of " + chosen.model}, {"size", true}, {"formula"}}};
  for (const MemoryPart& part : chosen.memory)
    if (part.bytes > 0.0) memory.rows.push_back({part.name, size_text(part.bytes), part.formula});
  memory.rows.push_back({"in all", size_text(cpu.memory_bytes_each),
                         size_text(cpu.memory_bytes_limit) + " are free"});
  text += table_text(memory) + "\n";

  Table devices{.columns = {{"model"},
                            {"device"},
                            {"devices", true},
                            {"memory each", true},
                            {"sample/step", true},
                            {"learn/step", true},
                            {"whole run", true}}};
  for (const ModelPlan& model : plan.models)
    for (const DevicePlan& device : model.devices)
      devices.rows.push_back(device_row(model, device));
  text += table_text(devices) + "\n";

  for (const DevicePlan& device : chosen.devices)
    text += fmt::format("  {}: {}\n", device.device, device.rates);
  text += fmt::format(
      "  assumed: prompts of {:.0f} tokens, {:g} turns, every answer as long as it may be;\n"
      "  forward = 2 x parameters + attention, backward twice that; a decode step is the longer "
      "of\n"
      "  computing one token a sequence and reading the weights; sampling and learning add up.\n",
      plan.assumptions.prompt_tokens, plan.assumptions.turns);
  for (const std::string& warning : plan.warnings) text += "warning: " + warning + "\n";
  return text;
}

OrderedJson plan_json(const Plan& plan) {
  OrderedJson json = {{"experiment", plan.experiment},
                      {"precision", plan.precision},
                      {"steps", plan.steps},
                      {"samples_per_step", plan.samples_per_step},
                      {"samples_in_flight_max", plan.samples_in_flight_max},
                      {"tokens_sampled_per_step", plan.tokens_sampled_per_step},
                      {"tokens_learned_per_step", plan.tokens_learned_per_step},
                      {"evaluation_samples", plan.evaluation_samples},
                      {"fits", plan.fits()},
                      {"warnings", plan.warnings}};
  json["assumptions"] = {{"prompt_tokens", plan.assumptions.prompt_tokens},
                         {"turns", plan.assumptions.turns},
                         {"cpu_utilisation", plan.assumptions.cpu_utilisation},
                         {"gpu_utilisation", plan.assumptions.gpu_utilisation}};
  for (const ModelPlan& model : plan.models) {
    OrderedJson entry = {{"model", model.model},
                         {"parameter_count", model.parameter_count},
                         {"disk_bytes", model.disk_bytes}};
    for (const MemoryPart& part : model.memory)
      entry["memory"].push_back(
          OrderedJson{{"name", part.name}, {"bytes", part.bytes}, {"formula", part.formula}});
    for (const DevicePlan& device : model.devices)
      entry["devices"].push_back(OrderedJson{{"device", device.device},
                                             {"rates", device.rates},
                                             {"device_count", device.device_count},
                                             {"memory_bytes_each", device.memory_bytes_each},
                                             {"memory_bytes_limit", device.memory_bytes_limit},
                                             {"fits", device.fits},
                                             {"sampling_seconds_per_step", device.sampling_seconds},
                                             {"learning_seconds_per_step", device.learning_seconds},
                                             {"evaluation_seconds", device.evaluation_seconds},
                                             {"run_seconds", device.run_seconds}});
    json["models"].push_back(entry);
  }
  return json;
}

}  // namespace flywheel
