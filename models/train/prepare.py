"""Text preparation, the Python twin of `src/analysis/prepare.rs`.

Both read `models/emoji.tsv` and both are held to `tests/fixtures/prepare.jsonl`
(here: `python check_prepare.py`). It never looks at labels and never lower-cases:
the tokenizer does that.

The rules are written with code-point ranges instead of the languages' own character
classes, so that two Unicode versions cannot disagree.
"""

from __future__ import annotations

import pathlib
import re

MODELS = pathlib.Path(__file__).resolve().parent.parent
MAX_CHARS = 4096

SPACES = {0x20, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0x7F}
REPLACED = {"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"', "\u2026": "..."}
LINK_END = set('<>"')
TRAILING = set(".,;:!?'\"])}")
SCHEMES = ("https://", "http://", "www.")
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
HANDLE = re.compile(r"@[A-Za-z0-9_\u00c0-\u024f]+(?:[.-][A-Za-z0-9_\u00c0-\u024f]+)*(?:@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)?")
REDDITOR = re.compile(r"/?[uU]/[A-Za-z0-9_-]{3,}")


def is_space(c: str) -> bool:
    o = ord(c)
    return o < 0x20 or o in SPACES or 0x2000 <= o <= 0x200A


def is_dropped(c: str) -> bool:
    """Variation selectors, joiners, direction marks, skin tones."""
    o = ord(c)
    return (
        0x200B <= o <= 0x200F
        or 0x202A <= o <= 0x202E
        or 0x2060 <= o <= 0x2069
        or 0xFE00 <= o <= 0xFE0F
        or o == 0xFEFF
        or 0x1F3FB <= o <= 0x1F3FF
    )


def is_tag_letter(c: str) -> bool:
    """The letters inside the flags of England, Scotland and Wales; dropped anywhere else."""
    return 0xE0020 <= ord(c) <= 0xE007F


def is_word(c: str) -> bool:
    o = ord(c)
    if o < 0x80:
        return c.isalnum() or c == "_"
    return (
        o >= 0xC0
        and o not in (0xD7, 0xF7)
        and not 0x2000 <= o <= 0x2BFF
        and not 0x3000 <= o <= 0x303F
        and not 0xFF00 <= o <= 0xFF0F
        and o < 0x1F000
    )


def is_digit(c: str) -> bool:
    return "0" <= c <= "9"


def read_emoji(path: pathlib.Path = MODELS / "emoji.tsv") -> dict[str, str]:
    table = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        key, words = line.split("\t")
        table[key] = words
    return table


def split_tag(tag: str) -> list[str]:
    """`VoltIsDown_2024` -> Volt Is Down 2024; `iPhone15Pro` -> iPhone 15 Pro."""
    words, word = [], ""
    for i, c in enumerate(tag):
        following = tag[i + 1] if i + 1 < len(tag) else ""
        if c == "_":
            if word:
                words.append(word)
            word = ""
            continue
        if word and _splits(word, c, following):
            words.append(word)
            word = ""
        word += c
    if word:
        words.append(word)
    return words


def _splits(word: str, c: str, following: str) -> bool:
    last = word[-1]
    followed_by_lower = following != "" and following.islower()
    if is_digit(c):
        return not is_digit(last)
    if is_digit(last):
        return c.isupper() and followed_by_lower
    if not c.isupper():
        return False
    if last.isupper():
        return followed_by_lower
    # A lone small letter stays with its capital: iPhone, eBike.
    return not (len(word) == 1 and last.islower())


class Preparer:
    def __init__(self, table: dict[str, str] | None = None):
        self.table = read_emoji() if table is None else table
        self.longest = max(map(len, self.table))
        self.starts = {key[0] for key in self.table}

    def __call__(self, text: str) -> str:
        text = text[:MAX_CHARS]
        plain = "".join(c for c in text if not is_dropped(c))
        out: list[str] = []
        i, n = 0, len(plain)
        boundary = True
        last_emoji, run = "", 0
        while i < n:
            c = plain[i]
            if is_space(c):
                out.append(" ")
                i += 1
                boundary = True
                continue
            if boundary:
                found = self._token(plain, i)
                if found:
                    words, i = found
                    out.append(words)
                    boundary, last_emoji = False, ""
                    continue
            if c in self.starts:
                key = self._emoji(plain, i)
                if key:
                    run = run + 1 if key == last_emoji else 1
                    last_emoji = key
                    if run <= 2:
                        out.append(f" {self.table[key]} ")
                    i += len(key)
                    boundary = True
                    continue
            if is_tag_letter(c):
                i += 1
                continue
            last_emoji = ""
            out.append(REPLACED.get(c, c))
            boundary = not is_word(c)
            i += 1
        return " ".join(w for w in "".join(out).split(" ") if w)

    def _emoji(self, text: str, i: int) -> str:
        for size in range(min(self.longest, len(text) - i), 0, -1):
            if text[i : i + size] in self.table:
                return text[i : i + size]
        return ""

    def _token(self, text: str, i: int) -> tuple[str, int] | None:
        """A link, e-mail address, handle or hashtag that starts at `i`."""
        c = text[i]
        if c in "hHwW":
            end = link_end(text, i)
            if end:
                return "http", end
        if c == "#":
            end = i + 1
            while end < len(text) and is_word(text[end]):
                end += 1
            tag = text[i + 1 : end]
            if any(not is_digit(t) and t != "_" for t in tag):
                return " ".join(split_tag(tag)), end
            return None
        if c == "@":
            found = HANDLE.match(text, i)
            return ("@user", found.end()) if found else None
        found = REDDITOR.match(text, i)
        if found:
            return "@user", found.end()
        found = EMAIL.match(text, i)
        return ("email", found.end()) if found else None


def link_end(text: str, i: int) -> int:
    head = text[i : i + 8].lower()
    scheme = next((s for s in SCHEMES if head.startswith(s)), None)
    if scheme is None:
        return 0
    start = i + len(scheme)
    end = start
    while end < len(text) and not is_space(text[end]) and text[end] not in LINK_END:
        end += 1
    while end > start and text[end - 1] in TRAILING:
        body = text[start:end]
        if body.endswith(")") and body.count("(") >= body.count(")"):
            break
        end -= 1
    return end if end > start else 0
