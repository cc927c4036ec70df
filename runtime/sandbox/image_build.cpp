#include <algorithm>
#include <filesystem>

#include "runtime/base/file.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/base/json.hpp"
#include "runtime/sandbox/image.hpp"
#include "runtime/sandbox/program_run.hpp"
#include "runtime/sandbox/skeleton.hpp"

namespace flywheel {

namespace {

namespace fs = std::filesystem;
using Time = std::chrono::steady_clock::time_point;

// What every image of packages has, so that a shell and the usual tools are there.
constexpr const char* base_packages[] = {"base-files", "bash", "coreutils", "dash", "findutils",
                                         "grep",       "gzip", "libc-bin",  "sed",  "tar"};

std::vector<fs::path> archives_in(const fs::path& folder) {
  std::vector<fs::path> archives;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator{folder, code})
    if (entry.path().extension() == ".deb") archives.push_back(entry.path());
  std::sort(archives.begin(), archives.end());
  return archives;
}

// With an empty list of what is installed, apt finds all that the packages depend on.
Result<> download_packages(const ImageRecipe& recipe, const fs::path& folder, Time deadline) {
  std::error_code code;
  fs::create_directories(folder / "partial", code);
  FLYWHEEL_TRY_VOID(write_file_durably(folder / "status", ""));
  std::vector<std::string> command{"apt-get",
                                   "-y",
                                   "-q",
                                   "-oDir::State::status=" + (folder / "status").string(),
                                   "-oDir::Cache::archives=" + folder.string(),
                                   "-oDebug::NoLocking=1",
                                   "-oAPT::Sandbox::User=",
                                   "-oAPT::Install-Recommends=0",
                                   "--download-only",
                                   "install"};
  command.insert(command.end(), std::begin(base_packages), std::end(base_packages));
  command.insert(command.end(), recipe.packages.begin(), recipe.packages.end());
  FLYWHEEL_TRY_VOID(run_program(command, deadline));
  return {};
}

// tar keeps the links of a merged /usr where packages still say /bin and /lib.
Result<> unpack(const fs::path& archive, const fs::path& tree, Time deadline) {
  const std::string script =
      "set -o pipefail; dpkg-deb --fsys-tarfile \"$1\" | "
      "tar -C \"$2\" --keep-directory-symlink --no-same-owner -xf -";
  FLYWHEEL_TRY_VOID(
      run_program({"bash", "-c", script, "unpack", archive.string(), tree.string()}, deadline));
  return {};
}

Result<> install_wheels(const ImageRecipe& recipe, const fs::path& tree, Time deadline) {
  if (recipe.wheels.empty()) return {};
  const fs::path target = tree / "usr/local/lib/python3.11/dist-packages";
  std::vector<std::string> command{"python3",
                                   "-m",
                                   "pip",
                                   "install",
                                   "--quiet",
                                   "--no-deps",
                                   "--only-binary=:all:",
                                   "--no-compile",
                                   "--disable-pip-version-check",
                                   "--target",
                                   target.string()};
  command.insert(command.end(), recipe.wheels.begin(), recipe.wheels.end());
  FLYWHEEL_TRY_VOID(run_program(command, deadline));
  return {};
}

// Drops setuid and setgid bits, and hashes and counts what is there.
Result<> measure(const fs::path& tree, std::uint64_t bytes_max, ImageFacts& facts) {
  std::vector<fs::path> paths;
  std::error_code code;
  for (const auto& entry : fs::recursive_directory_iterator{tree, code})
    paths.push_back(entry.path());
  if (code) return fail(Failure::unavailable, tree.string() + ": " + code.message());
  std::sort(paths.begin(), paths.end());
  Hash128 hash{};
  for (const fs::path& path : paths) {
    const fs::file_status status = fs::symlink_status(path, code);
    const fs::perms mode = status.permissions() & fs::perms{01777};
    std::string line = path.lexically_relative(tree).string() + '\0' +
                       std::to_string(static_cast<int>(status.type())) + '\0';
    if (fs::is_symlink(status)) {
      line += fs::read_symlink(path, code).string();
    } else {
      if (mode != status.permissions()) fs::permissions(path, mode, code);
      line += std::to_string(static_cast<unsigned>(mode));
    }
    hash = combine(hash, hash_text(line));
    ++facts.file_count;
    if (!fs::is_regular_file(status)) continue;
    FLYWHEEL_TRY(const std::string bytes, read_file(path));
    hash = combine(hash, hash_text(bytes));
    facts.size_bytes += bytes.size();
    if (facts.size_bytes > bytes_max)
      return fail(Failure::resource_exhausted, "image " + facts.name + ": it is over " +
                                                   std::to_string(bytes_max >> 20) + " MiB");
  }
  facts.hash = to_string(hash);
  return {};
}

Result<> fill(const ImageRecipe& recipe, const fs::path& folder, const ImageBuildOptions& options,
              ImageFacts& facts) {
  const Time deadline = std::chrono::steady_clock::now() + options.time_max;
  const fs::path tree = folder / "tree";
  const auto step = [&](const std::string& line) {
    if (options.on_step) options.on_step(line);
  };
  FLYWHEEL_TRY_VOID(make_root_folders(tree));
  std::vector<fs::path> archives{recipe.archives.begin(), recipe.archives.end()};
  if (!recipe.packages.empty()) {
    step("getting packages");
    FLYWHEEL_TRY_VOID(download_packages(recipe, folder / "archives", deadline));
    const auto downloaded = archives_in(folder / "archives");
    archives.insert(archives.end(), downloaded.begin(), downloaded.end());
  }
  step("unpacking " + std::to_string(archives.size()) + " archives");
  for (const fs::path& archive : archives) {
    FLYWHEEL_TRY_VOID(unpack(archive, tree, deadline));
    facts.archives.push_back(archive.filename().string());
  }
  FLYWHEEL_TRY_VOID(write_root_files(tree));
  if (!recipe.wheels.empty()) step("getting wheels");
  FLYWHEEL_TRY_VOID(install_wheels(recipe, tree, deadline));
  step("hashing");
  FLYWHEEL_TRY_VOID(measure(tree, options.bytes_max, facts));
  std::error_code code;
  fs::remove_all(folder / "archives", code);
  const Json json{{"name", facts.name},
                  {"hash", facts.hash},
                  {"size_bytes", facts.size_bytes},
                  {"file_count", facts.file_count},
                  {"archives", facts.archives},
                  {"wheels", recipe.wheels}};
  return write_file_durably(folder / "image.json", dump_json(json, 2));
}

// The tree first, then the facts that name it; of older trees only the last is kept.
Result<> put_in_place(const fs::path& fresh, const fs::path& place, const ImageFacts& facts) {
  std::error_code code;
  const auto before = read_image_facts(place.string());
  const std::string tree = "tree_" + facts.hash;
  fs::create_directories(place, code);
  if (!fs::exists(place / tree, code)) fs::rename(fresh / "tree", place / tree, code);
  if (code) return fail(Failure::unavailable, place.string() + ": " + code.message());
  FLYWHEEL_TRY(const std::string text, read_file(fresh / "image.json"));
  FLYWHEEL_TRY_VOID(write_file_durably(place / "image.json", text));
  std::vector<fs::path> old;
  for (const auto& entry : fs::directory_iterator{place, code}) {
    const std::string name = entry.path().filename().string();
    const bool is_kept = name == tree || (before && name == "tree_" + before->hash);
    if (name.starts_with("tree_") && !is_kept) old.push_back(entry.path());
  }
  for (const fs::path& path : old) fs::remove_all(path, code);
  return {};
}

}  // namespace

