// ByteLevelTokenizer is the one Tokenizer: added tokens, normalizer, pre-tokenizer, BPE, in this
// order.
//
// Guarantees: those of Tokenizer. Bytes that are not UTF-8 go to BPE as a word of their own.
// Threads:    const after construction.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/model/pre_tokenizer.hpp"
#include "runtime/model/tokenizer.hpp"
#include "runtime/model/tokenizer_added.hpp"
#include "runtime/model/tokenizer_bpe.hpp"
#include "runtime/model/tokenizer_normalizer.hpp"

namespace flywheel {

// What a tokenizer.json says, checked.
struct TokenizerParts {
  TokenMap vocabulary{};  // the model's own tokens and the added ones, as their file spells them
  std::vector<Merge> merges{};
  BpeOptions bpe{};
  Normalizer normalizer{};
  PreTokenizer pre_tokenizer{};
  std::vector<AddedToken> added{};
  Token begin_token = -1;
  Token end_token = -1;
  std::string source{};  // the tokenizer.json itself
  Json config{};         // tokenizer_config.json
};

class ByteLevelTokenizer final : public Tokenizer {
 public:
  explicit ByteLevelTokenizer(TokenizerParts parts);

  std::vector<Token> encode(std::string_view text, bool parse_special) const override;
  std::string decode(std::span<const Token> tokens, bool skip_special) const override;
  std::size_t vocabulary_size() const override { return bytes_.size(); }
  Token token_of(std::string_view token) const override;
  std::string bytes_of(Token token) const override;
  bool is_special(Token token) const override;
  Token begin_token() const override { return parts_.begin_token; }
  Token end_token() const override { return parts_.end_token; }
  Json tokenizer_json() const override;
  Json tokenizer_config_json() const override { return parts_.config; }

 private:
  bool is_known(Token token) const {
    return token >= 0 && static_cast<std::size_t>(token) < bytes_.size();
  }
  void encode_valid(std::string_view text, bool parse_special, std::vector<Token>& tokens) const;

  TokenizerParts parts_;
  std::vector<std::string> bytes_{};  // by id: what each token decodes to
  std::vector<bool> special_{};       // by id
  AddedTokens before_normalizing_{};
  AddedTokens after_normalizing_{};
  std::unique_ptr<const Bpe> bpe_{};
};

}  // namespace flywheel
