#include "actors/commands/progress.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace flywheel {
namespace {

constexpr std::chrono::milliseconds redraw_interval{100};

double share_done(const ProgressSnapshot& s) {
  return s.steps == 0 ? 0.0 : double(s.step) / double(s.steps);
}

std::string bar(double share, std::size_t width) {
  const auto full =
      static_cast<std::size_t>(std::lround(std::clamp(share, 0.0, 1.0) * double(width)));
  std::string text;
  for (std::size_t i = 0; i < width; ++i) text += i < full ? "█" : "░";
  return text;
}

// Cut to the terminal: a line that wraps would break the next redraw.
std::string cut(const std::string& line, std::size_t columns) {
  const auto pieces = wrap_text(line, columns);
  return pieces.size() == 1 ? line : pieces.front();
}

std::string pass_rate_text(const ProgressSnapshot& s) {
  if (s.pass_rate.count == 0) return "not measured yet";
  return fmt::format("{} at step {}", measured_text(s.pass_rate), s.pass_rate_step);
}

std::string queue_text(const ProgressSnapshot& s) {
  std::string text;
  for (const QueueDepth& queue : s.queues)
    text +=
        fmt::format("{}{} {}/{}", text.empty() ? "" : "   ", queue.name, queue.depth, queue.bound);
  return text;
}

}  // namespace

std::vector<std::string> live_lines(const ProgressSnapshot& s, std::size_t columns) {
  const std::string after =
      fmt::format("  step {}/{}   {}", s.step, s.steps, duration_text(s.elapsed_seconds));
  const std::string phase = printable(s.phase);
  const std::size_t taken = display_width(phase) + display_width(after) + 2;
  const std::size_t width = std::clamp<std::size_t>(columns > taken ? columns - taken : 0, 8, 40);
  std::vector<std::string> lines = {
      phase + "  " + bar(share_done(s), width) + after,
      fmt::format("  reward {:.3f}   held-out pass rate {}", s.reward, pass_rate_text(s)),
      fmt::format("  tokens/s sampled {:.0f}, learned {:.0f}   staleness {:.2f} (max {})   "
                  "mismatch {:.1e}",
                  s.tokens_sampled_per_second, s.tokens_learned_per_second, s.staleness_mean,
                  s.staleness_max, s.mismatch_k3)};
  if (const std::string queues = queue_text(s); !queues.empty()) lines.push_back("  " + queues);
  for (std::string& line : lines) line = cut(line, std::max<std::size_t>(columns, 10));
  return lines;
}

std::string progress_line(const ProgressSnapshot& s) {
  std::string text = fmt::format("{:>9}  {} step {}/{}", duration_text(s.elapsed_seconds),
                                 printable(s.phase), s.step, s.steps);
  if (s.step > 0)
    text += fmt::format(
        "  reward {:.3f}  {:.1f} s/step  tokens/s {:.0f} sampled {:.0f} learned  staleness {:.2f} "
        "(max {})  mismatch {:.1e}",
        s.reward, s.step_seconds, s.tokens_sampled_per_second, s.tokens_learned_per_second,
        s.staleness_mean, s.staleness_max, s.mismatch_k3);
  if (s.pass_rate.count > 0) text += "  held-out " + pass_rate_text(s);
  if (const std::string queues = queue_text(s); !queues.empty()) text += "  " + queues;
  return text;
}

OrderedJson progress_json(const ProgressSnapshot& s) {
  OrderedJson json = {{"event", "progress"},
                      {"run", s.run},
                      {"phase", s.phase},
                      {"step", s.step},
                      {"steps", s.steps},
                      {"elapsed_seconds", s.elapsed_seconds},
                      {"reward", s.reward},
                      {"tokens_sampled_per_second", s.tokens_sampled_per_second},
                      {"tokens_learned_per_second", s.tokens_learned_per_second},
                      {"staleness_mean", s.staleness_mean},
                      {"staleness_max", s.staleness_max},
                      {"mismatch_k3", s.mismatch_k3},
                      {"step_seconds", s.step_seconds}};
  if (s.pass_rate.count > 0)
    json["pass_rate"] = {{"value", s.pass_rate.value},
                         {"low", s.pass_rate.low},
                         {"high", s.pass_rate.high},
                         {"samples", s.pass_rate.count},
                         {"at_step", s.pass_rate_step}};
  for (const QueueDepth& queue : s.queues)
    json["queues"][queue.name] = {{"depth", queue.depth}, {"bound", queue.bound}};
  return json;
}

