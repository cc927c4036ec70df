"""Seeded text for the tokenizer goldens: the same on every machine and Python version.

tests/unit/runtime/text/text_corpus.hpp makes the same text in C++, so the goldens hold hashes of ids
and not the text. Both sides draw from SplitMix64 (Steele et al. 2014) and speak of code points only.
"""

MASK = (1 << 64) - 1


class SplitMix64:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, bound):
        return self.next() % bound


def load_pieces(path):
    """Lines of corpus_pieces.txt: a group's name after '# ', then its pieces, backslash escapes undone."""
    groups = {}
    name = None
    with open(path, encoding="utf-8") as file:
        for line in file.read().split("\n"):
            if line.startswith("# "):
                name = line[2:]
                groups[name] = []
            elif line:
                groups[name].append(unescaped(line))
    return groups


def unescaped(line):
    out = []
    at = 0
    while at < len(line):
        if line[at] != "\\":
            out.append(line[at])
            at += 1
        elif line[at + 1] == "n":
            out.append("\n")
            at += 2
        elif line[at + 1] == "r":
            out.append("\r")
            at += 2
        elif line[at + 1] == "t":
            out.append("\t")
            at += 2
        elif line[at + 1] == "s":
            out.append(" ")
            at += 2
        elif line[at + 1] == "\\":
            out.append("\\")
            at += 2
        else:  # \u{1F468}
            end = line.index("}", at)
            out.append(chr(int(line[at + 3 : end], 16)))
            at = end + 1
    return "".join(out)


# First and last code point of the blocks that random_run draws from.
BLOCKS = [
    (0x20, 0x7E), (0xA0, 0x17F), (0x250, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x530, 0x5FF),
    (0x600, 0x6FF), (0x900, 0x97F), (0xB80, 0xBFF), (0xE00, 0xE7F), (0x1100, 0x11FF),
    (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x218F), (0x2190, 0x23FF), (0x2460, 0x27BF),
    (0x3000, 0x30FF), (0x3200, 0x33FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xFE00, 0xFE0F),
    (0xFF00, 0xFFEF), (0x10000, 0x1007F), (0x1D400, 0x1D7FF), (0x1F300, 0x1F6FF),
    (0x1F900, 0x1FAFF), (0x20000, 0x2A6DF), (0x0, 0x1F), (0x80, 0x9F), (0x10FFF0, 0x10FFFF),
]


def random_run(rng):
    first, last = BLOCKS[rng.below(len(BLOCKS))]
    return "".join(chr(first + rng.below(last - first + 1)) for _ in range(1 + rng.below(12)))


def digit_run(rng):
    return "".join(chr(0x30 + rng.below(10)) for _ in range(1 + rng.below(40)))


def space_run(rng):
    spaces = " \n\t\r\u00a0\u2003\u3000\u0085\u180e\u200b\u2028"
    return "".join(spaces[rng.below(len(spaces))] for _ in range(1 + rng.below(8)))


def chunk(seed, groups, bytes_min):
    """A text of at least `bytes_min` bytes of UTF-8."""
    rng = SplitMix64(seed)
    names = list(groups)
    out = []
    size = 0
    while size < bytes_min:
        kind = rng.below(16)
        if kind == 0:
            piece = random_run(rng)
        elif kind == 1:
            piece = digit_run(rng)
        elif kind == 2:
            piece = space_run(rng)
        else:
            group = groups[names[rng.below(len(names))]]
            piece = group[rng.below(len(group))]
            if rng.below(4) != 0:
                piece = " " + piece
        out.append(piece)
        size += len(piece.encode("utf-8"))
    return "".join(out)


def fnv1a(data):
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def hash_of_ids(ids):
    return fnv1a(b"".join(i.to_bytes(4, "little") for i in ids))
