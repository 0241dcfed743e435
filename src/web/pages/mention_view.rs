//! A post as the page shows it: a row of a list, and the whole sheet. Everything is text; the
//! templates escape it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::format::{self, ShownTime};
use super::links;
use super::score_view::{Scores, class, scores, sign};
use crate::domain::{Analysis, LinkOrigin, Post, PostRecord, Rating, SentimentLabel};
use crate::insight::Segment;
use crate::web::auth::{Right, Role};

/// Texts longer than this are folded in the detail column, in bytes.
const FOLD: usize = 1400;

/// One line of a list.
#[derive(Debug)]
pub(in crate::web) struct Row {
    pub id: String,
    pub href: String,
    pub current: bool,
    /// It has a score that a person may correct.
    pub scored: bool,
    pub class: &'static str,
    pub sign: &'static str,
    pub sentiment: String,
    pub author: String,
    pub network: String,
    pub customer: Option<String>,
    pub time: ShownTime,
    pub title: Vec<Segment>,
    pub snippet: Vec<Segment>,
    pub stars: Option<Stars>,
    pub flags: Vec<Flag>,
}

/// A rating.
#[derive(Debug)]
pub(in crate::web) struct Stars {
    pub glyphs: String,
    pub words: String,
}

/// An intent in a row.
#[derive(Debug)]
pub(in crate::web) struct Flag {
    pub name: String,
    pub strong: bool,
}

/// A whole post.
#[derive(Debug)]
pub(in crate::web) struct Sheet {
    pub alone: bool,
    pub is_mention: bool,
    pub page: String,
    pub author: String,
    pub author_url: Option<String>,
    pub about: String,
    pub network: String,
    pub language: String,
    pub time: ShownTime,
    pub title: Vec<Segment>,
    pub text: Vec<Segment>,
    pub rest: Vec<Segment>,
    pub url: Option<Link>,
    pub links: Vec<Link>,
    pub analysis: Option<Scores>,
    pub customer: Option<Known>,
    pub monitors: Vec<Named>,
    pub facts: Vec<Fact>,
    pub duplicate_of: Option<String>,
    pub correct: Option<Correct>,
    /// What can be decided about the author, by those who may.
    pub link: Option<LinkChoice>,
}

/// Whether the author is a customer.
#[derive(Debug)]
pub(in crate::web) struct LinkChoice {
    pub author: String,
    /// Who they are now.
    pub customer: Option<String>,
    /// Where the page goes on.
    pub back: String,
}

/// The form that says what the sentiment really is.
#[derive(Debug)]
pub(in crate::web) struct Correct {
    pub action: String,
    /// The page to come back to.
    pub back: String,
    pub choices: Vec<Choice>,
}

/// A sentiment to choose.
#[derive(Debug)]
pub(in crate::web) struct Choice {
    pub value: &'static str,
    pub sign: &'static str,
    pub current: bool,
}

/// A link to elsewhere.
#[derive(Debug)]
pub(in crate::web) struct Link {
    pub href: String,
    pub host: String,
}

/// A link within the page.
#[derive(Debug)]
pub(in crate::web) struct Named {
    pub name: String,
    pub href: String,
}

/// A name and a value.
#[derive(Debug)]
pub(in crate::web) struct Fact {
    pub name: &'static str,
    pub value: String,
}

/// The customer and why.
#[derive(Debug)]
pub(in crate::web) struct Known {
    pub name: String,
    pub href: String,
    pub segment: Option<String>,
    pub origin: &'static str,
    pub evidence: String,
    pub confidence: String,
}

/// When and where a page is made.
#[derive(Debug, Clone, Copy)]
pub(in crate::web) struct Moment<'a> {
    pub now: Timestamp,
    pub zone: &'a TimeZone,
}

impl Moment<'_> {
    pub fn time(&self, at: Timestamp) -> ShownTime {
        format::time(at, self.now, self.zone)
    }
}

