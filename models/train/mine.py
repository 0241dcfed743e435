#!/usr/bin/env python3
"""Mine candidate posts for hand labelling of intents, urgency and sentiment.

Rare labels (churn, suggestions, bug reports, urgent posts) hardly occur in a
random sample, so two thirds of the candidates are drawn with rules, one third
at random. THE RULES ONLY CHOOSE WHAT GETS READ. They are never labels: every
label is given by reading the text.

    mine.py --data DIR --out candidates.tsv [--seed N]

DIR holds the open sets (one folder a set, `train.tsv.gz` with a header line).
The output has the columns `key`, `set` and `text`, where key is the first 16
hex digits of the SHA-256 of the raw text field (UTF-8), so labels can be kept
and joined without the texts themselves. The same DIR and seed give the same
file, byte for byte.
"""

import argparse
import gzip
import hashlib
import random
import re
from collections import Counter
from pathlib import Path

# set name -> (file below DIR, column that holds what the rules filter on)
SETS = {
    # strength5 comes before train: most of its tweets stand in both, and its topic is of use here
    "semeval_strength5": ("semeval_twitter_sentiment/strength5.tsv.gz", "topic"),
    "semeval_train": ("semeval_twitter_sentiment/train.tsv.gz", "source"),
    "purchase_intent_tweets": ("purchase_intent_tweets/train.tsv.gz", "label"),
    "goemotions": ("goemotions/train.tsv.gz", "split"),
    "youtube_spam": ("youtube_spam/train.tsv.gz", "label"),
    "dynasent_dev": ("dynasent_dev/train.tsv.gz", "round"),
    "vader_strength": ("vader_strength/train.tsv.gz", "domain"),
}

# Topics of strength5 that are a company, a product or a service.
BRAND_TOPICS = {
    "@microsoft", "amazon", "amazon prime", "amazon prime day", "apple",
    "apple watch", "bbc", "bentley", "dark souls", "digi", "disneyland",
    "dunkin", "galaxy note", "google", "google+", "gucci", "ibm", "ihop",
    "ios", "ipad", "iphone", "ipod", "lexus", "metlife", "minecraft",
    "monsanto", "moto g", "netflix", "nike", "nintendo", "nokia", "oracle",
    "ps4", "sony", "t-mobile", "windows 10", "xbox",
}

BRAND = (
    r"(?:iphone|ipad|ipod|imac|macbook|apple(?: watch| music| tv)?|ios ?\d*|siri|itunes|android|samsung|galaxy|"
    r"nokia|lumia|motorola|moto g|blackberry|htc|lg|kindle|amazon|prime|netflix|hulu|spotify|pandora|youtube|"
    r"google\+?|gmail|chrome|facebook|twitter|instagram|snapchat|tumblr|skype|microsoft|windows(?: ?\d+)?|office|"
    r"xbox|ps[34]|playstation|nintendo|wii|3ds|sony|minecraft|steam|dell|hp|ibm|oracle|t-?mobile|verizon|at&t|"
    r"sprint|comcast|vodafone|o2|digi|broadband|wifi|wi-fi|internet|sky|directv|airlines?|airways|delta|united|"
    r"southwest|jetblue|ryanair|easyjet|flight|airport|uber|train|metro|bus|walmart|target|best ?buy|starbucks|"
    r"dunkin|mcdonald'?s?|chipotle|ihop|taco bell|burger king|kfc|subway|nike|adidas|gucci|ikea|tesco|costco|"
    r"ebay|paypal|bank|fedex|ups|usps|lexus|bentley|toyota|honda|ford|hotel|restaurant|app|apps|phone|laptop|"
    r"camera|battery|charger|customer service|support|store|delivery|website|server|update|@\w*support\w*)"
)


def rx(pattern):
    return re.compile(pattern, re.IGNORECASE)


HAS_BRAND = rx(r"(?<!\w)" + BRAND + r"(?!\w)")

