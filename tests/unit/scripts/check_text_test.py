"""Plants a fault for each text rule; the just-valid neighbour passes."""
import support
import check_text

HEADER = "// Says what it is for.\n#pragma once\n"


class CheckText(support.PlantedTree):
    def check(self, rule):
        return [failure for failure in check_text.check(self.root) if f": {rule}:" in failure]

    def test_a_line_of_101_characters_is_too_long_and_100_are_not(self):
        self.plant(a_cpp="// " + "é" * 97 + "\n" + "// " + "x" * 98 + "\n")
        self.assert_one(self.check("columns"), "a.cpp:2:", "101")

    def test_tabs_trailing_space_and_a_missing_last_line_feed_are_found(self):
        self.plant(a_cpp="int a;\n\tint b;\nint c; \nint d;")
        self.assert_one(self.check("tabs"), "a.cpp:2:")
        self.assert_one(self.check("trailing space"), "a.cpp:3:")
        self.assert_one(self.check("last line"), "a.cpp:4:")

    def test_leftovers_are_found_in_code_and_prose(self):
        self.write("a.cpp", "// TO" "DO: later\n")
        self.write("b.md", "FIX" "ME\n")
        self.write("c.cpp", "int TODOS;\n")
        self.assertEqual(len(self.check("leftovers")), 2)

    def test_paths_and_hosts_of_a_machine_are_found(self):
        self.write("a.py", "open('/wo" "rk/main/x')\n")
        self.write("b.md", "pip install --index" "-url https://x\n")
        self.write("c.py", "open('experiments/work/x')\n")
        self.assertEqual(len(self.check("machine paths")), 2)

    def test_files_and_headers_have_a_length(self):
        self.write("long.cpp", "int a;\n" * 421)
        self.write("just.cpp", "int a;\n" * 420)
        self.write("tests/just.cpp", "int a;\n" * 600)
        self.write("lib/kernels/just.hpp", HEADER + "int a;\n" * 418)
        self.write("long.hpp", HEADER + "int a;\n" * 139)
        self.write("just.hpp", HEADER + "int a;\n" * 138)
        self.assert_one(self.check("file length"), "long.cpp", "421")
        self.assert_one(self.check("header length"), "long.hpp", "141")

    def test_a_header_says_its_purpose_and_is_read_once(self):
        self.write("a.hpp", "#include <string>\n")
        self.write("b.hpp", HEADER)
        self.assert_one(self.check("purpose"), "a.hpp:1:")
        self.assert_one(self.check("include guard"), "a.hpp:1:")

    def test_a_function_of_71_lines_is_too_long_wherever_it_stands(self):
        body = "  call();\n"
        self.write("a.cpp", "namespace x {\n"
                   "int just(int a) {\n" + body * 68 + "}\n"
                   "int Type::method(int a) const {\n" + body * 69 + "}\n"
                   "}\n")
        self.assert_one(self.check("function length"), "a.cpp:72:", "71")

    def test_braces_in_strings_comments_and_lambdas_do_not_confuse_the_scanner(self):
        self.write("a.cpp", "struct S {\n" + "  int a = '{';  // {\n" * 80 + "};\n"
                   'auto text = R"({{{)";\n'
                   "void f(int a) {\n  run([&](int b) {\n" + "    b += 1'000;\n" * 66
                   + "  });\n}\n"
                   "TEST_SUITE(\"s\") {\n" + '  TEST_CASE("c") {\n    f(1);\n  }\n' * 40 + "}\n")
        self.assertEqual(self.check("function length"), [])

    def test_a_long_test_case_and_a_long_constructor_are_found(self):
        self.write("a.cpp", 'TEST_CASE("c") {\n' + "  f();\n" * 70 + "}\n"
                   "Type::Type(int a)\n    : a_(a), b_{2} {\n" + "  f();\n" * 70 + "}\n")
        self.assertEqual(len(self.check("function length")), 2)

    def test_a_long_python_function_is_found(self):
        self.write("a.py", "def f():\n" + "    g()\n" * 70)
        self.assert_one(self.check("function length"), "a.py:1:", "71")

    def test_a_source_that_nothing_builds_and_a_header_that_nothing_includes_are_dead(self):
        self.write("lib/CMakeLists.txt", "flywheel_library(lib LINKS x)\n")
        self.write("lib/a.cpp", '#include "lib/used.hpp"\n')
        self.write("lib/used.hpp", HEADER)
        self.write("tests/beside.hpp", HEADER)
        self.write("lib/unused.hpp", HEADER)
        self.write("named/CMakeLists.txt", "flywheel_library(n SOURCES a.cpp LINKS x)\n")
        self.write("named/a.cpp", "int a;\n")
        self.write("named/b.cpp", "int a;\n")
        self.write("tests/CMakeLists.txt", "flywheel_tests(t LABEL unit LINKS x)\n")
        self.write("tests/a_test.cpp", '#include "beside.hpp"\n')
        self.write("tests/helper.cpp", "int a;\n")
        dead = self.check("dead file")
        self.assertEqual([f.split(":")[0] for f in dead],
                         ["lib/unused.hpp", "named/b.cpp", "tests/helper.cpp"])
