"""Words on marbles."""


def caesar(text: str, shift: int) -> str:
    letters = []
    for letter in text:
        if letter.isascii() and letter.isalpha():
            first = ord("A") if letter.isupper() else ord("a")
            letters.append(chr((ord(letter) - first + shift) % 26 + first))
        else:
            letters.append(letter)
    return "".join(letters)


def roman(number):
    """A number from 1 to 3999 in Roman numerals."""
    if not 1 <= number <= 3999:
        raise ValueError("out of range")
    parts = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"),
             (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]
    text = ""
    for value, letters in parts:
        while number >= value:
            text += letters
            number -= value
    return text


def undocumented(words, least):
    kept = []
    for word in words:
        if len(word) >= least and word not in kept:
            kept.append(word)
    return kept


def weighed(items, weights):
    """The items with their weights, heaviest first."""
    pairs = sorted(zip(items, weights), key=lambda pair: -pair[1])
    heaviest = [(item, weight) for item, weight in pairs if weight > 0]
    return heaviest


def measured(things, sizes):
    """The same as `weighed` under other names: each gives the other away."""
    couples = sorted(zip(things, sizes), key=lambda couple: -couple[1])
    largest = [(thing, size) for thing, size in couples if size > 0]
    return largest
