// Pages of the live web, through a real proxy on real sockets: what is fetched, what is refused
// before a byte is sent, and what hostile answers come to.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

#include "runtime/tools/browse_tool.hpp"
#include "runtime/tools/citation.hpp"
#include "runtime/tools/shown_pages.hpp"
#include "runtime/tools/tool_session.hpp"
#include "tests/support/little_proxy.hpp"
#include "tests/support/scripted_bench.hpp"

namespace flywheel::testing {
namespace {

using namespace std::chrono_literals;

const std::string page_text = "Owls hunt at night.\nCaf\xC3\xA9s close early.\n";

// One conversation with `browse`.
struct Talk {
  ToolSession session;
  ShownPages shown{};

  explicit Talk(BenchScript& script)
      : session([&script] {
          return Result<std::unique_ptr<Workbench>>{std::make_unique<ScriptedBench>(script)};
        }) {}
};

struct Lab {
  ProxyAnswer answer = page_answer(page_text);
  std::string hosts = "docs.example.org, .wiki.example.com, docs.example.org:8080";
  ToolLimits limits{.wall_time_max = 10s, .output_bytes_max = 1000};
  LittleProxy proxy{[this](const std::string&) { return answer; }};
  std::string proxy_url = proxy.url();
  BenchScript bench{};
  Talk talk{bench};
  Toolbox box{{}};