impl Row {
    pub fn new(
        record: &PostRecord,
        title: Vec<Segment>,
        snippet: Vec<Segment>,
        href: String,
        moment: Moment<'_>,
    ) -> Self {
        let post = &record.post;
        let analysis = record.analysis.as_ref();
        let label = analysis.and_then(Analysis::sentiment_label);
        Self {
            id: post.id.to_string(),
            href,
            current: false,
            scored: analysis.is_some(),
            class: label.map_or("neutral", class),
            sign: label.map_or("·", sign),
            sentiment: match (label, analysis) {
                (Some(label), Some(analysis)) => {
                    format!(
                        "{} {}",
                        label.as_str(),
                        format::signed(analysis.sentiment.score)
                    )
                }
                _ => "not scored".to_owned(),
            },
            author: author(post),
            network: format::network(&post.key.network),
            customer: record
                .customer
                .as_ref()
                .map(|(customer, _)| customer.name.clone()),
            time: moment.time(post.ordered_at()),
            title,
            snippet,
            stars: post.rating.map(stars),
            flags: analysis.map(flags).unwrap_or_default(),
        }
    }
}

impl Sheet {
    pub fn new(
        record: &PostRecord,
        title: Vec<Segment>,
        text: Vec<Segment>,
        alone: bool,
        moment: Moment<'_>,
    ) -> Self {
        let post = &record.post;
        let (text, rest) = if alone {
            (text, Vec::new())
        } else {
            fold(text, FOLD)
        };
        let network = format::network(&post.key.network);
        Self {
            alone,
            is_mention: record.is_mention(),
            page: links::mention(&post.id),
            author: author(post),
            author_url: post
                .author
                .as_ref()
                .and_then(|author| author.url.as_deref())
                .and_then(|url| format::safe_link(url).map(|(href, _)| href)),
            about: about(post, &network),
            network,
            language: post.language.code.clone(),
            time: moment.time(post.ordered_at()),
            title,
            text,
            rest,
            url: post.url.as_deref().and_then(link),
            links: post.links.iter().filter_map(|url| link(url)).collect(),
            analysis: record.analysis.as_ref().map(scores),
            customer: record.customer.as_ref().map(|(customer, link)| Known {
                name: customer.name.clone(),
                href: links::customer(&customer.id),
                segment: customer.segment.clone(),
                origin: match link.origin {
                    LinkOrigin::Rule => "Linked by rule:",
                    LinkOrigin::Person => "Linked by a person:",
                },
                evidence: link.evidence.clone(),
                confidence: format!("{:.2}", link.confidence),
            }),
            monitors: record
                .monitors
                .iter()
                .map(|monitor| Named {
                    name: monitor.to_string(),
                    href: links::search(&format!("monitor:{monitor}")),
                })
                .collect(),
            facts: facts(record, moment),
            duplicate_of: record.duplicate_of.as_ref().map(links::mention),
            correct: None,
            link: None,
        }
    }

    /// Offers to correct the sentiment where there is one, and to say who the author is, to those who may.
    pub fn correctable(mut self, record: &PostRecord, role: Role, back: &str) -> Self {
        if role.may(Right::Curate)
            && let Some(analysis) = &record.analysis
        {
            let current = analysis.sentiment.label;
            let choice = |label: SentimentLabel| Choice {
                value: label.as_str(),
                sign: sign(label),
                current: label == current,
            };
            self.correct = Some(Correct {
                action: format!("{}/correction", self.page),
                back: back.to_owned(),
                choices: SentimentLabel::ALL.map(choice).into(),
            });
        }
        if role.may(Right::Curate)
            && let Some(author) = record.post.author_id()
        {
            let known = record.customer.as_ref();
            self.link = Some(LinkChoice {
                author: author.to_string(),
                customer: known.map(|(customer, _)| customer.id.to_string()),
                back: match back {
                    "" => self.page.clone(),
                    back => back.to_owned(),
                },
            });
        }
        self
    }
}

fn author(post: &Post) -> String {
    match &post.author {
        None => "Unknown author".to_owned(),
        Some(author) if !author.handle.is_empty() => format!("@{}", author.handle),
        Some(author) => author.label().to_owned(),
    }
}

fn about(post: &Post, network: &str) -> String {
    let mut parts = vec![format!("{} on {network}", post.kind.as_str())];
    if let Some(author) = &post.author {
        let shown = author
            .display_name
            .as_deref()
            .filter(|_| !author.handle.is_empty());
        if let Some(name) = shown {
            parts.insert(0, name.to_owned());
        }
        if let Some(followers) = author.followers {
            let noun = format::plural(followers, "follower", "followers");
            parts.push(format!("{} {noun}", format::number(followers)));
        }
        if author.verified {
            parts.push("verified".to_owned());
        }
    }
    parts.join(" · ")
}

