//! What the town's people say, and when: deterministic from a seed, and without end.
//!
//! The first half of the hand-written corpus happened in the days before the start, the rest follows,
//! then variations of it. Knows no wire format.

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::Network;
use crate::domain::PostKind;

const CORPUS: &str = include_str!("corpus.txt");
const PEOPLE: &str = include_str!("people.txt");

/// How far back the posts reach that are there at the start, in seconds.
const PAST_SECS: i64 = 10 * 24 * 3600;
/// Spam comes from one account.
const SPAMMER: &str = "deals4u";

/// An invented person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What one types after `@`.
    pub handle: String,
    /// The shown name.
    pub name: String,
    /// Followers on Mastodon.
    pub followers: u64,
    /// What they say of themselves.
    pub bio: String,
}

/// A post of the town.
#[derive(Debug, Clone, PartialEq)]
pub struct TownPost {
    /// Unique in the town; native ids are made of it.
    pub number: u64,
    /// Where it was published.
    pub network: Network,
    /// Who wrote it.
    pub person: Person,
    /// Post, reply, comment, review, article, repost.
    pub kind: PostKind,
    /// Empty where the network has none.
    pub title: String,
    /// The text; HTML in RSS, plain elsewhere.
    pub text: String,
    /// ISO 639-1.
    pub language: String,
    /// 1 to 5, of reviews.
    pub stars: Option<u8>,
    /// When it was published.
    pub published_at: Timestamp,
    /// The number of the post that it answers or repeats.
    pub parent: Option<u64>,
    /// Likes, replies and shares, at the time of writing.
    pub numbers: [u64; 3],
    /// 0, and one more for each edit.
    pub revision: u32,
}

struct Line {
    place: &'static str,
    language: &'static str,
    stars: Option<u8>,
    title: &'static str,
    text: &'static str,
}

/// The endless list of posts.
#[derive(Debug)]
pub struct Script {
    random: StdRng,
    people: Vec<Person>,
    order: Vec<usize>,
    next: usize,
    start: Timestamp,
    last: Timestamp,
    /// The newest posts that can be answered, repeated or commented on.
    newest_toot: Option<TownPost>,
    newest_story: Option<u64>,
    repeats: bool,
    interval_ms: i64,
}

impl Script {
    /// A script whose present begins at `start`; a new post follows about each `interval_ms`.
    #[must_use]
    pub fn new(seed: u64, start: Timestamp, interval_ms: i64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut order: Vec<usize> = (0..lines().len()).collect();
        order.shuffle(&mut random);
        Self {
            random,
            people: people(),
            order,
            next: 0,
            start,
            last: start,
            newest_toot: None,
            newest_story: None,
            repeats: false,
            interval_ms: interval_ms.max(1),
        }
    }

    /// How many posts were written before the start.
    #[must_use]
    pub fn past_posts(&self) -> usize {
        self.order.len() / 2
    }

    /// When the next post is due.
    #[must_use]
    pub fn next_at(&self) -> Timestamp {
        if self.next < self.past_posts() {
            let left = (self.past_posts() - self.next) as i64;
            let seconds = PAST_SECS * left / self.past_posts() as i64;
            return earlier(self.start, seconds);
        }
        self.last
            .checked_add(SignedDuration::from_millis(self.interval_ms))
            .unwrap_or(self.last)
    }

    /// Writes the next post.
    pub fn write(&mut self) -> TownPost {
        let published_at = self.next_at();
        if self.next >= self.past_posts() {
            self.last = published_at;
        }
        let number = 1000 + self.next as u64;
        let all = lines();
        let round = self.next / self.order.len();
        let line = &all[self.order[self.next % self.order.len()]];
        self.next += 1;
        // Every twelfth post repeats a toot, so that reposts are seen from the start.
        self.repeats = !self.repeats && number.is_multiple_of(12);
        let post = match self.newest_toot.clone() {
            Some(toot) if number.is_multiple_of(12) => self.repost(number, published_at, &toot),
            _ => self.said(number, published_at, line, round),
        };
        if post.network == Network::Mastodon && post.kind == PostKind::Post {
            self.newest_toot = Some(post.clone());
        }
        if post.network == Network::HackerNews && post.kind == PostKind::Post {
            self.newest_story = Some(post.number);
        }
        post
    }

    fn repost(&mut self, number: u64, published_at: Timestamp, toot: &TownPost) -> TownPost {
        TownPost {
            number,
            person: self.somebody(),
            kind: PostKind::Repost,
            published_at,
            parent: Some(toot.number),
            numbers: [0; 3],
            ..toot.clone()
        }
    }

