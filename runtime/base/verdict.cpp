#include "runtime/base/verdict.hpp"

namespace flywheel {

const char* to_string(VerdictStatus status) {
  switch (status) {
    case VerdictStatus::pass:
      return "pass";
    case VerdictStatus::fail:
      return "fail";
    case VerdictStatus::timeout:
      return "timeout";
    case VerdictStatus::infra_error:
      return "infra_error";
  }
  return "unknown";
}

}  // namespace flywheel
