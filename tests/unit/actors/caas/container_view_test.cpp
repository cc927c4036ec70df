#include "actors/caas/container_view.hpp"

#include <doctest/doctest.h>

#include "actors/caas/session.hpp"

using namespace flywheel;

TEST_SUITE("actors/caas/container_view") {
  TEST_CASE("a text is never cut inside a character") {
    const std::string text = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80";
    CHECK(complete_utf8_size(text) == text.size());
    CHECK(complete_utf8_size(text.substr(0, 2)) == 1);
    CHECK(complete_utf8_size(text.substr(0, 5)) == 3);
    CHECK(complete_utf8_size(text.substr(0, 9)) == 6);
    CHECK(complete_utf8_size("") == 0);
    CHECK(complete_utf8_size("\x80\x80\x80\x80") == 4);  // no UTF-8: nothing to wait for
  }

  TEST_CASE("a file's id is its path, whatever is in it") {
    for (const std::string path : {"/mnt/data/a.txt", "/mnt/data/\xC3\xA4 ?>~.csv"}) {
      const std::string id = container_file_id(path);
      CHECK(id.starts_with("cfile_"));
      CHECK(id.find_first_of("+/=?") == std::string::npos);
      CHECK(*path_of_file_id(id) == path);
    }
    for (const char* wrong : {"", "cfile_", "file_abc", "cfile_!", "cfile_AAAA"})
      CHECK_MESSAGE(!path_of_file_id(wrong), wrong);
  }

  TEST_CASE("a container has OpenAI's fields beside ours") {
    ContainerRecord record;
    record.state = ContainerState::exited;
    record.exit_code = 3;
    record.idle_ms = 20 * 60'000;
    record.created_ms = 1'700'000'000'123;
    record.spec = {{"limits", {{"memory_bytes", 4ULL << 30}}}};

    const Json json = container_json(record);

    CHECK(json["object"] == "container");
    CHECK(json["status"] == "exited");
    CHECK(json["created_at"] == 1'700'000'000);
    CHECK(json["expires_after"]["minutes"] == 20);
    CHECK(json["memory_limit"] == "4g");
    CHECK(json["exit_code"] == 3);
    CHECK(json["signal"].is_null());
  }

  TEST_CASE("a logged result is answered as the command was") {
    ExecResult result{.end = ExecEnd::exited, .exit_code = 0};
    result.output = std::string{"a\0\xff", 3};

    const Json text = exec_json_of_logged(logged_result(result), false);
    const Json bytes = exec_json_of_logged(logged_result(result), true);

    CHECK(text["exit_code"] == 0);
    CHECK(text["signal"].is_null());
    CHECK(text["error"].is_null());
    CHECK(text == exec_json(result, false));
    CHECK(bytes == exec_json(result, true));
    CHECK(bytes["stdout_base64"] == "YQD/");
  }

  TEST_CASE("an output window keeps head and tail in bounded memory, and says what is left out") {
    OutputWindow window{10};
    window.add("0123456789");
    CHECK(window.text() == "0123456789");
    CHECK(!window.is_truncated());

    for (int i = 0; i < 1000; ++i) window.add("abc");
    window.add("XYZ");

    CHECK(window.is_truncated());
    CHECK(window.total() == 3013);
    CHECK(window.text() == "01234\n[3003 bytes left out]\nbcXYZ");
    OutputWindow none{0};
    none.add("abc");
    CHECK(none.is_truncated());
  }
}
