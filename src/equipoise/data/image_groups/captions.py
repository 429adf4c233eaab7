"""Who is in a picture, by the words of those who described it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from equipoise.data.errors import DataError

__all__ = ["GENDER_WORDS", "check_words", "named_groups"]

# Published lists differ from each other, and results with them. These are nouns for people.
# Pronouns are left out, which captions use of animals as well ("a dog with its ball in his mouth");
# so are professions, whose gender would be guessed.
GENDER_WORDS: dict[str, tuple[str, ...]] = {
    "man": (
        *("man", "men", "boy", "boys", "male", "males", "guy", "guys", "gentleman", "gentlemen"),
        *("father", "dad", "husband", "brother", "brothers", "son", "sons", "groom", "boyfriend"),
    ),
    "woman": (
        *("woman", "women", "girl", "girls", "female", "females", "lady", "ladies", "gal", "gals"),
        *("mother", "mom", "wife", "sister", "sisters", "daughter", "daughters", "bride"),
        "girlfriend",
    ),
}
"""Words that name a group of people, by the group."""

NOBODY, SEVERAL = -1, -2
"""Codes of images that no group's words describe, and that several groups' do."""


def check_words(words: Mapping[str, Sequence[str]]) -> None:
    """Refuse lists of words that name no two groups apart.

    Raises
    ------
    DataError
        If there are fewer than two groups, one has no word, a word is no single word in small
        letters, or two groups share one.
    """
    if len(words) < 2:
        raise DataError(f"words: given {list(words)}, wanted two groups or more, each with words")
    seen: dict[str, str] = {}
    for group, own in words.items():
        if isinstance(own, str) or not own:
            raise DataError(f"words: {group!r} has {own!r}, wanted a list of words")
        for word in own:
            if not re.fullmatch(r"[^\W\d_]+", word) or word != word.lower():
                raise DataError(f"words: {word!r} of {group!r} is no single word in small letters")
            if seen.setdefault(word, group) != group:
                raise DataError(f"words: {word!r} is a word of {seen[word]!r} and of {group!r}")


def named_groups(
    captions: Iterable[tuple[int, str]],
    images: NDArray[np.int64],
    words: Mapping[str, Sequence[str]],
) -> NDArray[np.int64]:
    """Find the one group that an image's captions name.

    Parameters
    ----------
    captions : iterable of (int, str)
        An image's number and one of its captions.
    images : ndarray of int64, shape (n,)
        Numbers, each once. Captions of other images are passed over.
    words : mapping of str to sequence of str

    Returns
    -------
    ndarray of int64, shape (n,)
        The group's position in `words`; -1 where no caption has any group's word, -2 where the
        captions have words of several groups.
    """
    group_of = {word: number for number, own in enumerate(words.values()) for word in own}
    # Whole words: "man" is within "woman". A possessive's word ends at its apostrophe.
    find = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, group_of))})(?![^\W_])").findall
    place = {number: at for at, number in enumerate(images.tolist())}
    found = np.full(len(images), NOBODY, np.int64)
    for image, caption in captions:
        at = place.get(image)
        if at is None:
            continue
        for word in find(caption.lower()):
            group = group_of[word]
            if found[at] == NOBODY:
                found[at] = group
            elif found[at] != group:
                found[at] = SEVERAL
    return found
