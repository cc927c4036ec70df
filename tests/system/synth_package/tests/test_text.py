import pytest

from marbles import caesar, roman
from marbles.text import measured, undocumented, weighed


@pytest.mark.parametrize("text, shift, expected", [
    ("abc", 1, "bcd"), ("xyz", 3, "abc"), ("Hello, World!", 13, "Uryyb, Jbeyq!"), ("", 5, ""), ("\u00e4b", 1, "\u00e4c")])
def test_caesar(text, shift, expected):
    assert caesar(text, shift) == expected
    assert caesar(expected, -shift) == text


@pytest.mark.parametrize("number, expected", [(1, "I"), (4, "IV"), (1994, "MCMXCIV"), (3999, "MMMCMXCIX"), (58, "LVIII")])
def test_roman(number, expected):
    assert roman(number) == expected


@pytest.mark.parametrize("number", [0, 4000, -1])
def test_roman_out_of_range(number):
    with pytest.raises(ValueError):
        roman(number)


@pytest.mark.parametrize("least", [0, 1, 2, 3])
def test_undocumented(least):
    assert undocumented(["a", "bb", "a"], least) == [each for each in ["a", "bb"] if len(each) >= least]


@pytest.mark.parametrize("weights", [[1, 2, 3], [0, 0, 1], [3, 1, 2], [-1, 0, 0]])
def test_weighed_and_measured(weights):
    assert weighed("abc", weights) == measured("abc", weights)
    assert all(weight > 0 for _, weight in weighed("abc", weights))
