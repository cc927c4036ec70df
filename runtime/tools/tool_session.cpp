#include "runtime/tools/tool_session.hpp"

namespace flywheel {

Result<std::shared_ptr<Workbench>> ToolSession::make() const {
  if (!make_) return fail(Failure::unavailable, "no sandbox is open here, so no code can be run");
  FLYWHEEL_TRY(std::shared_ptr<Workbench> bench, make_());
  return bench;
}

Result<std::shared_ptr<Workbench>> ToolSession::workbench() {
  {
    const std::lock_guard lock{mutex_};
    if (bench_) return bench_;
  }
  FLYWHEEL_TRY(auto bench, make());
  const std::lock_guard lock{mutex_};
  if (is_cancelled_) return fail(Failure::cancelled, "the conversation is over");
  bench_ = std::move(bench);
  return bench_;
}

Result<std::shared_ptr<Workbench>> ToolSession::clean_workbench() {
  FLYWHEEL_TRY(auto bench, make());
  const std::lock_guard lock{mutex_};
  if (is_cancelled_) return fail(Failure::cancelled, "the conversation is over");
  clean_bench_ = bench;
  return bench;
}

void ToolSession::drop_workbench() {
  const std::lock_guard lock{mutex_};
  bench_.reset();
}

void ToolSession::cancel() {
  std::shared_ptr<Workbench> bench;
  std::shared_ptr<Workbench> clean_bench;
  {
    const std::lock_guard lock{mutex_};
    is_cancelled_ = true;
    bench = bench_;
    clean_bench = clean_bench_.lock();
  }
  if (bench) bench->kill();
  if (clean_bench) clean_bench->kill();
}

bool ToolSession::is_cancelled() const {
  const std::lock_guard lock{mutex_};
  return is_cancelled_;
}

}  // namespace flywheel
