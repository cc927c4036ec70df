#include "runtime/synthesis/repository_tree.hpp"

#include <algorithm>
#include <fstream>
#include <vector>

#include "runtime/base/file.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

constexpr const char* unpacked_folder = "repository";  // in the working folder of its container

Result<> write_file(const fs::path& path, const std::string& bytes) {
  std::error_code code;
  fs::create_directories(path.parent_path(), code);
  std::ofstream file{path, std::ios::binary};
  file << bytes;
  file.close();
  if (!file) return fail(Failure::resource_exhausted, "can't write " + path.string());
  return {};
}

}  // namespace

bool stays_inside(const std::string& path) {
  const fs::path parts{path};
  if (path.empty() || parts.is_absolute() || path.find('\0') != std::string::npos) return false;
  return std::none_of(parts.begin(), parts.end(),
                      [](const fs::path& part) { return part == ".." || part == "."; });
}

Result<Hash128> hash_of_source(const fs::path& source) {
  std::error_code code;
  if (!fs::is_directory(source, code)) {
    FLYWHEEL_TRY(const auto bytes, read_file(source));
    return hash_text(bytes);
  }
  std::vector<fs::path> paths;
  for (auto each = fs::recursive_directory_iterator{source, code};
       !code && each != fs::recursive_directory_iterator{}; each.increment(code))
    if (each->is_regular_file() && !each->is_symlink() && each->path().extension() != ".pyc")
      paths.push_back(each->path());
  if (code) return fail(Failure::not_found, source.string() + ": " + code.message());
  std::sort(paths.begin(), paths.end());
  Hash128 hash;
  for (const fs::path& path : paths) {
    FLYWHEEL_TRY(const auto bytes, read_file(path));
    hash = combine(hash, hash_text(path.lexically_relative(source).string()));
    hash = combine(hash, hash_text(bytes));
  }
  return hash;
}

Result<RepositoryTrees::Tree> RepositoryTrees::ensure(const std::string& source,
                                                      const std::string& content) {
  const std::lock_guard lock{mutex_};
  const fs::path tree = fs::absolute(folder_) / content;
  const fs::path facts_path = tree.string() + ".json";
  std::error_code code;
  if (!fs::is_regular_file(facts_path, code)) return make(source, tree);
  FLYWHEEL_TRY(const auto text, read_file(facts_path));
  FLYWHEEL_TRY(Json facts, parse_json(text, tree.string()));
  return Tree{tree.string(), std::move(facts)};
}

// The facts are written last: without them the tree does not count.
Result<RepositoryTrees::Tree> RepositoryTrees::make(const std::string& source,
                                                    const fs::path& tree) {
  std::error_code code;
  fs::remove_all(tree, code);
  ScriptCall call;
  call.script = "admit.py";
  call.archive = fs::absolute(source).string();
  call.request = {{"archive", archive_path},
                  {"tree", unpacked_folder},
                  {"installed_root", repository_folder},
                  {"name", fs::path{source}.stem().string()}};
  call.collect = [&](Container& container, const Json& answer) -> Result<> {
    for (const Json& each : answer.at("files")) {
      const auto path = each.get<std::string>();
      if (!stays_inside(path))
        return fail(Failure::invalid_input, "unsafe archive: " + path.substr(0, 100));
      FLYWHEEL_TRY(const auto bytes, container.get_file(std::string{unpacked_folder} + "/" + path));
      FLYWHEEL_TRY_VOID(write_file(tree / path, bytes));
    }
    return {};
  };
  FLYWHEEL_TRY(Json facts, runner_.run(call));
  FLYWHEEL_TRY_VOID(write_file_durably(fs::path{tree} += ".json", dump_json(facts)));
  return Tree{tree.string(), std::move(facts)};
}

}  // namespace flywheel
