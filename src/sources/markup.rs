//! A forgiving tokeniser for tags, shared by the feed repair, feed autodiscovery and the depth guard.
//!
//! It never fails and never recurses: what is not a tag is text. It builds no tree and it does not
//! decode entities in text.

/// A piece of markup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// An opening or self-closing tag.
    Open(Tag<'a>),
    /// A closing tag's name.
    Close(&'a str),
    /// Characters as they stand, entities included.
    Text(&'a str),
    /// The content of a CDATA section, which may be unclosed.
    Cdata(&'a str),
    /// The content of `<!DOCTYPE ..>`.
    Doctype(&'a str),
}

/// An opening tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    /// The name as written, prefix included.
    pub name: &'a str,
    /// Attributes as written, entities included, in order.
    pub attributes: Vec<(&'a str, &'a str)>,
    /// Whether it ends in `/>`.
    pub self_closing: bool,
}

impl<'a> Tag<'a> {
    /// The value of the attribute with this name, in any case.
    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }
}

/// Walks over a document's tokens; comments and processing instructions are left out.
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    html: bool,
    /// An unclosed tag reached the end: the rest is text, so that the walk stays linear.
    exhausted: bool,
}

impl<'a> Tokens<'a> {
    /// Tokens of an XML document.
    pub fn xml(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            html: false,
            exhausted: false,
        }
    }

    /// Tokens of an HTML document: what is inside `script` and `style` is text.
    pub fn html(text: &'a str) -> Self {
        Self {
            html: true,
            ..Self::xml(text)
        }
    }

    /// Takes what lies before `end`, found from `from` on; everything when it is not found.
    fn take_until(&mut self, from: usize, end: &str) -> &'a str {
        let rest = &self.text[from..];
        let (content, after) = match rest.find(end) {
            Some(index) => (&rest[..index], from + index + end.len()),
            None => (rest, self.text.len()),
        };
        self.at = after;
        content
    }

    /// Takes a declaration whose `[..]` part may hold `>`.
    fn take_doctype(&mut self) -> &'a str {
        let start = self.at + 2;
        let mut brackets = 0_usize;
        for (index, byte) in self.text.bytes().enumerate().skip(start) {
            match byte {
                b'[' => brackets += 1,
                b']' => brackets = brackets.saturating_sub(1),
                b'>' if brackets == 0 => {
                    self.at = index + 1;
                    return &self.text[start..index];
                }
                _ => {}
            }
        }
        self.at = self.text.len();
        &self.text[start..]
    }

    fn take_text(&mut self, from: usize) -> &'a str {
        let end = self.text[from..]
            .char_indices()
            .skip(1)
            .find(|(_, character)| *character == '<')
            .map_or(self.text.len(), |(index, _)| from + index);
        self.at = end;
        &self.text[from..end]
    }

    /// Takes the opening tag at the current `<`, or `None` when the document ends before the tag does.
    fn take_open(&mut self) -> Option<Tag<'a>> {
        let mut scan = Scan {
            text: self.text,
            at: self.at + 1,
        };
        let name = scan.take_while(|byte| !is_space(byte) && !matches!(byte, b'>' | b'/' | b'<'));
        let mut attributes = Vec::new();
        loop {
            scan.take_while(|byte| is_space(byte) || byte == b'"' || byte == b'\'');
            match scan.peek()? {
                b'>' => {
                    self.at = scan.at + 1;
                    return Some(Tag {
                        name,
                        attributes,
                        self_closing: false,
                    });
                }
                b'/' => {
                    scan.at += 1;
                    if scan.peek()? == b'>' {
                        self.at = scan.at + 1;
                        return Some(Tag {
                            name,
                            attributes,
                            self_closing: true,
                        });
                    }
                }
                // A new tag begins inside this one: the `>` was forgotten.
                b'<' if !self.html => {
                    self.at = scan.at;
                    return Some(Tag {
                        name,
                        attributes,
                        self_closing: false,
                    });
                }
                // Neither begins an attribute's name, and the walk must move on.
                b'=' | b'<' => scan.at += 1,
                _ => attributes.push(scan.take_attribute()?),
            }
        }
    }

    /// Skips to the closing tag of a raw text element, so that a script's `<` opens nothing.
    fn skip_raw_text(&mut self, name: &str) {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        while let Some(index) = self.text[at..].find("</") {
            let start = at + index + 2;
            if bytes
                .get(start..start + name.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
            {
                self.at = start - 2;
                return;
            }
            at = start;
        }
        self.at = self.text.len();
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let rest = &self.text[self.at..];
            if rest.is_empty() {
                return None;
            }
            if !rest.starts_with('<') || self.exhausted {
                let end = if self.exhausted {
                    self.text.len()
                } else {
                    rest.find('<').map_or(self.text.len(), |i| self.at + i)
                };
                let text = &self.text[self.at..end];
                self.at = end;
                return Some(Token::Text(text));
            }
            if rest.starts_with("<!--") {
                self.take_until(self.at + 4, "-->");
                continue;
            }
            if rest.starts_with("<![CDATA[") {
                return Some(Token::Cdata(self.take_until(self.at + 9, "]]>")));
            }
            if rest.starts_with("<?") {
                let end = if self.html { ">" } else { "?>" };
                self.take_until(self.at + 2, end);
                continue;
            }
            if rest.starts_with("<!") {
                return Some(Token::Doctype(self.take_doctype()));
            }
            if rest.starts_with("</") {
                let name = self.take_until(self.at + 2, ">");
                let end = name.find(|c: char| c.is_whitespace() || c == '<');
                return Some(Token::Close(&name[..end.unwrap_or(name.len())]));
            }
            let names = |c: char| c.is_alphabetic() || c == '_' || c == ':';
            if !rest[1..].starts_with(names) {
                return Some(Token::Text(self.take_text(self.at)));
            }
            match self.take_open() {
                Some(tag) => {
                    if self.html && !tag.self_closing && is_raw_text(tag.name) {
                        self.skip_raw_text(tag.name);
                    }
                    return Some(Token::Open(tag));
                }
                None => self.exhausted = true,
            }
        }
    }
}

