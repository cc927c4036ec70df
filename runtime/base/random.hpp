// Counter-based randomness (Philox4x32-10, Salmon et al. 2011): every number is a function of its
// key and its position, so what is drawn does not depend on who else draws.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace flywheel {

struct RandomKey {
  std::uint64_t value = 0;

  bool operator==(const RandomKey&) const = default;
};

// The key of a part: derive_key({run_seed, task_low, sample_index, turn}).
RandomKey derive_key(std::initializer_list<std::uint64_t> words);

class Random {
 public:
  explicit Random(RandomKey key, std::uint64_t position = 0) : key_(key), position_(position) {}

  std::uint64_t next();                      // 64 random bits
  double unit();                             // in [0, 1), 53 bits
  std::uint64_t below(std::uint64_t bound);  // in [0, bound), unbiased; bound > 0
  std::uint64_t position() const { return position_; }

 private:
  RandomKey key_;
  std::uint64_t position_;  // how many words have been drawn
};

}  // namespace flywheel
