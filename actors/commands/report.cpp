#include "actors/commands/report.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

namespace flywheel {
namespace {

constexpr const char* page_style = R"(
:root {
  --ink: #1d2733; --soft: #5b6876; --rule: #dfe4ea; --page: #fff; --panel: #f5f7f9;
  --good: #1b7f4d; --bad: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e4e9ee; --soft: #9aa7b4; --rule: #37424d; --page: #14191e; --panel: #1d242b;
    --good: #55c38b; --bad: #f28b82;
  }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 1080px; margin: 0 auto; padding: 24px 20px 80px }
h1 { font-size: 26px; margin: 0 0 4px }
h2 { font-size: 18px; margin: 38px 0 10px; border-bottom: 1px solid var(--rule) }
h3 { font-size: 14px; margin: 18px 0 6px }
p { margin: 6px 0 }
.soft { color: var(--soft) }
.good { color: var(--good) }
.bad { color: var(--bad) }
nav { margin: 14px 0; font-size: 14px }
nav a { margin-right: 14px; color: inherit }
.outcome {
  border-left: 4px solid; padding: 8px 14px; background: var(--panel); margin: 16px 0;
  font-weight: 600;
}
table { border-collapse: collapse; width: 100%; font-size: 14px }
th { text-align: left; color: var(--soft); font-weight: 600 }
th, td {
  padding: 5px 12px 5px 0; border-bottom: 1px solid var(--rule); vertical-align: top;
  overflow-wrap: break-word;
}
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.facts { display: grid; gap: 6px 24px; grid-template-columns: repeat(auto-fit, minmax(230px, 1fr)) }
.facts div {
  display: flex; justify-content: space-between; gap: 12px; padding: 3px 0;
  border-bottom: 1px solid var(--rule);
}
.facts span:first-child { color: var(--soft) }
.facts span:last-child { overflow-wrap: anywhere; text-align: right }
.charts { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(360px, 1fr)) }
.charts svg { width: 100%; height: auto; background: var(--panel); border-radius: 6px }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 14px; margin: 0 0 22px }
.pair[hidden] { display: none }
.pair h3 { grid-column: 1 / -1; margin: 8px 0 0 }
.side { background: var(--panel); border-radius: 6px; padding: 10px 14px; min-width: 0 }
.side h4 { margin: 0 0 6px; font-size: 13px }
.turn { margin: 0 0 8px }
.turn b { font-size: 12px; color: var(--soft); display: block }
.turn div { white-space: pre-wrap; overflow-wrap: anywhere }
.turn.user div { color: var(--soft) }
.turn img { max-width: 100% }
pre {
  background: var(--panel); padding: 12px 14px; border-radius: 6px; overflow: auto;
  font-size: 13px; line-height: 1.4;
}
code { font-family: ui-monospace, monospace; font-size: 13px; overflow-wrap: anywhere }
@media (max-width: 640px) {
  .pair, .charts { grid-template-columns: 1fr }
  table { display: block; overflow-x: auto }
  td.n, th.n { white-space: normal }
}
)";

constexpr const char* page_script = R"(
document.getElementById('changed')?.addEventListener('change', event => {
  for (const pair of document.querySelectorAll('.pair'))
    pair.hidden = event.target.checked && pair.dataset.changed !== 'yes';
});
)";

std::string cell(const std::string& text) {
  return "<td>" + escape_html(text) + "</td>";
}
std::string number_cell(const std::string& text) {
  return "<td class=\"n\">" + escape_html(text) + "</td>";
}

std::string facts_html(const Facts& facts) {
  std::string html = "<div class=\"facts\">";
  for (const auto& [name, value] : facts)
    html +=
        "<div><span>" + escape_html(name) + "</span><span>" + escape_html(value) + "</span></div>";
  return html + "</div>\n";
}

std::string change_text(const Measured& before, const Measured& after) {
  if (before.count == 0 || after.count == 0) return "";
  return fmt::format("{:+.1f}", (after.value - before.value) * 100);
}

std::string head_html(const ReportData& data) {
  // The policy lets the page's own style and script run and nothing be fetched.
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
      "<title>{}</title>\n<style>{}{}</style></head><body><main>\n",
      escape_html(data.title + " " + data.run), page_style, chart_style());
}

std::string opening_html(const ReportData& data) {
  std::string html = "<h1>" + escape_html(data.title) + "</h1><p class=\"soft\"><code>" +
                     escape_html(data.run) + "</code></p>\n";
  if (!data.goal.empty()) html += "<p><b>Goal.</b> " + escape_html(data.goal) + "</p>\n";
  if (!data.scenario.empty())
    html += "<p><b>Scenario.</b> " + escape_html(data.scenario) + "</p>\n";
  html += fmt::format("<div class=\"outcome {}\">{}</div>\n", data.succeeded ? "good" : "bad",
                      escape_html(data.outcome));
  html +=
      "<nav><a href=\"#result\">Result</a><a href=\"#curves\">Curves</a>"
      "<a href=\"#components\">Components</a><a href=\"#transcripts\">Transcripts</a>"
      "<a href=\"#waits\">Waits and failures</a><a href=\"#origin\">Origin</a>"
      "<a href=\"#spec\">Spec</a></nav>\n";
  return html + facts_html(data.summary);
}

