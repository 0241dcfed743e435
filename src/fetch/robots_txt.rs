//! robots.txt as a value: what RFC 9309 says a file allows one robot.
//!
//! Pure, never fails and never takes longer than the file is long: what is no rule is passed over, and
//! patterns are matched without backtracking. (Own code: the crate for it matches in cubic time and
//! panics on long lines with non-ASCII characters.)

use std::time::Duration;

/// The longest pause that a file can ask for.
const MAX_CRAWL_DELAY: Duration = Duration::from_secs(60);

/// The rules of one file for one robot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct RobotsTxt {
    rules: Vec<Rule>,
    /// The least time between two requests, at most 60 s.
    pub(super) crawl_delay: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    allow: bool,
    /// Normalised, with its wildcards.
    pattern: String,
    /// Ends in `$`.
    to_the_end: bool,
}

/// Which robots a group of lines is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    Us,
    Everybody,
    Others,
}

impl RobotsTxt {
    /// Reads a file for the robot with this product token, which is compared without case. Groups for
    /// the robot are joined, and those for `*` count only if there is none.
    pub(super) fn parse(text: &str, robot: &str) -> Self {
        let mut ours = Self::default();
        let mut everybodys = Self::default();
        let mut named = false;
        let mut audience = Audience::Others;
        let mut in_rules = false;
        let text = text.trim_start_matches('\u{feff}');
        for (key, value) in text.split(['\n', '\r']).filter_map(key_value) {
            match key.as_str() {
                "user-agent" | "useragent" | "user agent" => {
                    if in_rules {
                        audience = Audience::Others;
                        in_rules = false;
                    }
                    audience = match (audience, audience_of(value, robot)) {
                        (Audience::Us, _) | (_, Audience::Us) => Audience::Us,
                        (Audience::Everybody, _) | (_, Audience::Everybody) => Audience::Everybody,
                        _ => Audience::Others,
                    };
                    named |= audience == Audience::Us;
                    continue;
                }
                "allow" | "disallow" | "dissallow" | "dissalow" | "disalow" | "diasllow"
                | "disallaw" | "crawl-delay" => {}
                // Sitemaps and whatever else there is do not end a group.
                _ => continue,
            }
            in_rules = true;
            let file = match audience {
                Audience::Us => &mut ours,
                Audience::Everybody => &mut everybodys,
                Audience::Others => continue,
            };
            if key == "crawl-delay" {
                file.crawl_delay = file.crawl_delay.max(crawl_delay(value));
            } else if !value.is_empty() {
                file.rules.push(Rule::new(key == "allow", value));
            }
        }
        if named { ours } else { everybodys }
    }

    /// Whether a path with its query may be fetched. robots.txt itself always may.
    pub(super) fn allows(&self, path_and_query: &str) -> bool {
        self.deciding(path_and_query).is_none_or(|rule| rule.allow)
    }

    /// The rule that decides, as it would be written; none where nothing matches.
    pub(super) fn deciding_line(&self, path_and_query: &str) -> Option<String> {
        let rule = self.deciding(path_and_query)?;
        let name = if rule.allow { "Allow" } else { "Disallow" };
        let end = if rule.to_the_end { "$" } else { "" };
        Some(format!("{name}: {}{end}", rule.pattern))
    }

    /// The longest pattern that matches, and the kinder one of two that are equally long.
    fn deciding(&self, path_and_query: &str) -> Option<&Rule> {
        if path_and_query == "/robots.txt" {
            return None;
        }
        let path = normalise(path_and_query, false);
        let mut longest = 0;
        let mut deciding = None;
        for rule in &self.rules {
            let length = rule.pattern.len() + usize::from(rule.to_the_end);
            if length < longest || (length == longest && !rule.allow) || !rule.matches(&path) {
                continue;
            }
            longest = length;
            deciding = Some(rule);
        }
        deciding
    }
}

impl Rule {
    fn new(allow: bool, pattern: &str) -> Self {
        let (pattern, to_the_end) = match pattern.strip_suffix('$') {
            Some(pattern) => (pattern, true),
            None => (pattern, false),
        };
        Self {
            allow,
            pattern: normalise(pattern, true),
            to_the_end,
        }
    }

