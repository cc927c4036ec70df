"""Bags and lists of marbles."""


def runs(items):
    """Yields (item, count) for each stretch of equal items.

    >>> list(runs("aab"))
    [('a', 2), ('b', 1)]
    """
    count = 0
    last = None
    for item in items:
        if count and item == last:
            count += 1
        else:
            if count:
                yield last, count
            last, count = item, 1
    if count:
        yield last, count


def merge_sorted(left, right, key=None):
    """One sorted list out of two sorted ones; of equal items those of `left` come first."""
    merged = []
    rest = list(right)
    for item in left:
        while rest and (key(rest[0]) < key(item) if key else rest[0] < item):
            merged.append(rest.pop(0))
        merged.append(item)
    merged.extend(rest)
    return merged


class Bag:
    """Counts of colours."""

    def __init__(self, counts=()):
        self.counts = dict(counts)

    def take(self, colour, count=1):
        """Removes marbles of a colour and returns how many are left of it."""
        have = self.counts.get(colour, 0)
        if count > have:
            raise ValueError(f"only {have} of {colour}")
        if count == have:
            del self.counts[colour]
        else:
            self.counts[colour] = have - count
        return have - count

    def most(self):
        """The colour with the most marbles, the first in the alphabet among equals; None for none."""
        best = None
        for colour in sorted(self.counts):
            if best is None or self.counts[colour] > self.counts[best]:
                best = colour
        return best

    def draw(self, path, colours):
        """Writes the bag as a picture of letters."""
        with open(path, "w", encoding="utf-8") as file:
            for colour in colours:
                file.write(colour * self.counts.get(colour, 0) + "\n")
        return path
