#include "runtime/net/tokens.hpp"

#include <fstream>
#include <set>
#include <sstream>

#include <sys/stat.h>

#include "tests/unit/runtime/net/lab.hpp"

using namespace flywheel;
using namespace std::chrono_literals;

namespace {

std::string text_of_file(const std::string& path) {
  std::ifstream file{path};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string id_of(const std::string& token) {
  return token.substr(5, token.find('_', 5) - 5);
}

}  // namespace

TEST_SUITE("net/tokens") {
  TEST_CASE("a token lets in its person with its role, and only whole") {
    TemporaryFolder folder;
    const auto store = *TokenStore::open(folder.file("tokens.json"));
    const std::string token = *store->add("ada", AccessRole::researcher, 0s);

    const auto principal = store->authenticate(token);

    REQUIRE(principal);
    CHECK(principal->name == "ada");
    CHECK(principal->role == AccessRole::researcher);
    for (std::size_t i = 0; i < token.size(); ++i) {
      std::string wrong = token;
      wrong[i] = wrong[i] == 'a' ? 'b' : 'a';
      CHECK_FALSE(store->authenticate(wrong));
      CHECK_FALSE(store->authenticate(token.substr(0, i)));
    }
    CHECK_FALSE(store->authenticate(token + "a"));
    CHECK_FALSE(store->authenticate(""));
    CHECK(store->authenticate("flyw_").error().failure == Failure::permission_denied);
  }

  TEST_CASE("the file has mode 600 and does not hold the token") {
    TemporaryFolder folder;
    const std::string path = folder.file("tokens.json");
    const auto store = *TokenStore::open(path);
    const std::string token = *store->add("ada", AccessRole::tester, 0s);
    const std::string secret = token.substr(token.rfind('_') + 1);

    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);

    CHECK((status.st_mode & 0777) == 0600);
    CHECK(secret.size() == 64);
    CHECK(text_of_file(path).find(secret) == std::string::npos);
    CHECK(text_of_file(path).find(id_of(token)) != std::string::npos);
  }

  TEST_CASE("an expired and a revoked token are refused") {
    TemporaryFolder folder;
    ManualClock clock;
    const auto store = *TokenStore::open(folder.file("tokens.json"), clock);
    const std::string brief = *store->add("ada", AccessRole::tester, 60s);
    const std::string lasting = *store->add("bob", AccessRole::tester, 0s);

    CHECK(store->authenticate(brief));
    clock.advance(60s);
    CHECK(store->authenticate(brief).error().message == "the token has expired");
    CHECK(store->authenticate(lasting));
    CHECK(store->revoke(id_of(lasting)));
    CHECK_FALSE(store->authenticate(lasting));
    CHECK(store->revoke(id_of(lasting)).error().failure == Failure::not_found);
    CHECK(store->list().size() == 1);
  }

  TEST_CASE("what another process adds or revokes is seen within a second, also after a restart") {
    TemporaryFolder folder;
    const std::string path = folder.file("tokens.json");
    const auto server = *TokenStore::open(path);
    const auto command = *TokenStore::open(path);

    const std::string token = *command->add("ada", AccessRole::operator_, 0s);
    std::this_thread::sleep_for(600ms);
    CHECK(server->authenticate(token));
    CHECK((*TokenStore::open(path))->authenticate(token));
    REQUIRE(server->add("bob", AccessRole::tester, 0s));
    REQUIRE(command->revoke(id_of(token)));
    std::this_thread::sleep_for(600ms);

    CHECK_FALSE(server->authenticate(token));
    CHECK(server->list().size() == 1);
  }

  TEST_CASE("tokens added at once from many threads and stores are all kept") {
    TemporaryFolder folder;
    const std::string path = folder.file("tokens.json");
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&, i] {
        const auto store = *TokenStore::open(path);
        for (int k = 0; k < 5; ++k)
          CHECK(store->add("n" + std::to_string(10 * i + k), AccessRole::tester, 0s));
      });
    for (auto& thread : threads) thread.join();

    std::set<std::string> names;
    for (const auto& record : (*TokenStore::open(path))->list()) names.insert(record.name);
    CHECK(names.size() == 20);
  }

  TEST_CASE("reserved names, roles that can't be given and negative lifetimes are refused") {
    TemporaryFolder folder;
    const auto store = *TokenStore::open(folder.file("tokens.json"));

    for (const char* name : {"", "local", "loopback"})
      CHECK(store->add(name, AccessRole::tester, 0s).error().failure == Failure::invalid_argument);
    for (const AccessRole role : {AccessRole::anonymous, AccessRole::local})
      CHECK(store->add("ada", role, 0s).error().failure == Failure::invalid_argument);
    CHECK(store->add("ada", AccessRole::tester, -1s).error().failure == Failure::invalid_argument);
    CHECK(store->list().empty());
  }

  TEST_CASE("a file that is not ours, newer, or writable by others is refused, not overwritten") {
    TemporaryFolder folder;
    const std::string path = folder.file("tokens.json");
    const auto open_with = [&](const std::string& text, mode_t mode) {
      std::ofstream{path} << text;
      ::chmod(path.c_str(), mode);
      const auto store = TokenStore::open(path);
      return store ? Failure::none : store.error().failure;
    };
    const std::string empty = R"({"format": 1, "tokens": []})";

    CHECK(open_with(empty, 0600) == Failure::none);
    CHECK(open_with(empty, 0622) == Failure::invalid_input);
    CHECK(open_with("{", 0600) == Failure::invalid_input);
    CHECK(open_with(R"({"format": 2, "tokens": []})", 0600) == Failure::too_new);
    CHECK(open_with(R"({"format": 1, "tokens": [{}]})", 0600) == Failure::invalid_input);
    const std::string local =
        R"({"format": 1, "tokens": [{"id": "a", "secret_sha256": "", "name": "x", "role": "local",
            "created_at": 0, "expires_at": 0}]})";
    CHECK(open_with(local, 0600) == Failure::invalid_input);
  }

  TEST_CASE("a token file that breaks while the server runs lets nobody in") {
    TemporaryFolder folder;
    const std::string path = folder.file("tokens.json");
    const auto store = *TokenStore::open(path);
    const std::string token = *store->add("ada", AccessRole::tester, 0s);
    CHECK(store->authenticate(token));

    std::ofstream{path} << "{";
    std::this_thread::sleep_for(600ms);

    CHECK_FALSE(store->authenticate(token));
    CHECK_FALSE(store->authenticate(token));  // also between two looks at the file
  }
}
