#include <ctime>

#include <doctest/doctest.h>

#include "runtime/base/random.hpp"
#include "runtime/model/chat_template.hpp"
#include "tests/unit/runtime/text/golden.hpp"

using namespace flywheel;

namespace {

const std::vector<std::string> template_files{"smollm2",     "qwen2.5", "qwen3",
                                              "llama3_like", "blocks",  "plain"};

OrderedJson some_messages() {
  return OrderedJson::parse(R"([{"role": "system", "content": "Be brief."},
      {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"},
      {"role": "user", "content": "Bye"}])");
}

Result<std::string> render(const std::string& source,
                           const OrderedJson& variables = OrderedJson::object()) {
  auto parsed = parse_chat_template(source, "test");
  if (!parsed) return fail(parsed.error());
  return (*parsed)->render(some_messages(), true, variables);
}

std::string error_of(const std::string& source) {
  const auto rendered = render(source);
  REQUIRE_MESSAGE(!rendered.has_value(), source);
  return rendered.error().message;
}

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string repeated(const std::string& text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

// What mutations paste in: the template language's own marks and words.
const std::vector<std::string> mutation_bits{
    // clang-format off
    "{{", "}}", "{%", "%}", "{#", "#}", "-", "'", "\"", "(", ")", "[", "]", "{", "}", "|", ".",
    ",", ":", "~", "+", "*", "**", "//", "%", " is ", " in ", " not ", " if ", " else ",
    "{% for x in messages %}", "{% endfor %}", "{% if ", "{% endif %}", "{% set x = ",
    "{% macro m() %}", "{% endmacro %}", "{% raw %}", "messages", "loop", "namespace(", "[::-1]",
    "\\", "\n", "9999999999999999999", "0", "|tojson", "|join(", "|sort", "\xff", "é",
    // clang-format on
};

// A template with a few bytes changed, cut out, doubled or swapped with another's.
std::string mutated(std::string source, const std::string& other, Random& random) {
  for (std::uint64_t left = 1 + random.below(6); left > 0; --left) {
    const std::size_t at = random.below(source.size() + 1);
    const std::size_t size = std::min<std::size_t>(random.below(20), source.size() - at);
    switch (random.below(4)) {
      case 0:
        source.erase(at, size);
        break;
      case 1:
        source.insert(at, mutation_bits[random.below(mutation_bits.size())]);
        break;
      case 2:
        source.insert(at, source.substr(at, size));
        break;
      default:
        source.insert(at, other.substr(random.below(other.size()), random.below(60)));
    }
  }
  return source;
}

}  // namespace

TEST_SUITE("text/jinja") {
  TEST_CASE("a construct that is not supported is refused when it is parsed, with its line") {
    const auto refusal = [](const std::string& source) {
      const auto parsed = parse_chat_template(source, "model/chat_template");
      REQUIRE_MESSAGE(!parsed.has_value(), source);
      CHECK(parsed.error().failure == Failure::invalid_input);
      CHECK(mentions(parsed.error().message, "model/chat_template: chat template, line 3: "));
      return parsed.error().message;
    };
    CHECK(mentions(refusal("\n\n{{ x | urlize }}"), "filter 'urlize'"));
    CHECK(mentions(refusal("\n\n{% if x is escaped %}{% endif %}"), "test 'escaped'"));
    CHECK(mentions(refusal("\n\n{{ x.encode('utf-8') }}"), "method 'encode'"));
    CHECK(mentions(refusal("\n\n{% include 'x' %}"), "block 'include'"));
    CHECK(mentions(refusal("\n\n{% import 'x' as y %}"), "block 'import'"));
    CHECK(mentions(refusal("\n\n{% call m() %}{% endcall %}"), "block 'call'"));
    CHECK(mentions(refusal("\n\n{% for x in y recursive %}{% endfor %}"), "recursive"));
    CHECK(mentions(refusal("\n\n{{ f(*args) }}"), "unpacked"));
    CHECK(mentions(refusal("\n\n{{ caller() }}"), "'caller'"));
    CHECK(mentions(refusal("\n\n{% for x in y %}{% macro m() %}{% endmacro %}{% endfor %}"),
                   "macro inside a loop"));
    CHECK(mentions(refusal("\n\n{% if x %}"), "without 'endif'"));
    CHECK(mentions(refusal("\n\n{% break %}"), "outside of a loop"));
  }

  TEST_CASE("an error while rendering names the line of its cause") {
    CHECK(mentions(error_of("a\n{% if true %}\n{{ missing.x }}\n{% endif %}"), "line 3"));
    CHECK(mentions(error_of("{{ raise_exception('no tools here') }}"), "no tools here"));
    CHECK(mentions(error_of("{{ '%s' % 'x' }}"), "formatting"));
    CHECK(mentions(error_of("{{ {1: 2} }}"), "only strings"));
    CHECK(mentions(error_of("{{ '<' + ('>' | safe) }}"), "safe"));
    CHECK(mentions(error_of("{{ 'ß' | upper }}"), "letter case"));
  }

  TEST_CASE("no template runs, grows or recurses without end") {
    const std::clock_t start = std::clock();  // work, not the wait for a busy machine
    const std::string range = "range(100000)";
    error_of("{% for a in " + range + " %}{% for b in " + range + " %}{% endfor %}{% endfor %}");
    error_of("{% set n = namespace(s='x') %}{% for i in " + range +
             " %}{% set n.s = n.s ~ n.s %}{% endfor %}");
    error_of("{% set n = namespace(s=[1]) %}{% for i in " + range +
             " %}{% set n.s = n.s + n.s %}{% endfor %}");
    error_of("{% set n = namespace(s=[1]) %}{% for i in " + range +
             " %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s == n.s }}");
    error_of(
        "{% set n = namespace(s=[1]) %}{% for i in range(90) %}{% set n.s = [n.s, n.s] %}"
        "{% endfor %}{{ n.s }}");
    error_of(
        "{% set n = namespace(s=[1]) %}{% for i in range(90) %}{% set n.s = [n.s, n.s] %}"
        "{% endfor %}{{ n.s == n.s | list }}");
    error_of("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}");
    error_of("{{ 'x' * 99999999999 }}");
    error_of("{{ 9223372036854775807 + 1 }}");
    error_of("{{ '" + repeated("a ", 1000) + "'.split() * 100000 }}");
    error_of("{{ " + repeated("(", 10'000) + "1" + repeated(")", 10'000) + " }}");
    error_of("{{ " + repeated("not ", 100'000) + "1 }}");
    error_of("{{ 1" + repeated(" + 1", 100'000) + " }}");
    error_of("{{ x" + repeated(".x", 100'000) + " }}");
    error_of("{{ x" + repeated(" | trim", 100'000) + " }}");
    error_of(repeated("{% if true %}", 10'000));
    CHECK(render("{% set n = namespace() %}{% for i in " + range +
                 " %}{% set n.s = namespace(s=n.s) %}{% endfor %}")
              .has_value());  // a long chain is freed without recursion
    CHECK(render("{% set n = namespace() %}{% set n.n = n %}").has_value());  // and so is a ring
    CHECK((std::clock() - start) / CLOCKS_PER_SEC < 60);
  }

  TEST_CASE("templates with random changes never crash the parser or the evaluator") {
    std::vector<std::string> sources;
    for (const auto& file : template_files)
      sources.push_back(golden::read_text(golden::folder + "templates/" + file + ".jinja"));
    const OrderedJson goldens =
        OrderedJson::parse(golden::read_text(golden::folder + "chats.json"));
    for (const auto& snippet : goldens.at("snippets"))
      sources.push_back(snippet.at("template").get<std::string>());
    const OrderedJson context = goldens.at("context");
    std::size_t rendered_count = 0;
    for (std::uint64_t seed = 0; seed < 6000; ++seed) {
      CAPTURE(seed);
      Random random{derive_key({3, seed})};
      const std::string& source = sources[random.below(sources.size())];
      const std::string& other = sources[random.below(sources.size())];
      const auto rendered = render(mutated(source, other, random), context);
      rendered_count += rendered.has_value() ? 1 : 0;
      if (!rendered) {
        CHECK(mentions(rendered.error().message, "test: chat template, line "));
        CHECK(!rendered.error().message.empty());
      }
    }
    CHECK(rendered_count > 100);  // else the changes only tried the lexer
  }

  TEST_CASE("plain Json messages are taken too") {
    const Json messages = Json::array({{{"role", "user"}, {"content", "Hi"}}});
    const auto parsed = parse_chat_template("{{ messages[0].role }}{{ tools is none }}", "test");
    REQUIRE(parsed.has_value());
    CHECK((*parsed)->render(messages, false).value() == "userTrue");
    CHECK((*parsed)->source() == "{{ messages[0].role }}{{ tools is none }}");
    CHECK(!(*parsed)->render(Json("text"), false).has_value());
  }

  TEST_CASE("strftime_now gives the year that the clock says") {
    const auto year = render("{{ strftime_now('%Y') }}");
    REQUIRE(year.has_value());
    CHECK(year->size() == 4);
    CHECK(std::stoi(*year) > 2024);
  }
}
