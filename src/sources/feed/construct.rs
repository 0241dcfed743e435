//! Text constructs: a title, summary or content, written as plain text, escaped or inline HTML, or base64.
//!
//! Atom says which; RSS leaves it to be guessed.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::model::Text;
use super::names::Space;
use super::tree::{Id, Tree};
use crate::domain::Body;
use crate::fetch::Url;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// How a construct is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    /// Markup that was escaped once.
    Html,
    /// Markup as part of the document.
    Inline,
    /// RSS does not say.
    Unsaid,
    /// Neither text nor markup: base64 that may hold either.
    Encoded,
}

/// Reads a text construct. `atom` says that one without a type is plain text. `None` when it is empty or no text.
pub(super) fn read(tree: &Tree<'_>, id: Id, atom: bool, document: Option<&Url>) -> Option<Text> {
    let kind = tree
        .attribute(id, "type")
        .map(|kind| kind.to_ascii_lowercase());
    let base64 = tree
        .attribute(id, "mode")
        .is_some_and(|mode| mode.eq_ignore_ascii_case("base64"));
    let form = match kind.as_deref() {
        _ if tree.space(id) == Space::Xhtml => Form::Inline,
        _ if base64 => Form::Encoded,
        Some(kind) => form(kind, atom),
        None if atom => Form::Plain,
        None => Form::Unsaid,
    };
    let naked = tree.holds_elements(id);
    let body = match form {
        Form::Inline => Body::Html(tree.markup(id, true)),
        _ if naked => Body::Html(tree.markup(id, false)),
        Form::Plain => Body::Plain(tree.text(id)?),
        Form::Html => Body::Html(tree.text(id)?),
        Form::Unsaid => guessed(tree.text(id)?),
        Form::Encoded => encoded(&tree.text(id)?, kind.as_deref())?,
    };
    let body = match body {
        // The `div` around inline content is no part of it (RFC 4287, 3.1.1.3); some put it around escaped one.
        Body::Html(html) if naked && matches!(kind.as_deref(), Some("xhtml" | "html")) => {
            Body::Html(without_div(&html).to_owned())
        }
        body => body,
    };
    let base = tree.base(id, document);
    (!body.as_str().trim().is_empty()).then_some(Text { body, base })
}

fn form(kind: &str, atom: bool) -> Form {
    let mime = kind.split(';').next().unwrap_or(kind).trim();
    match mime {
        "text" | "text/plain" | "plain" => {
            if atom {
                Form::Plain
            } else {
                Form::Unsaid
            }
        }
        "html" | "text/html" | "text/x-html" => Form::Html,
        "xhtml" | "application/xhtml+xml" => Form::Inline,
        _ if mime.ends_with("+xml") || mime.ends_with("/xml") => Form::Inline,
        _ if mime.starts_with("text/") || !mime.contains('/') => Form::Unsaid,
        _ => Form::Encoded,
    }
}

/// A text of RSS: HTML when something in it can only be HTML.
pub(super) fn guessed(text: String) -> Body {
    if looks_like_html(&text) {
        Body::Html(text)
    } else {
        Body::Plain(text)
    }
}

/// Base64 that holds text; what does not decode is taken as it stands, what decodes to no text is nothing.
fn encoded(text: &str, kind: Option<&str>) -> Option<Body> {
    let compact: String = text.split_whitespace().collect();
    let text = match BASE64.decode(compact) {
        Ok(bytes) => String::from_utf8(bytes).ok()?.trim().to_owned(),
        Err(_) => text.to_owned(),
    };
    Some(match kind {
        Some("text" | "text/plain") => Body::Plain(text),
        Some("html" | "text/html" | "xhtml" | "application/xhtml+xml") => Body::Html(text),
        _ => guessed(text),
    })
}

/// Elements whose mere mention makes a text HTML.
const ELEMENTS: [&str; 46] = [
    "a",
    "abbr",
    "b",
    "blockquote",
    "br",
    "center",
    "cite",
    "code",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "figure",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "iframe",
    "img",
    "ins",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "script",
    "small",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "sup",
    "table",
    "tt",
    "u",
    "ul",
    "video",
];

fn looks_like_html(text: &str) -> bool {
    let entity = text.match_indices('&').any(|(index, _)| {
        let window: &str = &text[index + 1..];
        let end = window
            .bytes()
            .take(12)
            .position(|byte| !byte.is_ascii_alphanumeric() && byte != b'#');
        end.is_some_and(|end| end > 1 && window.as_bytes()[end] == b';')
    });
    entity
        || text.match_indices('<').any(|(index, _)| {
            let rest = text[index + 1..].trim_start_matches('/');
            let end = rest
                .bytes()
                .take(12)
                .position(|byte| !byte.is_ascii_alphanumeric())
                .unwrap_or(rest.len().min(12));
            rest.as_bytes().get(..end).is_some_and(|name| {
                ELEMENTS
                    .iter()
                    .any(|known| known.as_bytes().eq_ignore_ascii_case(name))
            }) || rest.starts_with("!--")
        })
}

/// The content of a `div` that holds everything.
fn without_div(html: &str) -> &str {
    let inner = html
        .strip_prefix("<div")
        .and_then(|rest| rest.split_once('>'))
        .and_then(|(_, rest)| rest.strip_suffix("</div>"));
    // `<div>a</div><div>b</div>` is two of them.
    match inner {
        Some(inner) if !closes_early(inner) => inner.trim(),
        _ => html,
    }
}

fn closes_early(inner: &str) -> bool {
    let mut depth = 0_i64;
    for (index, _) in inner.match_indices('<') {
        let rest = &inner[index..];
        if rest.starts_with("<div") {
            depth += 1;
        } else if rest.starts_with("</div") {
            depth -= 1;
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_told_from_text_by_what_only_html_has() {
        for html in [
            "a<br>b",
            "x &amp; y",
            "<P>x",
            "a &#8217;",
            "</div>",
            "<a href='x'>y</a>",
            "<!-- x -->",
        ] {
            assert!(looks_like_html(html), "{html}");
        }
        for text in [
            "1 < 2",
            "AT&T",
            "Vec<T> & co; x",
            "a <unknown> tag",
            "<",
            "&",
            "&;",
            "5 <3 you",
        ] {
            assert!(!looks_like_html(text), "{text}");
        }
    }

    #[test]
    fn one_div_around_everything_is_dropped() {
        assert_eq!(
            without_div("<div class=\"x\"> a <div>b</div></div>"),
            "a <div>b</div>"
        );
        assert_eq!(
            without_div("<div>a</div><div>b</div>"),
            "<div>a</div><div>b</div>"
        );
    }

    #[test]
    fn base64_that_is_no_text_is_nothing() {
        assert_eq!(encoded("aGk=", None), Some(Body::Plain("hi".into())));
        assert_eq!(
            encoded("PGI+aGk8L2I+", None),
            Some(Body::Html("<b>hi</b>".into()))
        );
        assert_eq!(encoded("/9j/4AAQ", Some("image/jpeg")), None);
        assert_eq!(
            encoded("not encoded!", None),
            Some(Body::Plain("not encoded!".into()))
        );
    }
}
