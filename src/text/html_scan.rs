//! A linear look at HTML before html5ever sees it, whose time is quadratic in nesting, in the attributes
//! of one tag, and in formatting that is never closed. Never builds a tree.
//!
//! The counts err on the high side: a closing tag counts only when it closes the element on top, and what
//! comments and scripts hide is bounded too, because parsers disagree on where they end. Feeds with some
//! unclosed tags pass, towers of tags do not.

/// The deepest nesting that is parsed.
const MAX_DEPTH: usize = 512;

/// The most attributes of one tag.
const MAX_ATTRIBUTES: usize = 256;

/// The most tags inside of comments, scripts and styles.
const MAX_HIDDEN: usize = 4096;

/// The most formatting elements that a parser may have to open again, summed over all tags.
const MAX_REOPENED: usize = 200_000;

/// Elements without a closing tag, or whose closing tag authors may leave out: siblings close them,
/// so that their own count says nothing; what must surround them is counted.
const UNCOUNTED: [&str; 30] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr", "p", "li", "dd", "dt", "option", "optgroup", "tr", "td", "th", "thead",
    "tbody", "tfoot", "html", "head", "body", "colgroup",
];

/// Elements that HTML opens again in each block after the one in which they were left open.
const FORMATTING: [&str; 14] = [
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];

/// The most tags that stand in a table but in no cell: each is moved before the table, past all its siblings.
const MAX_MOVED: usize = 1000;

/// Elements in which a tag may not be what it looks like.
const OPAQUE: [&str; 12] = [
    "svg",
    "math",
    "template",
    "textarea",
    "title",
    "xmp",
    "iframe",
    "noembed",
    "noframes",
    "noscript",
    "plaintext",
    "select",
];

/// Why html5ever could not parse `html` in time that is linear enough; `None` when it can.
#[must_use]
pub fn excess(html: &str) -> Option<String> {
    let mut scan = Scan::new(html);
    let mut open: Vec<(&str, bool)> = Vec::new();
    let (mut foreign, mut formatting, mut reopened) = (false, 0_usize, 0_usize);
    let mut tables = Tables::default();
    while let Some(tag) = scan.next_tag() {
        if tag.attributes > MAX_ATTRIBUTES {
            return Some(format!("an element with over {MAX_ATTRIBUTES} attributes"));
        }
        reopened += formatting;
        if reopened > MAX_REOPENED {
            return Some("too much formatting that is never closed".to_owned());
        }
        if tables.moved(&tag) > MAX_MOVED {
            return Some(format!("over {MAX_MOVED} tags in tables but not in cells"));
        }
        let name = tag.name;
        let is = |known: &&str| name.eq_ignore_ascii_case(known);
        if UNCOUNTED.iter().any(is) {
            continue;
        }
        if tag.closing {
            if let Some((_, formats)) = open.pop_if(|(top, _)| top.eq_ignore_ascii_case(name)) {
                formatting -= usize::from(formats);
            }
            continue;
        }
        foreign |= is(&"svg") || is(&"math");
        if !foreign && let Some(raw) = raw_text_element(name) {
            scan.skip_raw_text(raw);
            continue;
        }
        let formats = FORMATTING.iter().any(is);
        formatting += usize::from(formats);
        open.push((name, formats));
        if open.len() > MAX_DEPTH {
            return Some(format!("over {MAX_DEPTH} nested elements"));
        }
    }
    (scan.hidden > MAX_HIDDEN)
        .then(|| format!("over {MAX_HIDDEN} tags in comments, scripts and styles"))
}

/// Where tags stand in tables.
#[derive(Default)]
struct Tables {
    /// For each open table, whether a cell is open in it.
    cells: Vec<bool>,
    /// Something was opened in which tags deceive, so that no cell is believed in.
    distrusted: bool,
    moved: usize,
}

impl Tables {
    /// Looks at a tag and returns how many were moved so far, at least.
    fn moved(&mut self, tag: &Tag<'_>) -> usize {
        let is = |known: &[&str]| known.iter().any(|name| tag.name.eq_ignore_ascii_case(name));
        if is(&["table"]) {
            if !tag.closing {
                self.cells.push(false);
            } else if !self.distrusted {
                self.cells.pop();
            }
        } else if let Some(cell) = self.cells.last_mut() {
            let opens = is(&["td", "th", "caption"]);
            if opens || is(&["tr", "tbody", "thead", "tfoot", "col", "colgroup"]) {
                *cell = opens && !tag.closing;
            } else if !*cell || self.distrusted {
                self.moved += 1;
            }
        }
        self.distrusted |= is(&OPAQUE);
        self.moved
    }
}

