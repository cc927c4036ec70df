// Checks a tool call's arguments against the tool's JSON schema.
//
// The subset: type (object, array, string, integer, number, boolean), properties, required, items,
// enum, minimum, maximum, minLength, maxLength, maxItems. Properties that the schema does not name
// are refused whether or not it says additionalProperties: a misspelled argument is never ignored.
#pragma once

#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"

namespace flywheel {

// invalid_input with one line: which argument, what it is and what it must be.
Result<> check_arguments(const Json& arguments, const Json& schema);

// A schema with a word outside the subset is our bug; tests hold every tool to this.
Result<> check_schema(const Json& schema);

}  // namespace flywheel
