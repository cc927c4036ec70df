#include "runtime/sandbox/container.hpp"

#include "tests/unit/runtime/sandbox/box_fixture.hpp"

namespace flywheel {

TEST_CASE_FIXTURE(BoxFixture, "a command runs in a container and its output and end come back") {
  const auto container = create();

  const ExecResult result = shell(*container, "echo out; echo err >&2; id -u; exit 3");

  CHECK(result.end == ExecEnd::exited);
  CHECK(result.exit_code == 3);
  CHECK(result.output == "out\n1000\n");
  CHECK(result.error_output == "err\n");
}

}  // namespace flywheel
