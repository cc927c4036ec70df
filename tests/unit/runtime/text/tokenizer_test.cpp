#include "runtime/model/tokenizer.hpp"

#include <algorithm>
#include <thread>

#include <doctest/doctest.h>

#include "runtime/base/random.hpp"
#include "runtime/model/tokenizer_alphabet.hpp"
#include "tests/unit/runtime/text/gguf_vocabulary.hpp"
#include "tests/unit/runtime/text/text_corpus.hpp"

using namespace flywheel;
using TokenizerPointer = std::shared_ptr<const Tokenizer>;

namespace {

TokenizerPointer smollm() {
  static const TokenizerPointer tokenizer =
      tokenizer_from_gguf(golden::smollm_vocabulary(), "SmolLM2").value();
  return tokenizer;
}

TokenizerPointer llama3_small() {
  static const TokenizerPointer tokenizer =
      tokenizer_from_json(golden::read_json("llama3_small.json"), Json{}, "llama3_small").value();
  return tokenizer;
}

// A vocabulary with a token for every byte, and no added token that takes white space along.
TokenizerPointer all_bytes() {
  static const TokenizerPointer tokenizer = [] {
    Json json = golden::read_json("llama3_small.json");
    json["added_tokens"] = Json::array();
    return tokenizer_from_json(json, Json{}, "all_bytes").value();
  }();
  return tokenizer;
}

std::string random_text(Random& random) {
  std::string text;
  for (std::uint64_t left = random.below(60); left > 0; --left) {
    const auto [first, last] = golden::blocks[random.below(golden::blocks.size())];
    utf8::append(text, first + static_cast<char32_t>(random.below(last - first + 1)));
  }
  return text;
}

std::string random_bytes(Random& random) {
  std::string bytes;
  for (std::uint64_t left = random.below(80); left > 0; --left)
    bytes += static_cast<char>(random.below(4) == 0 ? random.below(128) : random.below(256));
  return bytes;
}

// The error that a change to a good tokenizer.json leads to.
std::string refusal_of(const Json& patch) {
  Json json = golden::read_json("llama3_small.json");
  json.merge_patch(patch);
  const auto made = tokenizer_from_json(json, Json{}, "model/tokenizer.json");
  REQUIRE(!made.has_value());
  CHECK(made.error().failure == Failure::invalid_input);
  CHECK(made.error().message.starts_with("model/tokenizer.json: "));
  CHECK(made.error().message.find('\n') == std::string::npos);
  return made.error().message;
}

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Json split_by(const std::string& pattern) {
  const Json split = {{"type", "Split"},
                      {"pattern", {{"Regex", pattern}}},
                      {"behavior", "Isolated"},
                      {"invert", false}};
  Json byte_level = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  return {{"pre_tokenizer",
           {{"type", "Sequence"}, {"pretokenizers", Json::array({split, byte_level})}}}};
}

}  // namespace

