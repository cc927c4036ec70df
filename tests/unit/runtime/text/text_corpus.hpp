// The text of the tokenizer goldens: the same as tests/interop/text_corpus.py makes, byte for byte.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/model/tokenizer_utf8.hpp"
#include "tests/unit/runtime/text/golden.hpp"

namespace flywheel::golden {

class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
  }
  std::size_t below(std::size_t bound) { return next() % bound; }

 private:
  std::uint64_t state_;
};

inline std::string unescaped(const std::string& line) {
  std::string out;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] != '\\') {
      out += line[at];
      continue;
    }
    const char c = line[++at];
    if (c == 'u') {  // \u{1F468}
      const std::size_t end = line.find('}', at);
      utf8::append(
          out, static_cast<char32_t>(std::stoul(line.substr(at + 2, end - at - 2), nullptr, 16)));
      at = end;
    } else {
      out += c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c == 's' ? ' ' : c;
    }
  }
  return out;
}

using PieceGroups = std::vector<std::vector<std::string>>;

inline PieceGroups load_pieces() {
  PieceGroups groups;
  std::ifstream file{folder + "corpus_pieces.txt"};
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("# "))
      groups.emplace_back();
    else if (!line.empty())
      groups.back().push_back(unescaped(line));
  }
  return groups;
}

inline constexpr std::array<std::pair<char32_t, char32_t>, 30> blocks{{
    {0x20, 0x7e},       {0xa0, 0x17f},        {0x250, 0x36f},     {0x370, 0x3ff},
    {0x400, 0x52f},     {0x530, 0x5ff},       {0x600, 0x6ff},     {0x900, 0x97f},
    {0xb80, 0xbff},     {0xe00, 0xe7f},       {0x1100, 0x11ff},   {0x1e00, 0x1fff},
    {0x2000, 0x206f},   {0x2070, 0x218f},     {0x2190, 0x23ff},   {0x2460, 0x27bf},
    {0x3000, 0x30ff},   {0x3200, 0x33ff},     {0x4e00, 0x9fff},   {0xac00, 0xd7a3},
    {0xfe00, 0xfe0f},   {0xff00, 0xffef},     {0x10000, 0x1007f}, {0x1d400, 0x1d7ff},
    {0x1f300, 0x1f6ff}, {0x1f900, 0x1faff},   {0x20000, 0x2a6df}, {0x0, 0x1f},
    {0x80, 0x9f},       {0x10fff0, 0x10ffff},
}};

inline std::string random_run(SplitMix64& rng) {
  const auto [first, last] = blocks[rng.below(blocks.size())];
  std::string run;
  for (std::size_t left = 1 + rng.below(12); left > 0; --left)
    utf8::append(run, first + static_cast<char32_t>(rng.below(last - first + 1)));
  return run;
}

inline std::string digit_run(SplitMix64& rng) {
  std::string run;
  for (std::size_t left = 1 + rng.below(40); left > 0; --left)
    run += static_cast<char>('0' + rng.below(10));
  return run;
}

inline std::string space_run(SplitMix64& rng) {
  static constexpr std::array<char32_t, 11> spaces{U' ',   U'\n', U'\t',  U'\r',  0xa0,  0x2003,
                                                   0x3000, 0x85,  0x180e, 0x200b, 0x2028};
  std::string run;
  for (std::size_t left = 1 + rng.below(8); left > 0; --left)
    utf8::append(run, spaces[rng.below(spaces.size())]);
  return run;
}

inline std::string make_chunk(std::uint64_t seed, const PieceGroups& groups,
                              std::size_t bytes_min) {
  SplitMix64 rng{seed};
  std::string text;
  while (text.size() < bytes_min) {
    const std::size_t kind = rng.below(16);
    if (kind == 0) {
      text += random_run(rng);
    } else if (kind == 1) {
      text += digit_run(rng);
    } else if (kind == 2) {
      text += space_run(rng);
    } else {
      const auto& group = groups[rng.below(groups.size())];
      const std::string& piece = group[rng.below(group.size())];
      if (rng.below(4) != 0) text += ' ';
      text += piece;
    }
  }
  return text;
}

}  // namespace flywheel::golden
