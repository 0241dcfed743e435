//! Random queries and posts for property tests, the same for the same seed. Only for tests.

use std::sync::LazyLock;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::domain::analysis::{EMOTIONS, INTENTS, LabelScore};
use crate::domain::{
    Analysis, Author, AuthorId, Customer, CustomerId, EmotionScores, Engagement, IntentScores,
    Language, Link, LinkOrigin, LinkState, ModelId, MonitorId, Post, PostKey, PostKind, PostRecord,
    Rating, Sentiment, SentimentLabel, SourceId,
};
use crate::text::fingerprint;

/// The time that sampled posts lie around.
pub(crate) const NOW: &str = "2026-11-22T12:00:00Z";

/// Words in several scripts, with case, accents, hashtags, handles, emoji and traps for tokenisers.
static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    "battery Battery BATTERY charge charger charging Café cafe CAFÉ dead on arrival Acme Acme's acme \
     #acme #AcmeFail @acme @Ann_B don't wi-fi 3.5mm acme.com https://acme.com/a été Straße strasse 東京 \
     東京タワー 京 电池坏了 แบตเตอรี่ батарея Батарея мёд مُحَمَّد 한국어 हिन्दी 😡 👍🏽 👍 ❤️ 🇩🇪 foo_bar x 1,000"
        .split(' ')
        .collect()
});

const NETWORKS: [&str; 3] = ["mastodon", "appstore", "feed"];
const SOURCES: [&str; 3] = ["acme-blog", "hn", "shop"];
const LANGUAGES: [&str; 4] = ["en", "de", "ja", "und"];
const MONITORS: [&str; 3] = ["brand", "rivals", "topic"];
const HANDLES: [&str; 4] = ["ann", "Ann_B", "élodie", ""];
const CUSTOMERS: [&str; 3] = ["c-1", "c 2", "c\"3"];

/// A source of samples.
pub(crate) struct Sample(StdRng);

impl Sample {
    pub(crate) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0.random_range(0..n)
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn words(&mut self, most: usize) -> String {
        let count = self.below(most + 1);
        let words: Vec<&str> = (0..count).map(|_| self.pick(&WORDS)).collect();
        let gap = self.pick(&[" ", " ", "  ", ", ", "\n", ""]);
        words.join(gap)
    }

    /// A query, nested at most `depth` deep.
    pub(crate) fn query(&mut self, depth: usize) -> String {
        if depth == 0 || self.one_in(3) {
            return self.leaf();
        }
        match self.below(4) {
            0 => format!("NOT {}", self.grouped(depth - 1)),
            1 => self.joined(depth, " OR "),
            2 => self.joined(depth, " AND "),
            _ => self.joined(depth, " "),
        }
    }

    fn grouped(&mut self, depth: usize) -> String {
        format!("({})", self.query(depth))
    }

    fn joined(&mut self, depth: usize, operator: &str) -> String {
        let count = 2 + self.below(2);
        let members: Vec<String> = (0..count).map(|_| self.grouped(depth - 1)).collect();
        members.join(operator)
    }

    /// Words near each other, nested at most `depth` deep.
    fn near(&mut self, depth: usize) -> String {
        let distance = [1, 2, 3, 5, 20][self.below(5)];
        let order = ["", "", "f"][self.below(3)];
        let (left, right) = (self.side(depth), self.side(depth));
        format!("{left} NEAR/{distance}{order} {right}")
    }