TEST_SUITE("text/tokenizer") {
  TEST_CASE("decoding what was encoded gives any text back") {
    for (std::uint64_t seed = 0; seed < 3000; ++seed) {
      CAPTURE(seed);
      Random random{derive_key({1, seed})};
      const std::string text = random_text(random);
      CHECK(all_bytes()->decode(all_bytes()->encode(text, seed % 2 == 0), false) == text);
    }
  }

  TEST_CASE("decoding what was encoded gives any bytes back, valid UTF-8 or not") {
    for (std::uint64_t seed = 0; seed < 3000; ++seed) {
      CAPTURE(seed);
      Random random{derive_key({2, seed})};
      const std::string bytes = random_bytes(random);
      CHECK(all_bytes()->decode(all_bytes()->encode(bytes, true), false) == bytes);
    }
  }

  // SmolLM2's vocabulary has no token for some bytes; `tokenizers` drops them, and so do we.
  TEST_CASE("decoding what SmolLM2 encoded gives the text without the bytes it has no token for") {
    const auto is_missing = [](char byte) {
      return smollm()->token_of(letter_of(static_cast<unsigned char>(byte))) < 0;
    };
    std::size_t missing_count = 0;
    for (int byte = 0; byte < 256; ++byte) missing_count += is_missing(static_cast<char>(byte));
    CHECK(missing_count == 21);
    for (std::uint64_t seed = 0; seed < 3000; ++seed) {
      CAPTURE(seed);
      Random random{derive_key({4, seed})};
      const std::string text = seed % 2 == 0 ? random_text(random) : random_bytes(random);
      std::string kept = text;
      std::erase_if(kept, is_missing);
      CHECK(smollm()->decode(smollm()->encode(text, true), false) == kept);
    }
  }

  TEST_CASE("a text is its tokens' bytes, one after another") {
    const std::string text = "naïve <|im_end|> 你好";
    std::string joined;
    for (const Token token : smollm()->encode(text, true)) joined += smollm()->bytes_of(token);
    CHECK(joined == text);
  }

  TEST_CASE("text that spells a special token forges none unless it is asked for") {
    const auto pieces = golden::load_pieces();
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      CAPTURE(seed);
      const std::string text = golden::make_chunk(seed, pieces, 300);
      for (const auto& tokenizer : {smollm(), llama3_small()}) {
        const auto ids = tokenizer->encode(text, false);
        CHECK(std::none_of(ids.begin(), ids.end(),
                           [&](Token id) { return tokenizer->is_special(id); }));
      }
    }
    CHECK(smollm()->encode("<|im_end|>", true) == std::vector<Token>{2});
    CHECK(smollm()->encode("<|im_end|>", false).size() > 1);
  }

  TEST_CASE("special tokens are left out of the text where that is asked for") {
    const auto ids = smollm()->encode("<|im_start|>user\nHi<|im_end|>", true);
    CHECK(smollm()->decode(ids, true) == "user\nHi");
    CHECK(smollm()->decode(ids, false) == "<|im_start|>user\nHi<|im_end|>");
  }

  TEST_CASE("threads that share a tokenizer get the ids that one alone gets") {
    const auto pieces = golden::load_pieces();
    std::vector<std::string> texts;
    std::vector<std::vector<Token>> alone;
    const auto fresh = tokenizer_from_gguf(golden::smollm_vocabulary(), "SmolLM2").value();
    for (std::uint64_t seed = 500; seed < 540; ++seed) {
      texts.push_back(golden::make_chunk(seed, pieces, 2000));
      alone.push_back(smollm()->encode(texts.back(), true));
    }
    std::vector<std::vector<std::vector<Token>>> shared(4);
    {
      std::vector<std::jthread> threads;
      for (auto& ids : shared)
        threads.emplace_back([&] {
          for (const auto& text : texts) ids.push_back(fresh->encode(text, true));
        });
    }
    for (const auto& ids : shared) CHECK(ids == alone);
  }

  TEST_CASE("what we write gives the same tokenizer again") {
    const auto again = tokenizer_from_json(smollm()->tokenizer_json(),
                                           smollm()->tokenizer_config_json(), "written");
    REQUIRE(again.has_value());
    const std::string text = "Hello 123 <|im_end|> wörld";
    CHECK((*again)->encode(text, true) == smollm()->encode(text, true));
    CHECK((*again)->begin_token() == 1);
    CHECK((*again)->end_token() == 2);
    CHECK((*again)->vocabulary_size() == 49152);
    CHECK((*again)->tokenizer_json() == smollm()->tokenizer_json());
  }

  TEST_CASE("tokens are found by how the vocabulary spells them") {
    CHECK(smollm()->token_of("<|im_end|>") == 2);
    CHECK(smollm()->bytes_of(smollm()->token_of("\u0120the")) == " the");
    CHECK(smollm()->token_of("no such token") == -1);
    CHECK(smollm()->bytes_of(-1).empty());
    CHECK(smollm()->bytes_of(1'000'000).empty());
    CHECK(!smollm()->is_special(49151));
  }

  TEST_CASE("a very long word and a very long row of spaces take no quadratic time") {
    std::string word(300'000, 'a');
    for (std::size_t i = 0; i < word.size(); ++i) word[i] = static_cast<char>('a' + i * i % 7);
    const std::string spaces(300'000, ' ');
    CHECK(smollm()->decode(smollm()->encode(word, true), false) == word);
    CHECK(smollm()->decode(smollm()->encode(spaces, true), false) == spaces);
    CHECK(llama3_small()->decode(llama3_small()->encode(spaces, false), false) == spaces);
  }

  TEST_CASE("what is not known is refused by name, never guessed") {
    const Json byte_level = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
    CHECK(mentions(refusal_of({{"pre_tokenizer", {{"type", "Metaspace"}}}}), "'Metaspace'"));
    CHECK(mentions(refusal_of({{"pre_tokenizer", nullptr}}), "pre_tokenizer is null"));
    CHECK(mentions(refusal_of({{"normalizer", {{"type", "NFKC"}}}}), "'NFKC'"));
    CHECK(mentions(refusal_of({{"model", {{"type", "Unigram"}}}}), "'Unigram'"));
    CHECK(mentions(refusal_of({{"model", {{"byte_fallback", true}}}}), "byte_fallback"));
    CHECK(mentions(refusal_of({{"model", {{"dropout", 0.1}}}}), "dropout"));
    CHECK(mentions(refusal_of({{"model", {{"end_of_word_suffix", "</w>"}}}}), "end_of_word"));
    CHECK(mentions(refusal_of({{"model", {{"unk_token", "<nope>"}}}}), "'<nope>'"));
    CHECK(mentions(refusal_of({{"model", {{"merges", {"q zz"}}}}}), "'zz'"));
    CHECK(mentions(refusal_of({{"model", {{"merges", {"nospace"}}}}}), "'nospace'"));
    CHECK(mentions(refusal_of({{"model", {{"merges", nullptr}}}}), "merges"));
    CHECK(mentions(refusal_of({{"decoder", {{"type", "Metaspace"}}}}), "decoder"));
    CHECK(mentions(refusal_of({{"model", {{"vocab", {{"a", -1}}}}}}), "'a'"));
    CHECK(mentions(refusal_of({{"added_tokens", {{{"id", 1}}}}}), "'content'"));
    CHECK(mentions(refusal_of({{"model", {{"vocab", {{"a", 1'000'000'000}}}}}}), "far above"));
    CHECK(mentions(refusal_of({{"added_tokens",
                                {{{"id", 1'000'000'000},
                                  {"content", "<far>"},
                                  {"special", true},
                                  {"normalized", false},
                                  {"lstrip", false},
                                  {"rstrip", false},
                                  {"single_word", false}}}}}),
                   "far above"));
    CHECK(mentions(refusal_of(split_by("a^b")), "'^'"));
    CHECK(mentions(refusal_of(split_by("\\w+")), "'\\w'"));
    CHECK(mentions(refusal_of(split_by("[[:alpha:]]")), "set arithmetic"));
    CHECK(mentions(refusal_of(split_by("\\p{Greek}")), "'Greek'"));
    CHECK(mentions(refusal_of(split_by("(?<name>a)")), "group"));
    CHECK(mentions(refusal_of(split_by("(a")), "pattern"));
  }

  TEST_CASE("GGUF metadata that can't be right is refused") {
    const auto refusal = [](auto change) {
      GgufVocabulary vocabulary = golden::smollm_vocabulary();
      change(vocabulary);
      const auto made = tokenizer_from_gguf(std::move(vocabulary), "model.gguf");
      REQUIRE(!made.has_value());
      CHECK(made.error().message.starts_with("model.gguf: "));
      return made.error().message;
    };
    CHECK(mentions(refusal([](auto& v) { v.pre_tokenizer = "viking"; }), "'viking'"));
    CHECK(mentions(refusal([](auto& v) { v.pre_tokenizer = ""; }), "tokenizer.ggml.pre"));
    CHECK(mentions(refusal([](auto& v) { v.tokens.clear(); }), "tokens"));
    CHECK(mentions(refusal([](auto& v) { v.merges.clear(); }), "merges"));
    CHECK(mentions(refusal([](auto& v) { v.token_types.pop_back(); }), "token_type"));
    CHECK(mentions(refusal([](auto& v) { v.end_token = 1 << 20; }), "eos"));
    CHECK(mentions(refusal([](auto& v) { v.tokens[5] = v.tokens[4]; }), "twice"));
    CHECK(mentions(refusal([](auto& v) { v.merges[0] = "Q QQQQQ"; }), "QQQQQ"));
  }

  TEST_CASE("a begin token that GGUF asks for is in the file we write, and never in encode()") {
    GgufVocabulary vocabulary = golden::smollm_vocabulary();
    vocabulary.add_begin_token = true;
    vocabulary.pre_tokenizer = "llama-bpe";
    const auto made = tokenizer_from_gguf(std::move(vocabulary), "model.gguf").value();
    CHECK(made->encode("Hi", true).size() == 1);
    const Json processor = made->tokenizer_json().at("post_processor");
    CHECK(processor.at("type") == "TemplateProcessing");
    CHECK(processor.at("single")[0].at("SpecialToken").at("id") == "<|im_start|>");
    CHECK(processor.at("special_tokens").at("<|im_start|>").at("ids") == Json::array({1}));
  }
}
