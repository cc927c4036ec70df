// A tokenizer from GGUF metadata: it is written as the tokenizer.json that its model was published
// with, and read from that, so what we save is what we use.
#include <utility>

#include "runtime/model/tokenizer.hpp"

namespace flywheel {
namespace {

constexpr std::int32_t control_token = 3;
constexpr std::int32_t user_defined_token = 4;

struct PreTokenizerPreset {
  Json normalizer{};
  Json pre_tokenizer{};
  bool ignore_merges = false;
};

Json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

Json sequence(Json first, Json second) {
  return {{"type", "Sequence"},
          {"pretokenizers", Json::array({std::move(first), std::move(second)})}};
}

Json isolated_split(const char* pattern) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", pattern}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

// What each name of tokenizer.ggml.pre stands for in the tokenizer.json of the models that carry
// it.
Result<PreTokenizerPreset> preset_of(const std::string& name, const std::string& where) {
  if (name == "smollm")
    return PreTokenizerPreset{
        {}, sequence({{"type", "Digits"}, {"individual_digits", true}}, byte_level(true))};
  if (name == "gpt-2") return PreTokenizerPreset{{}, byte_level(true)};
  if (name == "llama-bpe" || name == "llama3" || name == "llama-v3") {
    constexpr const char* pattern =
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
        R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
    return PreTokenizerPreset{{}, sequence(isolated_split(pattern), byte_level(false)), true};
  }
  if (name == "qwen2" || name == "deepseek-r1-qwen") {
    constexpr const char* pattern =
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
        R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
    return PreTokenizerPreset{{{"type", "NFC"}},
                              sequence(isolated_split(pattern), byte_level(false))};
  }
  return fail(Failure::invalid_input,
              where + ": tokenizer.ggml.pre '" + name +
                  "' is not known (known: smollm, gpt-2, llama-bpe, qwen2); load the model's "
                  "Hugging Face folder instead");
}

Json added_token(const std::string& content, std::size_t id, bool special) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", special}};
}

// Puts the begin token before every text, as `tokenizers` does for Llama-3; our encode() never
// does.
Json begin_token_processor(const std::string& token, Token id) {
  const Json begin = {{"SpecialToken", {{"id", token}, {"type_id", 0}}}};
  const auto text = [](const char* name, int type) {
    return Json{{"Sequence", {{"id", name}, {"type_id", type}}}};
  };
  const Json begin_again = {{"SpecialToken", {{"id", token}, {"type_id", 1}}}};
  const Json known = {{"id", token}, {"ids", {id}}, {"tokens", {token}}};
  return {{"type", "TemplateProcessing"},
          {"single", Json::array({begin, text("A", 0)})},
          {"pair", Json::array({begin, text("A", 0), begin_again, text("B", 1)})},
          {"special_tokens", {{token, known}}}};
}

Result<> check(const GgufVocabulary& vocabulary, const std::string& where) {
  const auto refuse = [&](const std::string& what) {
    return fail(Failure::invalid_input, where + ": " + what);
  };
  if (vocabulary.tokens.empty()) return refuse("tokenizer.ggml.tokens is empty");
  if (vocabulary.merges.empty()) return refuse("tokenizer.ggml.merges is empty");
  if (vocabulary.token_types.size() != vocabulary.tokens.size())
    return refuse("tokenizer.ggml.token_type has " + std::to_string(vocabulary.token_types.size()) +
                  " entries for " + std::to_string(vocabulary.tokens.size()) + " tokens");
  const std::pair<const char*, Token> named[] = {{"bos", vocabulary.begin_token},
                                                 {"eos", vocabulary.end_token},
                                                 {"unknown", vocabulary.unknown_token},
                                                 {"padding", vocabulary.padding_token}};
  for (const auto& [name, token] : named)
    if (token >= 0 && static_cast<std::size_t>(token) >= vocabulary.tokens.size())
      return refuse("tokenizer.ggml." + std::string{name} + "_token_id " + std::to_string(token) +
                    " is outside the vocabulary");
  if (vocabulary.add_begin_token && vocabulary.begin_token < 0)
    return refuse("tokenizer.ggml.add_bos_token is set without bos_token_id");
  return {};
}

Json config_of(const GgufVocabulary& vocabulary) {
  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                 {"clean_up_tokenization_spaces", false},
                 {"model_input_names", {"input_ids", "attention_mask"}}};
  const std::pair<const char*, Token> named[] = {{"bos_token", vocabulary.begin_token},
                                                 {"eos_token", vocabulary.end_token},
                                                 {"unk_token", vocabulary.unknown_token},
                                                 {"pad_token", vocabulary.padding_token}};
  for (const auto& [name, token] : named)
    if (token >= 0) config[name] = vocabulary.tokens[static_cast<std::size_t>(token)];
  if (!vocabulary.chat_template.empty()) config["chat_template"] = vocabulary.chat_template;
  return config;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> tokenizer_from_gguf(GgufVocabulary vocabulary,
                                                             const std::string& where) {
  FLYWHEEL_TRY_VOID(check(vocabulary, where));
  FLYWHEEL_TRY(PreTokenizerPreset preset, preset_of(vocabulary.pre_tokenizer, where));

  Json words = Json::object();
  Json added = Json::array();
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string& token = vocabulary.tokens[id];
    const std::int32_t type = vocabulary.token_types[id];
    if (!words.emplace(token, id).second)
      return fail(Failure::invalid_input,
                  where + ": token '" + token + "' is in tokenizer.ggml.tokens twice");
    if (type == control_token || type == user_defined_token)
      added.push_back(added_token(token, id, type == control_token));
  }
  Json post_processor;
  if (vocabulary.add_begin_token)
    post_processor =
        begin_token_processor(vocabulary.tokens[static_cast<std::size_t>(vocabulary.begin_token)],
                              vocabulary.begin_token);
  const Json tokenizer = {{"version", "1.0"},
                          {"truncation", nullptr},
                          {"padding", nullptr},
                          {"added_tokens", std::move(added)},
                          {"normalizer", std::move(preset.normalizer)},
                          {"pre_tokenizer", std::move(preset.pre_tokenizer)},
                          {"post_processor", std::move(post_processor)},
                          {"decoder",
                           {{"type", "ByteLevel"},
                            {"add_prefix_space", true},
                            {"trim_offsets", true},
                            {"use_regex", true}}},
                          {"model",
                           {{"type", "BPE"},
                            {"dropout", nullptr},
                            {"unk_token", nullptr},
                            {"continuing_subword_prefix", nullptr},
                            {"end_of_word_suffix", nullptr},
                            {"fuse_unk", false},
                            {"byte_fallback", false},
                            {"ignore_merges", preset.ignore_merges},
                            {"vocab", std::move(words)},
                            {"merges", std::move(vocabulary.merges)}}}};
  return tokenizer_from_json(tokenizer, config_of(vocabulary), where);
}

}  // namespace flywheel
