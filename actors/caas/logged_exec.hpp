// LoggedExec is a command that ended elsewhere, as a trajectory tells of it: it can be read.
// Internal to actors/caas.
#pragma once

#include <algorithm>
#include <utility>

#include "runtime/sandbox/exec.hpp"

namespace flywheel {

class LoggedExec final : public Exec {
 public:
  explicit LoggedExec(ExecResult result) : result_(std::move(result)) {}

  std::uint64_t number() const override { return 0; }
  ExecResult wait() override { return result_; }
  bool has_ended() const override { return true; }
  ExecChunk read(ExecStream stream, std::uint64_t offset, std::size_t bytes_max) const override {
    const std::string& all = stream == ExecStream::output ? result_.output : result_.error_output;
    const std::size_t start = std::min<std::uint64_t>(offset, all.size());
    return {.offset = start,
            .bytes = all.substr(start, bytes_max),
            .offset_end = all.size(),
            .is_final = true};
  }
  Result<> write_input(std::string_view) override { return ended(); }
  void close_input() override {}
  Result<> send_signal(int) override { return ended(); }
  void cancel() override {}

 private:
  static tl::unexpected<Error> ended() { return fail(Failure::cancelled, "exec: it has ended"); }

  const ExecResult result_;
};

}  // namespace flywheel
