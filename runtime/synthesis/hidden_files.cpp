#include "runtime/synthesis/hidden_files.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>

#include "runtime/base/file.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t files_max = 20'000;              // as many as an admitted tree has
constexpr std::uintmax_t test_bytes_max = 8ULL << 20;  // of one file, as in an admitted tree

bool is_test_file(const fs::path& path) {
  for (const fs::path& folder : path.parent_path())
    if (folder == "test" || folder == "tests") return path.extension() != ".pyc";
  const std::string stem = path.stem().string();
  return path.extension() == ".py" && (stem.starts_with("test_") || stem.ends_with("_test") ||
                                       stem == "test" || stem == "tests");
}

bool is_name_byte(char byte) {
  return byte == '_' || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z') || static_cast<unsigned char>(byte) >= 0x80;
}

bool names(std::string_view text, std::string_view name) {
  if (name.empty()) return false;
  for (auto at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    if ((at == 0 || !is_name_byte(text[at - 1])) &&
        (end == text.size() || !is_name_byte(text[end])))
      return true;
  }
  return false;
}

// What stands behind the last dot, or all of it.
std::string_view last_part(std::string_view dotted) {
  return dotted.substr(dotted.rfind('.') + 1);
}

}  // namespace

std::vector<std::string> byte_code_of(const std::string& tree, const std::string& path) {
  const fs::path source{path};
  const std::string stem = source.stem().string();
  std::vector<std::string> found;
  const auto look_into = [&](const fs::path& folder, const std::string& start) {
    std::error_code code;
    for (auto each = fs::directory_iterator{fs::path{tree} / folder, code};
         !code && each != fs::directory_iterator{}; each.increment(code)) {
      const std::string name = each->path().filename().string();
      if (name.starts_with(start) && name.ends_with(".pyc"))
        found.push_back((folder / name).string());
    }
  };
  look_into(source.parent_path() / "__pycache__", stem + ".");
  look_into(source.parent_path(), stem + ".pyc");  // it needs no source
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> masked_files(const std::string& tree, const Json& target) {
  std::set<std::string> masked;
  const auto mask_byte_code = [&](const std::string& path) {
    if (!path.ends_with(".py")) return;
    for (std::string& each : byte_code_of(tree, path)) masked.insert(std::move(each));
  };
  mask_byte_code(target.at("path"));
  for (const Json& hidden : target.at("hidden_files")) {
    masked.insert(hidden.get<std::string>());
    mask_byte_code(hidden);
  }
  return {masked.begin(), masked.end()};
}

std::vector<TestFile> test_files_of(const std::string& tree) {
  std::vector<TestFile> files;
  std::error_code code;
  for (auto each = fs::recursive_directory_iterator{tree, code};
       !code && each != fs::recursive_directory_iterator{} && files.size() < files_max;
       each.increment(code)) {
    const fs::path path = each->path().lexically_relative(tree);
    std::error_code ignored;
    if (!each->is_regular_file(ignored) || !is_test_file(path) ||
        each->file_size(ignored) > test_bytes_max)
      continue;
    if (auto text = read_file(each->path())) files.push_back({path.string(), std::move(*text)});
  }
  std::sort(files.begin(), files.end(),
            [](const TestFile& a, const TestFile& b) { return a.path < b.path; });
  return files;
}

std::vector<std::string> files_naming(const std::vector<TestFile>& files, const Json& target) {
  const std::string qualified = target.at("qualname");
  const std::string module = target.at("module");
  const std::string_view name = last_part(qualified);
  const bool is_method = name.size() < qualified.size();
  const std::string_view owner =
      is_method ? last_part(std::string_view{qualified}.substr(0, qualified.rfind('.'))) : name;
  const bool is_operator = is_method && name.starts_with("__") && name.ends_with("__");
  std::vector<std::string> paths;
  for (const auto& [path, text] : files) {
    const bool has_name = is_operator || names(text, name);
    const bool has_owner =
        !is_method || names(text, owner) || (!is_operator && names(text, last_part(module)));
    if (has_name && has_owner) paths.push_back(path);
  }
  return paths;
}

}  // namespace flywheel
