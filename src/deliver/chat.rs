//! Messages for people: what happened, in a few lines, for incoming webhooks of Slack and Teams and those that take the same,
//! and for mail.
//!
//! Pure and deterministic, as every format. What people wrote in public stays words: it can call nobody in the channel, makes no
//! links and no headings.

use serde_json::{Value, json};

/// Characters of a post that a chat shows.
const MAX_TEXT: usize = 500;

/// The chats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chat {
    /// Slack.
    Slack,
    /// Teams.
    Teams,
}

/// How words are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `mrkdwn`: <https://docs.slack.dev/messaging/formatting-message-text>.
    Slack,
    /// An Adaptive Card, whose text is a part of Markdown.
    Teams,
    /// Plain words.
    Mail,
}

/// What is said of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// One line or more.
    pub(super) text: String,
    /// Where there is more; http or https.
    pub(super) link: Option<String>,
}

/// What is said of a frozen event; `template` instead of our own words, with fields of `data` in braces, such as
/// `{author.handle}`, and `{type}`. `None` when it is no event of ours.
pub(super) fn told(dialect: Dialect, frozen: &[u8], template: Option<&str>) -> Option<Told> {
    let event: Value = serde_json::from_slice(frozen).ok()?;
    let (kind, data) = (event.get("type")?.as_str()?, event.get("data")?);
    let words = Words {
        dialect,
        kind,
        data,
    };
    let text = match template {
        Some(template) => words.fill(template),
        None => words.ours(),
    };
    let link = ["link", "url"]
        .iter()
        .find_map(|name| data.get(*name)?.as_str());
    let link = link.filter(|link| link.starts_with("https://") || link.starts_with("http://"));
    Some(Told {
        text,
        link: link.map(str::to_owned),
    })
}

/// A chat's message about a frozen event. `None` when it is no event of ours.
pub(super) fn message(chat: Chat, frozen: &[u8], template: Option<&str>) -> Option<Vec<u8>> {
    let dialect = match chat {
        Chat::Slack => Dialect::Slack,
        Chat::Teams => Dialect::Teams,
    };
    let Told { text, link } = told(dialect, frozen, template)?;
    let body = match chat {
        Chat::Slack => {
            // Within a link these three characters end it.
            let link = link.map(|link| {
                link.replace('>', "%3E")
                    .replace('<', "%3C")
                    .replace('|', "%7C")
            });
            let link = link.map_or_else(String::new, |link| format!("\n<{link}|Open>"));
            json!({ "text": text + &link })
        }
        Chat::Teams => {
            let open =
                link.map(|link| json!({ "type": "Action.OpenUrl", "title": "Open", "url": link }));
            json!({
                "type": "message",
                "attachments": [{
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "content": {
                        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                        "type": "AdaptiveCard",
                        "version": "1.4",
                        "body": [{ "type": "TextBlock", "text": text, "wrap": true }],
                        "actions": open.into_iter().collect::<Vec<_>>(),
                    },
                }],
            })
        }
    };
    serde_json::to_vec(&body).ok()
}

struct Words<'a> {
    dialect: Dialect,
    kind: &'a str,
    data: &'a Value,
}

impl Words<'_> {
    /// Our own words for the event.
    fn ours(&self) -> String {
        let told = match self.kind {
            "mention.created" => "New mention",
            "mention.updated" => "Changed mention",
            _ => return self.fill(sentence(self.kind)),
        };
        if self.data.get("text").is_none() {
            return self.fill("Mention {id} on {network}");
        }
        let mut head = format!("{told} on {}", self.field("network"));
        let author = self.field("author.handle");
        if !author.is_empty() {
            head = format!("{head} by {author}");
        }
        let labels = ["analysis.sentiment.label", "analysis.intents"].map(|name| self.field(name));
        let labels: Vec<String> = labels
            .into_iter()
            .filter(|label| !label.is_empty())
            .collect();
        if !labels.is_empty() {
            head = format!("{head}: {}", labels.join(", "));
        }
        head + "\n" + &self.fill("{text}")
    }

    /// Puts the fields in; what the event does not say is left out, and so is a brace without end.
    fn fill(&self, template: &str) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let Some((name, behind)) = after.split_once('}') else {
                rest = "";
                break;
            };
            text.push_str(&self.field(name.trim()));
            rest = behind;
        }
        text.push_str(rest);
        let lines = text.lines().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.join(" ")
        });
        lines.collect::<Vec<_>>().join("\n").trim().to_owned()
    }

    fn field(&self, name: &str) -> String {
        if name == "type" {
            return self.kind.to_owned();
        }
        let mut value = self.data;
        for part in name.split('.') {
            match value.get(part) {
                Some(found) => value = found,
                None => return String::new(),
            }
        }
        self.escaped(&plain(value))
    }

    /// Words that stay words.
    fn escaped(&self, text: &str) -> String {
        if self.dialect == Dialect::Mail {
            return text.to_owned();
        }
        let mut cut: String = text.chars().take(MAX_TEXT).collect();
        if cut.len() < text.len() {
            cut.push('…');
        }
        let mut safe = String::with_capacity(cut.len());
        for character in cut.chars() {
            match (self.dialect, character) {
                (Dialect::Slack, '&') => safe.push_str("&amp;"),
                (Dialect::Slack, '<') => safe.push_str("&lt;"),
                (Dialect::Slack, '>') => safe.push_str("&gt;"),
                (
                    Dialect::Teams,
                    '\\' | '[' | ']' | '(' | ')' | '*' | '_' | '#' | '`' | '<' | '>' | '~' | '|',
                ) => {
                    safe.push('\\');
                    safe.push(character);
                }
                _ => safe.push(character),
            }
        }
        safe
    }
}

