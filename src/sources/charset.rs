//! Bytes to text: byte order mark, then the HTTP header, then the document's declaration, then a guess.
//!
//! Never fails: what cannot be decoded becomes U+FFFD.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, X_USER_DEFINED};

/// How much of a document is searched for a declaration, in bytes.
const DECLARATION_WINDOW: usize = 1024;

/// Decodes a document. `content_type` is the HTTP header's value.
pub(super) fn decode(bytes: &[u8], content_type: Option<&str>) -> String {
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        return encoding
            .decode_without_bom_handling(&bytes[length..])
            .0
            .into_owned();
    }
    let stated = content_type
        .and_then(header_charset)
        .and_then(|label| Encoding::for_label(label.as_bytes()));
    let declared = || declared(bytes);
    // UTF-8 that is valid is UTF-8, whatever Latin-1 default a server adds to its header.
    let encoding = match stated.or_else(declared) {
        Some(encoding) if encoding.is_ascii_compatible() && std::str::from_utf8(bytes).is_ok() => {
            if has_escapes(encoding) {
                encoding
            } else {
                UTF_8
            }
        }
        Some(encoding) => encoding,
        None => guess(bytes),
    };
    encoding.decode_without_bom_handling(bytes).0.into_owned()
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
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [0, b'<', ..] => return Some(UTF_16BE),
        [b'<', 0, ..] => return Some(UTF_16LE),
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
        return Some(UTF_8);
    }
    Some(encoding)
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    if std::str::from_utf8(bytes).is_ok() {
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
}