    fn side(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 5 } else { 7 }) {
            0..=2 => self
                .pick(&[
                    "battery", "acme", "dead", "on", "cafe", "#acme", "東京", "😡", "x", "strasse",
                ])
                .to_owned(),
            3 => self
                .pick(&["bat*", "char*", "{Acme}", "{battery}", "c?fe", "{CAFÉ}"])
                .to_owned(),
            4 => self
                .pick(&["\"dead on\"", "\"dead arrival\"~3", "\"battery battery\"~9"])
                .to_owned(),
            5 => format!("({} OR {})", self.side(depth - 1), self.side(depth - 1)),
            _ => format!("({})", self.near(depth - 1)),
        }
    }

    fn leaf(&mut self) -> String {
        let number = ["<", "<=", ">", ">=", ""][self.below(5)];
        match self.below(31) {
            0..=4 => self
                .pick(&[
                    "battery",
                    "Cafe",
                    "acme",
                    "#acme",
                    "@acme",
                    "東京",
                    "😡",
                    "👍",
                    "don't",
                    "wi-fi",
                    "CHARGE",
                    "мед",
                    "3.5mm",
                    "foo_bar",
                    "京",
                    "#acmefail",
                    "strasse",
                    "*",
                    "missing",
                ])
                .to_owned(),
            5 => format!("\"{} {}\"", self.pick(&WORDS), self.pick(&WORDS)),
            6 => format!(
                "\"{} {} {}\"",
                self.pick(&WORDS),
                self.pick(&WORDS),
                self.pick(&WORDS)
            ),
            7 => self
                .pick(&[
                    "charg*",
                    "bat*",
                    "#acm*",
                    "бат*",
                    "caf*",
                    "@ann*",
                    "한국어*",
                    "हिन्*",
                ])
                .to_owned(),
            8 => format!("title:{}", self.pick(&WORDS).replace(':', "")),
            9 => format!(
                "text:({} OR {})",
                self.pick(&["acme", "dead", "été"]),
                self.pick(&["on", "電", "\"東京\""])
            ),
            10 => format!(
                "network:({} OR {})",
                self.pick(&NETWORKS),
                self.pick(&["Mastodon", "none"])
            ),
            11 => format!("source:{}", self.pick(&SOURCES)),
            12 => format!("lang:{}", self.pick(&LANGUAGES)),
            13 => format!(
                "sentiment:{}",
                self.pick(&["negative", "neutral", "positive"])
            ),
            14 => format!(
                "intent:({} AND NOT {})",
                self.pick(&INTENTS),
                self.pick(&INTENTS)
            ),
            15 => match self.one_in(3) {
                true => format!("label:{}", self.pick(&["refund", "spam", "none"])),
                false => format!("emotion:{}", self.pick(&EMOTIONS)),
            },
            16 => self
                .pick(&[
                    "is:linked",
                    "is:verified",
                    "has:rating",
                    "has:link",
                    "is:reply",
                    "is:question",
                    "kind:review",
                ])
                .to_owned(),
            17 => format!("monitor:{}", self.pick(&MONITORS)),
            18 => match self.below(3) {
                0 => format!("author:{}", self.pick(&["@ann", "ANN_B", "Élodie", "none"])),
                1 => format!("author:{}", AuthorId::derive("mastodon", "", "7")),
                _ => self
                    .pick(&["customer:c-1", "customer:\"c 2\"", "customer:\"c\\\"3\""])
                    .to_owned(),
            },
            19 => match self.below(5) {
                0 => format!("score:{number}{}", self.pick(&["-0.5", "0", "-0", "0.25"])),
                1 => format!(
                    "rating:{}",
                    self.pick(&["<=2", "1..2.5", "5", "4..", "..0"])
                ),
                2 => format!("urgency:{number}{}", self.below(4)),
                3 => format!("engagement:{number}{}", self.below(5)),
                _ => format!("followers:{number}{}", self.below(5)),
            },
            20 => format!(
                "since:{}",
                self.pick(&[
                    "7d",
                    "36h",
                    "1w",
                    "today",
                    "yesterday",
                    "2026-11-20",
                    "2026-11-21T10:00:00+01:00"
                ])
            ),
            21 => format!("({})", self.near(2)),
            22 => format!("title:({})", self.near(1)),
            23 => format!(
                "\"{} {}\"~{}",
                self.pick(&["battery", "dead", "acme", "東京"]),
                self.pick(&["on", "charge", "😡", "cafe battery"]),
                3 + self.below(8)
            ),
            24 => self
                .pick(&[
                    "b?ttery",
                    "bat*y",
                    "ch?rg?r",
                    "cha*ing",
                    "#ac?e",
                    "é?é",
                    "б?тарея",
                    "caf?",
                    "arr*v*l",
                ])
                .to_owned(),
            25 => self
                .pick(&[
                    "{Battery}",
                    "{battery}",
                    "{BATTERY}",
                    "{Café}",
                    "{cafe}",
                    "{Acme}",
                    "{dead on}",
                    "{Straße}",
                    "{strasse}",
                    "{東京}",
                    "title:{Acme}",
                    "{мёд}",
                    "{x}",
                    "{😡}",
                ])
                .to_owned(),
            26 => self
                .pick(&[
                    "author_name:ann",
                    "author_name:\"Ann B\"",
                    "bio:coffee",
                    "bio:(coffee NEAR/3 fan)",
                    "author_name:a??",
                    "bio:cof*",
                ])
                .to_owned(),
            27 => self
                .pick(&[
                    "site:acme.com",
                    "site:shop.acme.com",
                    "site:com",
                    "url:acme.com/a",
                    "url:\"https://www.acme.com/\"",
                    "link:acme.com",
                    "link:acme.com/a",
                    "link:com",
                    "url:acme",
                    "site:none.example",
                ])
                .to_owned(),
            28 => self
                .pick(&[
                    "segment:gold",
                    "segment:Silver",
                    "segment:none",
                    "duplicate:yes",
                    "duplicate:no",
                ])
                .to_owned(),
            29 => format!(
                "date:{}",
                self.pick(&[
                    "today",
                    "yesterday",
                    "2026-11-20..2026-11-22",
                    "2026-11-22..2026-11-20",
                    "7d..1d",
                    "2026-11-21",
                ])
            ),
            _ => format!(
                "until:{}",
                self.pick(&[
                    "7d",
                    "36h",
                    "today",
                    "yesterday",
                    "2026-11-20",
                    "2026-11-21T10:00:00Z"
                ])
            ),
        }
    }

    /// A post with whatever may be known of it; `n` gives it its identity.
    pub(crate) fn record(&mut self, n: usize) -> PostRecord {
        let key = PostKey {
            network: NETWORKS[n % NETWORKS.len()].to_owned(),
            scope: String::new(),
            native_id: n.to_string(),
        };
        let text = self.words(12);
        let now: Timestamp = NOW.parse().expect("time");
        let fetched_at = now - jiff::SignedDuration::from_millis(self.below(2_000_000_000) as i64);
        let later = jiff::SignedDuration::from_hours(self.below(400) as i64 - 300);
        let post = Post {
            id: key.id(),
            key,
            source: SourceId::parse(self.pick(&SOURCES)).expect("source"),
            kind: PostKind::ALL[self.below(6)],
            url: self.one_in(2).then(|| {
                let url = self.pick(&[
                    "https://www.Acme.com/",
                    "https://shop.acme.com/a?b=1",
                    "http://acme.com/a/b",
                ]);
                url.to_owned()
            }),
            title: (!self.one_in(3)).then(|| self.words(4)),
            raw: text.clone(),
            fingerprint: fingerprint(&text),
            text,
            language: Language {
                code: self.pick(&LANGUAGES).to_owned(),
                confidence: 1.0,
            },
            author: (!self.one_in(4)).then(|| self.author()),
            engagement: Engagement {
                likes: (!self.one_in(3)).then(|| self.below(4) as u64),
                replies: self.one_in(3).then(|| self.below(3) as u64),
                shares: self.one_in(40).then_some(u64::MAX),
            },
            rating: self.one_in(2).then(|| Rating {
                value: self.below(6) as f64,
                best: [5.0, 10.0][self.below(2)],
            }),
            parent_id: None,
            thread_id: None,
            repost_of: None,
            links: if self.one_in(3) {
                vec![
                    "https://acme.com/a".to_owned(),
                    "https://x.example/".to_owned(),
                ]
            } else {
                Vec::new()
            },
            published_at: (!self.one_in(4)).then(|| fetched_at + later),
            fetched_at,
        };
        let mut record = PostRecord::new(post);
        record.analysis = (!self.one_in(4)).then(|| self.analysis());
        record.monitors = MONITORS
            .iter()
            .filter(|_| self.one_in(3))
            .map(|id| MonitorId::parse(*id).expect("monitor"))
            .collect();
        if self.one_in(3) {
            record.customer = Some(self.customer());
        }
        record.duplicate_of = self
            .one_in(4)
            .then(|| crate::domain::PostId::derive("x", "", "first"));
        record
    }

    fn author(&mut self) -> Author {
        Author {
            native_id: self.below(9).to_string(),
            handle: self.pick(&HANDLES).to_owned(),
            followers: (!self.one_in(3)).then(|| self.below(5) as u64),
            display_name: (!self.one_in(3)).then(|| self.pick(&["Ann B", "ann", "Bob"]).to_owned()),
            bio: self
                .one_in(2)
                .then(|| self.pick(&["A coffee fan", "Coffee, and a fan"]).to_owned()),
            verified: self.one_in(2),
            ..Author::default()
        }
    }

    fn analysis(&mut self) -> Analysis {
        let scores = |sample: &mut Self, names: &[&str]| -> Vec<LabelScore> {
            names
                .iter()
                .map(|name| LabelScore {
                    label: (*name).to_owned(),
                    probability: 0.5,
                    present: sample.one_in(3),
                })
                .collect()
        };
        Analysis {
            model: ModelId::parse("sample@0").expect("model"),
            supported: !self.one_in(4),
            sentiment: Sentiment {
                label: SentimentLabel::ALL[self.below(3)],
                score: [-1.0, -0.5, -0.0, 0.0, 0.25, 0.3, 1.0][self.below(7)],
                negative: 0.0,
                neutral: 1.0,
                positive: 0.0,
            },
            emotions: EmotionScores {
                ekman: scores(self, &EMOTIONS),
                fine: Vec::new(),
            },
            intents: {
                let mut intents = scores(self, &INTENTS);
                // A label of one's own.
                if self.one_in(2) {
                    intents.extend(scores(self, &["refund"]));
                }
                IntentScores(intents)
            },
            urgency: self.below(4) as u8,
            entities: vec![],
            embedding: Vec::new(),
        }
    }

    fn customer(&mut self) -> (Customer, Link) {
        let id = CustomerId::parse(self.pick(&CUSTOMERS)).expect("customer");
        let link = Link {
            author: AuthorId::derive("mastodon", "", "7"),
            customer: id.clone(),
            confidence: 1.0,
            evidence: String::new(),
            origin: LinkOrigin::Rule,
            state: LinkState::Linked,
        };
        let customer = Customer {
            id,
            name: "Ann".to_owned(),
            identities: Vec::new(),
            segment: self
                .one_in(2)
                .then(|| self.pick(&["gold", "Silver"]).to_owned()),
            value: None,
            tags: Vec::new(),
        };
        (customer, link)
    }
}
