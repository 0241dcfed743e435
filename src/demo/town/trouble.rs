//! What can go wrong with a server, on command.
//!
//! Builds answers; decides nothing.

/// A way to misbehave for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A status without a useful body.
    Status(u16),
    /// 429 with `Retry-After` in seconds.
    RateLimited(u64),
    /// 200 with a web page, as captive portals and maintenance send.
    HtmlPage,
    /// 200 with the right type and so many bytes of nonsense.
    HugeBody(usize),
    /// 200 with a gzip body that grows to about so many bytes.
    GzipBomb(usize),
    /// The right answer with bytes in it that are not UTF-8.
    InvalidUtf8,
    /// The right answer, cut in the middle, that claims to be whole.
    Cut,
    /// The connection is dropped while the body is sent.
    Drop,
    /// No answer until the client gives up.
    Hang,
}

/// A page as portals send it.
pub(super) const PAGE: &str = "<!doctype html><html><head><title>Back soon</title><link rel=\"alternate\" type=\"application/rss+xml\" href=\"/feed.xml\"></head><body><h1>We are down for maintenance</h1></body></html>";

/// A gzip file of about `size` zero bytes, 158 times smaller than what it grows to. Its checksum is
/// wrong, which a reader that goes as far has earned.
pub(super) fn gzip_bomb(size: usize) -> Vec<u8> {
    let mut bits = Bits {
        bytes: vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255],
        current: 0,
        count: 0,
    };
    // The last block, with fixed codes (RFC 1951, 3.2.6).
    bits.push(1, 1);
    bits.push(1, 2);
    // The literal 0, then copies of 258 bytes from distance 1.
    bits.push_code(0b0011_0000, 8);
    for _ in 0..size / 258 {
        bits.push_code(0b1100_0101, 8);
        bits.push_code(0, 5);
    }
    bits.push_code(0, 7);
    bits.push(0, 7);
    bits.bytes.extend([0; 8]);
    bits.bytes
}

struct Bits {
    bytes: Vec<u8>,
    current: u8,
    count: u8,
}

impl Bits {
    /// Pushes the low bits of `value`, lowest first.
    fn push(&mut self, value: u16, bits: u8) {
        for index in 0..bits {
            let bit = u8::from(value >> index & 1 == 1);
            self.current |= bit << self.count;
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.current);
                (self.current, self.count) = (0, 0);
            }
        }
    }

    /// Pushes a Huffman code, which goes highest bit first.
    fn push_code(&mut self, code: u16, bits: u8) {
        for index in (0..bits).rev() {
            self.push(code >> index & 1, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_bomb_grows() {
        let bomb = gzip_bomb(1_000_000);
        assert!(bomb.len() < 7_000, "{}", bomb.len());
        let mut out = Vec::new();
        // The checksum is wrong on purpose, so the end is an error; what came before counts.
        let _ = flate2::read::GzDecoder::new(&bomb[..]).read_to_end(&mut out);
        assert_eq!(out.len(), 1_000_000 / 258 * 258 + 1);
        assert!(out.iter().all(|byte| *byte == 0));
    }
}