Result<ImageFacts> build_image(const ImageRecipe& recipe, const std::string& image_folder,
                               const ImageBuildOptions& options) {
  std::error_code code;
  const fs::path root = fs::absolute(image_folder);
  const fs::path fresh = root / ("." + recipe.name + ".tmp");
  const fs::path final_place = root / recipe.name;
  fs::remove_all(fresh, code);
  fs::create_directories(fresh / "tree", code);
  if (code) return fail(Failure::unavailable, fresh.string() + ": " + code.message());
  ImageFacts facts;
  facts.name = recipe.name;
  if (auto filled = fill(recipe, fresh, options, facts); !filled) {
    fs::remove_all(fresh, code);
    return fail(filled.error());
  }
  auto placed = put_in_place(fresh, final_place, facts);
  fs::remove_all(fresh, code);
  if (!placed) return fail(placed.error());
  return facts;
}

Result<ImageFacts> read_image_facts(const std::string& folder) {
  const std::string where = folder + "/image.json";
  FLYWHEEL_TRY(const std::string text, read_file(where));
  FLYWHEEL_TRY(const Json json, parse_json(text, where));
  ImageFacts facts;
  FLYWHEEL_TRY(facts.name, json_field<std::string>(json, "name", where));
  FLYWHEEL_TRY(facts.hash, json_field<std::string>(json, "hash", where));
  FLYWHEEL_TRY(facts.size_bytes, json_field<std::uint64_t>(json, "size_bytes", where));
  FLYWHEEL_TRY(facts.file_count, json_field<std::uint32_t>(json, "file_count", where));
  FLYWHEEL_TRY(facts.archives, json_field<std::vector<std::string>>(json, "archives", where));
  return facts;
}

}  // namespace flywheel
