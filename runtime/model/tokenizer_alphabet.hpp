// The byte-to-unicode alphabet of GPT-2: how byte-level vocabularies spell bytes as printable
// characters ("Ġthe" is " the").
//
// Source: `bytes_to_unicode` of Radford et al. 2019: printable bytes of Latin-1 stand for
// themselves,
//         the other 68 take U+0100 on, in byte order.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace flywheel {

// How the vocabulary spells one byte.
const std::string& letter_of(unsigned char byte);

std::string to_alphabet(std::string_view bytes);

// The bytes that `token` spells; none if a character of it is outside the alphabet.
std::optional<std::string> from_alphabet(std::string_view token);

}  // namespace flywheel
