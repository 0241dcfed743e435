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
import math
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
URGENCIES = ["0", "1", "2", "3"]
TOPIC_SHARE = 0.2  # of a SemEval label that comes from the labels towards its topics
LABELS = pathlib.Path(__file__).resolve().parent / "labels"

csv.field_size_limit(sys.maxsize)


@dataclasses.dataclass
class Rows:
    name: str
    texts: list[str]
    sentiment: np.ndarray  # [n, 3] probabilities, or NaN
    emotions: np.ndarray  # [n, 28] 0, 1 or NaN
    intents: np.ndarray  # [n, 8] 0, 1 or NaN
    urgency: np.ndarray  # [n, 4] probabilities, or NaN
    weights: dict[str, float]  # of a row of this set, by head; 1 where none is named
    held: bool = True  # whether a part is held back; not where neighbours are nearly the same text

    def split(self) -> np.ndarray:
        """0 test, 1 tuning, 2..9 training, by a hash of the text."""
        if not self.held:
            return np.full(len(self.texts), 2)
        return np.array([int(hashlib.sha256(t.lower().encode()).hexdigest()[:8], 16) % 10 for t in self.texts])


def one_of(names: list[str], value: str | tuple | None) -> list[float]:
    """A class as probabilities; a tuple is already that; None is unknown."""
    if isinstance(value, tuple):
        return list(value)
    if value is None:
        return [float("nan")] * len(names)
    return [float(name == value) for name in names]


class Builder:
    def __init__(self, name: str, prepare: Preparer, **weights: float):
        self.name, self.prepare, self.weights = name, prepare, weights
        self.rows: dict[str, tuple[list, ...]] = {}

    def add(self, text: str, sentiment: str | tuple | None = None, emotions: set | None = None, intents: set | None = None, unknown: set = frozenset(), urgency: str | tuple | None = None):
        """`intents=None`: nothing is known; otherwise all but `unknown` are known."""
        text = self.prepare(text)
        if not text or text in self.rows:
            return
        e = [float("nan")] * len(EMOTIONS) if emotions is None else [float(x in emotions) for x in EMOTIONS]
        i = [float("nan")] * len(INTENTS)
        if intents is not None:
            assert intents <= set(INTENTS), intents
            i = [float("nan") if x in unknown and x not in intents else float(x in intents) for x in INTENTS]
        self.rows[text] = (one_of(SENTIMENTS, sentiment), e, i, one_of(URGENCIES, urgency))

    def done(self, limit: int | None = None) -> Rows:
        texts = list(self.rows)
        if limit is not None and len(texts) > limit:
            # A seeded sample: the texts whose hashes are smallest.
            texts = sorted(texts, key=lambda t: hashlib.sha256(t.encode()).digest())[:limit]
        columns = [self.rows[t] for t in texts]
        arrays = [np.array([c[k] for c in columns], np.float32) for k in range(4)]
        return Rows(self.name, texts, *arrays, self.weights)


