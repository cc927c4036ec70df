// The Python program that makes text of an HTML page inside the sandbox; html_reader.cpp starts it.
#pragma once

#include <string>

namespace flywheel {

// `python3 -c` this, with the page on its standard input. It prints the title as one line, then the
// text. It is scripts/page_text.py, which makes the pages of web snapshots, too.
const std::string& page_text_driver();

}  // namespace flywheel
