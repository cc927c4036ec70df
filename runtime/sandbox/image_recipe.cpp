#include <filesystem>
#include <regex>

#include <yaml-cpp/yaml.h>

#include "runtime/base/file.hpp"
#include "runtime/sandbox/image.hpp"

namespace flywheel {

namespace {

constexpr std::size_t entries_max = 1000;

// What reaches the command line of another program is a name and can't be an option.
Result<> expect_names(const std::vector<std::string>& names, const char* pattern,
                      const std::string& what) {
  const std::regex form{pattern};
  if (names.size() > entries_max)
    return fail(Failure::invalid_input, what + ": at most 1,000 entries");
  for (const std::string& name : names)
    if (name.size() > 200 || !std::regex_match(name, form))
      return fail(Failure::invalid_input, what + ": '" + name + "' has not the form of one");
  return {};
}

}  // namespace

Result<ImageRecipe> read_image_recipe(const std::string& path) {
  FLYWHEEL_TRY(const std::string text, read_file(path));
  ImageRecipe recipe;
  try {
    const YAML::Node root = YAML::Load(text);
    if (!root.IsMap()) return fail(Failure::invalid_input, path + ": it must be a map of keys");
    for (const auto& entry : root) {
      const auto key = entry.first.as<std::string>();
      if (key == "name")
        recipe.name = entry.second.as<std::string>();
      else if (key == "packages")
        recipe.packages = entry.second.as<std::vector<std::string>>();
      else if (key == "archives")
        recipe.archives = entry.second.as<std::vector<std::string>>();
      else if (key == "wheels")
        recipe.wheels = entry.second.as<std::vector<std::string>>();
      else
        return fail(Failure::invalid_input,
                    path + ": unknown key '" + key + "'; known: name packages archives wheels");
    }
  } catch (const YAML::Exception& error) {
    return fail(Failure::invalid_input, path + ": " + error.what());
  }
  FLYWHEEL_TRY_VOID(
      expect_names({recipe.name}, "[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", path + ": name"));
  if (recipe.name == "host")
    return fail(Failure::invalid_input, path + ": name: 'host' is the machine itself");
  FLYWHEEL_TRY_VOID(expect_names(recipe.packages, "[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+~:-]+)?",
                                 path + ": packages"));
  FLYWHEEL_TRY_VOID(expect_names(recipe.wheels, "[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!-]+",
                                 path + ": wheels"));
  for (std::string& archive : recipe.archives)
    archive = (std::filesystem::path{path}.parent_path() / archive).string();
  if (recipe.packages.empty() && recipe.archives.empty())
    return fail(Failure::invalid_input, path + ": name at least one package or archive");
  return recipe;
}

}  // namespace flywheel
