// The sampler's speed beside what the machine could do at best, measured in the same run.
//
// Limits: with 64 sequences, a step can't be faster than this model's matrix products at 64 rows,
// run one after another at the rate that oneDNN or MKL (as LibTorch calls them) and our own kernels
// reach, whichever is higher; alone, a token can't be faster than reading the weights once from
// memory.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/base/transcript.hpp"
#include "runtime/model/weights_handle.hpp"

namespace flywheel {

struct SamplerBench {
  double tokens_per_second_1 = 0.0;      // new tokens of one sequence, its prompt's time included
  double tokens_per_second_64 = 0.0;     // of all prompts together, prompts' time included
  double limit_1 = 0.0;                  // tokens/s: memory_bytes_per_second / bytes of weights
  double limit_64 = 0.0;                 // tokens/s: 64 rows at gemm_flops_per_second
  double decode_step_ms_64 = 0.0;        // mean of the steps that only decode
  double memory_bytes_per_second = 0.0;  // reading, all cores
  double gemm_flops_per_second = 0.0;    // on this model's shapes at 64 rows, all cores
  double swap_ms = 0.0;                  // one swap_weights, hash included
};

// Forces `new_tokens` tokens of each prompt. Takes three times and keeps the best of each figure:
// interference by other processes only ever adds time.
Result<SamplerBench> run_sampler_bench(const WeightsHandle& weights, Precision precision,
                                       std::vector<std::vector<Token>> prompts_64,
                                       std::uint32_t new_tokens);

}  // namespace flywheel
