// Every message of the type-id block crosses the wire and comes out the same to the last bit. The
// types are taken from the block itself, so that a new message is covered without a line here.
#include "actors/messages/messages.hpp"

#include <string_view>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/message.hpp>
#include <doctest/doctest.h>

#include "actors/actor_system.hpp"
#include "tests/unit/actors/any_fields.hpp"

namespace flywheel::testing {
namespace {

// As the network layer does it: a whole message, its type by name.
template <class Value>
std::vector<char> bytes_of(caf::actor_system& system, Value value) {
  std::vector<char> bytes;
  caf::binary_serializer sink{system, bytes};
  const auto error = sink(value);
  REQUIRE_FALSE(error);
  return bytes;
}

template <class T>
void check_round_trip(caf::actor_system& system, std::uint64_t variant) {
  const std::string_view type = caf::type_name<T>::value;
  CAPTURE(type);
  CAPTURE(variant);
  T original{};
  Filler{variant}.fill(original);
  const auto sent = bytes_of(system, caf::make_message(original));

  caf::message message;
  caf::binary_deserializer source{system, sent};
  const auto error = source(message);

  REQUIRE_FALSE(error);
  REQUIRE(message.match_elements<T>());
  const T& received = message.get_as<T>(0);
  CHECK(is_same(original, received));
  CHECK(bytes_of(system, caf::make_message(received)) == sent);
}

template <std::size_t... Offsets>
std::size_t check_all(caf::actor_system& system, std::uint64_t variant,
                      std::index_sequence<Offsets...>) {
  (check_round_trip<typename caf::type_by_id<caf::id_block::flywheel::begin + Offsets>::type>(
       system, variant),
   ...);
  return sizeof...(Offsets);
}

}  // namespace

TEST_SUITE("actors/messages") {
  TEST_CASE("every message of the block makes a round trip bit for bit") {
    constexpr auto count = caf::id_block::flywheel::end - caf::id_block::flywheel::begin;
    static_assert(count >= 33);
    ActorSystemConfig config;
    caf::actor_system system{config};

    // Each variant begins at another place, so that every field meets every awkward number.
    for (std::uint64_t variant = 0; variant < 24; ++variant)
      CHECK(check_all(system, variant, std::make_index_sequence<count>{}) == count);
  }

  TEST_CASE("the comparison tells apart what floating-point equality does not") {
    const Component positive{.name = "share", .value = 0.0};
    const Component negative{.name = "share", .value = -0.0};

    CHECK(is_same(positive, positive));
    CHECK_FALSE(is_same(positive, negative));
    const auto nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(is_same(nan, nan));
    Verdict verdict;
    Verdict other;
    other.turns.push_back({.turn = 1, .components = {{.name = "count exact", .value = 5e-324}}});
    CHECK_FALSE(is_same(verdict, other));
  }
}

}  // namespace flywheel::testing
