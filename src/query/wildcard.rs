//! Patterns of `*` (any characters) and `?` (one character) over folded words.

/// The fewest letters or digits before the first `*`.
const BEFORE_STAR: usize = 3;
/// The fewest before the first `?`.
const BEFORE_MARK: usize = 1;

/// A pattern; it has at least one `*` or `?`, and no two `*` side by side.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wildcard(String);

/// Why a pattern would find too many words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooWide {
    /// Letters that are needed before the sign.
    pub needed: usize,
    /// `*` or `?`.
    pub sign: char,
}

impl Wildcard {
    /// A pattern of folded text with `*` and `?`.
    ///
    /// # Errors
    /// When too few letters stand before the first sign.
    pub(super) fn new(pattern: &str) -> Result<Self, TooWide> {
        let first = pattern.find(['*', '?']).unwrap_or(pattern.len());
        let letters = pattern[..first]
            .chars()
            .filter(|c| c.is_alphanumeric())
            .count();
        let star = pattern[first..].contains('*');
        // A `?` before the `*` stands for a letter, but narrows nothing down.
        let (needed, sign) = if star {
            (BEFORE_STAR, '*')
        } else {
            (BEFORE_MARK, '?')
        };
        if letters < needed {
            return Err(TooWide { needed, sign });
        }
        let mut tidy = String::with_capacity(pattern.len());
        for c in pattern.chars() {
            if c != '*' || !tidy.ends_with('*') {
                tidy.push(c);
            }
        }
        Ok(Self(tidy))
    }

    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What every word that fits begins with; at least one character.
    #[must_use]
    pub fn stem(&self) -> &str {
        let end = self.0.find(['*', '?']).unwrap_or(self.0.len());
        &self.0[..end]
    }

    /// The stem when the pattern is it and a `*` alone.
    #[must_use]
    pub fn prefix(&self) -> Option<&str> {
        (self.stem().len() + 1 == self.0.len() && self.0.ends_with('*')).then(|| self.stem())
    }

    /// Whether a word fits. Takes time in proportion to pattern times word at worst.
    #[must_use]
    pub fn fits(&self, word: &str) -> bool {
        let Some(rest) = word.strip_prefix(self.stem()) else {
            return false;
        };
        fits(&self.0[self.stem().len()..], rest)
    }
}

/// The usual way back to the last `*`: one place to return to is enough.
fn fits(pattern: &str, word: &str) -> bool {
    let (mut pattern, mut word) = (pattern.chars(), word.chars());
    let mut star: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let here = (pattern.clone(), word.clone());
        match (pattern.next(), word.next()) {
            (Some('*'), _) => {
                word = here.1;
                star = Some((pattern.clone(), word.clone()));
            }
            (Some('?'), Some(_)) => {}
            (Some(a), Some(b)) if a == b => {}
            (None, None) => return true,
            _ => {
                let Some((after, from)) = &mut star else {
                    return false;
                };
                if from.next().is_none() {
                    return false;
                }
                pattern = after.clone();
                word = from.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fit_or_do_not() {
        let cases = [
            ("charg*", "charg", true),
            ("charg*", "charger", true),
            ("charg*", "char", false),
            ("wom?n", "woman", true),
            ("wom?n", "wom\u{e9}n", true),
            ("wom?n", "womn", false),
            ("wom?n", "womaan", false),
            ("bat*ry", "battery", true),
            ("bat*ry", "batteryry", true),
            ("bat*ry", "batteries", false),
            ("bat*t?ry", "battery", true),
            ("bat**", "bat", true),
            ("abc*b*d", "abcxbybd", true),
            ("abc*b*d", "abcxyd", false),
            ("t???", "test", true),
            ("t???", "tes", false),
        ];
        for (pattern, word, expected) in cases {
            let wildcard = Wildcard::new(pattern).expect(pattern);
            assert_eq!(wildcard.fits(word), expected, "{pattern} {word}");
        }
    }

    #[test]
    fn too_few_letters_are_refused() {
        for (pattern, needed) in [("ch*", 3), ("*", 3), ("?at", 1), ("a?b*", 3), ("#a*", 3)] {
            let found = Wildcard::new(pattern).expect_err(pattern);
            assert_eq!(found.needed, needed, "{pattern}");
        }
        let wide = Wildcard::new("bat*").expect("fits");
        assert_eq!((wide.stem(), wide.prefix()), ("bat", Some("bat")));
        assert_eq!(Wildcard::new("bat*y").expect("fits").prefix(), None);
    }
}