# bucket -> (how many, pattern that stands alone, pattern that also needs a brand word)
RULES = {
    "churn": (
        190,
        rx(r"\b(cancel(l?ing|led)? (my|our|the|this) (\w+ )?(account|subscription|service|order|membership|contract|"
           r"prime|netflix|plan|cable)|unsubscrib|switch(ing|ed)? (to|from|back to|over to|providers?|carriers?)|"
           r"never (buy|buying|use|using|shop|shopping|fly|flying|eat|eating|go|going|order|ordering|com(e|ing)) "
           r"(\w+ ){0,4}(again|back)|(lost|losing) (a|my|me as a) (\w+ )?(customer|business)|last time i|"
           r"tak(e|ing) my business|boycott\w*|won'?t be (going )?back|will not (be )?(return|back)|"
           r"close (my|our) account|delet(e|ed|ing) (my|the|this|your) (\w+ )?(app|account|facebook|twitter))\b"),
        rx(r"\b(cancel\w*|never again|done with|fed up|had enough|moving to|goodbye|ditch\w*|leaving|quit(ting)?|"
           r"no longer|go(ing)? back to|uninstall\w*|last straw|get rid of|return(ing)? (it|my|this)|switch\w*|"
           r"delet(e|ed|ing)|stop using|instead of)\b"),
    ),
    "suggestion": (
        210,
        rx(r"\b(should (really |just |definitely |also )?(add|make|have an? option|let us|allow|include|offer|fix|"
           r"bring|put|release|change|stop)|would be (nice|great|cool|awesome|better) if|please (make|add|bring|fix|"
           r"change|put|stop|allow|let|release|update)|need(s)? to (add|fix|make|bring|release|come out with|offer|"
           r"update|stop|improve|change)|i wish (you|they|it|the|this|there|my|i could|someone)|why (don'?t|doesn'?t|can'?t) "
           r"(you|they|it|apple|google|amazon|we)|feature request|how about (you|adding|making|a|some)|"
           r"bring back|could you (please )?(add|make|bring)|if only (you|they|it|there)|"
           r"(you|they) (could|should) have)\b"),
        rx(r"\b(wish\w*|should|needs? (a|an|to)|would be|lacks?|missing|suggest\w*|better if|only if|hopefully|"
           r"ought to|could have|what if)\b"),
    ),
    "bug": (
        210,
        rx(r"\b(crash(es|ed|ing) (on|my|every|when|again|all)|keeps? (crashing|freezing|saying|restarting|shutting|"
           r"logging|stopping|turning|telling|disconnecting|dropping|cutting)|not working|isn'?t working|won'?t "
           r"(load|open|work|play|connect|charge|turn on|let me|update|start|sync|download|install)|doesn'?t work|"
           r"stopped working|can'?t (log ?in|sign in|connect|access|open|get (it|this) to)|error (code|message)|"
           r"bugs|buggy|glitch\w*|frozen|freezes|froze|blue screen|black screen|"
           r"(site|app|server|servers|website|network|internet|wifi) (is|are|was|went|seems|has been) down)\b"),
        rx(r"\b(crash\w*|broken?|freez\w+|bug|error|down|dead|dies|died|slow\w*|lag\w*|fail(s|ed|ing)?|issues?|"
           r"problems?|disconnect\w*|drop(s|ping|ped)|stuck|drain\w*|overheat\w*|missing|messed up|screwed up|"
           r"reset|restart\w*|deleted)\b"),
    ),
    "purchase": (
        200,
        rx(r"\b((want|wanna|need|going|gonna|plan(ning)?|trying|ready|thinking (of|about)|tempted|decided?|about|can'?t wait) "
           r"(to )?(buy(ing)?|order(ing)?|get(ting)? (a|an|the|me|my|one|that|this|it|myself|tickets)|purchas(e|ing)|"
           r"upgrad(e|ing)|pre-?order\w*|subscrib\w+)|should i (get|buy|order|upgrade|go for|switch)|pre-?order\w*|"
           r"worth (buying|getting|the money|it to buy)|where (can|do) (i|you|we) (buy|get|find)|just ordered|"
           r"take my money|saving (up )?for|need this in my life|adding to (my )?cart|upgrad(e|ing) (to|my)|"
           r"i'?(ll| will) (buy|order|get|take) (it|one|the|a|this))\b"),
        rx(r"\b(buy|order|purchase|upgrade|want|wanna|getting|tickets?|subscribe|price|cost|worth)\b"),
    ),
    "spam": (
        140,
        rx(r"(\b(give-?away|follow (me|back|us)|followback|check (out|it out)|rt (to|and|&|this)|retweet (to|and|&|this)|win (a|an|the|"
           r"free|tickets|1)|for sale|% off|discount|promo( code)?|coupon|free shipping|click (here|the link)|subscribe to|"
           r"sign up|sub4sub|my (new )?(channel|video|mixtape|single|track|song|blog|page|website)|"
           r"vote for|enter (to|for|our)|now hiring|#?job alert|dm me|link in bio|make money|work from home|"
           r"deals?|on sale|buy now|listen to my|available (now|at)|limited (time|edition))\b)"),
        None,
    ),
    "complaint": (
        190,
        rx(r"\b(worst (\w+ )?(service|customer|airline|company|phone|app|experience|place|food|update|network|store|product)|"
           r"customer service|(terrible|horrible|awful|poor|bad|crap|rude|shitty) (\w+ )?(service|staff|food|experience|support|"
           r"quality|product|phone|update|network|reception|battery)|rip ?off|waste of (money|time)|refund|overpriced|"
           r"false advertising|charged (me|us|twice)|misleading|delayed (again|for|by)|lost my (bag|luggage|package|order))\b"),
        rx(r"\b(sucks?|hate|worst|terrible|horrible|awful|annoy\w+|ridiculous|disappoint\w+|useless|joke|pathetic|wtf|"
           r"ugh|fuck(ing)? (you|up)|thanks? (a lot )?for (nothing|ruining|making me)|rude|unacceptable|shit|crap|garbage|"
           r"why (is|are|does|did|do)|overcharg\w+|expensive|delay\w*|late)\b"),
    ),
    "praise": (
        170,
        rx(r"\b((great|amazing|excellent|awesome|best|fantastic|friendly|incredible) (\w+ )?(service|staff|food|customer|"
           r"experience|support|product|phone|app|place|flight|store)|highly recommend|i recommend|kudos|shout ?out to|"
           r"props to|(thanks|thank you) (so much |very much )?(to|for the|@user)|well done|love my new|"
           r"works (great|perfectly|like a charm)|so (impressed|happy) with)\b"),
        rx(r"\b(love|thanks?|thank you|amazing|awesome|best|great|impressed|perfect|excellent|happy|brilliant|fantastic|"
           r"recommend|good job|beautiful)\b"),
    ),
    "question": (
        160,
        rx(r"(\b(can (someone|anyone|you|somebody)|does (anyone|anybody|someone)|anyone (know|else|have|got|going|want)|any (idea|advice|suggestions|"
           r"recommendations|tips|chance|news|update|word|plans)|how (do|can|long|much|come) (i|you|we|will|does|is|do)?|"
           r"help me|please help|what (time|channel|day|is the)|when (will|is|are|does|do) (you|the|it|i|we|my)|"
           r"is there (a|an|any)|who (has|knows|else)|where('?s| is| are)|do you (guys )?(have|know|sell|offer|ship)|let me know)\b.*\?)"),
        rx(r"\?"),
    ),
    "urgency": (
        130,
        rx(r"\b(stranded|fraud\w*|hacked|hackers?|stolen|emergency|scam\w*|(waiting|waited|on hold|wait|sat|stuck) (\w+ ){0,4}(hours?|hrs?|days?|weeks?|mins?|minutes)|"
           r"still (waiting|no|haven'?t|not|hasn'?t)|asap|urgent\w*|right now please|overcharged|charged (me|twice|my)|"
           r"help me|please help|lost my (bag|luggage|phone|wallet|card|passport|package)|missed my (flight|connection|train)|"
           r"locked out|no (response|reply|answer)|unauthori[sz]ed|food poisoning|recall(ed)?|explod\w+|(power|network|service) outage|"
           r"no (power|internet|service|signal|heat|hot water)|been (\d+|two|three|four|five|over an?) (hours?|days?|weeks?|months?))\b"),
        rx(r"\b(still|hours?|since (yesterday|monday|tuesday|wednesday|thursday|friday|saturday|sunday|this morning)|days|weeks|asap|immediately|stuck|waiting)\b"),
    ),
}

