// Failure is every kind of expected refusal; Error adds the sentence a person reads.
#pragma once

#include <cstdint>
#include <string>

namespace flywheel {

enum class Failure : std::uint8_t {
  none = 0,
  invalid_argument,  // the caller asked for something impossible: exit code 2
  invalid_input,     // a file, a spec or a body is not what it should be: exit code 2
  not_found,
  already_exists,
  permission_denied,
  resource_exhausted,  // a bound was reached: queue, memory, disk
  deadline_exceeded,
  unavailable,  // the peer, the device or the store can't be reached now
  corrupt,      // stored bytes do not match their hash or their format
  too_new,      // written by a newer version of Flywheel
  cancelled,
  hash_mismatch,  // weights are not the ones they are said to be
  stale_policy,   // tokens are older than the staleness bound
  internal,
};

const char* to_string(Failure failure);

// One clear line: what is wrong, where, what to do.
struct Error {
  Failure failure = Failure::internal;
  std::string message{};
};

std::string to_string(const Error& error);

// The exit code of design.md section 6 that a command ends with: 2 for bad usage or bad input,
// else 1.
int exit_code_of(Failure failure);

}  // namespace flywheel
