//! Bytes to text: byte order mark, then the HTTP header, then the document's declaration, then a guess.
//!
//! Never fails: what cannot be decoded becomes U+FFFD, and bytes astray in UTF-8 what Windows-1252 makes of them.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    Encoding, GB18030, GBK, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED,
};

/// How much of a document is searched for a declaration, in bytes.
const DECLARATION_WINDOW: usize = 1024;

/// A decoded document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    /// The text, without a byte order mark.
    pub text: String,
    /// The encoding's name in lower case: the label that was believed, else the usual one.
    pub encoding: String,
}

/// Decodes a document. `content_type` is the HTTP header's value.
pub(super) fn decode(bytes: &[u8], content_type: Option<&str>) -> String {
    decode_named(bytes, content_type).text
}

/// Decodes a document and says from which encoding.
pub(super) fn decode_named(bytes: &[u8], content_type: Option<&str>) -> Decoded {
    if let Some((big_endian, start)) = utf_32(bytes) {
        return Decoded {
            text: decode_utf_32(&bytes[start..], big_endian),
            encoding: if big_endian { "utf-32be" } else { "utf-32le" }.to_owned(),
        };
    }
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        return plainly(encoding, &bytes[length..]);
    }
    let known = |label: &str| {
        Encoding::for_label(label.as_bytes()).filter(|encoding| *encoding != REPLACEMENT)
    };
    let stated = content_type
        .and_then(header_charset)
        .and_then(|label| Some((known(label)?, label.to_ascii_lowercase())));
    if stated.is_none() && is_plain_ascii(bytes) && is_text_xml(content_type) {
        return Decoded {
            encoding: "us-ascii".to_owned(),
            ..utf_8(bytes)
        };
    }
    let Some((encoding, label)) = stated.or_else(|| declared(bytes)) else {
        return utf_8(bytes);
    };
    let ascii_compatible = encoding.is_ascii_compatible() && !has_escapes(encoding);
    if encoding == UTF_8 || (ascii_compatible && !bytes.is_ascii() && is_utf_8(bytes)) {
        // UTF-8 that is valid is UTF-8, whatever Latin-1 default a server adds to its header.
        return utf_8(bytes);
    }
    Decoded {
        text: encoding.decode_without_bom_handling(bytes).0.into_owned(),
        encoding: if encoding == GBK || encoding == GB18030 {
            "gb18030".to_owned()
        } else {
            label
        },
    }
}

fn plainly(encoding: &'static Encoding, bytes: &[u8]) -> Decoded {
    Decoded {
        text: encoding.decode_without_bom_handling(bytes).0.into_owned(),
        encoding: encoding.name().to_ascii_lowercase(),
    }
}

fn is_utf_8(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok()
}

/// ASCII that is not the bytes of UTF-16 or of an encoding with escapes.
fn is_plain_ascii(bytes: &[u8]) -> bool {
    bytes.is_ascii() && !bytes.contains(&0) && !bytes.contains(&0x1b)
}

/// Decodes what says that it is UTF-8. Some bytes that are not are read as Windows-1252, each by itself, so that an
/// item in another encoding does not cost the others theirs; where they are the most, another encoding is guessed.
fn utf_8(bytes: &[u8]) -> Decoded {
    let (mut valid, mut invalid) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        valid += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        invalid += usize::from(!chunk.invalid().is_empty());
    }
    if invalid > valid {
        let encoding = guess(bytes);
        if encoding != UTF_8 {
            return plainly(encoding, bytes);
        }
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.push_str(&WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
    }
    Decoded {
        text,
        encoding: "utf-8".to_owned(),
    }
}

/// Types whose encoding is ASCII where none is named (RFC 3023, 3.1).
fn is_text_xml(content_type: Option<&str>) -> bool {
    let kind = content_type.unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.starts_with("text/") && kind.contains("xml")
}

/// Byte order and the length of the mark, when the first bytes are those of UTF-32.
fn utf_32(bytes: &[u8]) -> Option<(bool, usize)> {
    match bytes {
        [0, 0, 0xfe, 0xff, ..] => Some((true, 4)),
        [0xff, 0xfe, 0, 0, ..] => Some((false, 4)),
        [0, 0, 0, b'<', ..] => Some((true, 0)),
        [b'<', 0, 0, 0, ..] => Some((false, 0)),
        _ => None,
    }
}

fn decode_utf_32(bytes: &[u8], big_endian: bool) -> String {
    bytes
        .chunks_exact(4)
        .map(|chunk| {
            let unit = [chunk[0], chunk[1], chunk[2], chunk[3]];
            let code = if big_endian {
                u32::from_be_bytes(unit)
            } else {
                u32::from_le_bytes(unit)
            };
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
        })
        .collect()
}

/// Encodings whose text is plain ASCII bytes, so that validity as UTF-8 says nothing.
fn has_escapes(encoding: &'static Encoding) -> bool {
    encoding == encoding_rs::ISO_2022_JP
}