# How many random posts (the negatives) from which set; the flag keeps to brand topics.
RANDOM_QUOTA = [
    ("semeval_strength5", True, 130),
    ("semeval_strength5", False, 120),
    ("semeval_train", False, 250),
    ("goemotions", False, 120),
    ("dynasent_dev", False, 60),
    ("vader_strength", False, 80),
    ("youtube_spam", False, 25),
    ("purchase_intent_tweets", False, 15),
]

# Most posts that one rule bucket may take from a set (no entry: no limit), so
# that none of the smaller sets floods a bucket.
BUCKET_CAP = {
    "goemotions": 25,
    "dynasent_dev": 25,
    "vader_strength": 30,
    "youtube_spam": 8,
    "purchase_intent_tweets": 20,
}
BUCKET_CAP_FOR = {
    ("spam", "youtube_spam"): 60,
    ("purchase", "purchase_intent_tweets"): 90,
    ("bug", "vader_strength"): 45,
}

MIN_WORDS, MAX_CHARS = 3, 400
STOPWORDS = set(
    "the a an i you it is to and of in on for my me we with this that be are was at so have not your but just do what "
    "if they will can all out up get no or from he she im i'm how don't by like when who".split()
)


def normal(text):
    """What counts as the same post: letters and digits only, no handles or links."""
    text = re.sub(r"https?\S*|\bhttp\b|@user", " ", text.lower())
    return re.sub(r"[^a-z0-9]+", " ", text).strip()[:70]


