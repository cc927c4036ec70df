#include "runtime/tools/tool_session.hpp"

namespace flywheel {

Result<std::shared_ptr<Workbench>> ToolSession::workbench() {
  {
    const std::lock_guard lock{mutex_};
    if (bench_) return bench_;
  }
  if (!make_) return fail(Failure::unavailable, "no sandbox is open here, so no code can be run");
  FLYWHEEL_TRY(std::shared_ptr<Workbench> bench, make_());
  const std::lock_guard lock{mutex_};
  if (is_cancelled_) return fail(Failure::cancelled, "the conversation is over");
  bench_ = std::move(bench);
  return bench_;
}

void ToolSession::drop_workbench() {
  const std::lock_guard lock{mutex_};
  bench_.reset();
}

void ToolSession::cancel() {
  std::shared_ptr<Workbench> bench;
  {
    const std::lock_guard lock{mutex_};
    is_cancelled_ = true;
    bench = bench_;
  }
  if (bench) bench->kill();
}

}  // namespace flywheel
