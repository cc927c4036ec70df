// Charts as SVG: learning curves with bands for intervals, readable alone and inside the report.
#pragma once

#include <string>
#include <vector>

namespace flywheel {

struct CurvePoint {
  double x = 0.0;
  double y = 0.0;
  double low = 0.0;  // of the interval; both 0 = none
  double high = 0.0;
};

struct Curve {
  std::string name{};                // shown where a chart has several
  std::vector<CurvePoint> points{};  // by rising x; points that are not finite are left out
};

struct Chart {
  std::string title{};
  std::string unit{};  // of y
  std::string x_title = "step";
  bool is_share = false;  // y goes from 0 to 1 and is shown in per cent
  std::vector<Curve> curves{};
};

// One chart, 420 x 230, styled by the page's classes.
std::string chart_svg(const Chart& chart);

// All charts in one file of their own, two beside each other.
std::string charts_svg_file(const std::vector<Chart>& charts, const std::string& title);

// The style that both need.
const char* chart_style();

// Text that stands for itself in HTML and SVG, whoever wrote it.
std::string escape_html(const std::string& text);

}  // namespace flywheel
