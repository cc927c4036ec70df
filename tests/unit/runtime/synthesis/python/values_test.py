"""Values as JSON trees: there and back, canonical order, and what is refused."""
import collections
import datetime
import decimal
import json
import math
import operator
import unittest

import support  # noqa: F401
import values


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y


class Values(unittest.TestCase):
    def there_and_back(self, value):
        return values.read(json.loads(values.dump(values.write(value))))

    def test_values_come_back_with_their_types(self):
        for value in (None, True, 0, -7, 1 << 200, 1.5, "", "\u00e9\n", b"\x00\xff", bytearray(b"a"), [1, [2.0, "x"]],
                      (1, (2,)), {1: "a", (2, 3): [4]}, {1, 2}, frozenset("ab"), complex(1, -2), range(2, 9, 3),
                      slice(1, None, 2), float("inf"), collections.OrderedDict(b=1, a=2), collections.Counter("aab"),
                      collections.deque([1, 2], maxlen=3), decimal.Decimal("1.10"), datetime.date(2020, 2, 29),
                      datetime.timedelta(days=1, seconds=2), operator.add, len, dict, Ellipsis):
            with self.subTest(value=value):
                found = self.there_and_back(value)
                self.assertEqual((type(found), found), (type(value), value))
        self.assertTrue(math.isnan(self.there_and_back(float("nan"))))

    def test_copyable_iterators_keep_what_is_left_and_stay_usable(self):
        for make in (lambda: iter([1, 2, 3]), lambda: iter((1, 2, 3)), lambda: iter("abc"), lambda: iter(range(1, 4)),
                     lambda: reversed([3, 2, 1])):
            iterator, expected = make(), list(make())
            next(iterator)
            self.assertEqual(list(self.there_and_back(iterator)), expected[1:])
            self.assertEqual(list(iterator), expected[1:])

    def test_lambdas_come_back_as_text_that_does_the_same(self):
        tree = values.write(lambda x: x % 3 == len("ab"))
        self.assertEqual(tree["v"], "lambda x: x % 3 == len('ab')")
        self.assertTrue(values.read(tree)(5))

    def test_what_needs_more_than_builtins_or_can_not_be_copied_is_refused(self):
        outside = 3
        cycle = []
        cycle.append(cycle)
        for value in (lambda x: x + outside, (x for x in "abc"), map(str, [1]), cycle, Point, Point(1, 2),
                      "x" * 10000, list(range(5000)), "\ud800", [].append, 1 << 100000):
            with self.subTest(value=type(value)), self.assertRaises(values.Unwritable):
                values.write(value)

    def test_outcomes_are_canonical(self):
        same = [({"a": 1, "b": 2}, {"b": 2, "a": 1}), ({3, 1, 2}, {2, 3, 1}), (iter([1, 2]), (n for n in (1, 2)))]
        for left, right in same:
            self.assertEqual(values.write(left, canonical=True), values.write(right, canonical=True))
        for left, right in ((1, 1.0), (1, True), ([1], (1,)), ("1", b"1"), ({}, collections.Counter())):
            self.assertNotEqual(values.dump(values.write(left, canonical=True)),
                                values.dump(values.write(right, canonical=True)))
        self.assertEqual(list(self.there_and_back({"b": 1, "a": 2})), ["b", "a"])

    def test_an_endless_iterator_is_cut(self):
        def count():
            n = 0
            while True:
                yield (n := n + 1)
        tree = values.write(count(), canonical=True)
        self.assertEqual((len(tree["v"]), tree["more"]), (values.ITEMS_MAX, True))


if __name__ == "__main__":
    unittest.main()
