// Safetensors: what is written is read again; hostile headers are refused.
#include "runtime/model/safetensors.hpp"

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "runtime/base/json.hpp"
#include "tests/unit/runtime/model_files/test_files.hpp"

using namespace flywheel;
using namespace flywheel::test;

namespace {

std::string file_of(const std::string& header, const std::string& data) {
  std::string bytes;
  append(bytes, std::uint64_t{header.size()});
  return bytes + header + data;
}

std::string refusal_of(const std::string& bytes) {
  const TemporaryFolder folder;
  write_file(folder / "model.safetensors", bytes);
  const auto file = SafetensorsFile::open(folder / "model.safetensors");
  return file ? "" : file.error().message;
}

std::string entry(const std::string& name, const std::string& type, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" +
         offsets + "}";
}

}  // namespace

TEST_SUITE("runtime/model/safetensors") {
  TEST_CASE("what is written is read again, of every type and shape") {
    const TemporaryFolder folder;
    const std::string wide = floats(6, -1.5F), narrow("\x80\x3f\x00\xc0", 4), half("\x00\x3c", 2);
    const std::vector<SafetensorsPart> parts = {
        {"b.wide", SafetensorsType::f32, {2, 3}, std::as_bytes(std::span{wide})},
        {"a.narrow", SafetensorsType::bf16, {2}, std::as_bytes(std::span{narrow})},
        {"none", SafetensorsType::f32, {0, 4}, {}},
        {"half", SafetensorsType::f16, {}, std::as_bytes(std::span{half})}};

    const auto written = write_safetensors(folder / "x.safetensors", parts);
    const auto file = SafetensorsFile::open(folder / "x.safetensors");

    REQUIRE(written.has_value());
    REQUIRE_MESSAGE(file.has_value(), file.error().message);
    REQUIRE(file->tensors().size() == 4);
    const auto numbers_of = [&](const char* name) {
      const SafetensorsTensor& tensor = file->tensors().at(name);
      std::vector<float> numbers(static_cast<std::size_t>(tensor.number_count));
      widen(tensor.type, file->bytes(tensor), numbers);
      return numbers;
    };
    CHECK(file->tensors().at("b.wide").shape == std::vector<std::int64_t>{2, 3});
    CHECK(numbers_of("b.wide") == std::vector<float>(6, -1.5F));
    CHECK(numbers_of("a.narrow") == std::vector<float>{1.0F, -2.0F});
    CHECK(numbers_of("none").empty());
    CHECK(numbers_of("half") == std::vector<float>{1.0F});
    CHECK(file->tensors().at("half").shape.empty());
  }

  TEST_CASE("hostile and damaged headers are refused in one line that names file and fault") {
    const auto refused = [](const std::string& bytes, const std::string& fault) {
      const std::string message = refusal_of(bytes);
      CAPTURE(message);
      CAPTURE(fault);
      CHECK(message.find("model.safetensors: ") != std::string::npos);
      CHECK(message.find(fault) != std::string::npos);
      CHECK(message.find('\n') == std::string::npos);
    };
    const std::string good = entry("x", "F32", "[2]", "[0,8]"), data = floats(2);
    CHECK(refusal_of(file_of("{" + good + "}", data)).empty());
    CHECK(refusal_of(file_of("{}   ", "")).empty());

    refused("1234", "ends inside its header");
    refused(std::string(16, '\xff'), "header states a length");
    refused(file_of("{" + good + "}", data).substr(0, 30), "ends inside its header");
    refused(file_of("{" + good + "}", data.substr(1)), "beyond the end");
    refused(file_of("{" + good + "}", data + "x"), "1 bytes follow");
    refused(file_of("{" + good, data), "not a JSON object");
    refused(file_of("[]", ""), "not a JSON object");
    refused(file_of("{" + good + "," + good + "}", data), "'x' occurs twice");
    refused(file_of(R"({"x":3})", data), "'x'");
    refused(file_of("{" + entry("x", "F64", "[1]", "[0,8]") + "}", data), "'F64'");
    refused(file_of("{" + entry("x", "F32", "[3]", "[0,8]") + "}", data), "does not fit its shape");
    refused(file_of("{" + entry("x", "F32", "[-2]", "[0,8]") + "}", data), "not a list of sizes");
    refused(file_of("{" + entry("x", "F32", "[2.0]", "[0,8]") + "}", data), "not a list of sizes");
    refused(file_of("{" + entry("x", "F32", "[2]", "[8,0]") + "}", data), "does not fit its shape");
    refused(file_of("{" + entry("x", "F32", "[2]", "[0]") + "}", data), "does not fit its shape");
    refused(file_of("{" + entry("x", "F32", "[2]", "[0,8,9]") + "}", data),
            "does not fit its shape");
    refused(file_of("{" + entry("x", "F32", "[4611686018427387904,4]", "[0,8]") + "}", data),
            "impossible");
    refused(file_of("{" + entry("x", "F32", "[4611686018427387904]", "[0,0]") + "}", data),
            "does not fit its shape");
    refused(file_of("{" + entry("x", "F32", "[18446744073709551615]", "[0,8]") + "}", data),
            "not a list of sizes");
    // Two tensors in one place, and a gap.
    refused(file_of("{" + good + "," + entry("y", "F32", "[2]", "[0,8]") + "}", data),
            "does not begin where");
    refused(file_of("{" + good + "," + entry("y", "F32", "[1]", "[12,16]") + "}", floats(4)),
            "does not begin where");
  }

  TEST_CASE("a header of a million open brackets neither crashes nor passes") {
    const std::string deep(1'000'000, '[');
    CHECK_FALSE(refusal_of(file_of(deep, "")).empty());
    CHECK_FALSE(
        refusal_of(file_of("{\"x\":" + deep + std::string(1'000'000, ']') + "}", "")).empty());
  }

  TEST_CASE("property: a damaged file is read or refused, and never read beyond its end") {
    const TemporaryFolder folder;
    const std::string data = floats(64);
    std::vector<SafetensorsPart> parts;
    for (const char* name : {"model.norm.weight", "lm_head.weight", "model.embed_tokens.weight"})
      parts.push_back({name, SafetensorsType::f32, {8, 8}, std::as_bytes(std::span{data})});
    REQUIRE(write_safetensors(folder / "good", parts));
    const std::string good = read_file(folder / "good");
    int read_count = 0;
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
      CAPTURE(seed);
      Random rng(derive_key({seed}));
      std::string bytes = good;
      // Half of the damage goes to the header alone: the data is most of the file.
      if (rng.below(2) == 0)
        bytes = damage(good, rng);
      else
        bytes = damage(good.substr(0, 330), rng) + good.substr(330);
      write_file(folder / "damaged", bytes);

      const auto file = SafetensorsFile::open(folder / "damaged");

      if (!file) {
        CHECK(!file.error().message.empty());
        continue;
      }
      ++read_count;
      for (const auto& [name, tensor] : file->tensors()) {
        std::vector<float> numbers(static_cast<std::size_t>(tensor.number_count));
        widen(tensor.type, file->bytes(tensor), numbers);
      }
    }
    CHECK(read_count > 100);
    CHECK(read_count < 1950);
  }
}
