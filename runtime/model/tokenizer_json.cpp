// tokenizer.json and tokenizer_config.json of Hugging Face, read.
#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "runtime/model/tokenizer.hpp"
#include "runtime/model/tokenizer_alphabet.hpp"
#include "runtime/model/tokenizer_byte_level.hpp"

namespace flywheel {
namespace {

constexpr Token id_max = std::numeric_limits<Token>::max() / 2;

// How far ids may go beyond the number of tokens: tables by id are as long as the largest.
constexpr std::size_t unused_ids_max = 65'536;

// Reads one file into parts; every refusal names the file.
class Reader {
 public:
  Reader(const Json& json, const std::string& where) : json_(json), where_(where) {}

  Result<TokenizerParts> run() {
    if (!json_.is_object()) return refuse("is not a JSON object");
    FLYWHEEL_TRY_VOID(read_vocabulary());
    FLYWHEEL_TRY_VOID(read_merges());
    FLYWHEEL_TRY_VOID(read_options());
    FLYWHEEL_TRY_VOID(read_added_tokens());
    FLYWHEEL_TRY_VOID(check_ids());
    FLYWHEEL_TRY_VOID(check_decoder(field_or_null(json_, "decoder")));
    FLYWHEEL_TRY(parts_.normalizer,
                 Normalizer::from_json(field_or_null(json_, "normalizer"), where_));
    FLYWHEEL_TRY(parts_.pre_tokenizer,
                 PreTokenizer::from_json(field_or_null(json_, "pre_tokenizer"), where_));
    return std::move(parts_);
  }

 private:
  static Json field_or_null(const Json& object, const char* name) {
    return object.contains(name) ? object.at(name) : Json{};
  }

  tl::unexpected<Error> refuse(const std::string& what) const {
    return fail(Failure::invalid_input, where_ + ": " + what);
  }

  Result<> read_vocabulary() {
    const Json model = field_or_null(json_, "model");
    if (!model.is_object()) return refuse("field 'model' is missing");
    const std::string type = model.value("type", "BPE");
    if (type != "BPE") return refuse("model type '" + type + "' is not supported (known: BPE)");
    const Json vocabulary = field_or_null(model, "vocab");
    if (!vocabulary.is_object() || vocabulary.empty()) return refuse("model.vocab is missing");
    parts_.vocabulary.reserve(vocabulary.size());
    for (const auto& [text, id] : vocabulary.items()) {
      if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() > id_max)
        return refuse("the id of token '" + text + "' is not a number that fits");
      parts_.vocabulary.emplace(text, id.get<Token>());
    }
    return {};
  }

  Result<> check_ids() const {
    const std::size_t count_max = 2 * parts_.vocabulary.size() + unused_ids_max;
    for (const auto& [text, id] : parts_.vocabulary)
      if (static_cast<std::size_t>(id) >= count_max)
        return refuse("the id of token '" + text + "' is " + std::to_string(id) +
                      ", far above the " + std::to_string(parts_.vocabulary.size()) +
                      " tokens there are");
    return {};
  }

  // A merge is "left right", or since tokenizers 0.20 ["left", "right"].
  Result<> read_merges() {
    const Json& model = json_.at("model");
    if (!model.contains("merges") || !model.at("merges").is_array())
      return refuse("model.merges is missing");
    parts_.merges.reserve(model.at("merges").size());
    for (const Json& merge : model.at("merges")) {
      std::string left;
      std::string right;
      if (merge.is_string()) {
        const auto& text = merge.get_ref<const std::string&>();
        const std::size_t space = text.find(' ');
        if (space == text.npos) return refuse("merge '" + text + "' has no space");
        left = text.substr(0, space);
        right = text.substr(space + 1);
      } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
                 merge[1].is_string()) {
        left = merge[0].get<std::string>();
        right = merge[1].get<std::string>();
      } else {
        return refuse("a merge is neither 'left right' nor a pair");
      }
      FLYWHEEL_TRY(const Token left_id, token_in_merge(left, left + " " + right));
      FLYWHEEL_TRY(const Token right_id, token_in_merge(right, left + " " + right));
      FLYWHEEL_TRY(const Token merged_id, token_in_merge(left + right, left + " " + right));
      parts_.merges.push_back({left_id, right_id, merged_id});
    }
    return {};
  }

  Result<Token> token_in_merge(const std::string& token, const std::string& merge) const {
    const auto found = parts_.vocabulary.find(token);
    if (found == parts_.vocabulary.end())
      return refuse("merge '" + merge + "' needs token '" + token + "', which is not in vocab");
    return found->second;
  }

