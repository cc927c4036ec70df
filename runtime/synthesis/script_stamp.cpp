#include <algorithm>
#include <set>
#include <vector>

#include "runtime/base/hash.hpp"
#include "runtime/synthesis/python_files.hpp"

namespace flywheel {
namespace {

bool imports(std::string_view text, std::string_view file_name) {
  const std::string module{file_name.substr(0, file_name.rfind('.'))};
  for (const char* start : {"\nimport ", "\nfrom "}) {
    const std::string line = start + module;
    for (auto at = text.find(line); at != std::string_view::npos; at = text.find(line, at + 1)) {
      const std::size_t end = at + line.size();
      if (end == text.size() || text[end] == '\n' || text[end] == ' ') return true;
    }
  }
  return false;
}

}  // namespace

std::string stamp_of_scripts(std::initializer_list<std::string_view> names) {
  std::set<std::string_view> wanted;
  std::vector<std::string_view> left{names};
  Hash128 stamp;
  while (!left.empty()) {
    const std::string_view name = left.back();
    left.pop_back();
    if (!wanted.insert(name).second) continue;
    const auto file = std::ranges::find(python_files(), name, &PythonFile::name);
    if (file == python_files().end()) continue;
    for (const PythonFile& other : python_files())
      if (imports(file->text, other.name)) left.push_back(other.name);
  }
  for (const PythonFile& file : python_files())
    if (wanted.contains(file.name)) stamp = combine(stamp, hash_text(file.text));
  return to_string(stamp);
}

}  // namespace flywheel