  ToolResult run(Talk& who, const Json& arguments) {
    auto pages = std::make_shared<PageStore>();
    REQUIRE(pages->add("https://docs.example.org/stored", "Stored", "A stored page."));
    auto live = LivePages::open(proxy_url, hosts);
    REQUIRE_MESSAGE(live.has_value(), live.error().message);
    box = Toolbox{{browse_tool(pages, limits, std::make_shared<const LivePages>(*live))}};
    ToolCall call;
    call.name = "browse";
    call.arguments = arguments;
    const std::vector<std::string> allowed{"browse"};
    auto result = box.run(call, allowed, who.session);
    who.shown.add(result);
    return result;
  }
  ToolResult open(const std::string& url) { return run(talk, {{"action", "open"}, {"url", url}}); }
  CitedAnswer cite(const Talk& who, const std::string& answer_text) const {
    return check_citations(answer_text,
                           [&](std::string_view url) { return who.shown.find(url, box); });
  }
};

bool has(const ToolResult& result, std::string_view words) {
  return result.text.find(words) != std::string::npos;
}

// The url is answered as said and no byte of the request leaves this process.
void check_refused(Lab& lab, const std::string& url, std::string_view why) {
  CAPTURE(url);
  const auto result = lab.open(url);
  CAPTURE(result.text);
  CHECK(result.status == ToolStatus::refused);
  CHECK(has(result, why));
  CHECK(result.text.find('\n') == std::string::npos);
  CHECK(result.shown.empty());
  CHECK(result.fetched.empty());
  CHECK(lab.proxy.requests().empty());
}

const std::string night_cite =
    "<cite url=\"http://docs.example.org/owls\">Owls hunt at night.</cite>";

}  // namespace

TEST_SUITE("runtime/tools/live_pages") {
  TEST_CASE("a page of an allowed host comes through the proxy, and its citation is byte-exact") {
    Lab lab;

    const auto opened = lab.open("http://docs.example.org/owls");
    const auto cited = lab.cite(lab.talk, "So: " + night_cite);

    CHECK(opened.status == ToolStatus::done);
    CHECK(has(opened, "http://docs.example.org/owls lines 1 to 2 of 2\n\nOwls hunt at night.\n"));
    REQUIRE(lab.proxy.requests().size() == 1);
    CHECK(lab.proxy.requests()[0].starts_with("GET http://docs.example.org/owls HTTP/1.1\r\n"));
    REQUIRE(cited.citations.size() == 1);
    const auto& citation = cited.citations[0];
    CHECK(cited.text.substr(citation.start, citation.end - citation.start) ==
          page_text.substr(citation.page_start, citation.end - citation.start));
    CHECK(lab.cite(lab.talk, "<cite url=\"http://docs.example.org/owls\">owls hunt</cite>")
              .refused_count == 1);
  }

  TEST_CASE("a page that was fetched is opened further and searched without a second request") {
    Lab lab;
    lab.open("http://docs.example.org/owls");

    const auto further = lab.run(
        lab.talk, {{"action", "open"}, {"url", "HTTP://DOCS.example.org:80/owls#x"}, {"line", 2}});
    const auto found =
        lab.run(lab.talk,
                {{"action", "find"}, {"url", "http://docs.example.org/owls"}, {"query", "close"}});

    CHECK(has(further, "Caf\xC3\xA9s close early."));
    CHECK(has(found, "line 2: Caf\xC3\xA9s close early."));
    CHECK(lab.proxy.requests().size() == 1);
  }

  TEST_CASE("a page is its conversation's own: another neither sees nor cites it") {
    Lab lab;
    lab.open("http://docs.example.org/owls");
    Talk other{lab.bench};

    const auto found = lab.run(
        other, {{"action", "find"}, {"url", "http://docs.example.org/owls"}, {"query", "owls"}});

    CHECK(found.status == ToolStatus::refused);
    CHECK(has(found, "was not opened yet"));
    CHECK(lab.cite(other, night_cite).citations.empty());
    CHECK(lab.cite(lab.talk, night_cite).citations.size() == 1);
    lab.run(other, {{"action", "open"}, {"url", "http://docs.example.org/owls"}});
    CHECK(lab.cite(other, night_cite).citations.size() == 1);
    CHECK(lab.proxy.requests().size() == 2);
  }

  TEST_CASE("a page of the snapshot is never fetched") {
    Lab lab;

    const auto opened = lab.open("https://docs.example.org/stored");

    CHECK(has(opened, "A stored page."));
    CHECK(lab.proxy.requests().empty());
  }

  TEST_CASE("a host outside the list never reaches the proxy") {
    Lab lab;
    check_refused(lab, "http://elsewhere.example.org/", "elsewhere.example.org:80 is not among");
    check_refused(lab, "http://docs.example.org.evil.net/", "is not among the operator's hosts");
    check_refused(lab, "http://evildocs.example.org/", "is not among the operator's hosts");
    check_refused(lab, "http://docs.example.org./", "is no name");
    check_refused(lab, "http://evilwiki.example.com/", "is not among the operator's hosts");
  }

  TEST_CASE("a port that is not listed never reaches the proxy") {
    Lab lab;
    check_refused(lab, "http://docs.example.org:22/", "docs.example.org:22 is not among");
    check_refused(lab, "http://a.wiki.example.com:8080/", "a.wiki.example.com:8080 is not among");

    CHECK(lab.open("http://docs.example.org:8080/").status == ToolStatus::done);
    CHECK(lab.open("http://a.wiki.example.com/").status == ToolStatus::done);
    CHECK(lab.open("http://wiki.example.com/").status == ToolStatus::done);
  }

  TEST_CASE("other schemes than http and https are refused") {
    Lab lab;
    check_refused(lab, "file:///etc/passwd", "only http:// and https:// are");
    check_refused(lab, "gopher://docs.example.org/", "only http:// and https:// are");
    check_refused(lab, "ftp://docs.example.org/", "only http:// and https:// are");
    check_refused(lab, "docs.example.org/owls", "does not begin with http:// or https://");
  }

  TEST_CASE("a user or a password in a url is refused") {
    Lab lab;
    check_refused(lab, "http://me:secret@docs.example.org/", "a user or a password");
    check_refused(lab, "http://@docs.example.org/", "a user or a password");
    check_refused(lab, "http://docs.example.org@elsewhere.net/", "a user or a password");
    check_refused(lab, "http://elsewhere.net\\@docs.example.org/", "percent-encode");
  }

  TEST_CASE("an address in digits and localhost are refused unless they are spelled out") {
    Lab lab;
    lab.hosts = ".example.org, .localhost, .local";
    for (const char* host : {"169.254.169.254", "2130706433", "0x7f.1", "127.1", "[::1]",
                             "[::ffff:127.0.0.1]", "localhost", "LOCALHOST", "a.localhost"})
      check_refused(lab, "http://" + std::string{host} + "/", "is not among the operator's hosts");
    lab.hosts = "127.0.0.1:8080, [0:0::1], localhost";

    CHECK(lab.open("http://127.0.0.1:8080/").status == ToolStatus::done);
    CHECK(lab.open("http://[::1]/").status == ToolStatus::done);
    CHECK(lab.open("http://localhost/").status == ToolStatus::done);
    CHECK(lab.open("http://127.0.0.1/").status == ToolStatus::refused);
  }

  TEST_CASE("spaces, line ends and letters beyond ASCII in a url are refused") {
    Lab lab;
    check_refused(lab, "http://docs.example.org/a\r\nHost: evil.net", "percent-encode");
    check_refused(lab, "http://docs.example.org/a b", "percent-encode");
    check_refused(lab, "http://\xEF\xBC\x91.example.org/", "percent-encode");
    check_refused(lab, "http://docs%00.example.org/", "can't be fetched");
  }

  TEST_CASE("a redirect is not followed but named, and opening its target is checked again") {
    Lab lab;
    lab.answer = {
        "HTTP/1.1 302 Found\r\nLocation: http://elsewhere.net/x\r\n"
        "Content-Length: 0\r\n\r\n"};

    const auto moved = lab.open("http://docs.example.org/owls");
    const auto second = lab.open("http://elsewhere.net/x");

    CHECK(moved.status == ToolStatus::failed);
    CHECK(moved.text == "http://docs.example.org/owls has moved to http://elsewhere.net/x");
    CHECK(moved.shown.empty());
    CHECK(second.status == ToolStatus::refused);
    CHECK(lab.proxy.requests().size() == 1);
  }

  TEST_CASE("a redirect to an allowed page can be opened next") {
    Lab lab;
    lab.answer = {"HTTP/1.1 301 Moved\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n"};

    CHECK(has(lab.open("http://docs.example.org/old"), "moved to http://docs.example.org/new"));
    lab.answer = page_answer(page_text);
    CHECK(lab.open("http://docs.example.org/new").status == ToolStatus::done);
  }

  TEST_CASE("a body beyond the bound is given up, whether its length is stated or not") {
    Lab lab;
    const std::string big(page_bytes_max + 1, 'a');
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";

    lab.answer = page_answer(big);
    const auto stated = lab.open("http://docs.example.org/a");
    lab.answer = {head + "Connection: close\r\n\r\n" + big};
    const auto open_ended = lab.open("http://docs.example.org/b");
    lab.answer = {head + "X: " + std::string(90'000, 'a') + "\r\n\r\n"};
    const auto head_only = lab.open("http://docs.example.org/c");

    for (const auto& result : {stated, open_ended, head_only}) {
      CAPTURE(result.text);
      CHECK(result.status == ToolStatus::failed);
      CHECK(result.fetched.empty());
    }
    CHECK(has(stated, "has more than 4194304 bytes, which is the most"));
    CHECK(has(open_ended, "has more than 4194304 bytes, which is the most"));
  }

  TEST_CASE("a body that drips on without an end is stopped at the call's limit") {
    Lab lab;
    lab.limits.wall_time_max = 300ms;
    lab.answer = {"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nslow", true};
    const auto start = std::chrono::steady_clock::now();

    const auto result = lab.open("http://docs.example.org/owls");

    CHECK(std::chrono::steady_clock::now() - start < 5s);
    CHECK(result.status == ToolStatus::timeout);
    CHECK(has(result, "was not there within 300 ms"));
    CHECK(result.fetched.empty());
  }

  TEST_CASE("a conversation that is over stops its fetch") {
    Lab lab;
    lab.answer = {"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nslow", true};
    std::thread end{[&] {
      while (lab.proxy.requests().empty()) std::this_thread::sleep_for(5ms);
      lab.talk.session.cancel();
    }};
    const auto start = std::chrono::steady_clock::now();

    const auto result = lab.open("http://docs.example.org/owls");
    end.join();

    CHECK(std::chrono::steady_clock::now() - start < 5s);
    CHECK(result.text == "the conversation is over");
  }

  TEST_CASE("other types, charsets and encodings than plain text in UTF-8 are not read") {
    Lab lab;
    const auto type = [&](const std::string& stated, const std::string& more = "") {
      lab.answer = page_answer("words", stated, more);
      return lab.open("http://docs.example.org/a");
    };

    CHECK(has(type("application/pdf"), "is 'application/pdf'; only text/html and text/plain"));
    CHECK(has(type(""), "is ''; only text/html and text/plain"));
    CHECK(has(type("text/htmlx"), "only text/html and text/plain are read"));
    CHECK(has(type("text/plain; charset=iso-8859-1"), "'iso-8859-1'; only UTF-8 is read"));
    CHECK(has(type("text/plain; a=b; Charset=\"UTF-16\""), "'utf-16'; only UTF-8 is read"));
    CHECK(has(type("text/plain", "Content-Encoding: gzip\r\n"), "came compressed"));
    CHECK(type("Text/Plain ; charset=\"Utf-8\"").status == ToolStatus::done);
  }

  TEST_CASE("broken UTF-8 and control characters do not get any further") {
    Lab lab;
    lab.answer = page_answer(
        "\xEF\xBB\xBF"
        "a\xFF"
        "b\x1B[2J\x7F\xC2\x9B"
        "c\r\nd\re\tf" +
        std::string(1, '\0') + "\xC3");

    const auto result = lab.open("http://docs.example.org/a");

    const std::string mark = "\xEF\xBF\xBD";
    REQUIRE(result.fetched.size() == 1);
    const std::string clean =
        "a" + mark + "b" + mark + "[2J" + mark + mark + "c\nd\ne\tf" + mark + mark;
    CHECK(result.fetched[0].text == clean);
    CHECK(result.fetched[0].lines.size() == 3);
    CHECK(has(result, "lines 1 to 3 of 3"));
  }

  TEST_CASE("an answer that is no page is named by its number") {
    Lab lab;
    lab.answer = {
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n"
        "Content-Length: 4\r\n\r\ngone"};

    const auto result = lab.open("http://docs.example.org/a");

    CHECK(result.status == ToolStatus::failed);
    CHECK(result.text == "http://docs.example.org/a is answered with 404");
    lab.answer = {"not HTTP at all\r\n\r\n"};
    CHECK(has(lab.open("http://docs.example.org/a"), "could not be fetched"));
    lab.answer = {"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nhalf"};
    CHECK(lab.open("http://docs.example.org/a").fetched.empty());
  }

  TEST_CASE("a proxy that is down is one clear line, and nothing goes around it") {
    LittleProxy site{[](const std::string&) { return page_answer(page_text); }};
    const std::string address = site.url().substr(std::string{"http://"}.size());
    Lab lab;
    lab.hosts = address;
    lab.proxy_url = "http://127.0.0.1:1";

    const auto result = lab.open("http://" + address + "/owls");

    CHECK(result.status == ToolStatus::unavailable);
    CHECK(has(result, "the operator's proxy (tools.live_proxy) can't be reached: "));
    CHECK(result.text.find('\n') == std::string::npos);
    CHECK(site.requests().empty());
  }

  TEST_CASE("https goes as a tunnel, and a proxy that refuses it has the last word") {
    Lab lab;
    lab.answer = {"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"};

    const auto result = lab.open("https://docs.example.org/owls");

    CHECK(result.status == ToolStatus::refused);
    CHECK(result.text == "the operator's proxy answers 403 for https://docs.example.org/owls");
    REQUIRE(lab.proxy.requests().size() == 1);
    CHECK(lab.proxy.requests()[0].starts_with("CONNECT docs.example.org:443 HTTP/1.1\r\n"));
    CHECK(lab.proxy.requests()[0].find("owls") == std::string::npos);
  }

  TEST_CASE("the environment's proxies and ~/.netrc play no part") {
    namespace fs = std::filesystem;
    const fs::path home = fs::temp_directory_path() / "flywheel_netrc_test";
    fs::create_directories(home);
    std::ofstream{home / ".netrc"} << "default login me password secret\n";
    const std::string earlier_home = std::getenv("HOME") == nullptr ? "" : std::getenv("HOME");
    setenv("HOME", home.c_str(), 1);
    setenv("no_proxy", "*", 1);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    Lab lab;

    const auto result = lab.open("http://docs.example.org/owls");

    unsetenv("no_proxy");
    unsetenv("http_proxy");
    setenv("HOME", earlier_home.c_str(), 1);
    fs::remove_all(home);
    CHECK(result.status == ToolStatus::done);
    REQUIRE(lab.proxy.requests().size() == 1);
    CHECK(lab.proxy.requests()[0].find("uthorization") == std::string::npos);
  }

  TEST_CASE("HTML is read in a container of its own, never in the conversation's") {
    Lab lab;
    lab.answer = page_answer("<title>x</title>", "text/html; charset=utf-8");
    lab.bench.results = {{.output = "Owls \x1B today\nOwls hunt at night.\n"}};
    const auto own = lab.talk.session.workbench();
    REQUIRE(own);

    const auto result = lab.open("http://docs.example.org/owls");

    CHECK(result.text.starts_with("Owls \xEF\xBF\xBD today\nhttp://docs.example.org/owls lines"));
    CHECK(has(result, "Owls hunt at night."));
    REQUIRE(lab.bench.commands.size() == 1);
    CHECK(lab.bench.commands[0].input == "<title>x</title>");
    CHECK(lab.bench.commands[0].command[1] == "-I");
    CHECK(lab.bench.made_count == 2);
    CHECK(lab.bench.alive_count == 1);
  }

  TEST_CASE("HTML that can't be read says how it ended") {
    Lab lab;
    lab.answer = page_answer("<p>", "text/html");
    lab.bench.results = {{.end = BenchEnd::timeout},
                         {.exit_code = 1},
                         {.output = "no end of a title"},
                         {.output = "t\nx", .is_truncated = true}};
    const auto open = [&] { return lab.open("http://docs.example.org/a"); };

    CHECK(open().status == ToolStatus::timeout);
    CHECK(has(open(), "http://docs.example.org/a: its HTML could not be read"));
    CHECK(has(open(), "its HTML could not be read"));
    CHECK(has(open(), "longer than a page may be"));
    CHECK(open().status == ToolStatus::unavailable);
    CHECK(lab.bench.alive_count == 0);
  }

  TEST_CASE("a conversation's pages are bounded in number and in bytes") {
    Lab lab;
    for (std::size_t i = 0; i < fetched_pages_max; ++i)
      CHECK(lab.open("http://docs.example.org/" + std::to_string(i)).status == ToolStatus::done);

    CHECK(has(lab.open("http://docs.example.org/more"), "has fetched 16 pages"));
    CHECK(lab.proxy.requests().size() == fetched_pages_max);
    FetchedPages pages;
    const std::string big(page_bytes_max, 'a');
    CHECK(pages.put(make_page("a", "a", big)));
    CHECK(pages.put(make_page("a", "a", big)));
    CHECK(pages.put(make_page("b", "b", big)));
    CHECK(pages.put(make_page("c", "c", "x")).error().failure == Failure::resource_exhausted);
    CHECK(pages.size() == 2);
  }

  TEST_CASE("lists of hosts and proxies that say nothing clear are refused") {
    for (const char* hosts :
         {"*", "*.example.org", "a,,b", ".", "http://a.org", "a.org/", "a.org:", "a.org:0",
          "a.org:99999", "a b", ".127.0.0.1", "[::1", "[::1]x", "\xC3\xA9.org", ":80"}) {
      CAPTURE(hosts);
      CHECK_FALSE(LiveHosts::parse(hosts));
    }
    CHECK(LiveHosts::parse("a.org:x").error().message.find("'a.org:x'") != std::string::npos);
    CHECK(LiveHosts::parse(" ")->is_empty());
    CHECK(LiveHosts::parse("A.org , [::1]:80,.b.org")->allow("a.org", 443));
    for (const char* proxy :
         {"", "127.0.0.1:3128", "https://a:1", "socks5://a:1", "http://a", "http://u:p@a:1",
          "http://a:1/x", "http://a:1/?x", "http://a:1 ", "http://:1"}) {
      CAPTURE(proxy);
      CHECK_FALSE(check_live_proxy(proxy));
    }
    CHECK(check_live_proxy("http://proxy.internal:3128"));
    CHECK_FALSE(LivePages::open("http://a:1", ""));
  }
}

}  // namespace flywheel::testing
