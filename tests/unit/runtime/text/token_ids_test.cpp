#include <doctest/doctest.h>

#include "runtime/model/tokenizer.hpp"
#include "tests/unit/runtime/text/gguf_vocabulary.hpp"
#include "tests/unit/runtime/text/text_corpus.hpp"

using namespace flywheel;
using TokenizerPointer = std::shared_ptr<const Tokenizer>;

namespace {

constexpr std::size_t chunk_bytes = 20'000;

const Json& goldens() {
  static const Json json = golden::read_json("token_ids.json");
  return json;
}

TokenizerPointer smollm() {
  static const TokenizerPointer tokenizer =
      tokenizer_from_gguf(golden::smollm_vocabulary(), "SmolLM2").value();
  return tokenizer;
}

TokenizerPointer small(const std::string& name, const Json& patch = Json::object()) {
  Json json = golden::read_json(name);
  json.merge_patch(patch);
  auto tokenizer = tokenizer_from_json(json, Json{}, name);
  REQUIRE_MESSAGE(tokenizer.has_value(), tokenizer.error().message);
  return *tokenizer;
}

// Returns the bytes of text that were compared.
std::size_t check_chunks(const Tokenizer& tokenizer, const Json& rows) {
  static const auto pieces = golden::load_pieces();
  std::size_t size = 0;
  for (const Json& row : rows) {
    const auto seed = row.at("seed").get<std::uint64_t>();
    CAPTURE(seed);
    const std::string text = golden::make_chunk(seed, pieces, chunk_bytes);
    REQUIRE(golden::hash_of(text) == row.at("text").get<std::string>());
    const auto ids = tokenizer.encode(text, true);
    CHECK(ids.size() == row.at("count").get<std::size_t>());
    CHECK(golden::hash_of_ids(ids) == row.at("ids").get<std::string>());
    CHECK(golden::hash_of_ids(tokenizer.encode(text, false)) ==
          row.at("plain_ids").get<std::string>());
    // `tokenizers` replaces what is not UTF-8 where ours gives the bytes.
    CHECK(golden::hash_of(utf8::replace_invalid(tokenizer.decode(ids, true))) ==
          row.at("decoded").get<std::string>());
    size += text.size();
  }
  return size;
}

void check_samples(const Tokenizer& tokenizer, const Json& rows) {
  REQUIRE(!rows.empty());
  for (const Json& row : rows) {
    const auto text = row.at("text").get<std::string>();
    CAPTURE(text);
    CHECK(Json(tokenizer.encode(text, true)) == row.at("ids"));
    CHECK(Json(tokenizer.encode(text, false)) == row.at("plain_ids"));
  }
}

}  // namespace

TEST_SUITE("text/token_ids") {
  TEST_CASE("SmolLM2 read from GGUF gives the ids of tokenizers on more than 1 MB of mixed text") {
    CHECK(check_chunks(*smollm(), goldens().at("smollm2").at("chunks")) > 1'000'000);
    check_samples(*smollm(), goldens().at("smollm2").at("samples"));
  }

  TEST_CASE(
      "what we write of SmolLM2 is, byte for byte, what transformers loaded for the goldens") {
    const Json& expected = goldens().at("smollm2");
    CHECK(golden::hash_of(dump_json(smollm()->tokenizer_json())) ==
          expected.at("tokenizer_json").get<std::string>());
    CHECK(dump_json(smollm()->tokenizer_config_json()) ==
          expected.at("tokenizer_config_json").get<std::string>());
  }

  TEST_CASE("a Llama-3 pre-tokenizer with ignore_merges gives the ids of tokenizers") {
    const auto tokenizer = small("llama3_small.json");
    CHECK(check_chunks(*tokenizer, goldens().at("llama3_small").at("chunks")) > 1'000'000);
    check_samples(*tokenizer, goldens().at("llama3_small").at("samples"));
  }

  TEST_CASE("a Qwen2 pre-tokenizer with NFC gives the ids of tokenizers") {
    const auto tokenizer = small("qwen2_small.json");
    CHECK(check_chunks(*tokenizer, goldens().at("qwen2_small").at("chunks")) > 1'000'000);
    check_samples(*tokenizer, goldens().at("qwen2_small").at("samples"));
  }

  TEST_CASE("every step and option of a pre-tokenizer does what it does in tokenizers") {
    REQUIRE(goldens().at("variants").size() >= 10);
    for (const Json& variant : goldens().at("variants")) {
      const auto name = variant.at("name").get<std::string>();
      CAPTURE(name);
      const auto tokenizer = small("llama3_small.json", variant.at("patch"));
      check_chunks(*tokenizer, variant.at("chunks"));
      check_samples(*tokenizer, variant.at("samples"));
    }
  }
}
