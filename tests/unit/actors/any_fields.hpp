// Fills and compares the fields of any plain struct, without inspect(): so that a field which
// inspect() forgets is seen to be lost.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "runtime/base/rollout.hpp"
#include "runtime/tools/tool_call.hpp"

namespace flywheel::testing {

struct ConvertsToAny {
  template <class T>
  operator T() const;  // NOLINT(google-explicit-constructor): it is there to convert
};

template <class T, class... Values>
constexpr std::size_t count_fields() {
  if constexpr (requires { T{Values{}..., ConvertsToAny{}}; })
    return count_fields<T, Values..., ConvertsToAny>();
  else
    return sizeof...(Values);
}
template <class T>
inline constexpr std::size_t field_count = count_fields<T>();
template <>
inline constexpr std::size_t field_count<Task> = 4;  // Json takes anything in too many ways
template <>
inline constexpr std::size_t field_count<ToolCall> = 5;

// The fields as references. A count that is wrong does not compile: bindings must match exactly.
template <class T>
auto fields_of(T& x) {
  constexpr auto count = field_count<std::remove_const_t<T>>;
  static_assert(count <= 12, "one more line below");
#define FLYWHEEL_FIELDS(number, ...) \
  if constexpr (count == number) {   \
    auto& [__VA_ARGS__] = x;         \
    return std::tie(__VA_ARGS__);    \
  } else
  FLYWHEEL_FIELDS(1, a)
  FLYWHEEL_FIELDS(2, a, b)
  FLYWHEEL_FIELDS(3, a, b, c)
  FLYWHEEL_FIELDS(4, a, b, c, d)
  FLYWHEEL_FIELDS(5, a, b, c, d, e)
  FLYWHEEL_FIELDS(6, a, b, c, d, e, f)
  FLYWHEEL_FIELDS(7, a, b, c, d, e, f, g)
  FLYWHEEL_FIELDS(8, a, b, c, d, e, f, g, h)
  FLYWHEEL_FIELDS(9, a, b, c, d, e, f, g, h, i)
  FLYWHEEL_FIELDS(10, a, b, c, d, e, f, g, h, i, j)
  FLYWHEEL_FIELDS(11, a, b, c, d, e, f, g, h, i, j, k)
  FLYWHEEL_FIELDS(12, a, b, c, d, e, f, g, h, i, j, k, l)
  return std::tie();
#undef FLYWHEEL_FIELDS
}

template <class Number>
std::vector<Number> awkward_numbers() {
  using Limits = std::numeric_limits<Number>;
  return {Limits::infinity(), -Limits::infinity(),  Limits::quiet_NaN(),   -Limits::quiet_NaN(),
          Number{-0.0},       Limits::denorm_min(), -Limits::denorm_min(), Limits::min(),
          Limits::max(),      Limits::lowest(),     Number(0.1),           Number(-1.5)};
}

// Gives every field a value that it does not have by default, another one at each place.
struct Filler {
  std::uint64_t place = 0;  // where to begin, so that each field meets each awkward number

  template <class T>
  void fill(std::vector<T>& values) {
    const std::size_t count = std::is_floating_point_v<T> ? awkward_numbers<double>().size() : 2;
    values.resize(count);
    for (auto& value : values) fill(value);
  }
  template <class Key, class Value>
  void fill(std::map<Key, Value>& values) {
    for (int i = 0; i < 3; ++i) {
      Key key{};
      fill(key);
      fill(values[key]);
    }
  }
  template <class T>
  void fill(T& x) {
    ++place;
    if constexpr (std::same_as<T, bool>) {
      x = place % 2 == 0;
    } else if constexpr (std::is_floating_point_v<T>) {
      const auto numbers = awkward_numbers<T>();
      x = numbers[place % numbers.size()];
    } else if constexpr (std::is_enum_v<T>) {
      x = static_cast<T>(2);  // every enumeration has it, none by default
    } else if constexpr (std::is_integral_v<T>) {
      x = static_cast<T>(0x9e37'79b9'7f4a'7c15U * place);
    } else if constexpr (std::same_as<T, std::string>) {
      x = "text " + std::to_string(place) + std::string("\0\xff\n", 3);
    } else if constexpr (std::same_as<T, Json>) {
      x = Json{{"count", place}, {"weights", {1.5, -2.0}}, {"topic", "fruits \xF0\x9F\x8D\x8E"}};
    } else if constexpr (std::derived_from<T, AnyId>) {
      fill(x.high);
      fill(x.low);
    } else {
      std::apply([&](auto&... fields) { (fill(fields), ...); }, fields_of(x));
    }
  }
};

// Equal to the last bit: NaN equals itself, zero does not equal negative zero.
template <class T>
bool is_same(const T& x, const T& y) {
  if constexpr (std::same_as<T, float>) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
  } else if constexpr (std::same_as<T, double>) {
    return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
  } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> ||
                       std::same_as<T, std::string> || std::same_as<T, Json> ||
                       std::derived_from<T, AnyId>) {
    return x == y;
  } else if constexpr (requires { x.begin(); }) {
    return x.size() == y.size() &&
           std::equal(x.begin(), x.end(), y.begin(),
                      [](const auto& one, const auto& other) { return is_same(one, other); });
  } else if constexpr (requires {
                         x.first;
                         x.second;
                       }) {
    return is_same(x.first, y.first) && is_same(x.second, y.second);
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      [[maybe_unused]] const auto left = fields_of(x);  // unused where there are no fields
      [[maybe_unused]] const auto right = fields_of(y);
      return (is_same(std::get<I>(left), std::get<I>(right)) && ...);
    }
    (std::make_index_sequence<field_count<T>>{});
  }
}

}  // namespace flywheel::testing
