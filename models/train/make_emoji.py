"""Writes `models/emoji.tsv` (emoji TAB words) from the PyPI package `emoji` (CLDR short names).

Skin tones and variation selectors are taken out of the keys, because `prepare` takes them
out of the text first. Signs that are ordinary text (arrows, trade marks) stay as they are.
"""

import pathlib

import emoji

from prepare import MODELS, is_dropped

TEXT = {0xA9, 0xAE, 0x2122, 0x2139, 0x24C2, 0x3030, 0x303D, 0x3297, 0x3299}
FIXED = {"\u203c": "!!", "\u2049": "!?", "\u2757": "!", "\u2755": "!", "\u2753": "?", "\u2754": "?"}


def main() -> None:
    table = {}
    for raw, data in emoji.EMOJI_DATA.items():
        if any(0x1F3FB <= ord(c) <= 0x1F3FF for c in raw):
            continue
        # What is dropped from the text is dropped from the key too.
        key = "".join(c for c in raw if not is_dropped(c))
        if not key:
            continue
        o = ord(key[0])
        if len(key) == 1 and (o in TEXT or 0x2190 <= o <= 0x21FF or 0x25A0 <= o <= 0x25FF or o < 0x80):
            continue
        words = data["en"].strip(":").replace("_", " ").replace("-", " ").replace("\u2019", "'")
        if 0x1F1E6 <= o <= 0x1F1FF and len(key) == 2:
            words = f"flag {words}"
        fully = data["status"] == emoji.STATUS["fully_qualified"]
        if key not in table or fully and len(raw) < table[key][1]:
            table[key] = (FIXED.get(key, " ".join(words.split())), len(raw))
    lines = [f"{key}\t{words}\n" for key, (words, _) in sorted(table.items())]
    pathlib.Path(MODELS / "emoji.tsv").write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines)} emoji")


if __name__ == "__main__":
    main()
