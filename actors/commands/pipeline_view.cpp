#include "actors/commands/pipeline_view.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "actors/commands/report_chart.hpp"

namespace flywheel {
namespace {

constexpr double redraw_seconds = 0.2;
constexpr double line_seconds = 5.0;

constexpr const char* style = R"(
:root { --ink: #1d2733; --soft: #5b6876; --rule: #dfe4ea; --page: #fff; --panel: #f5f7f9;
  --fill: #3b7dd8; --good: #1b7f4d; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ee; --soft: #9aa7b4; --rule: #37424d;
  --page: #14191e; --panel: #1d242b; --fill: #6ea3ea; --good: #55c38b; --bad: #f28b82 } }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 1080px; margin: 0 auto; padding: 24px 20px 80px }
h1 { font-size: 26px; margin: 0 0 4px } h2 { font-size: 18px; margin: 36px 0 10px }
.outcome { border-left: 4px solid; padding: 8px 14px; background: var(--panel); font-weight: 600 }
.good { color: var(--good) } .bad { color: var(--bad) } .soft { color: var(--soft) }
table { border-collapse: collapse; width: 100%; font-size: 14px }
th { text-align: left; color: var(--soft) }
th, td { padding: 5px 12px 5px 0; border-bottom: 1px solid var(--rule); overflow-wrap: anywhere }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
.bar { background: var(--panel); height: 12px; min-width: 180px }
.bar div { background: var(--fill); height: 12px }
)";

std::string table_html(const Table& table) {
  std::string html = "<table><tr>";
  for (const TableColumn& column : table.columns)
    html += fmt::format("<th{}>{}</th>", column.is_number ? " class=\"n\"" : "",
                        escape_html(column.title));
  html += "</tr>\n";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (std::size_t n = 0; n < row.size(); ++n)
      html += fmt::format("<td{}>{}</td>", table.columns[n].is_number ? " class=\"n\"" : "",
                          escape_html(row[n]));
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

std::string funnel_html(const std::vector<FunnelRow>& funnel) {
  std::string html =
      "<h2>Yield</h2>\n<table><tr><th>stage</th><th>takes</th><th class=\"n\">taken</th>"
      "<th class=\"n\">passed on</th><th class=\"n\">rejected</th><th>share passed on</th></tr>\n";
  for (const FunnelRow& row : funnel) {
    const double parts = static_cast<double>(row.passed + row.rejected);
    const double share = parts == 0 ? 0.0 : 100.0 * static_cast<double>(row.passed) / parts;
    html += fmt::format(
        "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td "
        "class=\"n\">{}</td><td><div class=\"bar\" title=\"{:.1f} %\"><div "
        "style=\"width:{:.1f}%\"></div></div></td></tr>\n",
        escape_html(row.stage), escape_html(row.unit), row.taken, row.passed, row.rejected, share,
        share);
  }
  return html + "</table>\n";
}

OrderedJson funnel_json(const std::vector<FunnelRow>& funnel) {
  OrderedJson rows = OrderedJson::array();
  for (const FunnelRow& row : funnel)
    rows.push_back({{"stage", row.stage},
                    {"unit", row.unit},
                    {"taken", row.taken},
                    {"passed", row.passed},
                    {"rejected", row.rejected},
                    {"broken", row.broken},
                    {"remembered", row.remembered},
                    {"waiting", row.waiting},
                    {"seconds", row.seconds},
                    {"reasons", row.reasons}});
  return rows;
}

}  // namespace

Table funnel_table(const std::vector<FunnelRow>& funnel) {
  Table table{{{"stage"},
               {"takes"},
               {"taken", true},
               {"passed on", true},
               {"rejected", true},
               {"broken", true},
               {"seconds", true}},
              {}};
  for (const FunnelRow& row : funnel)
    table.rows.push_back({row.stage, row.unit, std::to_string(row.taken),
                          std::to_string(row.passed), std::to_string(row.rejected),
                          std::to_string(row.broken), fmt::format("{:.1f}", row.seconds)});
  return table;
}

Table reason_table(const std::vector<FunnelRow>& funnel) {
  Table table{{{"stage"}, {"reason"}, {"count", true}}, {}};
  for (const FunnelRow& row : funnel) {
    std::vector<std::pair<std::string, std::uint64_t>> reasons{row.reasons.begin(),
                                                               row.reasons.end()};
    std::stable_sort(reasons.begin(), reasons.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    for (const auto& [reason, count] : reasons)
      table.rows.push_back({row.stage, reason, std::to_string(count)});
  }
  return table;
}

OrderedJson pipeline_report_json(const PipelineReport& report) {
  OrderedJson facts, tables;
  for (const auto& [name, value] : report.facts) facts[name] = value;
  for (const auto& [title, table] : report.tables) {
    OrderedJson rows = OrderedJson::array();
    for (const auto& row : table.rows) {
      OrderedJson cells;
      for (std::size_t n = 0; n < row.size(); ++n) cells[table.columns[n].title] = row[n];
      rows.push_back(std::move(cells));
    }
    tables[title] = std::move(rows);
  }
  return {
      {"title", report.title}, {"succeeded", report.succeeded},        {"outcome", report.outcome},
      {"facts", facts},        {"funnel", funnel_json(report.funnel)}, {"tables", tables}};
}

std::string pipeline_report_html(const PipelineReport& report) {
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n<title>{0}</title>\n<style>{1}</style></head><body><main>\n<h1>{0}"
      "</h1>\n<p class=\"soft\">{2}</p>\n<p class=\"outcome {3}\">{4}</p>\n",
      escape_html(report.title), style, escape_html(report.question),
      report.succeeded ? "good" : "bad", escape_html(report.outcome));
  html += "<table>\n";
  for (const auto& [name, value] : report.facts)
    html += fmt::format("<tr><td class=\"soft\">{}</td><td>{}</td></tr>\n", escape_html(name),
                        escape_html(value));
  html += "</table>\n" + funnel_html(report.funnel);
  html += "<h2>Reasons for rejection</h2>\n" + table_html(reason_table(report.funnel));
  for (const auto& [title, table] : report.tables)
    html += "<h2>" + escape_html(title) + "</h2>\n" + table_html(table);
  return html + "</main></body></html>\n";
}

std::string pipeline_line(const PipelineProgress& progress, std::size_t columns) {
  std::string line = duration_text(progress.elapsed_seconds);
  for (const FunnelRow& row : progress.funnel) {
    if (row.taken + row.waiting == 0) continue;
    line += fmt::format("   {} {}/{}", row.stage, row.taken, row.taken + row.waiting);
  }
  if (!progress.funnel.empty()) line += fmt::format("   {} done", progress.funnel.back().passed);
  return line.size() > columns ? line.substr(0, columns) : line;
}

OrderedJson pipeline_progress_json(const PipelineProgress& progress) {
  return {{"event", "progress"},
          {"elapsed_seconds", progress.elapsed_seconds},
          {"funnel", funnel_json(progress.funnel)}};
}

void PipelineDisplay::update(const PipelineProgress& progress) {
  const double pause = mode_ == ProgressMode::live ? redraw_seconds : line_seconds;
  if (progress.elapsed_seconds - shown_seconds_ < pause) return;
  shown_seconds_ = progress.elapsed_seconds;
  if (mode_ == ProgressMode::json) {
    sink_(pipeline_progress_json(progress).dump() + "\n");
  } else if (mode_ == ProgressMode::lines) {
    sink_(pipeline_line(progress, 400) + "\n");
  } else {
    sink_("\r\033[K" + pipeline_line(progress, terminal_columns() - 1));
    is_drawn_ = true;
  }
}

void PipelineDisplay::finish() {
  if (is_drawn_) sink_("\n");
  is_drawn_ = false;
}

}  // namespace flywheel
