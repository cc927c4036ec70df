#include "runtime/base/failure.hpp"

namespace flywheel {

const char* to_string(Failure failure) {
  switch (failure) {
    case Failure::none:
      return "none";
    case Failure::invalid_argument:
      return "invalid_argument";
    case Failure::invalid_input:
      return "invalid_input";
    case Failure::not_found:
      return "not_found";
    case Failure::already_exists:
      return "already_exists";
    case Failure::permission_denied:
      return "permission_denied";
    case Failure::resource_exhausted:
      return "resource_exhausted";
    case Failure::deadline_exceeded:
      return "deadline_exceeded";
    case Failure::unavailable:
      return "unavailable";
    case Failure::corrupt:
      return "corrupt";
    case Failure::too_new:
      return "too_new";
    case Failure::cancelled:
      return "cancelled";
    case Failure::hash_mismatch:
      return "hash_mismatch";
    case Failure::stale_policy:
      return "stale_policy";
    case Failure::internal:
      return "internal";
  }
  return "unknown";
}

std::string to_string(const Error& error) {
  return std::string{to_string(error.failure)} + ": " + error.message;
}

int exit_code_of(Failure failure) {
  switch (failure) {
    case Failure::invalid_argument:
    case Failure::invalid_input:
    case Failure::not_found:
    case Failure::too_new:
      return 2;
    default:
      return 1;
  }
}

}  // namespace flywheel
