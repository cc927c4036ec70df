"""What clang is given of a g++ compile command, and which sources are read again."""
import contextlib
import pathlib
import tempfile
import unittest

import support  # noqa: F401
import check_tidy


class ClangCommand(unittest.TestCase):
    def test_precompiled_headers_and_launchers_are_left_out(self):
        command = ("ccache /usr/bin/c++ -DX=\\\"ab\\\" -I. -fpch-preprocess -Winvalid-pch "
                   "-include build/dev/CMakeFiles/m.dir/cmake_pch.hxx -std=c++20 -c a.cpp")
        self.assertEqual(check_tidy.clang_command(command),
                         "/usr/bin/c++ '-DX=\"ab\"' -I. -std=c++20 -c a.cpp")

    def test_other_includes_stay(self):
        self.assertEqual(check_tidy.clang_command("g++ -include config.h -c a.cpp"),
                         "g++ -include config.h -c a.cpp")

    def test_a_changed_header_is_read_through_its_source(self):
        self.assertEqual(check_tidy.headers_tidied_through({"a/b.hpp", "a/c.hpp", "a/d.cpp"},
                                                           {"a/b.cpp", "a/d.cpp"}), {"a/b.cpp"})


class MarkOfACleanSource(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(contextlib.chdir(folder))
        pathlib.Path("a").mkdir()
        pathlib.Path(".clang-tidy").write_text("Checks: x")
        pathlib.Path("a/a.cpp").write_text('#include "a/outer.hpp"\n')
        pathlib.Path("a/outer.hpp").write_text('#include "a/inner.hpp"\n#include "caf/all.hpp"\n')
        pathlib.Path("a/inner.hpp").write_text("int one();\n")
        pathlib.Path("a/other.hpp").write_text("int two();\n")

    def mark(self, command="g++ -c a/a.cpp"):
        check_tidy.text_of.cache_clear()
        return check_tidy.mark_of("a/a.cpp", command)

    def test_it_changes_with_a_header_of_a_header_the_command_and_the_rules(self):
        marks = [self.mark(), self.mark("g++ -DX -c a/a.cpp")]
        pathlib.Path("a/inner.hpp").write_text("int one(int);\n")
        marks.append(self.mark())
        pathlib.Path(".clang-tidy").write_text("Checks: y")
        marks.append(self.mark())
        pathlib.Path("a/.clang-tidy").write_text("Checks: z")
        marks.append(self.mark())
        self.assertEqual(len(set(marks)), len(marks))

    def test_it_stays_when_a_header_changes_that_the_source_does_not_read(self):
        before = self.mark()
        pathlib.Path("a/other.hpp").write_text("int two(int);\n")
        self.assertEqual(self.mark(), before)
