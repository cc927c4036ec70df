#include "runtime/tools/html_reader.hpp"

#include <utility>

#include "runtime/tools/page.hpp"
#include "runtime/tools/page_text_driver.hpp"

namespace flywheel {
namespace {

constexpr std::size_t title_bytes_max = 4096;

}  // namespace

Result<HtmlText> read_html(const std::string& html, std::chrono::milliseconds time_max,
                           ToolSession& session) {
  FLYWHEEL_TRY(const auto bench, session.clean_workbench());
  FLYWHEEL_TRY(auto ran, bench->run({.command = {"python3", "-I", "-c", page_text_driver()},
                                     .input = html,
                                     .wall_time_max = time_max,
                                     .output_bytes_max = page_bytes_max + title_bytes_max}));
  if (ran.end == BenchEnd::timeout)
    return fail(Failure::deadline_exceeded, "its HTML could not be read in time");
  if (ran.is_truncated)
    return fail(Failure::resource_exhausted, "its text is longer than a page may be");
  const auto end_of_title = ran.output.find('\n');
  if (ran.end != BenchEnd::exited || ran.exit_code != 0 || end_of_title == std::string::npos)
    return fail(Failure::corrupt, "its HTML could not be read");
  return HtmlText{ran.output.substr(0, end_of_title), ran.output.substr(end_of_title + 1)};
}

}  // namespace flywheel
