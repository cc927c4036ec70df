#include "runtime/model/tiny_checkpoint.hpp"

#include <array>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/model/tokenizer_alphabet.hpp"

namespace flywheel {
namespace {

constexpr std::array<const char*, 3> special_tokens = {"<|endoftext|>", "<|im_start|>",
                                                       "<|im_end|>"};

// Pairs in the order in which they are merged: frequent in English text and in lists.
constexpr std::array<std::pair<std::string_view, std::string_view>, 29> merged_pairs = {
    {{" ", "t"},   {" ", "a"}, {"h", "e"},  {"i", "n"},  {"r", "e"}, {"o", "n"},
     {" t", "he"}, {"e", "r"}, {" ", "s"},  {"a", "t"},  {" ", "o"}, {"e", "n"},
     {" ", "c"},   {"i", "t"}, {"i", "s"},  {"a", "n"},  {"o", "r"}, {"e", "s"},
     {" ", "b"},   {"e", "d"}, {" o", "f"}, {"in", "g"}, {" ", "p"}, {" a", "n"},
     {" an", "d"}, {"a", "l"}, {"o", "u"},  {"l", "e"},  {"v", "e"}}};

constexpr std::string_view chatml =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] "
    "+ "
    "'<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' "
    "}}"
    "{% endif %}";

Json tokenizer_json() {
  Json added = Json::array(), merges = Json::array(), vocabulary = Json::object();
  Token next = 0;
  for (const char* token : special_tokens) {
    added.push_back({{"id", next},
                     {"content", token},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
    vocabulary[token] = next++;
  }
  for (int byte = 0; byte < 256; ++byte)
    vocabulary[to_alphabet(std::string(1, static_cast<char>(byte)))] = next++;
  for (const auto& [left, right] : merged_pairs) {
    merges.push_back({to_alphabet(left), to_alphabet(right)});
    vocabulary[to_alphabet(left) + to_alphabet(right)] = next++;
  }
  const Json byte_level{{"type", "ByteLevel"},
                        {"add_prefix_space", false},
                        {"trim_offsets", true},
                        {"use_regex", true}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", vocabulary},
            {"merges", merges}}}};
}

}  // namespace

Checkpoint tiny_checkpoint(std::uint64_t seed) {
  Checkpoint checkpoint;
  checkpoint.config = {.vocabulary_size = 3 + 256 + static_cast<std::int64_t>(merged_pairs.size()),
                       .hidden_size = 64,
                       .intermediate_size = 192,
                       .layer_count = 2,
                       .head_count = 4,
                       .kv_head_count = 2,
                       .head_size = 16,
                       .context_length_max = 2048,
                       .end_tokens = {2},
                       .begin_token = 1};
  checkpoint.weights = random_weights(checkpoint.config, seed);
  const Json settings{{"tokenizer_class", "PreTrainedTokenizerFast"},
                      {"bos_token", "<|im_start|>"},
                      {"eos_token", "<|im_end|>"},
                      {"pad_token", "<|im_end|>"},
                      {"unk_token", "<|endoftext|>"},
                      {"clean_up_tokenization_spaces", false},
                      {"model_max_length", checkpoint.config.context_length_max}};
  auto tokenizer = tokenizer_from_json(tokenizer_json(), settings, "the tiny model's tokenizer");
  auto chat_template = parse_chat_template(std::string{chatml}, "the tiny model's template");
  FLYWHEEL_CHECK(tokenizer.has_value() && chat_template.has_value());
  checkpoint.tokenizer = std::move(*tokenizer);
  checkpoint.chat_template = std::move(*chat_template);
  return checkpoint;
}

}  // namespace flywheel
