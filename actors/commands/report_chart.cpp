#include "actors/commands/report_chart.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "actors/commands/table.hpp"

namespace flywheel {
namespace {

constexpr double width = 420.0, height = 230.0;
constexpr double left = 58.0, right = 14.0, top = 34.0, bottom = 36.0;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  void widen() {  // so that a flat curve has a place
    if (!(low <= high)) *this = {0.0, 1.0};
    if (high - low < 1e-12 * std::max(1.0, std::abs(high))) {
      low -= 0.5 * std::max(std::abs(low), 1e-9);
      high += 0.5 * std::max(std::abs(high), 1e-9);
    }
  }
};

// 1, 2 or 5 times a power of ten, so that about `count` ticks fill the range.
double tick_step(const Range& range, int count) {
  const double raw = (range.high - range.low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double first = raw / power;
  return power * (first <= 1.0 ? 1.0 : first <= 2.0 ? 2.0 : first <= 5.0 ? 5.0 : 10.0);
}

// The multiples of `step` within the range.
std::vector<double> ticks(const Range& range, double step) {
  const double first = std::ceil(range.low / step);
  const double count = std::max(0.0, std::floor(range.high / step + 1e-6) - first + 1);
  std::vector<double> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = (first + static_cast<double>(i)) * step;
  return values;
}

struct Scale {
  Range x, y;

  double px(double value) const {
    return left + (value - x.low) / (x.high - x.low) * (width - left - right);
  }
  double py(double value) const {
    return height - bottom - (value - y.low) / (y.high - y.low) * (height - top - bottom);
  }
};

std::vector<CurvePoint> finite_points(const Curve& curve) {
  std::vector<CurvePoint> points;
  for (const CurvePoint& point : curve.points)
    if (std::isfinite(point.x) && std::isfinite(point.y)) points.push_back(point);
  return points;
}

bool has_interval(const CurvePoint& point) {
  return point.low != 0.0 || point.high != 0.0;
}

Scale scale_of(const Chart& chart) {
  Scale scale;
  for (const Curve& curve : chart.curves)
    for (const CurvePoint& point : finite_points(curve)) {
      scale.x.take(point.x);
      scale.y.take(point.y);
      if (has_interval(point)) {
        scale.y.take(point.low);
        scale.y.take(point.high);
      }
    }
  if (chart.is_share) scale.y = {0.0, 1.0};
  scale.x.widen();
  scale.y.widen();
  if (scale.y.low > 0.0 && scale.y.low < 0.6 * scale.y.high) scale.y.low = 0.0;
  if (!chart.is_share) {  // whole ticks above and below
    const double step = tick_step(scale.y, 4);
    scale.y.low = std::floor(scale.y.low / step) * step;
    scale.y.high = std::ceil(scale.y.high / step) * step;
  }
  return scale;
}

std::string value_text(const Chart& chart, double value) {
  if (chart.is_share) return fmt::format("{:.0f} %", value * 100);
  if (value == 0.0) return "0";
  const double size = std::abs(value);
  if (size >= 1e5 || size < 1e-3) return fmt::format("{:.1e}", value);
  return fmt::format("{:.4g}", value);
}

std::string axes(const Chart& chart, const Scale& scale) {
  std::string svg;
  const double y_step = chart.is_share ? 0.25 : tick_step(scale.y, 4);
  for (const double y : ticks(scale.y, y_step))
    svg += fmt::format(R"(<line class="grid" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>)"
                       R"(<text class="tick" x="{:.1f}" y="{:.1f}" text-anchor="end">{}</text>)",
                       left, width - right, scale.py(y), scale.py(y), left - 6, scale.py(y) + 4,
                       value_text(chart, y));
  const double x_step = std::max(1.0, tick_step(scale.x, 6));
  for (const double x : ticks(scale.x, x_step))
    svg += fmt::format(
        R"(<text class="tick" x="{:.1f}" y="{:.1f}" text-anchor="middle">{:.6g}</text>)",
        scale.px(x), height - bottom + 16, x);
  svg += fmt::format(R"(<text class="tick" x="{:.1f}" y="{:.1f}" text-anchor="end">{}</text>)",
                     width - right, height - 5.0, escape_html(chart.x_title));
  return svg;
}

std::string curve_paths(const Chart& chart, const Scale& scale, std::size_t index) {
  const auto points = finite_points(chart.curves[index]);
  std::string line, upper, lower, dots;
  for (const CurvePoint& point : points) {
    line += fmt::format("{}{:.1f} {:.1f}", line.empty() ? "M" : " L", scale.px(point.x),
                        scale.py(point.y));
    std::string says =
        fmt::format("{} {:.6g}: {}", chart.x_title, point.x, value_text(chart, point.y));
    if (has_interval(point)) {
      upper += fmt::format("{}{:.1f} {:.1f}", upper.empty() ? "M" : " L", scale.px(point.x),
                           scale.py(point.high));
      lower.insert(0, fmt::format(" L{:.1f} {:.1f}", scale.px(point.x), scale.py(point.low)));
      says += fmt::format(" [{}, {}]", value_text(chart, point.low), value_text(chart, point.high));
    }
    dots += fmt::format(
        R"(<circle class="dot s{}" cx="{:.1f}" cy="{:.1f}" r="2.6"><title>{}</title></circle>)",
        index % 4, scale.px(point.x), scale.py(point.y), escape_html(says));
  }
  std::string svg;
  if (!upper.empty())
    svg += fmt::format(R"(<path class="band s{}" d="{}{} Z"/>)", index % 4, upper, lower);
  if (!line.empty()) svg += fmt::format(R"(<path class="line s{}" d="{}"/>)", index % 4, line);
  return svg + dots;
}

}  // namespace

const char* chart_style() {
  return ".chart text{font:11px system-ui,sans-serif;fill:var(--ink,#1d2733)}"
         ".chart .title{font-size:13px;font-weight:600}"
         ".chart .tick{fill:var(--soft,#5b6876)}"
         ".chart .grid{stroke:var(--rule,#dfe4ea)}"
         ".chart .line{fill:none;stroke-width:2}"
         ".chart .band{stroke:none;opacity:.16}"
         ".chart .line.s0{stroke:#2463c9}.chart .dot.s0,.chart .band.s0,.chart "
         ".key.s0{fill:#2463c9}"
         ".chart .line.s1{stroke:#c4541d}.chart .dot.s1,.chart .band.s1,.chart "
         ".key.s1{fill:#c4541d}"
         ".chart .line.s2{stroke:#1f8a5b}.chart .dot.s2,.chart .band.s2,.chart "
         ".key.s2{fill:#1f8a5b}"
         ".chart .line.s3{stroke:#8045b5}.chart .dot.s3,.chart .band.s3,.chart "
         ".key.s3{fill:#8045b5}";
}

std::string escape_html(const std::string& text) {
  std::string escaped;
  for (const char c : printable(text)) switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  return escaped;
}

std::string chart_svg(const Chart& chart) {
  const Scale scale = scale_of(chart);
  const std::string unit = chart.unit.empty() ? "" : " (" + chart.unit + ")";
  std::string svg = fmt::format(
      R"(<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {:.0f} {:.0f}")"
      R"( role="img" aria-label="{}">)"
      R"(<text class="title" x="8" y="18">{}</text>)",
      width, height, escape_html(chart.title), escape_html(chart.title + unit));
  svg += axes(chart, scale);
  bool is_empty = true;
  for (std::size_t i = 0; i < chart.curves.size(); ++i) {
    svg += curve_paths(chart, scale, i);
    is_empty = is_empty && finite_points(chart.curves[i]).empty();
    if (chart.curves.size() > 1) {
      const double x = width - right - 90.0 * double(chart.curves.size() - i);
      svg += fmt::format(R"(<rect class="key s{}" x="{:.1f}" y="9" width="9" height="9"/>)"
                         R"(<text class="tick" x="{:.1f}" y="18">{}</text>)",
                         i % 4, x, x + 13, escape_html(chart.curves[i].name));
    }
  }
  if (is_empty)
    svg += fmt::format(
        R"(<text class="tick" x="{:.1f}" y="{:.1f}" text-anchor="middle">no data</text>)",
        (left + width) / 2, height / 2);
  return svg + "</svg>\n";
}

std::string charts_svg_file(const std::vector<Chart>& charts, const std::string& title) {
  const double rows = std::ceil(double(charts.size()) / 2.0);
  std::string svg = fmt::format(
      R"(<svg class="chart" xmlns="http://www.w3.org/2000/svg" width="{0:.0f}" height="{1:.0f}")"
      R"( viewBox="0 0 {0:.0f} {1:.0f}">)"
      "<style>{2}</style><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
      R"(<text class="title" x="8" y="22">{3}</text>)",
      2 * width, rows * height + 30, chart_style(), escape_html(title));
  double x = 0.0, y = 30.0;
  for (const Chart& chart : charts) {
    svg += fmt::format(R"(<svg x="{:.0f}" y="{:.0f}" width="{:.0f}" height="{:.0f}">{}</svg>)", x,
                       y, width, height, chart_svg(chart));
    y += x > 0.0 ? height : 0.0;
    x = x > 0.0 ? 0.0 : width;
  }
  return svg + "</svg>\n";
}

}  // namespace flywheel
