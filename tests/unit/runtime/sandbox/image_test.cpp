#include "runtime/sandbox/image.hpp"

#include <cstdlib>
#include <fstream>

#include "tests/unit/runtime/sandbox/box_fixture.hpp"

namespace flywheel {

namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream{path} << text;
}

// A package with a shell, the libraries it needs, and a program of its own, which is setuid.
fs::path make_archive(const fs::path& folder) {
  const fs::path root = folder / "package";
  write(root / "DEBIAN/control",
        "Package: hello\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <n@example.org>\n"
        "Description: a test\n");
  write(root / "usr/bin/hello", "#!/bin/sh\necho hello from an image\n");
  fs::permissions(root / "usr/bin/hello", fs::perms{04755});
  write(folder / "copy.sh",
        "set -e\nmkdir -p $1/usr/lib64\n"
        "for f in $(ldd /usr/bin/dash | grep -o '/[^ ]*'); do\n"
        "  cp --parents $(realpath $f) $1; cp -L $f $1/usr/lib64/\ndone\n"
        "cp /usr/bin/dash $1/usr/bin/sh\n");
  REQUIRE(std::system(("bash " + (folder / "copy.sh").string() + " " + root.string()).c_str()) ==
          0);
  const fs::path archive = folder / "hello.deb";
  REQUIRE(std::system(
              ("dpkg-deb -b " + root.string() + " " + archive.string() + " >/dev/null").c_str()) ==
          0);
  return archive;
}

}  // namespace

TEST_CASE_FIXTURE(BoxFixture, "an image is built from an archive and containers run in it") {
  make_archive(folder());
  write(folder() / "image.yaml", "name: small\narchives: [hello.deb]\n");
  config.image_folder = (folder() / "images").string();
  const auto recipe = read_image_recipe((folder() / "image.yaml").string());
  REQUIRE(recipe);

  const auto built = build_image(*recipe, config.image_folder, {});
  const auto again = build_image(*recipe, config.image_folder, {});
  if (!built) FAIL(built.error().message);
  open();
  const auto container = create({.image = "small"});
  const ExecResult result = run(
      *container,
      {.command = {"sh", "-c", "hello; echo $(pwd) > /work/f; echo */"}, .working_folder = "/"});

  CHECK(built->hash == again->hash);
  CHECK(host->images() == std::vector<std::string>{"host", "small"});
  CHECK(read_image_facts(config.image_folder + "/small")->hash == built->hash);
  INFO(result.error, result.error_output);
  CHECK(result.output.starts_with("hello from an image\n"));
  CHECK(result.output.find("usr/") != std::string::npos);
  CHECK((fs::status(fs::path{config.image_folder} / "small/tree/usr/bin/hello").permissions() &
         fs::perms{06000}) == fs::perms::none);
  auto forked = container->fork();
  REQUIRE(forked);
  CHECK((*forked)->get_file("f") == "/\n");
}

TEST_CASE_FIXTURE(BoxFixture, "a recipe that is none is refused with the reason") {
  const auto refused = [&](const std::string& text) {
    write(folder() / "r.yaml", text);
    const auto recipe = read_image_recipe((folder() / "r.yaml").string());
    return recipe ? std::string{"read"} : recipe.error().message;
  };

  CHECK(refused("name: a\npackages: [\"-oevil\"]").find("'-oevil'") != std::string::npos);
  CHECK(refused("name: a\npackages: [\"$(x)\"]").find("'$(x)'") != std::string::npos);
  CHECK(refused("name: ../a\npackages: [b1]").find("'../a'") != std::string::npos);
  CHECK(refused("name: host\npackages: [b1]").find("machine itself") != std::string::npos);
  CHECK(refused("name: a\nwheels: [x]\npackages: [b1]").find("'x'") != std::string::npos);
  CHECK(refused("name: a\ncolour: red").find("unknown key 'colour'") != std::string::npos);
  CHECK(refused("name: a").find("at least one") != std::string::npos);
  CHECK(refused("[").find("r.yaml") != std::string::npos);
  CHECK(refused("name: a\npackages: [dash]") == "read");
}

TEST_CASE_FIXTURE(BoxFixture, "a failed build names the program and leaves nothing") {
  write(folder() / "broken.deb", "no archive");
  const ImageRecipe recipe{.name = "x", .archives = {(folder() / "broken.deb").string()}};

  const auto built = build_image(recipe, (folder() / "images").string(), {});

  CHECK(built.error().message.find("bash: failed: ") == 0);
  CHECK(fs::is_empty(folder() / "images"));
}

}  // namespace flywheel
