#include "runtime/model/tokenizer_added.hpp"

#include <algorithm>
#include <utility>

#include "runtime/model/tokenizer_utf8.hpp"

namespace flywheel {
namespace {

bool ends_with_word(std::string_view text) {
  return !text.empty() &&
         utf8::is_word(utf8::code_point_at(text, utf8::start_before(text, text.size())));
}

bool starts_with_word(std::string_view text) {
  return !text.empty() && utf8::is_word(utf8::code_point_at(text, 0));
}

std::size_t without_space_before(std::string_view text, std::size_t at) {
  while (at > 0) {
    const std::size_t before = utf8::start_before(text, at);
    if (!utf8::is_space(utf8::code_point_at(text, before))) break;
    at = before;
  }
  return at;
}

std::size_t past_space(std::string_view text, std::size_t at) {
  while (at < text.size() && utf8::is_space(utf8::code_point_at(text, at)))
    at += utf8::size_at(text, at);
  return at;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    if (tokens_[i].content.empty()) continue;
    std::size_t node = 0;
    for (const char c : tokens_[i].content) {
      const auto [next, is_new] = nodes_[node].next.try_emplace(c, nodes_.size());
      node = next->second;
      if (is_new) nodes_.emplace_back();
    }
    nodes_[node].token = static_cast<int>(i);
    starts_[static_cast<unsigned char>(tokens_[i].content.front())] = true;
  }
}

const AddedToken* AddedTokens::longest_at(std::string_view text, std::size_t at) const {
  const AddedToken* longest = nullptr;
  std::size_t node = 0;
  while (at < text.size()) {
    const auto next = nodes_[node].next.find(text[at++]);
    if (next == nodes_[node].next.end()) break;
    node = next->second;
    if (nodes_[node].token >= 0) longest = &tokens_[static_cast<std::size_t>(nodes_[node].token)];
  }
  return longest;
}

void AddedTokens::split(std::string_view valid_text, bool parse_special, const Sink& sink) const {
  std::size_t done = 0;
  std::size_t at = 0;
  while (at < valid_text.size()) {
    if (!starts_[static_cast<unsigned char>(valid_text[at])]) {
      ++at;
      continue;
    }
    const AddedToken* token = longest_at(valid_text, at);
    if (token == nullptr) {
      ++at;
      continue;
    }
    std::size_t start = at;
    std::size_t end = at + token->content.size();
    at = end;  // a match that is set aside below still hides the shorter ones inside it
    if (token->special && !parse_special) continue;
    if (token->single_word &&
        (ends_with_word(valid_text.substr(0, start)) || starts_with_word(valid_text.substr(end))))
      continue;
    if (token->lstrip) start = std::max(without_space_before(valid_text, start), done);
    if (token->rstrip) end = past_space(valid_text, end);
    if (done < start) sink(valid_text.substr(done, start - done), nullptr);
    sink(valid_text.substr(start, end - start), token);
    done = end;
  }
  if (done < valid_text.size()) sink(valid_text.substr(done), nullptr);
}

}  // namespace flywheel