/// What is said of an event that is no mention, or none any more.
fn sentence(kind: &str) -> &'static str {
    match kind {
        "mention.deleted" => "Mention {id} is gone",
        "customer.linked" => "An author was recognised as {customer.name} ({customer_id})",
        "digest.ready" => "The digest {digest} of {date} is ready",
        "source.failed" => "Source {source} was stopped and needs a person: {error}",
        "endpoint.test" => "A test of endpoint {endpoint}: messages arrive",
        _ => "{type}",
    }
}

/// A value as people write it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, data: Value) -> Vec<u8> {
        json!({ "id": "evt_1", "type": kind, "sequence": 1, "data": data })
            .to_string()
            .into_bytes()
    }

    fn said(chat: Chat, kind: &str, data: Value, template: Option<&str>) -> Value {
        let body = message(chat, &event(kind, data), template).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    #[test]
    fn a_mention_is_told_in_two_lines_with_a_link() {
        let data = json!({
            "id": "men_1", "network": "mastodon", "text": "My Volta is\nbroken & <!channel> smokes", "link": "https://listen.example/posts/1|2",
            "author": { "handle": "ann" },
            "analysis": { "sentiment": { "label": "negative" }, "intents": ["complaint", "question"] },
        });
        let slack = said(Chat::Slack, "mention.created", data.clone(), None);
        assert_eq!(
            slack["text"],
            "New mention on mastodon by ann: negative, complaint, question\nMy Volta is\nbroken &amp; &lt;!channel&gt; smokes\n<https://listen.example/posts/1%7C2|Open>"
        );
        let teams = said(Chat::Teams, "mention.created", data, None);
        let card = &teams["attachments"][0]["content"];
        assert_eq!(
            card["actions"][0]["url"],
            "https://listen.example/posts/1|2"
        );
        let text = card["body"][0]["text"].as_str().unwrap();
        assert!(text.contains("broken & \\<!channel\\> smokes"), "{text}");
    }

    #[test]
    fn what_is_unknown_is_left_out_and_long_texts_are_cut() {
        let bare = said(
            Chat::Slack,
            "mention.created",
            json!({ "id": "men_1", "network": "feed", "text": "x".repeat(900), "author": null, "analysis": null, "url": "javascript:alert(1)" }),
            None,
        );
        let text = bare["text"].as_str().unwrap();
        assert!(
            text.starts_with("New mention on feed\nxxx") && text.ends_with("x…"),
            "{text}"
        );
        assert_eq!(text.chars().filter(|c| *c == 'x').count(), MAX_TEXT);
        let thin = said(
            Chat::Slack,
            "mention.created",
            json!({ "id": "men_1", "thin": true, "network": "feed" }),
            None,
        );
        assert_eq!(thin["text"], "Mention men_1 on feed");
        for (kind, data, expected) in [
            (
                "digest.ready",
                json!({ "digest": "daily", "date": "2026-11-24" }),
                "The digest daily of 2026-11-24 is ready",
            ),
            (
                "source.failed",
                json!({ "source": "blog", "error": "410" }),
                "Source blog was stopped and needs a person: 410",
            ),
            ("case.opened", json!({}), "case.opened"),
        ] {
            assert_eq!(said(Chat::Slack, kind, data, None)["text"], expected);
        }
    }

    #[test]
    fn a_template_has_its_own_words() {
        let data = json!({ "text": "a {b} *c*", "analysis": { "urgency": 3 } });
        let say = |template| {
            said(Chat::Slack, "mention.created", data.clone(), Some(template))["text"].clone()
        };
        assert_eq!(
            say("{type} ({analysis.urgency}): {text}{nothing} {text.x}"),
            "mention.created (3): a {b} *c*"
        );
        assert_eq!(say("open {text"), "open");
        assert_eq!(say(""), "");
        assert_eq!(message(Chat::Teams, b"no event", None), None);
    }
}
