//! Names in dates: zones, months and days of the week, in the languages that feeds use.
//!
//! Words come in lower case.

use jiff::tz::Offset;

/// Zones by the names that feeds use. Where two countries share a name, the one that feeds mean.
pub(super) fn named_zone(word: &str) -> Option<Offset> {
    let quarters = match word {
        "z" | "ut" | "utc" | "gmt" | "wet" => 0,
        "west" | "bst" | "cet" | "met" | "mez" => 4,
        "cest" | "mest" | "mesz" | "eet" | "cat" | "sast" => 8,
        "eest" | "msk" => 12,
        "ist" => 22,
        "sgt" | "hkt" | "awst" => 32,
        "jst" | "kst" => 36,
        "aest" => 40,
        "aedt" => 44,
        "nzst" => 48,
        "nzdt" => 52,
        "brt" | "art" => -12,
        "ast" | "edt" => -16,
        "est" | "et" | "cdt" => -20,
        "cst" | "ct" | "mdt" => -24,
        "mst" | "mt" | "pdt" => -28,
        "pst" | "pt" | "akdt" => -32,
        "akst" => -36,
        "hst" => -40,
        _ => return None,
    };
    Offset::from_seconds(quarters * 900).ok()
}

/// The month that a word begins like, in English, German, French, Spanish, Italian, Portuguese, Dutch.
pub(super) fn month(word: &str) -> Option<i8> {
    let word = word.trim_end_matches('.');
    if word.chars().count() < 3 {
        return None;
    }
    let starts: [(&str, i8); 34] = [
        ("jan", 1),
        ("jän", 1),
        ("ene", 1),
        ("gen", 1),
        ("janv", 1),
        ("feb", 2),
        ("fev", 2),
        ("fév", 2),
        ("mar", 3),
        ("mär", 3),
        ("mrz", 3),
        ("maa", 3),
        ("mrt", 3),
        ("apr", 4),
        ("avr", 4),
        ("abr", 4),
        ("may", 5),
        ("mai", 5),
        ("mei", 5),
        ("mag", 5),
        ("jun", 6),
        ("juin", 6),
        ("giu", 6),
        ("jul", 7),
        ("juil", 7),
        ("lug", 7),
        ("aug", 8),
        ("aoû", 8),
        ("aou", 8),
        ("ago", 8),
        ("sep", 9),
        ("oct", 10),
        ("nov", 11),
        ("dec", 12),
    ];
    let others: [(&str, i8); 9] = [
        ("set", 9),
        ("okt", 10),
        ("ott", 10),
        ("out", 10),
        ("dez", 12),
        ("déc", 12),
        ("dic", 12),
        ("jui", 7),
        ("août", 8),
    ];
    // `mardi`, `martes`, `marted` are days, not March.
    if is_weekday(word) {
        return None;
    }
    // `jui` alone is ambiguous, so the longer `juin` and `juil` are asked first.
    starts
        .iter()
        .chain(&others)
        .filter(|(start, _)| word.starts_with(start))
        .max_by_key(|(start, _)| start.len())
        .map(|(_, number)| *number)
}

/// Whether a word names a day of the week, which a date does not need.
pub(super) fn is_weekday(word: &str) -> bool {
    const EXACT: [&str; 17] = [
        "mar", "mer", "mo", "di", "mi", "do", "fr", "sa", "so", "lu", "ma", "me", "je", "ve",
        "lun", "jeu", "ven",
    ];
    const STARTS: [&str; 40] = [
        "mon", "tue", "wed", "thu", "fri", "sat", "sun", "montag", "dien", "mitt", "donn", "frei",
        "sams", "sonn", "lundi", "mardi", "mercre", "jeudi", "vendr", "same", "dima", "lunes",
        "martes", "mierc", "miérc", "jueve", "vier", "sába", "domi", "sam", "dim", "jue", "vie",
        "sab", "sáb", "dom", "mié", "mie", "lune", "gio",
    ];
    // `mar` is also March: a month wins, a day is only dropped when a month is named elsewhere.
    (word != "mar" && EXACT.contains(&word)) || STARTS.iter().any(|start| word.starts_with(start))
}
