// Numbers on CAF's wire, bit for bit. CAF 0.17.6 corrupts denormals, drops the sign of zero, and
// hangs its network thread for ever on an infinity; so no message hands CAF a float or double, only
// their bits. scripts/check_requests.py forbids raw floating-point fields in inspect().
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include <caf/error.hpp>
#include <caf/meta/load_callback.hpp>
#include <caf/sec.hpp>

#include "runtime/base/json.hpp"

namespace flywheel {

// as_bits(x.reward): a float or double as an unsigned integer.
template <class Number>
struct WireBits {
  using Unsigned = std::conditional_t<sizeof(Number) == 4, std::uint32_t, std::uint64_t>;
  Number& number;
};
template <class Number>
WireBits<Number> as_bits(Number& number) {
  static_assert(std::is_floating_point_v<Number>);
  return {number};
}

template <class Inspector, class Number>
typename Inspector::result_type inspect(Inspector& f, WireBits<Number>& x) {
  typename WireBits<Number>::Unsigned bits{};
  if constexpr (Inspector::reads_state) {
    std::memcpy(&bits, &x.number, sizeof bits);
    return f(bits);
  } else {
    Number& number = x.number;
    return f(bits, caf::meta::load_callback([&]() -> caf::error {
               std::memcpy(&number, &bits, sizeof bits);
               return caf::none;
             }));
  }
}

// as_raw(x.log_probabilities): a vector of numbers as its bytes; also many times faster.
template <class Number>
struct WireRaw {
  std::vector<Number>& numbers;
};
template <class Number>
WireRaw<Number> as_raw(std::vector<Number>& numbers) {
  static_assert(std::is_arithmetic_v<Number>);
  return {numbers};
}

template <class Inspector, class Number>
typename Inspector::result_type inspect(Inspector& f, WireRaw<Number>& x) {
  std::string bytes;
  if constexpr (Inspector::reads_state) {
    bytes.assign(reinterpret_cast<const char*>(x.numbers.data()),
                 x.numbers.size() * sizeof(Number));
    return f(bytes);
  } else {
    auto& numbers = x.numbers;
    return f(bytes, caf::meta::load_callback([&]() -> caf::error {
               numbers.resize(bytes.size() / sizeof(Number));
               std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(Number));
               return caf::none;
             }));
  }
}

// as_text(x.parameters): a JSON value as its text.
struct WireJson {
  Json& json;
};
inline WireJson as_text(Json& json) {
  return {json};
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, WireJson& x) {
  std::string text;
  if constexpr (Inspector::reads_state) {
    text = dump_json(x.json);
    return f(text);
  } else {
    Json& json = x.json;
    return f(text, caf::meta::load_callback([&]() -> caf::error {
               json = Json::parse(text, nullptr, false);
               return json.is_discarded() ? caf::error{caf::sec::invalid_argument} : caf::error{};
             }));
  }
}

// as_number(x.state): an enumeration as its number.
template <class Enum>
struct WireEnum {
  Enum& value;
};
template <class Enum>
WireEnum<Enum> as_number(Enum& value) {
  static_assert(std::is_enum_v<Enum>);
  return {value};
}

template <class Inspector, class Enum>
typename Inspector::result_type inspect(Inspector& f, WireEnum<Enum>& x) {
  std::underlying_type_t<Enum> number{};
  if constexpr (Inspector::reads_state) {
    number = static_cast<std::underlying_type_t<Enum>>(x.value);
    return f(number);
  } else {
    Enum& value = x.value;
    return f(number, caf::meta::load_callback([&]() -> caf::error {
               value = static_cast<Enum>(number);
               return caf::none;
             }));
  }
}

}  // namespace flywheel
