// What comes in from outside as bytes: tar files and multipart bodies, whole, hostile and cut
// short.
#include <cstring>

#include <doctest/doctest.h>

#include "actors/caas/multipart.hpp"
#include "actors/caas/tar_scan.hpp"
#include "runtime/base/random.hpp"

using namespace flywheel;

namespace {

std::string tar_entry(const std::string& name, char type, const std::string& content = {},
                      const std::string& link = {}) {
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, const std::string& text) {
    std::memcpy(header.data() + at, text.data(), text.size());
  };
  const auto octal = [](std::uint64_t value) {
    std::string text(11, '0');
    for (std::size_t i = 11; i > 0; --i, value /= 8)
      text[i - 1] = static_cast<char>('0' + value % 8);
    return text;
  };
  put(0, name.substr(0, 100));
  put(100, "0000644");
  put(124, octal(content.size()));
  header[156] = type;
  put(157, link);
  put(257, "ustar");
  put(148, "        ");
  std::uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, octal(sum).substr(5) + '\0' + ' ');
  std::string padded = content;
  padded.resize((content.size() + 511) / 512 * 512);
  return header + padded;
}

std::string closed(const std::string& entries) {
  return entries + std::string(1024, '\0');
}

void check_refused(const std::string& entries, const char* why) {
  const auto scan = scan_tar(closed(entries));
  REQUIRE(!scan);
  CHECK_MESSAGE(scan.error().message.find(why) != std::string::npos, scan.error().message);
}

}  // namespace

TEST_SUITE("actors/caas/uploads") {
  TEST_CASE("an ordinary tar file passes, with its counts") {
    const auto scan =
        scan_tar(closed(tar_entry("a/", '5') + tar_entry("a/b", '0', "hello") +
                        tar_entry("a/up", '2', "", "../c") + tar_entry("d", '1', "", "a/b")));

    REQUIRE(scan);
    CHECK(scan->entry_count == 4);
    CHECK(scan->bytes == 5);
  }

  TEST_CASE("what leads out of the folder is refused, each way by its name") {
    check_refused(tar_entry("/etc/passwd", '0', "x"), "absolute");
    check_refused(tar_entry("../x", '0', "x"), "leads out");
    check_refused(tar_entry("a/../../x", '0', "x"), "leads out");
    check_refused(tar_entry("l", '2', "", "/etc"), "link that leads out");
    check_refused(tar_entry("a/l", '2', "", "../../etc"), "link that leads out");
    check_refused(tar_entry("l", '1', "", "../x"), "hard link");
    check_refused(tar_entry("sda", '3'), "device");
    check_refused(tar_entry("sda", '4'), "device");
    check_refused(tar_entry("p", '6'), "pipe");
    check_refused(tar_entry("s", 'S'), "kind");
  }

  TEST_CASE("long names are looked at too") {
    check_refused(tar_entry("././@LongLink", 'L', "/etc/passwd") + tar_entry("x", '0'), "absolute");
    check_refused(tar_entry("x", 'x', "19 path=/etc/shadow\n") + tar_entry("x", '0'), "absolute");
    check_refused(tar_entry("x", 'x', "16 linkpath=/et\n") + tar_entry("x", '2', "", "y"),
                  "link that leads out");
  }

  TEST_CASE("what is no tar file, or is damaged or cut short, is refused") {
    const std::string good = closed(tar_entry("a", '0', "hello"));
    CHECK(!scan_tar(""));
    CHECK(!scan_tar("\x1f\x8b compressed"));
    CHECK(!scan_tar(std::string(2000, 'x')));
    CHECK(!scan_tar(good.substr(0, 515)));
    std::string damaged = good;
    damaged[3] = 'z';
    CHECK(!scan_tar(damaged));
  }

  TEST_CASE("property: no bytes make the scan do anything but answer") {
    const std::string good = closed(tar_entry("a/b", '0', "hello") + tar_entry("l", '2', "", "a"));
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
      CAPTURE(seed);
      Random random{derive_key({seed})};
      std::string bytes = good.substr(0, random.next() % (good.size() + 1));
      for (int i = 0; i < 3 && !bytes.empty(); ++i)
        bytes[random.next() % bytes.size()] = static_cast<char>(random.next());

      const auto scan = scan_tar(bytes);

      if (scan) CHECK(scan->entry_count <= 2);
    }
  }

  TEST_CASE("the file of a multipart body is found, its bytes untouched") {
    const std::string bytes = "a\r\n--b\0c\r\n";
    const std::string body =
        "--XY\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nx\r\n"
        "--XY\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a \\\"b.txt\"\r\n"
        "Content-Type: text/plain\r\n\r\n" +
        bytes + "\r\n--XY--\r\n";

    const auto part = file_part("multipart/form-data; boundary=XY", body);

    REQUIRE(part);
    CHECK(part->file_name == "a \"b.txt");
    CHECK(part->bytes == bytes);
  }

  TEST_CASE("an empty file is a file") {
    const auto part = file_part("multipart/form-data; boundary=\"X\"",
                                "--X\r\nContent-Disposition: form-data; name=\"file\"; "
                                "filename=\"e\"\r\n\r\n\r\n--X--");

    REQUIRE(part);
    CHECK(part->bytes.empty());
  }

  TEST_CASE("other content types, missing parts and cut bodies are refused") {
    const std::string head = "--X\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nabc";
    CHECK(!file_part("application/json", "{\"file_id\": \"f\"}"));
    CHECK(!file_part("multipart/form-data", head));
    CHECK(!file_part("multipart/form-data; boundary=Y", head));
    CHECK(!file_part("multipart/form-data; boundary=X", head));
    CHECK(!file_part("multipart/form-data; boundary=X", "--X--"));
    CHECK(!file_part("multipart/form-data; boundary=X",
                     "--X\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\na\r\n--X--"));
  }
}