    fn said(
        &mut self,
        number: u64,
        published_at: Timestamp,
        line: &Line,
        round: usize,
    ) -> TownPost {
        let (network, kind) = match line.place {
            "m" => (Network::Mastodon, PostKind::Post),
            "m>" => (Network::Mastodon, PostKind::Reply),
            "h" => (Network::HackerNews, PostKind::Post),
            "hc" => (Network::HackerNews, PostKind::Comment),
            "a" => (Network::AppStore, PostKind::Review),
            "p" => (Network::Reviews, PostKind::Review),
            "r" => (Network::Rss, PostKind::Article),
            "t" => (Network::Atom, PostKind::Article),
            _ => (Network::JsonFeed, PostKind::Article),
        };
        let spam = line.text.contains("https://free-") || line.text.contains("followers.example");
        let person = if spam {
            self.people
                .iter()
                .find(|person| person.handle == SPAMMER)
                .cloned()
                .unwrap_or_else(|| self.people[0].clone())
        } else if network == Network::Rss {
            self.people[5].clone()
        } else if network == Network::Atom {
            self.people[6].clone()
        } else {
            self.somebody()
        };
        let parent = match kind {
            PostKind::Reply => self.newest_toot.as_ref().map(|toot| toot.number),
            PostKind::Comment => self.newest_story,
            _ => None,
        };
        let popularity = if self.random.random_range(0..8) == 0 {
            60
        } else {
            6
        };
        let mut count = || self.random.random_range(0..popularity);
        let numbers = [count(), count() / 2, count() / 3];
        let text = if round == 0 || spam {
            line.text.to_owned()
        } else {
            self.variation(line, network)
        };
        TownPost {
            number,
            network,
            person,
            kind: match (kind, parent) {
                // The first post of the town has nothing to answer.
                (PostKind::Reply | PostKind::Comment, None) => PostKind::Post,
                (kind, _) => kind,
            },
            title: line.title.to_owned(),
            text,
            language: line.language.to_owned(),
            stars: line.stars,
            published_at,
            parent,
            numbers,
            revision: 0,
        }
    }

    /// The same matter in other words, so that the town can go on for hours.
    fn variation(&mut self, line: &Line, network: Network) -> String {
        const BEFORE: [&str; 8] = [
            "",
            "Update: ",
            "Still thinking about this. ",
            "Once more: ",
            "So, ",
            "Okay. ",
            "Week two. ",
            "Quick note: ",
        ];
        const AFTER: [&str; 10] = [
            "",
            " Anyone else?",
            " Just saying.",
            " That is all.",
            " More tomorrow.",
            " What do you think?",
            " 🤷",
            " Sigh.",
            " No idea why.",
            " Written from the tram.",
        ];
        const MODELS: [&str; 4] = ["Voltra S2", "Voltra S1", "Voltra City", "Voltra S2 Pro"];
        let before = BEFORE[self.random.random_range(0..BEFORE.len())];
        let after = AFTER[self.random.random_range(0..AFTER.len())];
        let model = MODELS[self.random.random_range(0..MODELS.len())];
        let told = line
            .text
            .replace("Voltra S2 Pro", "Voltra S2")
            .replace("Voltra S2", model)
            .replace("40%", &format!("{}%", self.random.random_range(20..60)));
        match (network, line.language) {
            (Network::Rss, "en") => format!("<p>{}</p>{told}", before.trim()),
            (_, "en") => format!("{before}{told}{after}"),
            _ => told,
        }
    }

    fn somebody(&mut self) -> Person {
        // The last in the list is the spammer.
        let index = self.random.random_range(0..self.people.len() - 1);
        self.people[index].clone()
    }
}

fn earlier(start: Timestamp, seconds: i64) -> Timestamp {
    start
        .checked_sub(SignedDuration::from_secs(seconds))
        .unwrap_or(start)
}

fn people() -> Vec<Person> {
    rows(PEOPLE)
        .map(|row| {
            let mut fields = row.splitn(4, '|').map(str::to_owned);
            let mut field = || fields.next().unwrap_or_default();
            Person {
                handle: field(),
                name: field(),
                followers: field().parse().unwrap_or(0),
                bio: field(),
            }
        })
        .collect()
}

fn lines() -> Vec<Line> {
    rows(CORPUS)
        .map(|row| {
            let mut fields = row.splitn(5, '|');
            let mut field = || fields.next().unwrap_or_default();
            Line {
                place: field(),
                language: field(),
                stars: field().parse().ok(),
                title: field(),
                text: field(),
            }
        })
        .collect()
}

fn rows(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .filter(|row| !row.is_empty() && !row.starts_with("# "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_says_the_same_and_another_does_not() {
        let start: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        let said = |seed| {
            let mut script = Script::new(seed, start, 500);
            (0..400).map(|_| script.write()).collect::<Vec<_>>()
        };
        assert_eq!(said(1), said(1));
        assert_ne!(said(1), said(2));
        let posts = said(1);
        let mut times: Vec<_> = posts.iter().map(|post| post.published_at).collect();
        times.dedup();
        assert_eq!(times.len(), 400);
        assert!(times.is_sorted());
        assert_eq!(
            posts
                .iter()
                .filter(|post| post.published_at < start)
                .count(),
            73
        );
    }

    #[test]
    fn the_corpus_is_a_mix() {
        let (lines, people) = (lines(), people());
        assert!(people.len() >= 40);
        let english = lines.iter().filter(|line| line.language == "en").count();
        assert!(english >= 120, "{english}");
        for language in ["de", "es", "fr"] {
            assert!(lines.iter().any(|line| line.language == language));
        }
        let noise = lines
            .iter()
            .filter(|line| {
                !format!("{}{}", line.title, line.text)
                    .to_lowercase()
                    .contains("voltra")
            })
            .count();
        assert!(noise * 10 >= lines.len() * 3, "{noise} of {}", lines.len());
        assert!(
            lines
                .iter()
                .all(|line| !line.text.is_empty() && !line.place.is_empty())
        );
    }
}
