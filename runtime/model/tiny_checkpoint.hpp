// A tiny model with random weights, built in code: for tests, CI and the first run of a new
// experiment.
#pragma once

#include <cstdint>

#include "runtime/model/checkpoint.hpp"

namespace flywheel {

// A two-layer Llama (hidden 64, 4 heads, 2 key-value heads, about 0.1 million parameters) with a
// byte-level vocabulary of 288 tokens (ids 0 to 2 are <|endoftext|>, <|im_start|> and <|im_end|>,
// as in SmolLM2) and a ChatML template. A function of the seed. save_checkpoint writes it as a
// folder.
Checkpoint tiny_checkpoint(std::uint64_t seed);

}  // namespace flywheel
