"""Reads the open sets of `--data DIR` and turns their labels into ours.

One `Rows` a set: prepared texts, labels for each head (NaN = the set does not say), a weight,
and a split that depends on the text alone, so that the same text is always on one side.
The mappings are those of the sets' READMEs; what differs is said here.
"""

from __future__ import annotations

import csv
import dataclasses
import gzip
import hashlib
import pathlib
import sys

import numpy as np

from prepare import Preparer

SENTIMENTS = ["negative", "neutral", "positive"]
EMOTIONS = (
    "admiration amusement anger annoyance approval caring confusion curiosity desire disappointment disapproval "
    "disgust embarrassment excitement fear gratitude grief joy love nervousness optimism pride realization relief "
    "remorse sadness surprise neutral"
).split()
EKMAN = {
    "anger": ["anger", "annoyance", "disapproval"],
    "disgust": ["disgust"],
    "fear": ["fear", "nervousness"],
    "joy": (
        "admiration amusement approval caring desire excitement gratitude joy love optimism pride relief"
    ).split(),
    "sadness": ["sadness", "disappointment", "embarrassment", "grief", "remorse"],
    "surprise": ["surprise", "realization", "confusion", "curiosity"],
    "neutral": ["neutral"],
}
INTENTS = ["complaint", "question", "purchase_intent", "praise", "churn_risk", "suggestion", "bug_report", "spam"]
POSTS = pathlib.Path(__file__).resolve().parent / "labels" / "posts.tsv"

csv.field_size_limit(sys.maxsize)


@dataclasses.dataclass
class Rows:
    name: str
    texts: list[str]
    sentiment: np.ndarray  # [n] float: 0, 1, 2 or NaN
    emotions: np.ndarray  # [n, 28] or NaN
    intents: np.ndarray  # [n, 8] or NaN
    weight: float  # of a row of this set, in every head

    def split(self) -> np.ndarray:
        """0 test, 1 tuning, 2..9 training, by a hash of the text."""
        return np.array([int(hashlib.sha256(t.lower().encode()).hexdigest()[:8], 16) % 10 for t in self.texts])


class Builder:
    def __init__(self, name: str, prepare: Preparer, weight: float):
        self.name, self.prepare, self.weight = name, prepare, weight
        self.rows: dict[str, tuple[float, list, list]] = {}

    def add(self, text: str, sentiment: str | None = None, emotions: set | None = None, intents: set | None = None, unknown: set = frozenset()):
        """`intents=None`: nothing is known; otherwise all but `unknown` are known."""
        text = self.prepare(text)
        if not text or text in self.rows:
            return
        s = float("nan") if sentiment is None else float(SENTIMENTS.index(sentiment))
        e = [float("nan")] * len(EMOTIONS) if emotions is None else [float(x in emotions) for x in EMOTIONS]
        i = [float("nan")] * len(INTENTS)
        if intents is not None:
            assert intents <= set(INTENTS), intents
            i = [float("nan") if x in unknown and x not in intents else float(x in intents) for x in INTENTS]
        self.rows[text] = (s, e, i)

    def done(self, limit: int | None = None) -> Rows:
        texts = list(self.rows)
        if limit is not None and len(texts) > limit:
            # A seeded sample: the texts whose hashes are smallest.
            texts = sorted(texts, key=lambda t: hashlib.sha256(t.encode()).digest())[:limit]
        columns = [self.rows[t] for t in texts]
        arrays = [np.array([c[k] for c in columns], np.float32) for k in range(3)]
        return Rows(self.name, texts, *arrays, self.weight)


def read(data: pathlib.Path, name: str, file: str = "train.tsv.gz") -> list[dict]:
    with gzip.open(data / name / file, "rt", encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def posts(prepare: Preparer) -> Rows:
    b = Builder("posts", prepare, 1.0)
    with open(POSTS, encoding="utf-8", newline="") as f:
        for row in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE):
            b.add(row["text"], row["sentiment"], intents={x for x in row["intents"].split("|") if x})
    return b.done()


def semeval(data, prepare) -> Rows:
    b = Builder("semeval", prepare, 1.0)
    for r in read(data, "semeval_twitter_sentiment"):
        b.add(r["text"], r["label"])
    return b.done()


def dynasent(data, prepare) -> Rows:
    b = Builder("dynasent", prepare, 1.0)
    for r in read(data, "dynasent_dev"):
        b.add(r["text"], r["label"])
    return b.done()


def vader(data, prepare) -> Rows:
    b = Builder("vader", prepare, 1.0)
    for r in read(data, "vader_strength"):
        mean = float(r["mean"])
        b.add(r["text"], "positive" if mean > 0.5 else "negative" if mean < -0.5 else "neutral")
    return b.done()


