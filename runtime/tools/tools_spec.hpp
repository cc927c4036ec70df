// ToolsSpec is what an experiment says of its tools; keys tools.* of its spec.
#pragma once

#include <cstdint>
#include <string>

namespace flywheel {

struct ToolsSpec {
  std::uint32_t calls_max = 4;            // run between two of the user's moves
  double call_seconds_max = 10.0;         // of one call
  std::uint32_t output_bytes_max = 2048;  // of a result's text
  std::uint32_t threads = 2;              // calls and code graders that run at once, each
  std::string image = "host";             // of the containers
  std::string snapshot{};                 // a web snapshot for `browse`; empty = none
  std::string live_proxy{};               // http://HOST:PORT; empty = nothing is fetched
  std::string live_hosts{};               // what LiveHosts::parse() takes
  std::string documents{};                // a folder for `search`; empty = none
};

}  // namespace flywheel
