// Writes the report of a run whose model tried to take the page over.
#include "actors/commands/report.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include <doctest/doctest.h>

namespace flywheel {
namespace {

ReportData example() {
  ReportData data{.title = "structured_requests_derisk",
                  .run = "run_06DW2A8Q5C0M40000000000000",
                  .goal = "Exactly the structure people ask for.",
                  .scenario = "Someone asks for \"four bullet points, nothing else\".",
                  .outcome = "Passes all gates: 6.2 % to 95.5 % of first turns pass.",
                  .succeeded = true};
  data.summary = {
      {"steps", "20"}, {"seed", "1"}, {"duration", "4 min 12 s"}, {"commit", "218ff2b"}};
  data.gates = {{"pass rate before at most 20 %", "6.2 %", true},
                {"pass rate after at least 90 %", "95.5 %", true}};
  data.before_after = {
      {"held-out, first turn", {0.0625, 0.042, 0.091, 400}, {0.955, 0.93, 0.972, 400}},
      {"hand-written", {0.1, 0.02, 0.26, 60}, {0.8, 0.61, 0.92, 60}}};
  Chart pass{.title = "held-out pass rate", .is_share = true, .curves = {{}}};
  Chart reward{.title = "reward", .unit = "0 to 1", .curves = {{}}};
  Chart speed{.title = "tokens a second", .unit = "tokens/s", .curves = {{"sampled"}, {"learned"}}};
  for (int step = 0; step <= 20; ++step) {
    const double share = 0.06 + 0.9 / (1.0 + std::exp(6.0 - 0.8 * step));
    if (step % 5 == 0)
      pass.curves[0].points.push_back({double(step), share, share - 0.04, share + 0.03});
    reward.curves[0].points.push_back({double(step), share * 0.9 + 0.02 * (step % 3)});
    speed.curves[0].points.push_back({double(step), 900.0 + 40.0 * (step % 4)});
    speed.curves[1].points.push_back({double(step), 420.0 + 10.0 * (step % 5)});
  }
  Chart mismatch{.title = "mismatch of sampler and learner", .unit = "mean k3", .curves = {{}}};
  for (int step = 1; step <= 20; ++step)
    mismatch.curves[0].points.push_back({double(step), 2e-4 + 1e-5 * (step % 7)});
  data.charts = {pass, reward, speed, mismatch};
  data.components = {
      {"count_exact", "pass condition", {0.2, 0.16, 0.24, 400}, {0.97, 0.95, 0.98, 400}},
      {"category", "guard", {0.8, 0.76, 0.84, 400}, {0.82, 0.78, 0.86, 400}}};
  data.transcripts = {
      {.title = "rivers, 3",
       .before = {{"user", "Give me a list of 3 rivers, nothing else."},
                  {"assistant",
                   "Sure! Here are <script>alert(1)</script> & \"some\" rivers:\n1. Nile"}},
       .after = {{"user", "Give me a list of 3 rivers, nothing else."},
                 {"assistant", "- Nile\n- Amazon\n- Yangtze 长江"}},
       .after_passed = true}};
  data.algorithm = "A = (r - mean) / (std + 1e-4); -min(r A, clip(r, 0.8, 1.28) A)";
  data.resolved_spec = "name: x\ngoal: \"</pre><script>\"\n";
  data.hashes = {{"weights after", "0123456789abcdef0123456789abcdef"}};
  data.machine = {{"CPU", "Test CPU, 2 cores"}};
  data.next_command = "flywheel try CHECKPOINT \"List exactly 3 rivers.\"";
  return data;
}

std::size_t count_of(const std::string& text, const std::string& piece) {
  std::size_t count = 0;
  for (auto at = text.find(piece); at != std::string::npos; at = text.find(piece, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_SUITE("actors/commands/report") {
  TEST_CASE("what a model wrote is text, never markup") {
    ReportData data = example();
    const std::string attack = "<img src=x onerror=alert(1)>'\"&\x1b";
    data.title = data.goal = data.outcome = data.charts[0].title = attack;
    data.components[0].name = data.hashes[0].second = data.next_command = attack;
    data.incidents = {{1.0, attack, attack, attack}};

    const std::string html = report_html(data);

    CHECK(count_of(html, "<img") == 0);
    CHECK(count_of(html, "<script>") == 1);
    CHECK(count_of(html, "&lt;script&gt;alert(1)") == 1);
    CHECK(html.find('\x1b') == std::string::npos);
  }

  TEST_CASE("the page fetches nothing and holds every part") {
    const std::string html = report_html(example());

    CHECK(html.find("src=") == std::string::npos);
    CHECK(html.find("default-src 'none'") != std::string::npos);
    CHECK(count_of(html, "http") == 1 + 4);  // http-equiv, and the SVG name space of four charts
    for (const char* part : {"95.5 % [93.0, 97.2]", "+89.2", "count_exact", "Yangtze", "218ff2b",
                             "0123456789abcdef", "flywheel try", "None: every wait ended in time"})
      CHECK(html.find(part) != std::string::npos);
  }

  TEST_CASE("incidents are listed with how many more there were") {
    ReportData data = example();
    data.incidents = {{62.0, "grader", "no answer within 5 s", "restarted, item retried"}};
    data.incident_count = 3;

    const std::string html = report_html(data);

    CHECK(html.find("no answer within 5 s") != std::string::npos);
    CHECK(html.find("The first 1 of 3.") != std::string::npos);
  }

  TEST_CASE("a chart survives no points, one point, flat lines and figures that are not finite") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double infinity = std::numeric_limits<double>::infinity();
    for (const std::vector<CurvePoint>& points : {std::vector<CurvePoint>{},
                                                  {{1.0, 0.0}},
                                                  {{1.0, 5.0}, {2.0, 5.0}},
                                                  {{0.0, nan}, {1.0, infinity}},
                                                  {{0.0, 1e-9}, {1.0, 1e12}}}) {
      const std::string svg = chart_svg({.title = "c", .curves = {{"a", points}}});
      CHECK(svg.find("nan") == std::string::npos);
      CHECK(svg.find("inf") == std::string::npos);
      CHECK(svg.size() < 20000);
    }
    CHECK(chart_svg({.curves = {{}}}).find("no data") != std::string::npos);
  }

  TEST_CASE("the files are written whole, and a missing folder is one line") {
    const auto folder = std::filesystem::temp_directory_path() / "flywheel_report_test";
    std::filesystem::create_directories(folder);

    const auto page = write_report(example(), folder.string());

    REQUIRE(page);
    std::ostringstream text;
    text << std::ifstream{*page}.rdbuf();
    CHECK(text.str() == report_html(example()));
    CHECK(std::filesystem::file_size(folder / "curves.svg") > 1000);
    CHECK_FALSE(write_report(example(), (folder / "absent").string()));
    std::filesystem::remove_all(folder);
  }
}

}  // namespace flywheel
