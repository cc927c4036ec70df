// scan_tar() reads the headers of a tar file to refuse, by name, what nobody should unpack. The
// unpacking itself is done inside the container: this is for the clear error, not for safety.
//
// Guarantees: one pass over the headers; nothing of the contents is looked at but long names.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/base/result.hpp"

namespace flywheel {

struct TarScan {
  std::uint64_t entry_count = 0;
  std::uint64_t bytes = 0;  // of all files, unpacked
};

// invalid_input: not a tar file, an absolute path, a path or link that leads out of the folder, a
// device, a pipe, a sparse file; resource_exhausted: more than 100,000 entries.
Result<TarScan> scan_tar(std::string_view bytes);

}  // namespace flywheel
