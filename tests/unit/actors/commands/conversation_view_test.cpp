// A stored conversation with tool calls, as people read it.
#include "actors/commands/conversation_view.hpp"

#include <doctest/doctest.h>

#include "actors/commands/report.hpp"

using namespace flywheel;

namespace {

Json part(const char* kind, const char* text, const char* name = "") {
  return {{"kind", kind}, {"text", text}, {"name", name}, {"call_id", "call_1_0"}};
}

Json turn(const char* role, std::vector<Json> parts) {
  return {{"role", role}, {"parts", std::move(parts)}};
}

}  // namespace

TEST_SUITE("actors/commands/conversation_view") {
  TEST_CASE("tool calls, their results and their pictures are messages of their own") {
    const Json conversation{
        {"turns",
         {turn("user", {part("text", "Plot it.")}),
          turn("assistant",
               {part("text", "Here."), part("tool_call", R"j({"code":"plot()"})j", "python"),
                part("tool_call", R"({"a":1,"b":2})", "shell")}),
          turn("tool", {part("tool_result", "[picture plot_1.png]", "python"),
                        part("file", "data:image/png;base64,UE5H", "plot_1.png"),
                        part("tool_result", "no", "shell")}),
          turn("assistant", {part("text", "")})}}};

    const auto messages = messages_of(conversation);

    REQUIRE(messages.size() == 8);
    CHECK(messages[1].text == "Here.");
    CHECK(messages[2].role == "assistant calls python");
    CHECK(messages[2].text == "plot()");
    CHECK(messages[3].text == R"({"a":1,"b":2})");
    CHECK(messages[4].role == "tool python");
    CHECK(messages[5].role == "picture plot_1.png");
    CHECK(messages[5].picture == "data:image/png;base64,UE5H");
    CHECK(messages[7].role == "assistant");
  }

  TEST_CASE("cited words say which page they are of") {
    const Json conversation{
        {"turns",
         {turn("assistant", {part("text", "So: "), part("text", "a set", "https://doc.example/"),
                             part("text", ".")})}}};

    const auto messages = messages_of(conversation);

    REQUIRE(messages.size() == 1);
    CHECK(messages[0].text == "So: a set.\n[cites https://doc.example/: \"a set\"]");
  }

  TEST_CASE("a report shows tool calls and pictures, and an address that is no picture stays out") {
    ReportData data;
    data.transcripts = {{.title = "one",
                         .before = {{"assistant calls python", "plot()"},
                                    {"picture plot_1.png", "", "data:image/png;base64,UE5H"},
                                    {"picture x", "", "https://evil.example/x.png"}}}};

    const auto html = report_html(data);

    CHECK(html.find("<b>assistant calls python</b><div>plot()</div>") != std::string::npos);
    CHECK(html.find("src=\"data:image/png;base64,UE5H\"") != std::string::npos);
    CHECK(html.find("img-src data:") != std::string::npos);
    CHECK(html.find("evil.example") == std::string::npos);
  }
}
