#include "runtime/model/tokenizer_normalizer.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <utf8proc.h>

#include "runtime/base/check.hpp"

namespace flywheel {
namespace {

int options_of(NormalForm form) {
  return UTF8PROC_STABLE | (form == NormalForm::nfc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE);
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

Result<Normalizer> Normalizer::from_json(const Json& json, const std::string& where) {
  Normalizer made;
  if (!json.is_null()) FLYWHEEL_TRY_VOID(made.add(json, where));
  return made;
}

Result<> Normalizer::add(const Json& json, const std::string& where) {
  FLYWHEEL_TRY(const auto type, json_field<std::string>(json, "type", where));
  if (type == "Sequence") {
    FLYWHEEL_TRY(const auto parts, json_field<std::vector<Json>>(json, "normalizers", where));
    for (const Json& part : parts) FLYWHEEL_TRY_VOID(add(part, where));
    return {};
  }
  if (type == "NFC" || type == "NFD") {
    forms_.push_back(type == "NFC" ? NormalForm::nfc : NormalForm::nfd);
    return {};
  }
  return fail(Failure::invalid_input, where + ": normalizer '" + type +
                                          "' is not supported (known: NFC, NFD, Sequence, none)");
}

std::string Normalizer::apply(std::string_view valid_text) const {
  std::string text{valid_text};
  if (is_ascii(text)) return text;
  for (const NormalForm form : forms_) {
    utf8proc_uint8_t* out = nullptr;
    const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                   static_cast<utf8proc_ssize_t>(text.size()), &out,
                                   static_cast<utf8proc_option_t>(options_of(form)));
    FLYWHEEL_CHECK(size >= 0);  // valid text of a length that fits in memory
    text.assign(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
    std::free(out);
  }
  return text;
}

}  // namespace flywheel
