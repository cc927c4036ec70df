#include "actors/caas/body_fields.hpp"

#include <utility>

#include <fmt/format.h>

namespace flywheel {
namespace {

constexpr std::size_t environment_count_max = 256;
constexpr std::size_t environment_bytes_max = 64 * 1024;

}  // namespace

BodyFields::BodyFields(const Json& body, std::string where)
    : body_(body), where_(std::move(where)) {
  if (!body_.is_object())
    error_ = Error{Failure::invalid_input, where_ + ": a JSON object is expected"};
}

void BodyFields::refuse(std::string_view name, std::string_view what) {
  if (!error_)
    error_ = Error{Failure::invalid_input, fmt::format("{}: field '{}' {}", where_, name, what)};
}

const Json* BodyFields::find(std::string_view name) {
  known_.emplace(name);
  if (!body_.is_object()) return nullptr;
  const auto found = body_.find(name);
  return found == body_.end() || found->is_null() ? nullptr : &*found;
}

std::string BodyFields::text(std::string_view name, std::string otherwise, std::size_t size_max) {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  if (!value->is_string()) {
    refuse(name, "must be a text");
    return otherwise;
  }
  auto text = value->get<std::string>();
  if (text.size() > size_max) refuse(name, fmt::format("is longer than {} bytes", size_max));
  return text;
}

bool BodyFields::flag(std::string_view name, bool otherwise) {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) {
    refuse(name, "must be true or false");
    return otherwise;
  }
  return value->get<bool>();
}

std::uint64_t BodyFields::number(std::string_view name, std::uint64_t otherwise,
                                 std::uint64_t least, std::uint64_t greatest) {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  if (!value->is_number_unsigned() || value->get<std::uint64_t>() < least ||
      value->get<std::uint64_t>() > greatest) {
    refuse(name, fmt::format("must be a whole number from {} to {}", least, greatest));
    return otherwise;
  }
  return value->get<std::uint64_t>();
}

std::vector<std::string> BodyFields::texts(std::string_view name, std::size_t count_max) {
  std::vector<std::string> texts;
  const Json* value = find(name);
  if (value == nullptr) return texts;
  if (!value->is_array() || value->size() > count_max) {
    refuse(name, fmt::format("must be a list of at most {} texts", count_max));
    return texts;
  }
  for (const Json& each : *value) {
    if (!each.is_string()) {
      refuse(name, "must hold texts only");
      break;
    }
    texts.push_back(each.get<std::string>());
  }
  return texts;
}

std::vector<std::string> BodyFields::environment(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr) return {};
  std::vector<std::string> pairs;
  if (value->is_object()) {
    for (const auto& [key, each] : value->items()) {
      if (!each.is_string()) {
        refuse(name, "must map names to texts");
        return {};
      }
      pairs.push_back(key + "=" + each.get<std::string>());
    }
  } else {
    pairs = texts(name, environment_count_max);
  }
  std::size_t size_bytes = 0;
  for (const std::string& pair : pairs) {
    size_bytes += pair.size();
    const auto equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos || pair.find('\0') != std::string::npos)
      refuse(name, "must hold NAME=value, without NUL");
  }
  if (pairs.size() > environment_count_max || size_bytes > environment_bytes_max)
    refuse(name, fmt::format("holds more than {} variables or {} bytes", environment_count_max,
                             environment_bytes_max));
  return pairs;
}

Result<> BodyFields::finish() {
  if (error_) return fail(std::move(*error_));
  for (const auto& [name, value] : body_.items()) {
    if (known_.contains(name)) continue;
    std::string names;
    for (const std::string& each : known_) names += (names.empty() ? "" : ", ") + each;
    return fail(Failure::invalid_input, fmt::format("{}: there is no field '{}'; there are {}",
                                                    where_, name.substr(0, 60), names));
  }
  return {};
}

}  // namespace flywheel
