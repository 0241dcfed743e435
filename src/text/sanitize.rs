//! HTML that may be shown: what a stranger wrote, without what could run, load or deceive.
//!
//! Never fails and never takes longer than the text is long: hostile nesting is shown as text.

use std::collections::HashSet;

use ammonia::{Builder, UrlRelative};
use url::Url;

use super::html::capped;
use super::html_scan::{is_tame, strip_tags};
use super::plain::plain_text;

/// Readings until the result stays as it is; nearly all need one.
const MAX_PASSES: usize = 4;

/// Makes HTML for our own pages: no scripts, styles, images, frames or forms; links to http, https and
/// mailto only, marked `nofollow noopener noreferrer`; relative ones lose their target.
#[must_use]
pub fn sanitize_html(html: &str) -> String {
    clean(html, |builder| {
        builder
            .rm_tags(["img", "map", "area"])
            .url_relative(UrlRelative::Deny)
            .link_rel(Some("nofollow noopener noreferrer"));
    })
}

/// Makes HTML that says what a feed says, images included: no scripts, styles, frames or forms, no URLs
/// but http, https and mailto. Relative URLs are joined with `base`, and dropped where there is none.
#[must_use]
pub fn sanitize_feed_html(html: &str, base: Option<&Url>) -> String {
    let clean = clean(html, |builder| {
        builder
            .rm_tags(["map", "area"])
            .url_relative(match base {
                Some(base) => UrlRelative::RewriteWithBase(base.clone()),
                None => UrlRelative::Deny,
            })
            .link_rel(None);
    });
    // The one entity that is no escape; the character reads better, and means the same.
    clean.replace("&nbsp;", "\u{a0}")
}

