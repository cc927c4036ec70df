// ToolSession is what the calls of one conversation share: its workbench, made on first use.
//
// Threads: one call at a time; cancel() at any time, from any thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "runtime/tools/workbench.hpp"

namespace flywheel {

class ToolSession {
 public:
  using MakeWorkbench = std::function<Result<std::unique_ptr<Workbench>>()>;

  explicit ToolSession(MakeWorkbench make = {}) : make_(std::move(make)) {}

  // The conversation's container; made now if no call needed one before.
  Result<std::shared_ptr<Workbench>> workbench();

  // Drops the container, which a call left in no state to go on with; the next call gets a new one.
  void drop_workbench();

  // Ends what runs now and whatever would run later: the conversation is over.
  void cancel();

  // Numbers the calls that ran code, as a notebook numbers its cells.
  int next_cell() { return ++cells_; }

 private:
  MakeWorkbench make_;
  std::mutex mutex_;  // over bench_ and is_cancelled_, for cancel()
  std::shared_ptr<Workbench> bench_;
  bool is_cancelled_ = false;
  int cells_ = 0;
};

}  // namespace flywheel
