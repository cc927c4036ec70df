// Progress shows a run while it goes on.
//
//   Experiment ──ProgressSnapshot──▶ ProgressDisplay ──▶ terminal: a few lines, redrawn in place
//                                                   └──▶ pipe: a line an event; --json: an object
//
// Guarantees: no line is wider than the terminal; what was written above the live lines stays;
//             a pipe never sees a control character.
// Threads:    one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/commands/table.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/json.hpp"

namespace flywheel {

struct QueueDepth {
  std::string name{};  // for example "graded"
  std::uint64_t depth = 0;
  std::uint64_t bound = 0;
};

// The run at one moment. Figures that are not known yet are 0, shares of a count of 0 not shown.
struct ProgressSnapshot {
  std::string run{};
  std::string phase{};     // "evaluating before", "training", "evaluating after", "publishing"
  std::uint64_t step = 0;  // done
  std::uint64_t steps = 0;
  double elapsed_seconds = 0.0;
  double reward = 0.0;   // mean of the last step's batch
  Measured pass_rate{};  // held-out, first turn, of the newest evaluation
  std::uint64_t pass_rate_step = 0;
  double tokens_sampled_per_second = 0.0;
  double tokens_learned_per_second = 0.0;
  double staleness_mean = 0.0;  // policy versions, over the last step's tokens
  std::uint64_t staleness_max = 0;
  double mismatch_k3 = 0.0;   // sampler against learner, last step
  double step_seconds = 0.0;  // of the last step
  std::vector<QueueDepth> queues{};
};

std::vector<std::string> live_lines(const ProgressSnapshot& snapshot, std::size_t columns);
std::string progress_line(const ProgressSnapshot& snapshot);
OrderedJson progress_json(const ProgressSnapshot& snapshot);
ProgressSnapshot progress_from_json(const Json& json);  // what is missing stays as it is by default

enum class ProgressMode : std::uint8_t { live, lines, json };
ProgressMode progress_mode_for_stdout(bool json);  // live on a terminal, else lines

class ProgressDisplay {
 public:
  using Sink = std::function<void(std::string_view)>;
  using Columns = std::function<std::size_t()>;  // asked at each redraw: windows change their size

  ProgressDisplay(ProgressMode mode, Sink sink, Columns columns = terminal_columns,
                  const Clock& clock = system_clock());

  // Redraws at most ten times a second; lines and objects only where step, phase or pass rate
  // moved.
  void update(const ProgressSnapshot& snapshot);

  // Something that happened: a line above the live ones, or {"event": kind, "message": ...}.
  void event(std::string_view kind, std::string_view message);

  // Draws the last snapshot for good; what is printed next starts on a fresh line.
  void finish();

 private:
  void draw(const ProgressSnapshot& snapshot);
  void erase();

  ProgressMode mode_;
  Sink sink_;
  Columns columns_;
  const Clock& clock_;
  std::size_t lines_drawn_ = 0;
  SteadyTime drawn_at_{};
  ProgressSnapshot newest_{};
  std::string shown_{};  // what step, phase and pass rate were when last printed
};

}  // namespace flywheel
