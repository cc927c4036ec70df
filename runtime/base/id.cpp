#include "runtime/base/id.hpp"

#include <random>

#include <fmt/format.h>

#include "runtime/base/hash.hpp"

namespace flywheel {
namespace {

constexpr std::string_view base32_digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t digit_count = 26;

struct Prefix {
  IdKind kind;
  std::string_view text;
};
constexpr Prefix prefixes[] = {
    {IdKind::run, "run"},
    {IdKind::task, "task"},
    {IdKind::rollout, "rollout"},
    {IdKind::turn, "turn"},
    {IdKind::message, "message"},
    {IdKind::vote, "vote"},
    {IdKind::label, "label"},
    {IdKind::dataset_version, "dataset"},
    {IdKind::checkpoint, "checkpoint"},
    {IdKind::container, "container"},
    {IdKind::user, "user"},
    {IdKind::conversation, "conversation"},
    {IdKind::evaluation, "evaluation"},
    {IdKind::wait, "wait"},
    {IdKind::proposal, "proposal"},
};

std::uint64_t random_word() {
  static thread_local std::mt19937_64 random = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64{seed};
  }();
  return random();
}

AnyId compose(std::uint64_t milliseconds, IdKind kind, std::uint64_t low) {
  return {milliseconds << 16 | static_cast<std::uint16_t>(kind), low};
}

}  // namespace

std::string_view prefix_of(IdKind kind) {
  for (const Prefix& prefix : prefixes)
    if (prefix.kind == kind) return prefix.text;
  return "unknown";
}

std::array<unsigned char, 16> AnyId::bytes() const {
  std::array<unsigned char, 16> out{};
  for (unsigned i = 0; i < 8; ++i) {
    out[i] = static_cast<unsigned char>(high >> (56 - 8 * i));
    out[8 + i] = static_cast<unsigned char>(low >> (56 - 8 * i));
  }
  return out;
}

AnyId AnyId::from_bytes(const unsigned char* sixteen) {
  AnyId id;
  for (unsigned i = 0; i < 8; ++i) {
    id.high = id.high << 8 | sixteen[i];
    id.low = id.low << 8 | sixteen[8 + i];
  }
  return id;
}

std::string to_string(const AnyId& id) {
  std::string digits(digit_count, '0');
  auto value = static_cast<unsigned __int128>(id.high) << 64 | id.low;
  for (std::size_t i = digit_count; i-- > 0; value >>= 5)
    digits[i] = base32_digits[static_cast<std::size_t>(value & 31)];
  return fmt::format("{}_{}", prefix_of(id.kind()), digits);
}

Result<AnyId> parse_any_id(std::string_view text) {
  const auto refuse = [&] {
    return fail(
        Failure::invalid_input,
        fmt::format("'{}' is not an id: kind, underscore and 26 base-32 digits are expected",
                    text));
  };
  const auto underscore = text.rfind('_');
  if (underscore == std::string_view::npos || text.size() - underscore - 1 != digit_count)
    return refuse();
  unsigned __int128 value = 0;
  for (const char c : text.substr(underscore + 1)) {
    const auto digit = base32_digits.find(c);
    if (digit == std::string_view::npos) return refuse();
    value = value << 5 | digit;
  }
  const AnyId id{static_cast<std::uint64_t>(value >> 64), static_cast<std::uint64_t>(value)};
  if (to_string(id) != text) return refuse();
  return id;
}

AnyId make_any_id(IdKind kind, const Clock& clock) {
  const auto since_1970 =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock.now().time_since_epoch());
  return compose(static_cast<std::uint64_t>(since_1970.count()), kind, random_word());
}

AnyId derive_any_id(IdKind kind, const AnyId& parent, std::uint64_t index) {
  // 32 bits of the parent keep apart what parents of one millisecond derive; 32 bits of index
  // order.
  const auto parent_bytes = parent.bytes();
  const std::uint64_t fingerprint = hash_bytes(parent_bytes.data(), parent_bytes.size()).low;
  return compose(parent.created_ms(), kind, fingerprint << 32 | (index & 0xffffffff));
}

}  // namespace flywheel
