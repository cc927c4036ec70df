#include "runtime/learning/language_head.hpp"

#include <algorithm>

#include <torch/types.h>

#include "runtime/model/transformer_kernels.hpp"
#include "runtime/model/transformer_parallel.hpp"

namespace flywheel {
namespace {

constexpr std::int64_t logits_max = std::int64_t{25'165'824};  // of one chunk: 96 MiB of float32

constexpr std::int64_t elements_grain = 16'384;  // what a thread takes at least

template <class T>
void differentiate_rows(const torch::Tensor& logits, std::span<const LossEntry> entries,
                        std::span<const float> log_sums, std::span<const float> slopes,
                        const torch::Tensor& logits_gradient) {
  const auto vocabulary = logits.size(1);
  const float* from = logits.data_ptr<float>();
  T* to = static_cast<T*>(logits_gradient.data_ptr());
  parallel_for(static_cast<std::int64_t>(entries.size()), elements_grain / vocabulary + 1,
               [&](auto begin, auto end) {
                 for (auto row = begin; row < end; ++row) {
                   const auto at = static_cast<std::size_t>(row);
                   kernels<T>().log_softmax_row_backward(vocabulary, from + row * vocabulary,
                                                         entries[at].target, log_sums[at],
                                                         slopes[at], to + row * vocabulary);
                 }
               });
}

// sums[entry's row] += gradient of the entry, in order of entries.
template <class T>
void scatter_rows(std::span<const LossEntry> entries, const torch::Tensor& rows_gradient,
                  const torch::Tensor& sums) {
  const auto hidden = sums.size(1);
  const T* from = static_cast<const T*>(rows_gradient.data_ptr());
  for (std::size_t i = 0; i < entries.size(); ++i)
    kernels<T>().add_to_float(hidden, from + static_cast<std::int64_t>(i) * hidden,
                              sums.data_ptr<float>() + entries[i].row * hidden);
}

}  // namespace

std::int64_t LanguageHead::chunk_rows(std::int64_t vocabulary) {
  return std::clamp<std::int64_t>(logits_max / vocabulary, 16, 4096);
}

LanguageHead::LanguageHead(Transformer& model) : model_(model) {
  const auto vocabulary = model.config().vocabulary_size, hidden = model.config().hidden_size;
  chunk_rows_ = chunk_rows(vocabulary);
  const auto type = model.parameters().scalar_type();
  logits_ = torch::empty({chunk_rows_, vocabulary}, torch::kFloat);
  logits_gradient_ = torch::empty({chunk_rows_, vocabulary}, type);
  rows_ = torch::empty({chunk_rows_, hidden}, type);
  rows_gradient_ = torch::empty({chunk_rows_, hidden}, type);
}

torch::Tensor LanguageHead::score_chunk(const torch::Tensor& hidden,
                                        std::span<const LossEntry> entries, std::size_t begin,
                                        TokenScores& scores) {
  const auto count = static_cast<std::int64_t>(entries.size());
  const auto vocabulary = logits_.size(1);
  const auto row_bytes = static_cast<std::size_t>(hidden.size(1) * hidden.element_size());
  auto rows = rows_.narrow(0, 0, count);
  for (std::size_t i = 0; i < entries.size(); ++i)
    std::memcpy(static_cast<char*>(rows.data_ptr()) + i * row_bytes,
                static_cast<const char*>(hidden.data_ptr()) +
                    static_cast<std::size_t>(entries[i].row) * row_bytes,
                row_bytes);
  weight_.multiply(rows, logits_.narrow(0, 0, count));
  log_sums_.resize(entries.size());
  const float* logits = logits_.data_ptr<float>();
  parallel_for(count, elements_grain / vocabulary + 1, [&](std::int64_t first, std::int64_t last) {
    for (auto row = first; row < last; ++row) {
      const auto at = static_cast<std::size_t>(row);
      kernels<float>().log_softmax_row(vocabulary, logits + row * vocabulary, entries[at].target,
                                       &scores.log_probabilities[begin + at],
                                       &scores.entropies[begin + at], &log_sums_[at]);
    }
  });
  return rows;
}

TokenScores LanguageHead::score(const torch::Tensor& hidden, std::span<const LossEntry> entries) {
  const torch::NoGradGuard no_grad;
  TokenScores scores{std::vector<float>(entries.size()), std::vector<float>(entries.size())};
  const auto chunk = static_cast<std::size_t>(chunk_rows_);
  for (std::size_t begin = 0; begin < entries.size(); begin += chunk)
    score_chunk(hidden, entries.subspan(begin, std::min(chunk, entries.size() - begin)), begin,
                scores);
  return scores;
}

TokenScores LanguageHead::score_and_differentiate(const torch::Tensor& hidden,
                                                  std::span<const LossEntry> entries,
                                                  const SlopeFunction& slopes,
                                                  const torch::Tensor& hidden_gradient,
                                                  const torch::Tensor& gradient) {
  const torch::NoGradGuard no_grad;
  TokenScores scores{std::vector<float>(entries.size()), std::vector<float>(entries.size())};
  const auto& config = model_.config();
  const auto head_gradient =
      gradient.narrow(0, model_.layout().head, config.vocabulary_size * config.hidden_size)
          .view({config.vocabulary_size, config.hidden_size});
  sums_ = torch::zeros({hidden.size(0), config.hidden_size}, torch::kFloat);
  const auto chunk = static_cast<std::size_t>(chunk_rows_);
  std::vector<float> slopes_of_chunk(chunk);
  const bool is_float = model_.precision() == Precision::float32;
  for (std::size_t begin = 0; begin < entries.size(); begin += chunk) {
    const auto part = entries.subspan(begin, std::min(chunk, entries.size() - begin));
    const auto count = static_cast<std::int64_t>(part.size());
    const auto rows = score_chunk(hidden, part, begin, scores);
    const auto chunk_slopes = std::span{slopes_of_chunk}.first(part.size());
    slopes(begin, begin + part.size(), scores, chunk_slopes);
    const auto logits_gradient = logits_gradient_.narrow(0, 0, count);
    const auto logits = logits_.narrow(0, 0, count);
    (is_float ? differentiate_rows<float> : differentiate_rows<Bfloat16>)(logits, part, log_sums_,
                                                                          chunk_slopes,
                                                                          logits_gradient);
    const auto rows_gradient = rows_gradient_.narrow(0, 0, count);
    linear_input_gradient(logits_gradient, model_.head(), rows_gradient);
    linear_weight_gradient(logits_gradient, rows, head_gradient);
    (is_float ? scatter_rows<float> : scatter_rows<Bfloat16>)(part, rows_gradient, sums_);
  }
  hidden_gradient.copy_(sums_);
  return scores;
}

}  // namespace flywheel