fn header_charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches(['"', '\'']))
    })
}

/// The encoding that `<?xml encoding=..?>` or `<meta charset=..>` names, or that the first bytes show.
fn declared(bytes: &[u8]) -> Option<(&'static Encoding, String)> {
    match bytes {
        [0, b'<', ..] => return Some((UTF_16BE, "utf-16be".to_owned())),
        [b'<', 0, ..] => return Some((UTF_16LE, "utf-16le".to_owned())),
        _ => {}
    }
    let window = &bytes[..bytes.len().min(DECLARATION_WINDOW)];
    let head: String = window
        .iter()
        .map(|byte| char::from(*byte).to_ascii_lowercase())
        .collect();
    let key = if head.trim_start().starts_with("<?xml") {
        "encoding"
    } else {
        "charset"
    };
    let end = if key == "encoding" {
        head.find("?>").unwrap_or(head.len())
    } else {
        head.len()
    };
    let after = head[..end].split_once(key)?.1.trim_start();
    let value = after
        .strip_prefix('=')?
        .trim_start()
        .trim_start_matches(['"', '\'']);
    let label: String = value
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.'))
        .collect();
    let encoding = Encoding::for_label(label.as_bytes())?;
    // The declaration could be read byte by byte, so it is not UTF-16 whatever it says.
    if encoding == UTF_16BE || encoding == UTF_16LE || encoding == X_USER_DEFINED {
        return Some((UTF_8, "utf-8".to_owned()));
    }
    (encoding != REPLACEMENT).then_some((encoding, label))
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    if is_utf_8(bytes) {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Allow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_layer_decides_in_its_turn() {
        assert_eq!(
            decode(b"\xef\xbb\xbfcaf\xc3\xa9", Some("text/xml; charset=latin1")),
            "café"
        );
        assert_eq!(
            decode(b"caf\xe9", Some("text/xml; charset=\"ISO-8859-1\"")),
            "café"
        );
        assert_eq!(
            decode(b"<?xml version='1.0' encoding='windows-1251'?>\xcf", None),
            "<?xml version='1.0' encoding='windows-1251'?>П"
        );
        assert_eq!(
            decode(b"<meta charset=iso-8859-1>caf\xe9", None),
            "<meta charset=iso-8859-1>café"
        );
        assert_eq!(
            decode(b"caf\xc3\xa9", Some("text/xml; charset=us-ascii")),
            "café"
        );
        assert_eq!(decode(b"<\0a\0>\0", None), "<a>");
        assert_eq!(decode(b"\xfe\xff\0<\0a", None), "<a");
        assert_eq!(
            decode("Müller sagt schönes Fahrrad".as_bytes(), None),
            "Müller sagt schönes Fahrrad"
        );
        assert_eq!(
            decode(b"M\xfcller sagt sch\xf6nes Rad f\xfcr alle", None),
            "Müller sagt schönes Rad für alle"
        );
    }

    #[test]
    fn bytes_astray_in_utf_8_cost_themselves_alone() {
        let mixed =
            b"<?xml version='1.0' encoding='utf-8'?><a>Z\xc3\xbcrich caf\xe9 \xe2\x82\xac</a>";
        assert!(decode(mixed, None).ends_with("<a>Zürich café €</a>"));
        let latin = b"<?xml version='1.0' encoding='utf-8'?><a>\xe9t\xe9 o\xf9 la for\xeat br\xfble, d\xe9j\xe0</a>";
        assert!(decode(latin, None).ends_with("<a>été où la forêt brûle, déjà</a>"));
        assert_eq!(
            decode(b"Z\xc3\xbcrich \xe2\x82", None)
                .chars()
                .take(6)
                .collect::<String>(),
            "Zürich"
        );
    }

    #[test]
    fn the_encoding_has_a_name() {
        for (bytes, content_type, name) in [
            (&b"<a>"[..], None, "utf-8"),
            (b"<a>", Some("text/xml"), "us-ascii"),
            (
                b"<a>",
                Some("application/xml; charset=ISO-8859-1"),
                "iso-8859-1",
            ),
            (
                b"<a>\xc3\xa9",
                Some("application/xml; charset=ISO-8859-1"),
                "utf-8",
            ),
            (b"<a>", Some("text/xml; charset=gb2312"), "gb18030"),
            (b"<a>", Some("text/xml; charset=hz-gb-2312"), "us-ascii"),
            (b"<\0\0\0a\0\0\0", None, "utf-32le"),
            (b"\0\0\xfe\xff\0\0\0<", None, "utf-32be"),
            (b"\0<\0a", None, "utf-16be"),
        ] {
            assert_eq!(
                decode_named(bytes, content_type).encoding,
                name,
                "{bytes:?}"
            );
        }
        assert_eq!(decode(b"<\0\0\0a\0\0\0", None), "<a");
    }
}
