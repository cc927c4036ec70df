// Tool is one thing that a model may have done for it: a name, the JSON schema of its arguments,
// limits, and run().
//
//   model's turn ──parse_tool_calls──▶ ToolCall ──Toolbox (allow-list, schema)──▶ Tool::run
//        ▲                                                                          │
//        └── role "tool", bounded, labelled, no loss ◀──────── ToolResult ◀─────────┘
//
// Guarantees: run() answers every call, well-formed arguments or not: what it can't do is a
// ToolResult
//             that says so. A result is data: nothing in it is ever read as an instruction by us.
// Threads:    tools are immutable; run() may block up to wall_time_max and runs on a worker thread,
//             one call of a session at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/json.hpp"
#include "runtime/tools/page.hpp"

namespace flywheel {

class ToolSession;

// What the model is told of a tool. `parameters` is a JSON schema of the subset in tool_schema.hpp.
struct ToolSpec {
  std::string name{};
  std::string description{};
  OrderedJson parameters = OrderedJson::object();
};

struct ToolLimits {
  std::chrono::milliseconds wall_time_max{10'000};  // of one call
  std::size_t output_bytes_max = 4096;              // of the text that the model reads
  std::size_t file_bytes_max = 512 * 1024;          // of one file that comes back
  std::size_t files_max = 4;                        // that come back from one call
};

enum class ToolStatus : std::uint8_t {
  done = 0,
  failed = 1,   // the tool ran and what it was told to do did not work: an exception, exit code 1
  refused = 2,  // the call itself is wrong: bad JSON, unknown tool, not allowed, wrong arguments
  timeout = 3,  // stopped at wall_time_max; what it had written till then is in the text
  unavailable = 4,  // our side could not run it
};

const char* to_string(ToolStatus status);

// A picture or another file that a call made.
struct ToolFile {
  std::string name{};        // "plot_1.png"
  std::string media_type{};  // "image/png"
  std::string bytes{};
};

struct ToolResult {
  ToolStatus status = ToolStatus::done;
  std::string text{};  // what the model reads, within output_bytes_max
  std::vector<ToolFile> files{};
  std::vector<std::string> shown{};  // urls of the pages whose words are in the text
  std::vector<Page> fetched{};       // from the live web, for this conversation only
};

class Tool {
 public:
  virtual ~Tool() = default;

  virtual const ToolSpec& spec() const = 0;
  virtual ToolLimits limits() const = 0;

  // `arguments` fit spec().parameters.
  virtual ToolResult run(const Json& arguments, ToolSession& session) const = 0;

  // Whether run() needs the session's workbench, and so a sandbox.
  virtual bool runs_code() const { return false; }

  // The page of a url that this tool can show; null where it has none.
  virtual const Page* page(std::string_view) const { return nullptr; }
};

// The text within `bytes_max`: its head and its tail, what lies between counted; never half a
// character. Bytes that are not UTF-8 are replaced.
std::string clip_text(std::string_view text, std::size_t bytes_max);

}  // namespace flywheel
