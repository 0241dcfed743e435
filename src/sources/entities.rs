//! Entities in XML and HTML text: the named ones of HTML, numbers, and what a document declares.
//!
//! Never fails: what is no entity stays as it is. A declared value is text, never markup that holds further
//! entities, so that nothing grows by itself.

use std::borrow::Cow;
use std::cell::Cell;

use encoding_rs::WINDOWS_1252;
use markup5ever::data::NAMED_ENTITIES;

/// The longest name between `&` and `;`, in bytes.
const MAX_NAME: usize = 40;

/// Entities that one document may declare.
const MAX_DECLARED: usize = 64;

/// The longest declared value, in bytes.
const MAX_VALUE: usize = 512;

/// What all declared entities of one document may add, in bytes.
const MAX_EXPANSION: usize = 64 * 1024;

/// What a document type declares: `<!ENTITY name "value">`.
#[derive(Debug, Default)]
pub(super) struct Declared<'a> {
    values: Vec<(&'a str, String)>,
    expanded: Cell<usize>,
}

impl<'a> Declared<'a> {
    /// Reads the declarations of a document type; external and parameter entities are passed over.
    pub fn read(doctype: &'a str) -> Self {
        let mut declared = Self::default();
        for declaration in doctype.split("<!ENTITY").skip(1).take(MAX_DECLARED) {
            let rest = declaration.trim_start();
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (name, rest) = rest.split_at(end);
            let value = rest.trim_start();
            let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
                continue;
            };
            let Some((value, _)) = value[1..].split_once(quote) else {
                continue;
            };
            if !name.is_empty() && value.len() <= MAX_VALUE {
                // Numbers and HTML's names are expanded once, here; other entities never are.
                let value = decode(value, &Self::default()).into_owned();
                declared.values.push((name, value));
            }
        }
        declared
    }

    fn value(&self, name: &str) -> Option<&str> {
        let (_, value) = self.values.iter().find(|(known, _)| *known == name)?;
        let expanded = self.expanded.get() + value.len();
        if expanded > MAX_EXPANSION {
            return None;
        }
        self.expanded.set(expanded);
        Some(value)
    }
}

/// Replaces entities by their characters, once. C1 control characters, which are Windows-1252 in disguise, become
/// what was meant, text that was encoded as UTF-8 twice is decoded twice, and what XML does not allow is left out.
pub(super) fn decode<'t>(text: &'t str, declared: &Declared<'_>) -> Cow<'t, str> {
    let out = if text.contains('&') {
        Cow::Owned(expand(text, declared))
    } else {
        Cow::Borrowed(text)
    };
    mended(out)
}

/// Text in which nothing is an entity, with its characters mended as `decode` does.
pub(super) fn mend(text: &str) -> Cow<'_, str> {
    mended(Cow::Borrowed(text))
}

fn expand(text: &str, declared: &Declared<'_>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(index) = rest.find('&') {
        out.push_str(&rest[..index]);
        rest = &rest[index..];
        let length = reference(rest, declared, &mut out).unwrap_or(0);
        if length == 0 {
            out.push('&');
        }
        rest = &rest[length.max(1)..];
    }
    out.push_str(rest);
    out
}

/// Writes the characters of the entity at the start of `text` and returns its length in bytes.
fn reference(text: &str, declared: &Declared<'_>, out: &mut String) -> Option<usize> {
    let window = &text.as_bytes()[..text.len().min(MAX_NAME + 2)];
    let end = window.iter().position(|byte| *byte == b';')?;
    let name = text.get(1..end)?;
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        let character = char::from_u32(code)?;
        if is_character(character) {
            out.push(character);
        }
        return Some(end + 1);
    }
    if let Some(value) = declared.value(name) {
        out.push_str(value);
        return Some(end + 1);
    }
    if name == "apos" {
        out.push('\'');
        return Some(end + 1);
    }
    let (first, second) = *NAMED_ENTITIES.get(text.get(1..=end)?)?;
    for code in [first, second] {
        out.extend(char::from_u32(code).filter(|c| *c != '\0'));
    }
    Some(end + 1)
}

/// Whether XML 1.0 allows the character.
pub(super) fn is_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn mended(text: Cow<'_, str>) -> Cow<'_, str> {
    let is_c1 = |c: char| matches!(c, '\u{80}'..='\u{9f}');
    if text
        .chars()
        .all(|c| is_character(c) && !is_c1(c) && c != '\r')
    {
        return text;
    }
    if let Some(twice) = encoded_twice(&text) {
        return Cow::Owned(twice);
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\r' {
            // XML 1.0, 2.11: whatever ends a line is a line feed.
            if characters.peek() != Some(&'\n') {
                out.push('\n');
            }
        } else if is_c1(character) {
            out.push_str(
                &WINDOWS_1252
                    .decode_without_bom_handling(&[character as u8])
                    .0,
            );
        } else if is_character(character) {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// UTF-8 that was read as Latin-1 and encoded again: all characters below U+0100, and their bytes valid UTF-8.
fn encoded_twice(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let bytes: Option<Vec<u8>> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).ok())
        .collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> String {
        decode(text, &Declared::default()).into_owned()
    }

    #[test]
    fn what_is_an_entity_is_decoded_once_and_the_rest_stays() {
        for (text, expected) in [
            ("caf&eacute; &#233; &#xE9; &#XE9;", "café é é é"),
            ("&amp;amp; &lt;b&gt; &apos;", "&amp; <b> '"),
            ("a & b &c; ?a=1&b=2&copy=3 &", "a & b &c; ?a=1&b=2&copy=3 &"),
            ("&#0;&#xD800;&#99999999999;", "&#xD800;&#99999999999;"),
            ("don&#146;t don\u{92}t", "don’t don’t"),
            ("a\u{0}b\u{b}c\u{ffff}d\te\r\nf\rg", "abcd\te\nf\ng"),
            ("wait&acirc;&#128;&brvbar;", "wait…"),
            ("\u{e9} wait\u{e2}\u{80}\u{a6}", "é waitâ€¦"),
        ] {
            assert_eq!(decoded(text), expected, "{text}");
        }
    }

    #[test]
    fn declared_entities_are_text_and_do_not_grow() {
        let doctype = "DOCTYPE rss [<!ENTITY brand \"Voltra &#174;\"> <!ENTITY a 'xx'> <!ENTITY b '&a;&a;'> <!ENTITY f SYSTEM \"file:///etc/passwd\">]";
        let declared = Declared::read(doctype);
        assert_eq!(decode("&brand; &b; &f;", &declared), "Voltra ® &a;&a; &f;");
        let long = format!("DOCTYPE x [<!ENTITY a \"{}\">]", "y".repeat(MAX_VALUE));
        let declared = Declared::read(&long);
        let grown = decode(&"&a;".repeat(100_000), &declared).len();
        assert!(grown < 300_000 + MAX_EXPANSION, "{grown}");
    }
}