/// Whether html5ever can parse `html` in time that is linear enough.
pub(super) fn is_tame(html: &str) -> bool {
    excess(html).is_none()
}

/// The text of HTML that is not tame: what stands outside of tags, scripts and styles.
pub(super) fn strip_tags(html: &str) -> String {
    let mut out = String::new();
    let mut scan = Scan::new(html);
    let mut from = 0;
    loop {
        let tag = scan.next_tag();
        let until = tag.as_ref().map_or(html.len(), |tag| tag.start);
        out.push_str(html.get(from..until).unwrap_or_default());
        let Some(tag) = tag else { break };
        out.push(' ');
        if !tag.closing
            && let Some(raw) = raw_text_element(tag.name)
        {
            scan.skip_raw_text(raw);
        }
        from = scan.at;
    }
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(out, |text, (entity, plain)| text.replace(entity, plain))
}

fn raw_text_element(name: &str) -> Option<&'static str> {
    ["script", "style"]
        .into_iter()
        .find(|raw| name.eq_ignore_ascii_case(raw))
}

struct Tag<'a> {
    name: &'a str,
    closing: bool,
    attributes: usize,
    start: usize,
}

struct Scan<'a> {
    html: &'a str,
    at: usize,
    /// Tags in what was passed over.
    hidden: usize,
}

impl<'a> Scan<'a> {
    fn new(html: &'a str) -> Self {
        Self {
            html,
            at: 0,
            hidden: 0,
        }
    }