fn clean(html: &str, policy: impl FnOnce(&mut Builder<'_>)) -> String {
    let html = capped(html);
    if !html.contains(['<', '&']) {
        return plain_html(html);
    }
    if !is_tame(html) {
        return plain_html(&plain_text(&strip_tags(html)));
    }
    let mut builder = Builder::default();
    builder.url_schemes(HashSet::from(["http", "https", "mailto"]));
    policy(&mut builder);
    let mut safe = with_first_lines(builder.clean(html).to_string());
    // What is left when an element goes may not stand as it does: a heading in a heading, a link in a link.
    // The next reader would move it, so it is moved here.
    for _ in 0..MAX_PASSES {
        let again = with_first_lines(builder.clean(&safe).to_string());
        if again == safe {
            break;
        }
        safe = again;
    }
    safe
}

/// Doubles the line break that begins a `pre`: who reads HTML drops the first one, and who writes it does not care.
fn with_first_lines(html: String) -> String {
    if !html.contains("<pre") {
        return html;
    }
    let mut out = String::with_capacity(html.len() + 8);
    let mut rest = html.as_str();
    while let Some(index) = rest.find("<pre") {
        let (before, tag) = rest.split_at(index);
        let mut quoted = false;
        let end = tag.bytes().position(|byte| {
            quoted ^= byte == b'"';
            byte == b'>' && !quoted
        });
        let (tag, after) = tag.split_at(end.map_or(tag.len(), |end| end + 1));
        out.push_str(before);
        out.push_str(tag);
        if after.starts_with('\n') {
            out.push('\n');
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Plain text as HTML; of hostile length only the beginning is shown, as of HTML.
#[must_use]
pub fn plain_html(text: &str) -> String {
    let text = capped(text);
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::processor_time;
    use proptest::prelude::*;

    #[test]
    fn hostile_nesting_is_text() {
        let html = format!("{}deep", "<div>".repeat(50_000));
        assert_eq!(sanitize_html(&html), "deep");
        assert_eq!(sanitize_feed_html(&html, None), "deep");
    }

    #[test]
    fn safe_html_has_no_script_image_or_foreign_scheme() {
        let html = "<p onclick=x>a<script>b</script><img src=https://t.example/p.gif>\
             <a href='javascript:alert(1)'>c</a><a href='https://a.example/'>d</a>\
             <a href='mailto:a@a.example'>e</a></p>";
        assert_eq!(
            sanitize_html(html),
            "<p>a\
             <a rel=\"nofollow noopener noreferrer\">c</a>\
             <a href=\"https://a.example/\" rel=\"nofollow noopener noreferrer\">d</a>\
             <a href=\"mailto:a@a.example\" rel=\"nofollow noopener noreferrer\">e</a></p>"
        );
        assert_eq!(
            sanitize_feed_html(html, None),
            "<p>a<img src=\"https://t.example/p.gif\"><a>c</a><a href=\"https://a.example/\">d</a>\
             <a href=\"mailto:a@a.example\">e</a></p>"
        );
    }

    #[test]
    fn what_is_preformatted_keeps_its_first_line() {
        let html = "<pre>\n\na</pre><pre title=\"b>\">\n\nc</pre><pre>\nd</pre>";
        let safe = sanitize_feed_html(html, None);
        assert_eq!(
            crate::text::html_to_text(&safe).text,
            crate::text::html_to_text(html).text
        );
        assert!(
            safe.starts_with("<pre>\n\na</pre>") && safe.ends_with("<pre>d</pre>"),
            "{safe}"
        );
        assert_eq!(sanitize_feed_html(&safe, None), safe);
    }

    #[test]
    fn what_must_not_stand_in_itself_is_moved_once() {
        for html in [
            "<h1><section><h1>a</h1></section></h1>",
            "<a>x<svg><a>y</svg><table><a>z",
        ] {
            let safe = sanitize_feed_html(html, None);
            assert_eq!(sanitize_feed_html(&safe, None), safe, "{html}");
        }
    }

    #[test]
    fn links_of_a_feed_are_joined_with_its_base() {
        let base = Url::parse("https://a.example/b/").expect("a base");
        let html = "<a href='c?d=1&amp;e'>x</a> y\u{a0}z &lt;";
        assert_eq!(
            sanitize_feed_html(html, Some(&base)),
            "<a href=\"https://a.example/b/c?d=1&amp;e\">x</a> y\u{a0}z &lt;"
        );
        assert_eq!(sanitize_feed_html(html, None), "<a>x</a> y\u{a0}z &lt;");
    }

    /// HTML on which parsers are known to take quadratic time.
    #[test]
    fn time_is_linear_in_the_length() {
        let shapes: [(&str, &dyn Fn(usize) -> String); 9] = [
            ("divs", &|n| "<div>".repeat(n)),
            ("hidden divs", &|n| format!("<!-->{}-->", "<div>".repeat(n))),
            ("foster children", &|n| {
                format!("<table>{}", "<br>".repeat(n))
            }),
            ("foster texts", &|n| format!("<table>{}", "x<hr>".repeat(n))),
            ("formatting", &|n| {
                format!(
                    "{}{}",
                    (0..300).map(|i| format!("<b id={i}>")).collect::<String>(),
                    "<p>x".repeat(n)
                )
            }),
            ("misnesting", &|n| "<a><b></a><p>".repeat(n)),
            ("lists", &|n| "<ul><li>".repeat(n)),
            ("siblings", &|n| "<br>".repeat(n)),
            ("cells", &|n| format!("<table>{}", "<tr><td>x".repeat(n))),
        ];
        for (name, shape) in shapes {
            let time = |html: String| {
                (0..2)
                    .map(|_| {
                        let start = processor_time();
                        let _ = sanitize_feed_html(&html, None);
                        processor_time() - start
                    })
                    .min()
                    .expect("two times")
            };
            let (small, large) = (time(shape(2_000)), time(shape(16_000)));
            let limit = (small * 40).max(std::time::Duration::from_millis(400));
            eprintln!("{name}: {small:?}, then {large:?}");
            assert!(large < limit, "{name}: {small:?}, then {large:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_safe_stays_as_it_is(html in "(<[a-z/!]{0,6}( [a-z]=['\"]?[a-z]{0,3}['\"]?)?>?|\\PC{0,5}|&[a-z#0-9]{0,5};?){0,20}") {
            let safe = sanitize_html(&html);
            prop_assert!(!safe.contains("<script") && !safe.contains("<img"));
            let safe = sanitize_feed_html(&html, None);
            prop_assert!(!safe.contains("<script") && !safe.contains("<style"));
            prop_assert_eq!(sanitize_feed_html(&safe, None), safe);
        }
    }
}