def read(data: pathlib.Path, name: str, file: str = "train.tsv.gz") -> list[dict]:
    with gzip.open(data / name / file, "rt", encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def ours(name: str) -> list[dict]:
    with open(LABELS / name, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def posts(prepare: Preparer, name: str = "posts") -> Rows:
    b = Builder(name, prepare)
    for r in ours(f"{name}.tsv"):
        b.add(r["text"], r["sentiment"], intents={x for x in r["intents"].split("|") if x}, urgency=r["urgency"])
    return b.done()


def more_posts(prepare: Preparer) -> Rows:
    """Mostly pairs that differ by a few words, for training alone."""
    return dataclasses.replace(posts(prepare, "next"), held=False)


# Where the texts of `labels/open.tsv` stand: the first 16 hex digits of the SHA-256 of the raw text are the key.
OPEN_FILES = {
    "semeval_strength5": ("semeval_twitter_sentiment", "strength5.tsv.gz"),
    "semeval_train": ("semeval_twitter_sentiment", "train.tsv.gz"),
}


def open_posts(data, prepare) -> Rows:
    """Texts of the open sets that were labelled by our definitions. Where two labellers differ, a head is unknown
    (intents, label by label) or half of each (urgency, sentiment)."""
    wanted: dict[str, list[dict]] = {}
    for r in ours("open.tsv"):
        wanted.setdefault(r["key"], []).append(r)
    b = Builder("open", prepare, sentiment=0.5)
    for name in sorted({r["set"] for rows in wanted.values() for r in rows}):
        for r in read(data, *OPEN_FILES.get(name, (name,))):
            rows = wanted.get(hashlib.sha256(r["text"].encode()).hexdigest()[:16], [])
            if not rows or rows[0]["set"] != name:
                continue
            marks = [{x for x in row["intents"].split("|") if x} for row in rows]
            agreed = set.intersection(*marks)
            halves = [[one_of(names, row[head]) for row in rows] for head, names in (("sentiment", SENTIMENTS), ("urgency", URGENCIES))]
            sentiment, urgency = (tuple(np.mean(half, axis=0).tolist()) for half in halves)
            b.add(r["text"], sentiment, intents=agreed, unknown=set.union(*marks) - agreed, urgency=urgency)
    return b.done()


def semeval(data, prepare) -> Rows:
    b = Builder("semeval", prepare)
    # The five-point labels are of the same tweets, towards a topic: they soften the label of the whole.
    towards: dict[str, list[int]] = {}
    for r in read(data, "semeval_twitter_sentiment", "strength5.tsv.gz"):
        score = int(r["score"])
        towards.setdefault(r["text"], []).append(1 + (score > 0) - (score < 0))
    for r in read(data, "semeval_twitter_sentiment"):
        p = one_of(SENTIMENTS, r["label"])
        for k in (seen := towards.get(r["text"], [])):
            p = [x + TOPIC_SHARE / len(seen) * ((i == k) - q) for i, (x, q) in enumerate(zip(p, one_of(SENTIMENTS, r["label"])))]
        b.add(r["text"], tuple(p))
    return b.done()


def dynasent(data, prepare) -> Rows:
    b = Builder("dynasent", prepare)
    for r in read(data, "dynasent_dev"):
        b.add(r["text"], r["label"])
    return b.done()


def vader(data, prepare) -> Rows:
    """Soft labels: the share of raters below -0.5, between, and above 0.5, if they spread normally."""
    b = Builder("vader", prepare)
    for r in read(data, "vader_strength"):
        mean, spread = float(r["mean"]), max(float(r["sd"] or 1.0), 0.3)
        below, under = (0.5 * (1 + math.erf((cut - mean) / (spread * math.sqrt(2)))) for cut in (-0.5, 0.5))
        b.add(r["text"], (below, under - below, 1 - under))
    return b.done()


def goemotions(data, prepare) -> Rows:
    b = Builder("goemotions", prepare, sentiment=0.3, intents=0.3, urgency=0.1)
    for r in read(data, "goemotions"):
        emotions = set(r["emotions"].split("|"))
        # Reddit talk that is only neutral is hardly ever to or about a brand: weak "none".
        nothing = set() if emotions == {"neutral"} and "?" not in r["text"] else None
        b.add(r["text"], r["sentiment3"] or None, emotions, nothing, unknown={"complaint", "question", "suggestion"}, urgency=None if nothing is None else "0")
    return b.done()


def clinc150(data, prepare) -> Rows:
    trouble = {"card_declined", "damaged_card", "lost_luggage", "report_fraud", "account_blocked"}
    buying = {"new_card", "book_flight", "book_hotel", "car_rental", "order", "restaurant_reservation"}
    b = Builder("clinc150", prepare, intents=0.3, urgency=0.3)
    for r in read(data, "clinc150"):
        label = r["label"]
        if r["domain"] in {"small_talk", "meta", "oos"} or label == "oos":
            b.add(r["text"], intents=set(), unknown={"question", "praise"}, urgency="0")
        elif label in trouble:
            b.add(r["text"], intents={"complaint", "question"}, unknown={"bug_report"}, urgency="3" if label == "report_fraud" else "2")
        elif label in buying:
            b.add(r["text"], intents={"question", "purchase_intent"}, urgency="1")
        else:
            b.add(r["text"], intents={"question"}, unknown={"complaint", "suggestion"}, urgency="1")
    return b.done(5000)


def banking77(data, prepare) -> Rows:
    cues = ("not_working", "declined", "not_received", "charged_twice", "wrong_", "reverted", "failed", "missing", "stolen")
    now = ("compromised_card", "lost_or_stolen", "card_swallowed", "cash_withdrawal_not_recognised")
    buying = {"order_physical_card", "getting_spare_card", "get_physical_card", "getting_virtual_card"}
    b = Builder("banking77", prepare, intents=0.3, urgency=0.3)
    for r in read(data, "banking77"):
        label, intents = r["label"], {"question"}
        if any(cue in label for cue in cues):
            intents.add("complaint")
        if label == "terminate_account":
            intents.add("churn_risk")
        if label in buying:
            intents.add("purchase_intent")
        if label.startswith(now):
            urgency = "3"
        else:
            urgency = "2" if "complaint" in intents else "1"
        b.add(r["text"], intents=intents, unknown={"complaint", "bug_report", "suggestion"}, urgency=urgency)
    return b.done(4000)


def hwu64(data, prepare) -> Rows:
    b = Builder("hwu64", prepare, intents=0.3, urgency=0.3)
    for r in read(data, "hwu64"):
        label = r["label"]
        if label == "general_praise":
            b.add(r["text"], intents={"praise"})
        elif label.startswith("qa_") or label.endswith("_query"):
            b.add(r["text"], intents={"question"}, unknown={"suggestion"}, urgency="1")
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
    b = Builder("multidogo", prepare, intents=0.3, urgency=0.3)
    nothing = 0
    for r in read(data, "multidogo"):
        labels = [x.lower() for x in r["label"].split("|")]
        intents = {k for k, cues in MULTIDOGO.items() for x in labels for cue in cues if x.startswith(cue)}
        if not intents:
            nothing += 1
            if nothing % 8 != 0:
                continue
        if "reportlostcard" in labels:
            urgency = "3"
        elif "complaint" in intents or "churn_risk" in intents:
            urgency = "2"
        else:
            urgency = "1" if intents - {"praise"} else "0"
        b.add(r["text"], intents=intents, unknown={"question", "complaint", "bug_report"}, urgency=urgency)
    return b.done(8000)


def purchase_tweets(data, prepare) -> Rows:
    b = Builder("purchase_tweets", prepare, intents=0.3)
    others = set(INTENTS) - {"purchase_intent"}
    for r in read(data, "purchase_intent_tweets"):
        if r["label"] != "undefined":
            b.add(r["text"], intents={"purchase_intent"} if r["label"] == "yes" else set(), unknown=others)
    return b.done()


def youtube_spam(data, prepare) -> Rows:
    b = Builder("youtube_spam", prepare)
    others = set(INTENTS) - {"spam"}
    for r in read(data, "youtube_spam"):
        b.add(r["text"], intents={"spam"} if r["label"] == "spam" else set(), unknown=others)
    return b.done()


def load_all(data: pathlib.Path) -> list[Rows]:
    """Every set, in a fixed order; what comes with the project is last."""
    prepare = Preparer()
    sets = [semeval, dynasent, vader, goemotions, clinc150, banking77, hwu64, multidogo, purchase_tweets, youtube_spam, open_posts]
    return [make(data, prepare) for make in sets] + [more_posts(prepare), posts(prepare)]