  Result<> read_options() {
    const Json& model = json_.at("model");
    const auto is_set = [&](const char* name) {
      return model.contains(name) && !model.at(name).is_null() && model.at(name) != Json("") &&
             model.at(name) != Json(false);
    };
    if (is_set("dropout") && model.at("dropout") != Json(0.0))
      return refuse("model.dropout is set; only deterministic BPE is supported");
    for (const char* name : {"byte_fallback", "continuing_subword_prefix", "end_of_word_suffix"})
      if (is_set(name))
        return refuse("model." + std::string{name} + " is set; byte-level BPE has no use for it");
    parts_.bpe.ignore_merges = is_set("ignore_merges");
    parts_.bpe.fuse_unknown = is_set("fuse_unk");
    if (is_set("unk_token")) {
      FLYWHEEL_TRY(const auto token, json_field<std::string>(model, "unk_token", where_));
      const auto found = parts_.vocabulary.find(token);
      if (found == parts_.vocabulary.end())
        return refuse("unk_token '" + token + "' is not in vocab");
      parts_.bpe.unknown_token = found->second;
    }
    return {};
  }

  Result<> read_added_tokens() {
    const Json added = field_or_null(json_, "added_tokens");
    if (added.is_null()) return {};
    if (!added.is_array()) return refuse("added_tokens is not a list");
    for (const Json& entry : added) {
      AddedToken token;
      FLYWHEEL_TRY(token.id, json_field<Token>(entry, "id", where_));
      FLYWHEEL_TRY(token.content, json_field<std::string>(entry, "content", where_));
      const std::pair<const char*, bool*> flags[] = {{"special", &token.special},
                                                     {"normalized", &token.normalized},
                                                     {"lstrip", &token.lstrip},
                                                     {"rstrip", &token.rstrip},
                                                     {"single_word", &token.single_word}};
      for (const auto& [name, flag] : flags) {
        FLYWHEEL_TRY(*flag, json_field<bool>(entry, name, where_));
      }
      FLYWHEEL_TRY_VOID(check_added(token));
      parts_.vocabulary.emplace(token.content, token.id);
      parts_.added.push_back(std::move(token));
    }
    return {};
  }

  Result<> check_added(const AddedToken& token) const {
    if (token.content.empty()) return refuse("an added token is empty");
    if (token.id < 0 || token.id > id_max)
      return refuse("the id of added token '" + token.content + "' does not fit");
    const auto found = parts_.vocabulary.find(token.content);
    if (found != parts_.vocabulary.end() && found->second != token.id)
      return refuse("token '" + token.content + "' has id " + std::to_string(token.id) +
                    " in added_tokens and " + std::to_string(found->second) + " in vocab");
    const auto spelled = from_alphabet(token.content);
    if (token.special && spelled && spelled->size() == 1)
      return refuse("special token '" + token.content + "' is also the token of a plain byte");
    return {};
  }

  Result<> check_decoder(const Json& decoder) const {
    if (decoder.is_object() && decoder.value("type", "") == "ByteLevel") return {};
    if (decoder.is_object() && decoder.value("type", "") == "Sequence" &&
        decoder.contains("decoders") && decoder.at("decoders").size() == 1)
      return check_decoder(decoder.at("decoders")[0]);
    return refuse("the decoder is not ByteLevel; only byte-level BPE is supported");
  }

  const Json& json_;
  const std::string& where_;
  TokenizerParts parts_{};
};

// A token of tokenizer_config.json is its text, or an object with its text as "content".
Result<Token> configured_token(const Json& config, const char* name, const TokenMap& vocabulary,
                               const std::string& where) {
  if (!config.is_object() || !config.contains(name) || config.at(name).is_null()) return -1;
  const Json& value = config.at(name);
  std::string text;
  if (value.is_string()) {
    text = value.get<std::string>();
  } else {
    FLYWHEEL_TRY(text, json_field<std::string>(value, "content", where + ": " + name));
  }
  const auto found = vocabulary.find(text);
  if (found == vocabulary.end())
    return fail(Failure::invalid_input, where + ": " + name + " '" + text +
                                            "' of tokenizer_config.json is not in the vocabulary");
  return found->second;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> tokenizer_from_json(const Json& tokenizer,
                                                             const Json& config,
                                                             const std::string& where) {
  try {
    FLYWHEEL_TRY(TokenizerParts parts, (Reader{tokenizer, where}.run()));
    FLYWHEEL_TRY(parts.begin_token, configured_token(config, "bos_token", parts.vocabulary, where));
    FLYWHEEL_TRY(parts.end_token, configured_token(config, "eos_token", parts.vocabulary, where));
    parts.source = dump_json(tokenizer);
    parts.config = config;
    return std::make_shared<const ByteLevelTokenizer>(std::move(parts));
  } catch (const Json::exception& error) {
    return fail(Failure::invalid_input, where + ": " + error.what());
  }
}

}  // namespace flywheel