    /// The next tag; comments and declarations are passed over.
    fn next_tag(&mut self) -> Option<Tag<'a>> {
        let bytes = self.html.as_bytes();
        loop {
            let start = self.find(b'<')?;
            self.at = start + 1;
            if self.html[self.at..].starts_with("!--") {
                let inside = &self.html[self.at + 3..];
                // `<!-->` and `<!--->` are whole comments.
                let end = if inside.starts_with('>') || inside.starts_with("->") {
                    inside.find('>').map(|end| end + 1)
                } else {
                    inside.find("-->").map(|end| end + 3)
                };
                let end = end.unwrap_or(inside.len());
                self.hide(&inside[..end]);
                self.at += 3 + end;
                continue;
            }
            let closing = bytes.get(self.at) == Some(&b'/');
            self.at += usize::from(closing);
            if !bytes.get(self.at).is_some_and(u8::is_ascii_alphabetic) {
                continue;
            }
            let name_start = self.at;
            self.skip_while(|byte| !byte.is_ascii_whitespace() && byte != b'/' && byte != b'>');
            let name = &self.html[name_start..self.at];
            let attributes = self.skip_attributes();
            return Some(Tag {
                name,
                closing,
                attributes,
                start,
            });
        }
    }

    /// Passes the attributes and the `>`, by HTML's rules for quotes; returns how many there were.
    fn skip_attributes(&mut self) -> usize {
        let bytes = self.html.as_bytes();
        let mut attributes = 0;
        loop {
            self.skip_while(|byte| byte.is_ascii_whitespace() || byte == b'/');
            match bytes.get(self.at) {
                None => return attributes,
                Some(b'>') => {
                    self.at += 1;
                    return attributes;
                }
                Some(_) => attributes += 1,
            }
            self.at += 1;
            self.skip_while(|byte| {
                !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'>' | b'=')
            });
            self.skip_while(|byte| byte.is_ascii_whitespace());
            if bytes.get(self.at) != Some(&b'=') {
                continue;
            }
            self.at += 1;
            self.skip_while(|byte| byte.is_ascii_whitespace());
            match bytes.get(self.at) {
                Some(&quote @ (b'"' | b'\'')) => {
                    self.at += 1;
                    self.at = self.find(quote).map_or(bytes.len(), |end| end + 1);
                }
                _ => self.skip_while(|byte| !byte.is_ascii_whitespace() && byte != b'>'),
            }
        }
    }

    /// Passes a script or style up to the end of its closing tag.
    fn skip_raw_text(&mut self, name: &str) {
        let bytes = self.html.as_bytes();
        let from = self.at;
        while let Some(found) = self.find(b'<') {
            self.at = found + 1;
            let rest = &bytes[self.at..];
            let end = rest.first() == Some(&b'/')
                && rest
                    .get(1..=name.len())
                    .is_some_and(|text| text.eq_ignore_ascii_case(name.as_bytes()))
                && rest
                    .get(name.len() + 1)
                    .is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'));
            if end {
                self.hide(&self.html[from..found]);
                self.at = self.find(b'>').map_or(bytes.len(), |end| end + 1);
                return;
            }
        }
        self.hide(&self.html[from..]);
        self.at = bytes.len();
    }

    /// Counts the tags in what is passed over, as if nothing hid them.
    fn hide(&mut self, part: &str) {
        self.hidden += part
            .as_bytes()
            .windows(2)
            .filter(|pair| pair[0] == b'<' && pair[1].is_ascii_alphabetic())
            .count()
            .min(part.bytes().filter(|byte| *byte == b'>').count());
    }

    fn find(&self, byte: u8) -> Option<usize> {
        let rest = self.html.as_bytes().get(self.at..)?;
        rest.iter()
            .position(|&b| b == byte)
            .map(|found| self.at + found)
    }

    fn skip_while(&mut self, holds: impl Fn(u8) -> bool) {
        let bytes = self.html.as_bytes();
        while bytes.get(self.at).is_some_and(|&byte| holds(byte)) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn towers_are_refused_and_pages_pass() {
        assert!(is_tame(&"<div>".repeat(512)));
        assert!(!is_tame(&"<div>".repeat(513)));
        assert!(!is_tame(&"<div></x>".repeat(513)));
        assert!(!is_tame(&"<table><td></table><b>".repeat(513)));
        assert!(!is_tame(&format!("<svg><style>{}", "<g>".repeat(600))));
        assert!(is_tame(&"<p>one<br>two<li>three<b>x</b>".repeat(5000)));
        assert!(is_tame(&format!(
            "<script>{}</script>",
            "if(a<b){}".repeat(5000)
        )));
        assert!(is_tame(&format!("<!-- {} -->", "<div>".repeat(4000))));
    }

    #[test]
    fn what_hides_a_tower_is_refused_too() {
        let tower = "<div>".repeat(5000);
        for html in [
            format!("<!-- {tower} -->"),
            format!("<!-->{tower}-->"),
            format!("<!--->{tower}-->"),
            format!("<script></scriptx><!--</script>{tower}-->"),
            format!("<script><!--<script></script><!--</script>{tower}-->"),
        ] {
            assert!(!is_tame(&html), "{:.40}", html);
        }
    }

    #[test]
    fn what_is_moved_out_of_tables_is_bounded() {
        let many = "x<br>".repeat(2000);
        for html in [
            format!("<table>{many}"),
            format!("<table><tr><td>a</td>{many}"),
            format!("<table><td><b></td>{many}"),
            format!("<table><svg><td></svg>{many}"),
            format!("<table><textarea><td></textarea>{many}"),
            format!("<table><td><table></table></td>{many}"),
            format!("<table><template></table></template>{many}"),
        ] {
            assert!(!is_tame(&html), "{:.40}", html);
        }
        assert!(is_tame(&format!(
            "<table><tr><td>{many}</td></tr></table>{many}"
        )));
        assert!(is_tame(&format!(
            "<table>{}</table>",
            "<tr><td><b>x</b><br>".repeat(2000)
        )));
    }

    #[test]
    fn formatting_that_is_opened_again_and_again_is_refused() {
        let open: String = (0..400).map(|n| format!("<b id={n}>")).collect();
        assert!(!is_tame(&format!("{open}{}", "<p>x".repeat(5000))));
        assert!(is_tame(&"<p><b>x</b> <i><a href=y>z</a></i>".repeat(5000)));
        assert!(is_tame(&format!("<b><i>{}", "<p>x".repeat(5000))));
    }

    #[test]
    fn attributes_are_counted_by_tag() {
        assert!(is_tame(&format!("<a {}>", "b=1 ".repeat(256))));
        assert!(!is_tame(&format!("<a {}>", "b=1 ".repeat(257))));
        assert!(is_tame(&format!("<a class='{}'>", "b ".repeat(5000))));
        assert!(!is_tame(&format!("<a {}>", "b/".repeat(300))));
    }

    #[test]
    fn stripping_keeps_the_text() {
        assert_eq!(
            strip_tags("a<b title='>'>c</b> <script>x<y</script>d &lt;&amp;lt; 1 < 2"),
            "a c   d <&lt; 1 < 2"
        );
        assert_eq!(strip_tags("a<b"), "a ");
    }
}
