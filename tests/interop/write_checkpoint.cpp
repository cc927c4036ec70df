// Reads a model and writes it as the folder that runs publish: interop_checkpoint MODEL FOLDER.
// check_checkpoint.py then loads the folder into transformers.
#include <cstdio>

#include "runtime/model/checkpoint.hpp"

int main(int count, char** words) {
  using namespace flywheel;
  if (count != 3) {
    std::fputs("usage: interop_checkpoint MODEL FOLDER\n", stderr);
    return 2;
  }
  const auto checkpoint = load_checkpoint(words[1]);
  const auto written = checkpoint ? save_checkpoint(words[2], *checkpoint, Precision::float32)
                                  : Result<>{tl::unexpected{checkpoint.error()}};
  if (written) return 0;
  std::fprintf(stderr, "interop_checkpoint: %s\n", to_string(written.error()).c_str());
  return 1;
}
