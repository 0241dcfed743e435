//! A forgiving tokeniser for tags, shared by the feed reader and feed autodiscovery.
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
    /// The name of the last opening tag, which is most often what a CDATA section stands in.
    last_open: &'a str,
    /// Where the next `]]>` is, as far as it was searched for; the text's length when there is none.
    cdata_end: Option<usize>,
    had_doctype: bool,
    /// There is no further `-->`.
    no_comment_end: bool,
}

impl<'a> Tokens<'a> {
    /// Tokens of an XML document.
    pub fn xml(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            html: false,
            exhausted: false,
            last_open: "",
            cdata_end: None,
            had_doctype: false,
            no_comment_end: false,
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

    /// Takes a CDATA section. One that was never closed must not swallow what follows its element: it ends at the
    /// closing tag of that or of the item, when another section begins or the document ends before any `]]>`.
    fn take_cdata(&mut self) -> &'a str {
        const OPEN: &str = "<![CDATA[";
        let from = self.at + OPEN.len();
        let length = self.text.len();
        let end = match self.cdata_end.filter(|end| *end >= from) {
            Some(end) => end,
            None => self.text[from..]
                .find("]]>")
                .map_or(length, |index| from + index),
        };
        self.cdata_end = Some(end);
        let inside = &self.text[from..end];
        let suspect = if end == length {
            Some(inside)
        } else {
            inside.find(OPEN).map(|next| &inside[..next])
        };
        let names = [self.last_open, "item>", "entry>"];
        if let Some(cut) = suspect.and_then(|part| closing_tag(part, &names)) {
            self.at = from + cut;
            return &inside[..cut];
        }
        self.at = (end + "]]>".len()).min(length);
        inside
    }

    /// Passes a comment; one that never ends is passed by its first characters alone.
    fn skip_comment(&mut self) {
        let from = self.at + "<!--".len();
        let end = if self.no_comment_end {
            None
        } else {
            self.text[from..].find("-->")
        };
        self.no_comment_end = end.is_none();
        self.at = end.map_or(from, |index| from + index + "-->".len());
    }

    /// Takes a declaration. The first one before all tags may hold `>` in its `[..]` part, if that part ends.
    fn take_doctype(&mut self) -> &'a str {
        let start = self.at + 2;
        let first = self.last_open.is_empty() && !self.had_doctype;
        self.had_doctype = true;
        let rest = &self.text[start..];
        let mut brackets = 0_usize;
        let mut end = None;
        for (index, byte) in rest.bytes().enumerate() {
            match byte {
                b'[' if first => brackets += 1,
                b']' => brackets = brackets.saturating_sub(1),
                b'>' if brackets == 0 => {
                    end = Some(index);
                    break;
                }
                _ => {}
            }
        }
        let end = end.or_else(|| if first { rest.find('>') } else { None });
        self.at = end.map_or(self.text.len(), |index| start + index + 1);
        &rest[..end.unwrap_or(rest.len())]
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
            html: self.html,
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
                self.skip_comment();
                continue;
            }
            if rest.starts_with("<![CDATA[") {
                return Some(Token::Cdata(self.take_cdata()));
            }
            if rest.starts_with("<?") {
                // Not `?>`: one that was never closed must not swallow what follows.
                self.take_until(self.at + 2, ">");
                continue;
            }
            if rest.starts_with("<!") {
                return Some(Token::Doctype(self.take_doctype()));
            }
            if let Some(rest) = rest.strip_prefix("</") {
                let Some(end) = rest.find(['>', '<']) else {
                    self.exhausted = true;
                    continue;
                };
                self.at += 2 + end + usize::from(rest[end..].starts_with('>'));
                let name = rest[..end].split(char::is_whitespace).next();
                return Some(Token::Close(name.unwrap_or_default()));
            }
            let names = |c: char| c.is_alphabetic() || c == '_' || c == ':';
            if !rest[1..].starts_with(names) {
                return Some(Token::Text(self.take_text(self.at)));
            }
            match self.take_open() {
                Some(tag) => {
                    self.last_open = tag.name;
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
    html: bool,
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
        let rest = &self.text[self.at..];
        let length = rest.find(char::from(quote));
        if !self.html
            && let Some(end) = forgotten_quote(&rest[..length.unwrap_or(rest.len())], length)
        {
            self.at += end;
            return Some((name, &rest[..end]));
        }
        self.at += length? + 1;
        Some((name, &rest[..length?]))
    }
}

/// Where an attribute's value ends whose closing quote was forgotten: at the tag's end, when another tag begins
/// before the quote that was found, if any was.
fn forgotten_quote(value: &str, quote: Option<usize>) -> Option<usize> {
    let end = value.find('>')?;
    let forgotten = quote.is_none() || (!value[..end].contains('<') && value[end..].contains("</"));
    forgotten.then_some(end)
}

/// Where the closing tag of the first of these elements begins.
fn closing_tag(text: &str, names: &[&str]) -> Option<usize> {
    text.match_indices("</")
        .find(|(index, _)| names.iter().any(|name| text[index + 2..].starts_with(name)))
        .map(|(index, _)| index)
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

fn is_raw_text(name: &str) -> bool {
    ["script", "style", "textarea", "title"]
        .iter()
        .any(|raw| name.eq_ignore_ascii_case(raw))
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
    }
}
