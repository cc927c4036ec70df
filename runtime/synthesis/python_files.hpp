// The Python scripts of runtime/synthesis/python, as they were when the program was built.
#pragma once

#include <span>
#include <string_view>

namespace flywheel {

struct PythonFile {
  std::string_view name{};  // for example "values.py"
  std::string_view text{};
};

std::span<const PythonFile> python_files();

}  // namespace flywheel