ProgressSnapshot progress_from_json(const Json& json) {
  ProgressSnapshot s;
  s.run = json.value("run", s.run);
  s.phase = json.value("phase", s.phase);
  s.step = json.value("step", s.step);
  s.steps = json.value("steps", s.steps);
  s.elapsed_seconds = json.value("elapsed_seconds", s.elapsed_seconds);
  s.reward = json.value("reward", s.reward);
  s.tokens_sampled_per_second = json.value("tokens_sampled_per_second", 0.0);
  s.tokens_learned_per_second = json.value("tokens_learned_per_second", 0.0);
  s.staleness_mean = json.value("staleness_mean", s.staleness_mean);
  s.staleness_max = json.value("staleness_max", s.staleness_max);
  s.mismatch_k3 = json.value("mismatch_k3", s.mismatch_k3);
  s.step_seconds = json.value("step_seconds", s.step_seconds);
  if (json.contains("pass_rate")) {
    const Json& rate = json["pass_rate"];
    s.pass_rate = {rate.value("value", 0.0), rate.value("low", 0.0), rate.value("high", 0.0),
                   rate.value("samples", std::uint64_t{0})};
    s.pass_rate_step = rate.value("at_step", s.pass_rate_step);
  }
  if (json.contains("queues"))
    for (const auto& [name, queue] : json["queues"].items())
      s.queues.push_back(
          {name, queue.value("depth", std::uint64_t{0}), queue.value("bound", std::uint64_t{0})});
  return s;
}

ProgressMode progress_mode_for_stdout(bool json) {
  if (json) return ProgressMode::json;
  return isatty(STDOUT_FILENO) == 1 ? ProgressMode::live : ProgressMode::lines;
}

ProgressDisplay::ProgressDisplay(ProgressMode mode, Sink sink, Columns columns, const Clock& clock)
    : mode_(mode), sink_(std::move(sink)), columns_(std::move(columns)), clock_(clock) {}

void ProgressDisplay::update(const ProgressSnapshot& snapshot) {
  newest_ = snapshot;
  if (mode_ == ProgressMode::live) {
    const auto now = clock_.steady_now();
    if (lines_drawn_ > 0 && now - drawn_at_ < redraw_interval) return;
    drawn_at_ = now;
    draw(snapshot);
    return;
  }
  const std::string shown = fmt::format("{}|{}|{}|{}", snapshot.phase, snapshot.step,
                                        snapshot.pass_rate_step, snapshot.pass_rate.count);
  if (shown == shown_) return;
  shown_ = shown;
  const std::string line =
      mode_ == ProgressMode::json
          ? progress_json(snapshot).dump(-1, ' ', false, OrderedJson::error_handler_t::replace)
          : progress_line(snapshot);
  sink_(line + "\n");
}

void ProgressDisplay::event(std::string_view kind, std::string_view message) {
  if (mode_ == ProgressMode::json) {
    const OrderedJson json = {{"event", kind}, {"message", message}};
    sink_(json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n");
    return;
  }
  const std::size_t drawn = lines_drawn_;
  erase();
  sink_(printable(message) + "\n");
  if (drawn > 0) draw(newest_);
}

void ProgressDisplay::finish() {
  if (mode_ == ProgressMode::live && lines_drawn_ > 0) draw(newest_);
  lines_drawn_ = 0;
}

void ProgressDisplay::erase() {
  if (lines_drawn_ > 0) sink_(fmt::format("\x1b[{}A\r\x1b[J", lines_drawn_));
  lines_drawn_ = 0;
}

void ProgressDisplay::draw(const ProgressSnapshot& snapshot) {
  // One write a redraw, so that the terminal never shows half of it.
  std::string text = lines_drawn_ > 0 ? fmt::format("\x1b[{}A\r", lines_drawn_) : "";
  const auto lines = live_lines(snapshot, columns_());
  for (const std::string& line : lines) text += line + "\x1b[K\n";
  text += "\x1b[J";
  sink_(text);
  lines_drawn_ = lines.size();
}

}  // namespace flywheel
