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

/// What names of months begin with: English, German, French, Spanish, Italian, Portuguese, Dutch, the Scandinavian
/// languages, Polish, Russian, Greek, Hungarian, Turkish. Where one beginning is another's, the longer one counts.
const MONTHS: [&[&str]; 12] = [
    &["jan", "jän", "ene", "gen", "sty", "янв", "ιαν", "oca"],
    &["feb", "fev", "fév", "lut", "фев", "φεβ", "şub"],
    &[
        "mar", "mär", "mrz", "mrt", "maar", "már", "мар", "μαρ", "μάρ",
    ],
    &["apr", "avr", "abr", "kwi", "апр", "απρ", "ápr", "nis"],
    &[
        "may", "mai", "mei", "mag", "maj", "máj", "мая", "май", "μαΐ", "μαι", "μάι",
    ],
    &[
        "jun", "juin", "giu", "cze", "июн", "ιουν", "ιούν", "jún", "haz",
    ],
    &[
        "jul", "jui", "juil", "lug", "lip", "июл", "ιουλ", "ιούλ", "júl", "tem",
    ],
    &[
        "aug", "aoû", "aou", "ago", "sie", "авг", "αυγ", "αύγ", "ağu",
    ],
    &["sep", "set", "wrz", "сен", "σεπ", "szept", "eyl"],
    &[
        "oct", "okt", "ott", "out", "paź", "paz", "окт", "οκτ", "eki",
    ],
    &["nov", "lis", "ноя", "νοε", "νοέ", "kas"],
    &["dec", "dez", "déc", "dic", "gru", "дек", "δεκ", "ara"],
];

/// The month that a word begins like.
pub(super) fn month(word: &str) -> Option<i8> {
    let word = word.trim_end_matches('.');
    // `mardi`, `martes`, `marted` are days, not March.
    if word.chars().count() < 3 || is_weekday(word) {
        return None;
    }
    let mut best: Option<(usize, i8)> = None;
    for (number, starts) in (1..).zip(MONTHS) {
        let longest = starts
            .iter()
            .filter(|start| word.starts_with(**start))
            .map(|start| start.len())
            .max();
        best = best.max(longest.map(|length| (length, number)));
    }
    best.map(|(_, number)| number)
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
