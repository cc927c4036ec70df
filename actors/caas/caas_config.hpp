// What a container service is made of and what it may use. Plain data.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "runtime/sandbox/sandbox_host.hpp"

namespace flywheel {

struct CaasLimits {
  std::size_t container_count_max = 4096;             // that live at once
  std::size_t container_count_max_per_owner = 4096;   // likewise
  std::size_t record_count_max = 100'000;             // containers that are remembered
  std::chrono::hours record_age_max{24 * 7};          // after their end
  std::size_t worker_count = 6;                       // threads for calls that block
  std::size_t waiting_max = 1024;                     // requests that wait for a worker
  std::size_t exec_count_max = 1024;                  // commands that run at once
  std::size_t exec_count_max_per_container = 64;      // with detached ones that are kept
  std::size_t session_count_max = 16;                 // of a container
  std::uint64_t output_bytes_max = 1ULL << 30;        // kept of all commands that run
  std::uint64_t log_bytes_max = 16ULL << 20;          // of one container's trajectory
  std::chrono::milliseconds create_time_max{10'000};  // from the request until it runs
  std::size_t replay_thread_count = 2;                // that catch up at once
  std::size_t replay_waiting_max = 64;
  std::chrono::milliseconds replay_time_max{3'600'000};  // of all commands that run again
  std::uint64_t memory_bytes_max = 0;  // that a client may ask for; 0: half of the machine's
  std::uint64_t disk_bytes_max = 0;    // likewise: what is written lies in memory
};

struct CaasConfig {
  std::string state_folder{};   // caas.db, boxes; one owner at a time
  std::string image_folder{};   // empty: STATE/images
  SandboxHostConfig sandbox{};  // its folders are filled in where they are empty
  CaasLimits limits{};
};

}  // namespace flywheel