    /// Each piece between wildcards is looked for once, behind the one before it; the first place is
    /// as good as any other, but for the last piece of a pattern that goes to the end.
    fn matches(&self, path: &str) -> bool {
        let mut pieces = self.pattern.split('*');
        let first = pieces.next().unwrap_or_default();
        let Some(mut rest) = path.strip_prefix(first) else {
            return false;
        };
        let mut last_is_wild = None;
        for piece in pieces {
            if let Some(piece) = last_is_wild.replace(piece) {
                match rest.find(piece) {
                    Some(place) => rest = &rest[place + piece.len()..],
                    None => return false,
                }
            }
        }
        match (last_is_wild, self.to_the_end) {
            (None, to_the_end) => !to_the_end || rest.is_empty(),
            (Some(piece), true) => rest.ends_with(piece),
            (Some(piece), false) => rest.contains(piece),
        }
    }
}

/// A line as key, in lower case, and value. A missing colon is forgiven where there are two words.
fn key_value(line: &str) -> Option<(String, &str)> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let (key, value) = match line.split_once(':') {
        Some(parts) => parts,
        None => {
            let (key, value) = line.split_once([' ', '\t'])?;
            if value.trim().contains([' ', '\t']) {
                return None;
            }
            (key, value)
        }
    };
    let key = key.trim().to_ascii_lowercase();
    (!key.is_empty()).then(|| (key, value.trim()))
}

fn audience_of(value: &str, robot: &str) -> Audience {
    if value == "*" || value.starts_with("* ") {
        return Audience::Everybody;
    }
    // `Overheard/1.0 (+https://...)` is the token `Overheard`.
    let end = value
        .find(|c: char| !(c.is_ascii_alphabetic() || c == '-' || c == '_'))
        .unwrap_or(value.len());
    if value[..end].eq_ignore_ascii_case(robot) {
        Audience::Us
    } else {
        Audience::Others
    }
}

fn crawl_delay(value: &str) -> Option<Duration> {
    let seconds: f64 = value.parse().ok()?;
    (seconds > 0.0 && seconds.is_finite())
        .then(|| Duration::from_secs_f64(seconds.min(MAX_CRAWL_DELAY.as_secs_f64())))
}

