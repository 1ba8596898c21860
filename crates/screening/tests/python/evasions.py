"""Hides words as people do, by other people's tables. Reads {"words": [...]} and writes a list of
{"step", "word", "text"}: each text hides its word so that this step alone finds it."""

import json
import sys

import opencc
from confusable_homoglyphs import confusables
from pypinyin import Style, lazy_pinyin, pinyin

CONVERTERS = ["s2t", "s2tw", "s2hk"]


def by_pinyin(word):
    """Each character as its sound, and all of them."""
    sounds = lazy_pinyin(word)
    for place, sound in enumerate(sounds):
        yield word[:place] + sound + word[place + 1 :]
    yield "".join(sounds)
    yield "".join(lazy_pinyin(word, style=Style.TONE))
    yield "".join(lazy_pinyin(word, v_to_u=True))
    # Any of the sounds of each character by itself.
    for place, character in enumerate(word):
        for sound in pinyin(character, heteronym=True, style=Style.NORMAL)[0]:
            yield word[:place] + sound + word[place + 1 :]


def by_characters(word):
    for name in CONVERTERS:
        text = opencc.OpenCC(name).convert(word)
        if text != word:
            yield text


def by_look(word):
    """Each letter as one that looks like it."""
    for letter in confusables.is_confusable(word, greedy=True) or []:
        for other in letter["homoglyphs"]:
            if len(other["c"]) == 1:
                yield word.replace(letter["character"], other["c"])


def main():
    words = json.load(sys.stdin)["words"]
    found = []
    for word in words:
        is_latin = word.isascii()
        ways = [("confusables", by_look)] if is_latin else [
            ("pinyin", by_pinyin),
            ("traditional", by_characters),
        ]
        for step, way in ways:
            found += [{"step": step, "word": word, "text": text} for text in way(word)]
    json.dump(found, sys.stdout)


main()