std::string result_html(const ReportData& data) {
  std::string html =
      "<h2 id=\"result\">Before and after</h2>\n<table><tr><th>share, 95 % interval</th>"
      "<th class=\"n\">before</th><th class=\"n\">after</th><th class=\"n\">change</th>"
      "<th class=\"n\">samples</th></tr>\n";
  for (const BeforeAfter& row : data.before_after)
    html += "<tr>" + cell(row.name) + number_cell(measured_text(row.before)) +
            number_cell(measured_text(row.after)) +
            number_cell(change_text(row.before, row.after)) +
            number_cell(std::to_string(std::max(row.before.count, row.after.count))) + "</tr>\n";
  html += "</table>\n";
  if (data.gates.empty()) return html;
  html += "<table style=\"margin-top:14px\"><tr><th>gate</th><th>found</th><th></th></tr>\n";
  for (const GateResult& gate : data.gates)
    html +=
        fmt::format("<tr>{}{}<td class=\"{}\">{}</td></tr>\n", cell(gate.gate), cell(gate.found),
                    gate.passed ? "good" : "bad", gate.passed ? "passed" : "refused");
  return html + "</table>\n";
}

std::string curves_html(const ReportData& data) {
  std::string html = "<h2 id=\"curves\">Learning curves</h2>\n<div class=\"charts\">\n";
  for (const Chart& chart : data.charts) html += chart_svg(chart);
  html +=
      "</div>\n<p class=\"soft\">Bands are 95 % intervals; hold the pointer over a point to "
      "read it.</p>\n";
  return html;
}

std::string components_html(const ReportData& data) {
  std::string html =
      "<h2 id=\"components\">Component scores</h2>\n<table><tr><th>component</th><th>kind</th>"
      "<th class=\"n\">before</th><th class=\"n\">after</th><th class=\"n\">change</th></tr>\n";
  for (const ComponentScore& score : data.components)
    html += "<tr>" + cell(score.name) + cell(score.kind) +
            number_cell(measured_text(score.before)) + number_cell(measured_text(score.after)) +
            number_cell(change_text(score.before, score.after)) + "</tr>\n";
  return html + "</table>\n";
}

// A picture that a tool made; an image in a data URL runs no script, not even an SVG's.
std::string picture_html(const std::string& url) {
  if (!url.starts_with("data:image/")) return {};
  return "<img alt=\"picture\" src=\"" + escape_html(url) + "\">";
}

std::string side_html(const char* title, bool passed,
                      const std::vector<TranscriptMessage>& messages) {
  std::string html = fmt::format("<div class=\"side\"><h4>{} <span class=\"{}\">{}</span></h4>",
                                 title, passed ? "good" : "bad", passed ? "passes" : "fails");
  for (const TranscriptMessage& message : messages)
    html += fmt::format("<div class=\"turn{}\"><b>{}</b><div>{}</div>{}</div>",
                        message.role == "user" ? " user" : "", escape_html(message.role),
                        escape_html(message.text), picture_html(message.picture));
  return html + "</div>";
}

std::string transcripts_html(const ReportData& data) {
  std::string html =
      "<h2 id=\"transcripts\">Transcripts, before and after</h2>\n"
      "<p><label><input type=\"checkbox\" id=\"changed\"> only those whose verdict changed</label>"
      "</p>\n";
  for (const TranscriptPair& pair : data.transcripts)
    html +=
        fmt::format("<div class=\"pair\" data-changed=\"{}\"><h3>{}</h3>{}{}</div>\n",
                    pair.before_passed == pair.after_passed ? "no" : "yes", escape_html(pair.title),
                    side_html("before", pair.before_passed, pair.before),
                    side_html("after", pair.after_passed, pair.after));
  return html;
}

std::string incidents_html(const ReportData& data) {
  std::string html = "<h2 id=\"waits\">Waits that ran out and failures</h2>\n";
  if (data.incidents.empty())
    return html + "<p>None: every wait ended in time and no part failed.</p>\n";
  html += "<table><tr><th class=\"n\">at</th><th>who</th><th>what</th><th>outcome</th></tr>\n";
  for (const Incident& incident : data.incidents)
    html += "<tr>" + number_cell(duration_text(incident.at_seconds)) + cell(incident.who) +
            cell(incident.what) + cell(incident.outcome) + "</tr>\n";
  html += "</table>\n";
  if (data.incident_count > data.incidents.size())
    html += fmt::format("<p class=\"soft\">The first {} of {}.</p>\n", data.incidents.size(),
                        data.incident_count);
  return html;
}

Result<> write_file(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".tmp";
  std::ofstream file{temporary, std::ios::binary | std::ios::trunc};
  file << text;
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(temporary, path, error);
  if (!file || error)
    return fail(Failure::unavailable,
                path + " can't be written; is the disk full or the folder read-only?");
  return {};
}

}  // namespace

std::string report_html(const ReportData& data) {
  std::string html = head_html(data) + opening_html(data) + result_html(data) + curves_html(data) +
                     components_html(data) + transcripts_html(data) + incidents_html(data);
  html += "<h2 id=\"origin\">Where it comes from</h2>\n" + facts_html(data.hashes) +
          "<h3>Machine</h3>\n" + facts_html(data.machine);
  html += "<h2 id=\"spec\">The resolved spec</h2>\n";
  if (!data.algorithm.empty()) html += "<p><code>" + escape_html(data.algorithm) + "</code></p>\n";
  html += "<pre>" + escape_html(data.resolved_spec) + "</pre>\n";
  if (!data.next_command.empty())
    html += "<h2>Next</h2>\n<pre>" + escape_html(data.next_command) + "</pre>\n";
  return html + "</main><script>" + page_script + "</script></body></html>\n";
}

Result<std::string> write_report(const ReportData& data, const std::string& folder) {
  std::string page = folder + "/report.html";
  FLYWHEEL_TRY_VOID(write_file(folder + "/curves.svg", charts_svg_file(data.charts, data.title)));
  FLYWHEEL_TRY_VOID(write_file(page, report_html(data)));
  return page;
}

}  // namespace flywheel
