// ToolSession is what the calls of one conversation share: its workbench, made on first use, and
// the pages that it fetched.
//
// Threads: one call at a time; cancel() at any time, from any thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "runtime/tools/fetched_pages.hpp"
#include "runtime/tools/workbench.hpp"

namespace flywheel {

class ToolSession {
 public:
  using MakeWorkbench = std::function<Result<std::unique_ptr<Workbench>>()>;

  explicit ToolSession(MakeWorkbench make = {}) : make_(std::move(make)) {}

  // The conversation's container; made now if no call needed one before.
  Result<std::shared_ptr<Workbench>> workbench();

  // Another container, in which nothing runs that a model wrote: what a program reads there is not
  // in reach of the conversation's own. It ends with its last reference, or by cancel().
  Result<std::shared_ptr<Workbench>> clean_workbench();

  // Drops the container, which a call left in no state to go on with; the next call gets a new one.
  void drop_workbench();

  // Ends what runs now and whatever would run later: the conversation is over.
  void cancel();
  bool is_cancelled() const;

  // Numbers the calls that ran code, as a notebook numbers its cells.
  int next_cell() { return ++cells_; }

  FetchedPages& fetched_pages() { return fetched_pages_; }

 private:
  Result<std::shared_ptr<Workbench>> make() const;

  MakeWorkbench make_;
  mutable std::mutex mutex_;  // over the benches and is_cancelled_, for cancel()
  std::shared_ptr<Workbench> bench_;
  std::weak_ptr<Workbench> clean_bench_;
  bool is_cancelled_ = false;
  int cells_ = 0;
  FetchedPages fetched_pages_;
};

}  // namespace flywheel