fn link(url: &str) -> Option<Link> {
    format::safe_link(url).map(|(href, host)| Link { href, host })
}

fn facts(record: &PostRecord, moment: Moment<'_>) -> Vec<Fact> {
    let post = &record.post;
    let mut facts = Vec::new();
    let mut fact = |name, value: Option<String>| {
        facts.extend(value.map(|value| Fact { name, value }));
    };
    fact("Rating", post.rating.map(|rating| stars(rating).words));
    fact("Engagement", engagement(post));
    fact("Language", Some(post.language.code.clone()));
    fact("Source", Some(post.source.to_string()));
    let published = post.published_at.map(|at| moment.time(at).exact);
    fact(
        "Published",
        Some(published.unwrap_or_else(|| "not said".to_owned())),
    );
    fact("Names", names(record.analysis.as_ref()));
    fact("Fetched", Some(moment.time(post.fetched_at).exact));
    fact(
        "Model",
        record
            .analysis
            .as_ref()
            .map(|analysis| analysis.model.to_string()),
    );
    facts
}

fn names(analysis: Option<&Analysis>) -> Option<String> {
    let entities = &analysis?.entities;
    let names = entities.iter().map(|entity| entity.name.as_str());
    (!entities.is_empty()).then(|| names.collect::<Vec<_>>().join(", "))
}

fn engagement(post: &Post) -> Option<String> {
    let said = [
        (post.engagement.likes, "like", "likes"),
        (post.engagement.replies, "reply", "replies"),
        (post.engagement.shares, "share", "shares"),
    ];
    let parts: Vec<_> = said
        .into_iter()
        .filter_map(|(count, one, many)| {
            count.map(|count| {
                format!(
                    "{} {}",
                    format::number(count),
                    format::plural(count, one, many)
                )
            })
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn stars(rating: Rating) -> Stars {
    let full = rating.out_of_five().round().clamp(0.0, 5.0) as usize;
    Stars {
        glyphs: "★".repeat(full) + &"☆".repeat(5 - full),
        words: format!("{} of {}", rating.value, rating.best),
    }
}

/// Intents that are present; those that somebody must act on come first and are strong.
fn flags(analysis: &Analysis) -> Vec<Flag> {
    let mut flags: Vec<_> = analysis
        .present_intents()
        .map(|name| Flag {
            name: format::label(name),
            strong: matches!(name, "complaint" | "churn_risk"),
        })
        .collect();
    flags.sort_by_key(|flag| !flag.strong);
    flags
}

/// Splits long texts at a space near the limit.
fn fold(pieces: Vec<Segment>, limit: usize) -> (Vec<Segment>, Vec<Segment>) {
    let length: usize = pieces.iter().map(|piece| piece.text.len()).sum();
    // Folding away a line or two would only cost a click.
    if length <= limit + limit / 4 {
        return (pieces, Vec::new());
    }
    let (mut head, mut rest) = (Vec::new(), Vec::new());
    let mut left = limit;
    for piece in pieces {
        if left == 0 {
            rest.push(piece);
        } else if piece.text.len() <= left || piece.marked {
            left = left.saturating_sub(piece.text.len());
            head.push(piece);
        } else {
            let cut = piece.text[..piece.text.floor_char_boundary(left)]
                .rfind(char::is_whitespace)
                .unwrap_or_else(|| piece.text.floor_char_boundary(left));
            let (first, second) = piece.text.split_at(cut);
            head.push(Segment {
                text: first.to_owned(),
                marked: false,
            });
            rest.push(Segment {
                text: second.trim_start().to_owned(),
                marked: false,
            });
            left = 0;
        }
    }
    (head, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_folded_at_a_space_and_nothing_is_lost() {
        let text = "wörd ".repeat(500);
        let piece = Segment {
            text: text.clone(),
            marked: false,
        };
        let (head, rest) = fold(vec![piece], 1000);
        assert!(head[0].text.len() <= 1000 && head[0].text.ends_with("wörd"));
        assert_eq!(format!("{} {}", head[0].text, rest[0].text), text);
        let short = vec![Segment {
            text: "ab".into(),
            marked: true,
        }];
        assert_eq!(fold(short.clone(), 1000), (short, Vec::new()));
    }
}
