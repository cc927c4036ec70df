"""What clang is given of a g++ compile command."""
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
