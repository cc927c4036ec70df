// Plays a run to each kind of display; the live one is read back through a small terminal.
#include "actors/commands/progress.hpp"

#include <doctest/doctest.h>

namespace flywheel {
namespace {

ProgressSnapshot at_step(std::uint64_t step) {
  return {.run = "run_1",
          .phase = "training",
          .step = step,
          .steps = 20,
          .elapsed_seconds = 61.0 + double(step),
          .reward = 0.5,
          .pass_rate = {0.0625, 0.04, 0.091, 400},
          .tokens_sampled_per_second = 900,
          .tokens_learned_per_second = 410,
          .staleness_mean = 0.4,
          .staleness_max = 1,
          .mismatch_k3 = 3e-4,
          .step_seconds = 4.2,
          .queues = {{"graded", 12, 128}, {"to learn", 1, 2}}};
}

// Keeps the lines of a terminal that knows \r, \n, cursor up, erase to the end of line and of
// screen.
struct Terminal {
  std::vector<std::string> lines{""};
  std::size_t row = 0;

  void write(std::string_view text) {
    while (!text.empty()) {
      if (text.starts_with("\x1b[J")) {
        lines.resize(row + 1);
        lines[row].clear();
        text.remove_prefix(3);
      } else if (text.starts_with("\x1b[K")) {
        text.remove_prefix(3);
      } else if (text.starts_with("\x1b[")) {
        const auto end = text.find('A');
        row -= std::stoul(std::string{text.substr(2, end - 2)});
        lines[row].clear();
        text.remove_prefix(end + 1);
      } else if (text.front() == '\n') {
        if (++row == lines.size()) lines.emplace_back();
        lines[row].clear();
        text.remove_prefix(1);
      } else {
        if (text.front() != '\r') lines[row] += text.front();
        text.remove_prefix(1);
      }
    }
  }
};

}  // namespace

TEST_SUITE("actors/commands/progress") {
  TEST_CASE("a terminal shows the newest lines in place and keeps events above them") {
    Terminal terminal;
    ManualClock clock;
    ProgressDisplay display{ProgressMode::live, [&](std::string_view t) { terminal.write(t); },
                            [] { return std::size_t{100}; }, clock};

    display.update(at_step(1));
    display.event("evaluation", "evaluation at step 1: 6 %");
    clock.advance(std::chrono::milliseconds{200});
    display.update(at_step(2));
    display.finish();

    REQUIRE(terminal.lines.size() == 6);
    CHECK(terminal.lines[0] == "evaluation at step 1: 6 %");
    CHECK(terminal.lines[1].find("step 2/20") != std::string::npos);
    CHECK(terminal.lines[2].find("held-out pass rate 6.2 % [4.0, 9.1] at step 0") !=
          std::string::npos);
    CHECK(terminal.lines[4].find("graded 12/128") != std::string::npos);
    CHECK(terminal.lines[5].empty());
  }

  TEST_CASE("redraws are bounded, and the last state is drawn all the same") {
    Terminal terminal;
    ManualClock clock;
    std::size_t writes = 0;
    ProgressDisplay display{ProgressMode::live,
                            [&](std::string_view t) {
                              ++writes;
                              terminal.write(t);
                            },
                            [] { return std::size_t{100}; }, clock};

    for (std::uint64_t i = 0; i < 100; ++i) {
      display.update(at_step(i % 20));
      clock.advance(std::chrono::milliseconds{10});
    }
    display.finish();

    CHECK(writes == 11);
    CHECK(terminal.lines[0].find("step 19/20") != std::string::npos);
  }

  TEST_CASE("no live line is wider than the terminal") {
    for (const std::size_t columns : {10U, 20U, 43U, 80U, 200U})
      for (const std::string& line : live_lines(at_step(3), columns))
        CHECK(display_width(line) <= columns);
  }

  TEST_CASE("a pipe gets one line a step, without control characters") {
    std::string out;
    ProgressDisplay display{ProgressMode::lines, [&](std::string_view t) { out += t; }};

    display.update(at_step(1));
    display.update(at_step(1));
    display.update(at_step(2));
    display.event("warning", "a\x1b[2J");
    display.finish();

    CHECK(std::count(out.begin(), out.end(), '\n') == 3);
    CHECK(out.find('\x1b') == std::string::npos);
    CHECK(out.find("step 2/20  reward 0.500  4.2 s/step") != std::string::npos);
  }

  TEST_CASE("json is one object an event") {
    std::string out;
    ProgressDisplay display{ProgressMode::json, [&](std::string_view t) { out += t; }};

    display.update(at_step(1));
    display.event("published", "path \"x\" \xff");

    const auto end = out.find('\n');
    const auto first = parse_json(out.substr(0, end), "first");
    const auto second = parse_json(out.substr(end + 1), "second");
    REQUIRE(first);
    REQUIRE(second);
    CHECK((*first)["pass_rate"]["value"] == 0.0625);
    CHECK((*first)["queues"]["graded"]["bound"] == 128);
    CHECK((*second)["event"] == "published");
  }
}

}  // namespace flywheel