/// One spelling for paths and patterns: unreserved characters plain, everything else that is encoded
/// or not ASCII as `%XX`. `*` and `$` stand for themselves only encoded; in a pattern `*` stays.
fn normalise(text: &str, pattern: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let (byte, encoded, width) = match decode(&bytes[at..]) {
            Some(byte) => (byte, true, 3),
            None => (bytes[at], false, 1),
        };
        at += width;
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let plain = if encoded {
            unreserved
        } else {
            byte.is_ascii_graphic() && byte != b'$' && (byte != b'*' || pattern)
        };
        if plain {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn decode(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = bytes else {
        return None;
    };
    let high = char::from(*high).to_digit(16)?;
    let low = char::from(*low).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &str, path: &str, allowed: bool) {
        let robots = RobotsTxt::parse(file, "overheard");
        assert_eq!(robots.allows(path), allowed, "{path} by\n{file}");
    }

    #[test]
    fn the_longest_pattern_wins_and_allow_on_ties() {
        let file = "User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /a/b/c\n";
        check(file, "/", true);
        check(file, "/ab", false);
        check(file, "/a/bx", true);
        check(file, "/a/b/c", false);
        check("User-agent: *\nDisallow: /x\nAllow: /x", "/x", true);
        check("User-agent: *\nAllow: /x\nDisallow: /x", "/x", true);
        check("User-agent: *\nDisallow: /", "/robots.txt", true);
        check("User-agent: *\nDisallow:", "/x", true);
        check("", "/x", true);
    }

    #[test]
    fn wildcards_and_ends() {
        for (pattern, path, matches) in [
            ("/*.php", "/a/b.php?x", true),
            ("/*.php$", "/a/b.php?x", false),
            ("/*.php$", "/a/b.php", true),
            ("/*.php$", "/a.php/b.php", true),
            ("/a*b*c", "/a1b2c3", true),
            ("/a*b*c", "/acb", false),
            ("*", "/", true),
            ("/$", "/", true),
            ("/$", "/x", false),
            ("/a$b", "/a$b", true),
            ("/a%2Ab", "/a*b", true),
            ("/a%2Ab", "/axb", false),
            ("foo", "/foo", false),
            ("/fo%6F", "/foo", true),
            ("/ü", "/%c3%bc", true),
            ("/a%2fb", "/a%2Fb", true),
            ("/a%2fb", "/a/b", false),
            ("/a%", "/a%25", true),
        ] {
            check(
                &format!("user-agent: *\ndisallow: {pattern}"),
                path,
                !matches,
            );
        }
    }

    #[test]
    fn groups_are_chosen_by_token_and_joined() {
        let file = "User-agent: other\nDisallow: /\n\nUser-agent: OverHeard/2.0\nDisallow: /a\n\n\
                    User-agent: *\nDisallow: /b\n\nuser-agent: x\nUser-agent: overheard\nDisallow: /c";
        check(file, "/a", false);
        check(file, "/b", true);
        check(file, "/c", false);
        check("User-agent: overheardbot\nDisallow: /", "/", true);
        check(
            "User-agent: overheard\n\nUser-agent: *\nDisallow: /",
            "/",
            false,
        );
        check("User-agent: *\nSitemap: /s\nDisallow: /", "/", false);
        check("Disallow: /", "/", true);
        // A delay is a rule of its group, so the next agent begins another.
        check(
            "User-agent: *\nCrawl-delay: 5\nUser-agent: bad\nDisallow: /",
            "/",
            true,
        );
    }

    #[test]
    fn forgives_what_people_write() {
        check(
            "\u{feff}User-Agent : * # all\r\nDISALLOW\t:\t/x # no\r\n",
            "/x",
            false,
        );
        check("user-agent *\rdisallow /x", "/x", false);
        check(
            "User-agent: *\n<html>\nDisallow /a b\nDisallow: /x",
            "/a",
            true,
        );
        let long = format!(
            "User-agent: *\nDisallow: /{}\nDisallow: /x",
            "ü".repeat(60_000)
        );
        check(&long, "/x", false);
    }

    #[test]
    fn crawl_delays_are_bounded() {
        let delay = |value: &str| {
            let file = format!("User-agent: *\nCrawl-delay: {value}");
            RobotsTxt::parse(&file, "overheard").crawl_delay
        };
        assert_eq!(delay("2.5"), Some(Duration::from_millis(2_500)));
        assert_eq!(delay("86400"), Some(MAX_CRAWL_DELAY));
        for nothing in ["0", "-1", "NaN", "inf", "ten"] {
            assert_eq!(delay(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_hostile_file_is_read_in_no_time() {
        let pattern = "*a".repeat(8_000);
        let file = format!(
            "User-agent: *\n{}",
            format!("Disallow: /{pattern}\n").repeat(30)
        );
        let robots = RobotsTxt::parse(&file, "overheard");
        assert!(robots.allows(&format!("/{}b", "a".repeat(4_000))));
    }

    /// Needs the corpus: `OVERHEARD_CORPORA` names the directory that `robots-real` lies in.
    #[test]
    fn agrees_with_another_parser_on_real_files() {
        let Some(dir) = std::env::var_os("OVERHEARD_CORPORA") else {
            eprintln!("skipped: OVERHEARD_CORPORA is not set");
            return;
        };
        let dir = std::path::Path::new(&dir).join("robots-real");
        let text = std::fs::read_to_string(dir.join("expectations.json")).unwrap();
        let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        let (mut agreed, mut total) = (0, 0);
        for case in &cases {
            let name = case["file"].as_str().unwrap();
            let bytes = std::fs::read(dir.join(name)).unwrap();
            let file = String::from_utf8_lossy(&bytes);
            for verdict in case["verdicts"].as_array().unwrap() {
                let (robot, path) = (verdict[0].as_str().unwrap(), verdict[1].as_str().unwrap());
                total += 1;
                if RobotsTxt::parse(&file, robot).allows(path) == verdict[2].as_bool().unwrap() {
                    agreed += 1;
                } else {
                    eprintln!("{name}: {robot} {path} should be {}", verdict[2]);
                }
            }
        }
        eprintln!("{agreed} of {total} verdicts agree");
        assert!(agreed * 100 >= total * 99, "{agreed} of {total}");
    }
}
