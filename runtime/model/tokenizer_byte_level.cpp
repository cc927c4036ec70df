#include "runtime/model/tokenizer_byte_level.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/model/tokenizer_alphabet.hpp"
#include "runtime/model/tokenizer_utf8.hpp"

namespace flywheel {
namespace {

std::size_t id_end_of(const TokenMap& vocabulary) {
  Token last = -1;
  for (const auto& [text, id] : vocabulary) last = std::max(last, id);
  return static_cast<std::size_t>(last) + 1;
}

std::array<Token, 256> byte_tokens_of(const TokenMap& vocabulary) {
  std::array<Token, 256> tokens{};
  for (std::size_t byte = 0; byte < tokens.size(); ++byte) {
    const auto found = vocabulary.find(letter_of(static_cast<unsigned char>(byte)));
    tokens[byte] = found == vocabulary.end() ? -1 : found->second;
  }
  return tokens;
}

}  // namespace

ByteLevelTokenizer::ByteLevelTokenizer(TokenizerParts parts) : parts_(std::move(parts)) {
  const std::size_t id_end = id_end_of(parts_.vocabulary);
  bytes_.resize(id_end);
  special_.resize(id_end);
  for (const auto& [text, id] : parts_.vocabulary)
    bytes_[static_cast<std::size_t>(id)] = from_alphabet(text).value_or(text);

  std::vector<AddedToken> before;
  std::vector<AddedToken> after;
  for (AddedToken token : parts_.added) {
    if (token.special) special_[static_cast<std::size_t>(token.id)] = true;
    if (token.normalized) {
      token.content = parts_.normalizer.apply(token.content);
      bytes_[static_cast<std::size_t>(token.id)] =
          from_alphabet(token.content).value_or(token.content);
    }
    (token.normalized ? after : before).push_back(std::move(token));
  }
  before_normalizing_ = AddedTokens{std::move(before)};
  after_normalizing_ = AddedTokens{std::move(after)};

  // No road leads from plain text to a special token: neither a merge nor a whole word gives one.
  std::erase_if(parts_.merges, [&](const Merge& merge) { return is_special(merge.merged); });
  TokenMap words;
  if (parts_.bpe.ignore_merges) {
    for (const auto& [text, id] : parts_.vocabulary) {
      auto spelled = from_alphabet(text);
      if (spelled && !is_special(id)) words.emplace(std::move(*spelled), id);
    }
  }
  bpe_ = std::make_unique<const Bpe>(byte_tokens_of(parts_.vocabulary), parts_.merges,
                                     std::move(words), parts_.bpe);
  parts_.merges = {};
}

std::vector<Token> ByteLevelTokenizer::encode(std::string_view text, bool parse_special) const {
  std::vector<Token> tokens;
  tokens.reserve(text.size() / 3 + 1);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t valid_size = utf8::valid_size_from(text, at);
    if (valid_size > 0) encode_valid(text.substr(at, valid_size), parse_special, tokens);
    at += valid_size;
    std::size_t end = at;
    while (end < text.size() && utf8::size_at(text, end) == 0) ++end;
    if (end > at) bpe_->encode_word(text.substr(at, end - at), tokens);
    at = end;
  }
  return tokens;
}

void ByteLevelTokenizer::encode_valid(std::string_view text, bool parse_special,
                                      std::vector<Token>& tokens) const {
  const PreTokenizer::Sink take_word = [&](std::string_view word) {
    bpe_->encode_word(word, tokens);
  };
  const AddedTokens::Sink take_normalized = [&](std::string_view piece, const AddedToken* token) {
    if (token != nullptr)
      tokens.push_back(token->id);
    else
      parts_.pre_tokenizer.split(piece, take_word);
  };
  const AddedTokens::Sink take = [&](std::string_view piece, const AddedToken* token) {
    if (token != nullptr) {
      tokens.push_back(token->id);
    } else if (parts_.normalizer.changes_nothing()) {
      after_normalizing_.split(piece, parse_special, take_normalized);
    } else {
      after_normalizing_.split(parts_.normalizer.apply(piece), parse_special, take_normalized);
    }
  };
  before_normalizing_.split(text, parse_special, take);
}

std::string ByteLevelTokenizer::decode(std::span<const Token> tokens, bool skip_special) const {
  std::string text;
  for (const Token token : tokens) {
    if (!is_known(token) || (skip_special && is_special(token))) continue;
    text += bytes_[static_cast<std::size_t>(token)];
  }
  return text;
}

Token ByteLevelTokenizer::token_of(std::string_view token) const {
  const auto found = parts_.vocabulary.find(token);
  return found == parts_.vocabulary.end() ? -1 : found->second;
}

std::string ByteLevelTokenizer::bytes_of(Token token) const {
  return is_known(token) ? bytes_[static_cast<std::size_t>(token)] : std::string{};
}

bool ByteLevelTokenizer::is_special(Token token) const {
  return is_known(token) && special_[static_cast<std::size_t>(token)];
}

Json ByteLevelTokenizer::tokenizer_json() const {
  auto json = parse_json(parts_.source, "tokenizer.json");
  FLYWHEEL_CHECK(json.has_value());  // it was parsed, or written, when this tokenizer was made
  return std::move(*json);
}

}  // namespace flywheel