/// A position inside a tag.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes bytes while `wanted` holds. `wanted` stops at ASCII only, so the cut is at a character.
    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    fn take_attribute(&mut self) -> Option<(&'a str, &'a str)> {
        let name = self.take_while(|byte| {
            !is_space(byte) && !matches!(byte, b'>' | b'/' | b'=' | b'<' | b'"')
        });
        let after_name = self.at;
        self.take_while(is_space);
        if self.peek()? != b'=' {
            self.at = after_name;
            return Some((name, ""));
        }
        self.at += 1;
        self.take_while(is_space);
        let quote = self.peek()?;
        if quote != b'"' && quote != b'\'' {
            let value = self.take_while(|byte| !is_space(byte) && byte != b'>');
            return Some((name, value.strip_suffix('/').unwrap_or(value)));
        }
        self.at += 1;
        let length = self.text[self.at..].find(char::from(quote))?;
        let value = &self.text[self.at..self.at + length];
        self.at += length + 1;
        Some((name, value))
    }
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

fn is_raw_text(name: &str) -> bool {
    ["script", "style", "textarea", "title"]
        .iter()
        .any(|raw| name.eq_ignore_ascii_case(raw))
}

/// Elements that never contain others, or that the next one of their kind closes: they do not nest.
const FLAT: [&str; 29] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr", "p", "li", "dt", "dd", "tr", "td", "th", "tbody", "thead", "tfoot", "option",
    "optgroup", "rp", "rt", "colgroup",
];

/// Says why an HTML document is too costly for a tree builder, which is quadratic in nesting.
pub(super) fn excess(html: &str, max_depth: usize, max_attributes: usize) -> Option<String> {
    let mut depth = 0_usize;
    for token in Tokens::html(html) {
        match token {
            Token::Open(tag) => {
                if tag.attributes.len() > max_attributes {
                    return Some(format!("an element with over {max_attributes} attributes"));
                }
                if !is_flat(tag.name) {
                    depth += 1;
                    if depth > max_depth {
                        return Some(format!("over {max_depth} nested elements"));
                    }
                }
            }
            Token::Close(name) if !is_flat(name) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn is_flat(name: &str) -> bool {
    FLAT.iter().any(|flat| name.eq_ignore_ascii_case(flat))
}

/// Decodes the five XML entities and numeric ones in an attribute's value.
pub(super) fn decode_attribute(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(index) = rest.find('&') {
        out.push_str(&rest[..index]);
        rest = &rest[index..];
        match entity(rest) {
            Some((character, length)) => {
                out.push(character);
                rest = &rest[length..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The character and length of the XML or numeric entity at the start of `text`.
pub(super) fn entity(text: &str) -> Option<(char, usize)> {
    let window = text.as_bytes().get(..12.min(text.len()))?;
    let end = window.iter().position(|byte| *byte == b';')?;
    let name = &text[1..end];
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((character, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_attributes_and_text_are_told_apart() {
        let tokens: Vec<_> =
            Tokens::xml("<a b='1>2' c=\"x\"/>t &amp; < u<![CDATA[<z>]]></a>").collect();
        assert_eq!(
            tokens,
            vec![
                Token::Open(Tag {
                    name: "a",
                    attributes: vec![("b", "1>2"), ("c", "x")],
                    self_closing: true
                }),
                Token::Text("t &amp; "),
                Token::Text("< u"),
                Token::Cdata("<z>"),
                Token::Close("a"),
            ]
        );
    }

    #[test]
    fn scripts_open_nothing_and_unclosed_lists_do_not_nest() {
        assert_eq!(excess(&"<li>x".repeat(2000), 512, 256), None);
        let script = format!("<script>{}</script>", "<b>".repeat(2000));
        assert_eq!(excess(&script, 512, 256), None);
        assert_eq!(
            excess(&"<div>".repeat(600), 512, 256).as_deref(),
            Some("over 512 nested elements")
        );
    }

    #[test]
    fn hostile_input_ends_in_linear_time() {
        for piece in [
            "<a ",
            "<a b=\"",
            "</",
            "<!",
            "<![CDATA[",
            "<?",
            "<a b='>",
            "&#x",
        ] {
            let text = format!("{}\">\"", piece.repeat(100_000));
            let _ = Tokens::xml(&text).count();
            let _ = Tokens::html(&text).count();
        }
        assert_eq!(decode_attribute("a&amp;b&#65;&x;"), "a&bA&x;");
    }
}