def goemotions(data, prepare) -> Rows:
    b = Builder("goemotions", prepare, 0.3)
    for r in read(data, "goemotions"):
        emotions = set(r["emotions"].split("|"))
        # Reddit talk that is only neutral is hardly ever to or about a brand: weak "none".
        nothing = set() if emotions == {"neutral"} and "?" not in r["text"] else None
        b.add(r["text"], r["sentiment3"] or None, emotions, nothing, unknown={"complaint", "question", "suggestion"})
    return b.done()


def clinc150(data, prepare) -> Rows:
    trouble = {"card_declined", "damaged_card", "lost_luggage", "report_fraud", "account_blocked"}
    buying = {"new_card", "book_flight", "book_hotel", "car_rental", "order", "restaurant_reservation"}
    b = Builder("clinc150", prepare, 0.3)
    for r in read(data, "clinc150"):
        label = r["label"]
        if r["domain"] in {"small_talk", "meta", "oos"} or label == "oos":
            b.add(r["text"], intents=set(), unknown={"question", "praise"})
        elif label in trouble:
            b.add(r["text"], intents={"complaint", "question"}, unknown={"bug_report"})
        elif label in buying:
            b.add(r["text"], intents={"question", "purchase_intent"})
        else:
            b.add(r["text"], intents={"question"}, unknown={"complaint", "suggestion"})
    return b.done(5000)


def banking77(data, prepare) -> Rows:
    cues = ("not_working", "declined", "not_received", "charged_twice", "wrong_", "reverted", "failed", "missing", "stolen")
    buying = {"order_physical_card", "getting_spare_card", "get_physical_card", "getting_virtual_card"}
    b = Builder("banking77", prepare, 0.3)
    for r in read(data, "banking77"):
        label, intents = r["label"], {"question"}
        if any(cue in label for cue in cues):
            intents.add("complaint")
        if label == "terminate_account":
            intents.add("churn_risk")
        if label in buying:
            intents.add("purchase_intent")
        b.add(r["text"], intents=intents, unknown={"complaint", "bug_report", "suggestion"})
    return b.done(4000)


def hwu64(data, prepare) -> Rows:
    b = Builder("hwu64", prepare, 0.3)
    for r in read(data, "hwu64"):
        label = r["label"]
        if label == "general_praise":
            b.add(r["text"], intents={"praise"})
        elif label.startswith("qa_") or label.endswith("_query"):
            b.add(r["text"], intents={"question"}, unknown={"suggestion"})
        else:
            b.add(r["text"], intents=set(), unknown={"question", "suggestion", "praise", "purchase_intent", "complaint"})
    return b.done(3000)


MULTIDOGO = {
    "complaint": ("reportbrokensoftware", "reportbrokenphone", "disputecharge", "reportlostcard"),
    "bug_report": ("reportbrokensoftware", "reportbrokenphone"),
    "purchase_intent": ("startserviceintent", "bookflight", "orderpizza", "orderdrink", "orderburger", "ordersalad", "orderside", "orderdessert", "orderbreakfast", "startorder", "upgradeserviceintent"),
    "churn_risk": ("closeaccount", "cancelserviceintent"),
    "praise": ("thankyou",),
    "question": ("reportbrokensoftware", "reportbrokenphone", "disputecharge", "reportlostcard", "check", "get", "view", "softwareupdate", "expensereport", "updateaddress"),
}


def multidogo(data, prepare) -> Rows:
    b = Builder("multidogo", prepare, 0.3)
    nothing = 0
    for r in read(data, "multidogo"):
        labels = [x.lower() for x in r["label"].split("|")]
        intents = {k for k, cues in MULTIDOGO.items() for x in labels for cue in cues if x.startswith(cue)}
        if not intents:
            nothing += 1
            if nothing % 8 != 0:
                continue
        b.add(r["text"], intents=intents, unknown={"question", "complaint", "bug_report"})
    return b.done(8000)


def purchase_tweets(data, prepare) -> Rows:
    b = Builder("purchase_tweets", prepare, 0.3)
    others = set(INTENTS) - {"purchase_intent"}
    for r in read(data, "purchase_intent_tweets"):
        if r["label"] != "undefined":
            b.add(r["text"], intents={"purchase_intent"} if r["label"] == "yes" else set(), unknown=others)
    return b.done()


def youtube_spam(data, prepare) -> Rows:
    b = Builder("youtube_spam", prepare, 1.0)
    others = set(INTENTS) - {"spam"}
    for r in read(data, "youtube_spam"):
        b.add(r["text"], intents={"spam"} if r["label"] == "spam" else set(), unknown=others)
    return b.done()


def load_all(data: pathlib.Path) -> list[Rows]:
    """Every set, in a fixed order; `posts` comes with the project and is last."""
    prepare = Preparer()
    sets = [semeval, dynasent, vader, goemotions, clinc150, banking77, hwu64, multidogo, purchase_tweets, youtube_spam]
    return [make(data, prepare) for make in sets] + [posts(prepare)]