def english(text):
    """A rough filter: nearly all letters are ASCII, and a function word occurs."""
    letters = [c for c in text if c.isalpha()]
    if not letters or sum(c.isascii() for c in letters) / len(letters) < 0.95:
        return False
    words = re.findall(r"[a-z']+", text.lower())
    return len(words) >= MIN_WORDS and any(w in STOPWORDS for w in words)


def read_set(data, name):
    path, column = SETS[name]
    with gzip.open(data / path, "rt", encoding="utf-8", newline="\n") as lines:
        header = next(lines).rstrip("\n").split("\t")
        for line in lines:
            row = dict(zip(header, line.rstrip("\n").split("\t")))
            yield row[column], row["text"]


def load(data, rng):
    """All usable posts, deduplicated, in a shuffled order: (key, set, text, has a brand topic, mentions a brand)."""
    posts, seen = [], set()
    for name in SETS:
        for mark, raw in read_set(data, name):
            text = " ".join(raw.split())
            if len(text) > MAX_CHARS or not english(text):
                continue
            same = normal(text)
            if same in seen:
                continue
            seen.add(same)
            key = hashlib.sha256(raw.encode("utf-8")).hexdigest()[:16]
            topic = name == "semeval_strength5" and mark in BRAND_TOPICS
            mentions = topic or name == "purchase_intent_tweets" or bool(HAS_BRAND.search(text))
            posts.append((key, name, text, topic, mentions))
    rng.shuffle(posts)
    return posts


def mine(posts, rng):
    taken, chosen = set(), []

    def take(post):
        taken.add(post[0])
        chosen.append(post[:3])

    for bucket, (quota, strong, weak) in RULES.items():
        tiers = ([], [], [])
        for post in posts:
            key, _, text, _, brand = post
            if key in taken:
                continue
            if strong.search(text):
                tiers[0 if brand else 1].append(post)
            elif weak and brand and weak.search(text):
                tiers[2].append(post)
        # Half from "rule and brand", the rest from the rule alone and the weak rule.
        shares = (quota // 2, quota * 3 // 4, quota) if weak else (quota // 2, quota, quota)
        got, per_set = 0, Counter()
        left = []
        for tier, upto in zip(tiers, shares):
            for post in tier:
                cap = BUCKET_CAP_FOR.get((bucket, post[1]), BUCKET_CAP.get(post[1], quota))
                if got < upto and per_set[post[1]] < cap:
                    take(post)
                    got += 1
                    per_set[post[1]] += 1
                else:
                    left.append(post)
        for post in left:  # a tier that was too small is filled from the others
            if got >= quota:
                break
            cap = BUCKET_CAP_FOR.get((bucket, post[1]), BUCKET_CAP.get(post[1], quota))
            if per_set[post[1]] < cap:
                take(post)
                got += 1
                per_set[post[1]] += 1

    for name, brands_only, quota in RANDOM_QUOTA:
        pool = [p for p in posts if p[1] == name and p[0] not in taken and (p[3] or not brands_only)]
        for post in pool[:quota]:
            take(post)

    rng.shuffle(chosen)
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the open sets")
    parser.add_argument("--out", type=Path, required=True, help="TSV to write: key, set, text")
    parser.add_argument("--seed", type=int, default=20161122)
    args = parser.parse_args()

    rng = random.Random(args.seed)
    chosen = mine(load(args.data, rng), rng)
    with open(args.out, "w", encoding="utf-8", newline="\n") as out:
        out.write("key\tset\ttext\n")
        for row in chosen:
            out.write("\t".join(row) + "\n")
    counts = Counter(name for _, name, _ in chosen)
    print(len(chosen), "posts:", ", ".join(f"{n} {c}" for n, c in counts.most_common()))


if __name__ == "__main__":
    main()
