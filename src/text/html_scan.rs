//! A linear look at HTML before html5ever sees it, whose time is quadratic in nesting and in the
//! attributes of one tag. Never builds a tree.
//!
//! The count of open elements errs on the high side: a closing tag counts only when it closes the
//! element on top. Feeds with some unclosed tags pass, towers of tags do not.

/// The deepest nesting that is parsed.
const MAX_DEPTH: usize = 512;

/// The most attributes of one tag.
const MAX_ATTRIBUTES: usize = 256;

/// Elements without a closing tag, or whose closing tag authors may leave out: siblings close them,
/// so that their own count says nothing; what must surround them is counted.
const UNCOUNTED: [&str; 30] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr", "p", "li", "dd", "dt", "option", "optgroup", "tr", "td", "th", "thead",
    "tbody", "tfoot", "html", "head", "body", "colgroup",
];

/// Whether html5ever can parse `html` in time that is linear enough.
pub(super) fn is_tame(html: &str) -> bool {
    let mut scan = Scan { html, at: 0 };
    let mut open: Vec<&str> = Vec::new();
    let mut foreign = false;
    while let Some(tag) = scan.next_tag() {
        if tag.attributes > MAX_ATTRIBUTES {
            return false;
        }
        let name = tag.name;
        if UNCOUNTED
            .iter()
            .any(|uncounted| name.eq_ignore_ascii_case(uncounted))
        {
            continue;
        }
        if tag.closing {
            if open
                .last()
                .is_some_and(|top| top.eq_ignore_ascii_case(name))
            {
                open.pop();
            }
            continue;
        }
        foreign |= name.eq_ignore_ascii_case("svg") || name.eq_ignore_ascii_case("math");
        if !foreign && let Some(raw) = raw_text_element(name) {
            scan.skip_raw_text(raw);
            continue;
        }
        open.push(name);
        if open.len() > MAX_DEPTH {
            return false;
        }
    }
    true
}

/// The text of HTML that is not tame: what stands outside of tags, scripts and styles.
pub(super) fn strip_tags(html: &str) -> String {
    let mut out = String::new();
    let mut scan = Scan { html, at: 0 };
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
}

impl<'a> Scan<'a> {
    /// The next tag; comments and declarations are passed over.
    fn next_tag(&mut self) -> Option<Tag<'a>> {
        let bytes = self.html.as_bytes();
        loop {
            let start = self.find(b'<')?;
            self.at = start + 1;
            if self.html[self.at..].starts_with("!--") {
                self.at = self.html[self.at..]
                    .find("-->")
                    .map_or(bytes.len(), |end| self.at + end + 3);
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

    fn skip_raw_text(&mut self, name: &str) {
        let bytes = self.html.as_bytes();
        while let Some(found) = self.find(b'<') {
            self.at = found + 1;
            let rest = &bytes[self.at..];
            let end = rest.first() == Some(&b'/')
                && rest
                    .get(1..=name.len())
                    .is_some_and(|text| text.eq_ignore_ascii_case(name.as_bytes()));
            if end {
                self.at = self.find(b'>').map_or(bytes.len(), |end| end + 1);
                return;
            }
        }
        self.at = bytes.len();
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
        assert!(is_tame(&format!("<!-- {} -->", "<div>".repeat(5000))));
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
