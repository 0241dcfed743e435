//! The digest as Markdown. What strangers wrote is escaped, so that it can neither format nor link.

use std::fmt::Write;

use super::build::{Digest, Section, TopPost};
use super::catalogue::Catalogue;
use crate::domain::SentimentLabel;

/// Renders the digest.
#[must_use]
pub fn to_markdown(digest: &Digest, words: &Catalogue) -> String {
    let mut text = String::new();
    // Writing to a String never fails.
    let _ = write_digest(&mut text, digest, words);
    text
}

fn write_digest(text: &mut String, digest: &Digest, words: &Catalogue) -> std::fmt::Result {
    writeln!(
        text,
        "# {} {}: {}",
        words.digest,
        escape(digest.id.as_str()),
        words.date(digest.date)
    )?;
    for section in &digest.sections {
        write_section(text, section, words)?;
    }
    writeln!(
        text,
        "\n---\n\n{} {}; {} {}.",
        words.made_at,
        digest.made_at.strftime("%Y-%m-%d %H:%M UTC"),
        words.in_zone,
        escape(&digest.zone)
    )
}

fn write_section(text: &mut String, section: &Section, words: &Catalogue) -> std::fmt::Result {
    let brand = section
        .brand
        .as_ref()
        .map_or(String::new(), |brand| format!(" ({})", escape(brand)));
    writeln!(text, "\n## {}{brand}\n", escape(section.monitor.as_str()))?;
    if section.counts.mentions == 0 {
        return writeln!(text, "{}", words.nothing);
    }
    let counts = &section.counts;
    let change = words
        .change(counts.mentions, section.before)
        .map_or(String::new(), |change| format!(", {change}"));
    writeln!(text, "**{}**{change}\n", words.count(counts.mentions))?;
    let scored = counts.mentions - counts.unscored;
    for (sign, name, count) in [
        ("−", words.negative, counts.negative),
        ("0", words.neutral, counts.neutral),
        ("+", words.positive, counts.positive),
    ] {
        writeln!(
            text,
            "- {sign} {name}: {} ({})",
            words.number(count),
            words.percent(count, scored)
        )?;
    }
    if counts.unscored > 0 {
        writeln!(
            text,
            "- {}: {}",
            words.unscored,
            words.number(counts.unscored)
        )?;
    }
    if let Some(score) = section.mean_score {
        writeln!(text, "- {}: {}", words.mean_score, words.score(score))?;
    }
    let intents: Vec<String> = section
        .intents
        .iter()
        .map(|(name, count)| format!("{} {}", words.intent(name), words.number(*count)))
        .collect();
    if !intents.is_empty() {
        writeln!(text, "\n**{}:** {}", words.intents, intents.join(", "))?;
    }
    let networks: Vec<String> = section
        .networks
        .iter()
        .map(|(name, count)| format!("{} {}", escape(name), words.number(*count)))
        .collect();
    writeln!(text, "\n**{}:** {}", words.networks, networks.join(", "))?;
    if !section.top_posts.is_empty() {
        writeln!(text, "\n### {}\n", words.top_posts)?;
        for post in &section.top_posts {
            writeln!(text, "- {}", post_line(post, words))?;
        }
    }
    if !section.top_authors.is_empty() {
        writeln!(text, "\n### {}\n", words.top_authors)?;
        for author in &section.top_authors {
            let name = linked(&escape(&author.name), author.url.as_deref());
            writeln!(
                text,
                "- {name}, {}: {}",
                escape(&author.network),
                words.count(author.mentions)
            )?;
        }
    }
    Ok(())
}

fn post_line(post: &TopPost, words: &Catalogue) -> String {
    let author = post.author.as_deref().unwrap_or(words.unknown);
    let place = linked(&escape(&post.network), post.url.as_deref());
    let mut line = format!(
        "{} \"{}\" — {}, {place}",
        sign(post.sentiment),
        escape(&post.quote),
        escape(author)
    );
    if post.engagement > 0 {
        line.push_str(&format!(
            ", {} {}",
            words.engagement,
            words.number(post.engagement)
        ));
    }
    if let Some(customer) = &post.customer {
        line.push_str(&format!(", {} {}", words.customer, escape(customer)));
    }
    line
}

/// The sign of a sentiment; a space when there is none.
#[must_use]
pub fn sign(label: Option<SentimentLabel>) -> &'static str {
    match label {
        Some(SentimentLabel::Negative) => "−",
        Some(SentimentLabel::Neutral) => "0",
        Some(SentimentLabel::Positive) => "+",
        None => "·",
    }
}

fn linked(text: &str, url: Option<&str>) -> String {
    match url.and_then(safe_url) {
        Some(url) => format!("[{text}](<{url}>)"),
        None => text.to_owned(),
    }
}

/// The URL when it is http or https and can't end the link that it stands in.
#[must_use]
pub fn safe_url(url: &str) -> Option<&str> {
    let web = url.starts_with("https://") || url.starts_with("http://");
    (web && !url.contains(['<', '>', '\n', '\r', '"'])).then_some(url)
}

/// Escapes what formats inside a line, and what would begin a block at its start; line ends become spaces.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        let inline = matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '~' | '|'
        );
        let block = escaped.is_empty() && matches!(c, '#' | '+' | '-' | '=');
        if inline || block {
            escaped.push('\\');
        }
        escaped.push(if matches!(c, '\n' | '\r') { ' ' } else { c });
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_wrote_neither_formats_nor_links() {
        assert_eq!(
            escape("**bold** [x](https://evil.example)"),
            "\\*\\*bold\\*\\* \\[x\\](https://evil.example)"
        );
        assert_eq!(escape("<script>&amp;"), "\\<script\\>\\&amp;");
        assert_eq!(escape("# no heading, C# stays"), "\\# no heading, C# stays");
        assert_eq!(escape("line\nend."), "line end.");
    }

    #[test]
    fn only_web_links_become_links() {
        assert_eq!(
            linked("x", Some("https://a.example/1")),
            "[x](<https://a.example/1>)"
        );
        assert_eq!(linked("x", Some("javascript:alert(1)")), "x");
        assert_eq!(linked("x", Some("https://a.example/>oops")), "x");
    }
}
