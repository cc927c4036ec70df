// What a solver must not see of a repository: tests of the function that it writes, and byte code,
// which Python would run in place of the source that is blank or not the repository's any more.
//
// Threads: any number at once; trees are only read.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/json.hpp"

namespace flywheel {

// Compiled forms of the source file that lie in the tree. Paths are relative to the tree.
std::vector<std::string> byte_code_of(const std::string& tree, const std::string& path);

// The target's `hidden_files`, and the byte code of each of them and of the target's own file:
// whatever wrote the target, neither is left to be found.
std::vector<std::string> masked_files(const std::string& tree, const Json& target);

struct TestFile {
  std::string path{};  // relative to the tree
  std::string text{};
};

// Files of the tree that pytest may take for tests, and all that lies in folders of tests.
std::vector<TestFile> test_files_of(const std::string& tree);

// Paths of the files that name the function. A method counts as named beside the name of its class
// or module, one with a name like __eq__ wherever its class is.
std::vector<std::string> files_naming(const std::vector<TestFile>& files, const Json& target);

}  // namespace flywheel
