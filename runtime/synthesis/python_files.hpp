// The Python scripts of runtime/synthesis/python, as they were when the program was built.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace flywheel {

struct PythonFile {
  std::string_view name{};  // for example "values.py"
  std::string_view text{};
};

std::span<const PythonFile> python_files();

// Changes when one of the scripts does, or anything that they import from here.
std::string stamp_of_scripts(std::initializer_list<std::string_view> names);

}  // namespace flywheel
