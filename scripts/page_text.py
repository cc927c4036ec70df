"""The words of an HTML page: of web snapshots (build_web_snapshot.py) and of pages that the tool
`browse` fetches, for which this file is built into the program and runs in a container.

As a program it reads a page from its standard input and prints the title, as one line, and the text.
Scripts, styles and navigation are left out.
"""
import html.parser
import re
import sys

SKIPPED = {"script", "style", "nav", "head", "footer", "noscript", "template", "svg"}
BLOCKS = {"p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "table", "ul", "ol",
          "dl", "dt", "dd", "section", "article", "blockquote", "br", "hr", "figure"}


class PageText(html.parser.HTMLParser):
    """Gathers the words, one line a block."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.pieces, self.titles = [], []
        self.skipped, self.in_title, self.in_pre = 0, False, 0

    def handle_starttag(self, tag, attrs):
        self.in_title = self.in_title or tag == "title"
        self.skipped = 0 if tag == "body" else self.skipped + (tag in SKIPPED)  # </head> may be left out
        self.in_pre += tag == "pre"
        if tag in BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag):
        if tag == "title":
            self.in_title = False
        self.skipped = max(0, self.skipped - (tag in SKIPPED))
        self.in_pre = max(0, self.in_pre - (tag == "pre"))
        if tag in BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data):
        if self.in_title:
            self.titles.append(data)
        elif not self.skipped:
            self.pieces.append(data if self.in_pre else re.sub(r"\s+", " ", data))

    def title(self):
        return " ".join("".join(self.titles).split())

    def text(self):
        lines = [re.sub(r"[ \t]+$", "", line) for line in "".join(self.pieces).split("\n")]
        lines = [line if line.startswith("  ") else line.strip() for line in lines]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def read_page(data):
    """The title, which may be empty, and the text of a page's bytes."""
    page = PageText()
    page.feed(data.decode("utf-8", errors="replace"))
    page.close()
    return page.title(), page.text()


if __name__ == "__main__":
    sys.stdout.buffer.write("\n".join(read_page(sys.stdin.buffer.read())).encode("utf-8", "replace"))
