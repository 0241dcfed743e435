//! All words of digests in all locales, and how numbers and dates are written. Nothing else in `digest` holds a word.

use jiff::civil::Date;

/// A language that digests are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locale {
    /// English.
    En,
    /// German.
    De,
}

/// The words of one locale.
#[derive(Debug, Clone, Copy)]
pub struct Catalogue {
    /// The `lang` of an HTML page.
    pub lang: &'static str,
    /// Heading of a digest.
    pub digest: &'static str,
    /// One mention.
    pub mention: &'static str,
    /// Several mentions.
    pub mentions: &'static str,
    /// Said of a monitor that heard nothing.
    pub nothing: &'static str,
    /// Sentiments.
    pub negative: &'static str,
    /// Sentiments.
    pub neutral: &'static str,
    /// Sentiments.
    pub positive: &'static str,
    /// Posts without a score.
    pub unscored: &'static str,
    /// Mean score.
    pub mean_score: &'static str,
    /// Heading of intents.
    pub intents: &'static str,
    /// Heading of networks.
    pub networks: &'static str,
    /// Heading of posts.
    pub top_posts: &'static str,
    /// Heading of authors.
    pub top_authors: &'static str,
    /// Engagement of a post.
    pub engagement: &'static str,
    /// A customer.
    pub customer: &'static str,
    /// Compared with the day before.
    pub day_before: &'static str,
    /// Someone without a name.
    pub unknown: &'static str,
    /// Foot: when it was made, in which zone the day begins.
    pub made_at: &'static str,
    /// Foot: the day's zone.
    pub in_zone: &'static str,
    thousands: char,
    decimal: char,
    months: [&'static str; 12],
    intent_names: [(&'static str, &'static str); 8],
}

const EN: Catalogue = Catalogue {
    lang: "en",
    digest: "Digest",
    mention: "mention",
    mentions: "mentions",
    nothing: "Nothing was heard on this day.",
    negative: "negative",
    neutral: "neutral",
    positive: "positive",
    unscored: "not scored",
    mean_score: "mean score",
    intents: "What people want",
    networks: "Where",
    top_posts: "Most discussed",
    top_authors: "Who",
    engagement: "engagement",
    customer: "customer",
    day_before: "on the day before",
    unknown: "unknown",
    made_at: "Made by Overheard at",
    in_zone: "the day begins in",
    thousands: ',',
    decimal: '.',
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    intent_names: [
        ("complaint", "complaints"),
        ("question", "questions"),
        ("purchase_intent", "purchase intent"),
        ("praise", "praise"),
        ("churn_risk", "churn risk"),
        ("suggestion", "suggestions"),
        ("bug_report", "bug reports"),
        ("spam", "spam"),
    ],
};

const DE: Catalogue = Catalogue {
    lang: "de",
    digest: "Tagesbericht",
    mention: "Erwähnung",
    mentions: "Erwähnungen",
    nothing: "An diesem Tag war nichts zu hören.",
    negative: "negativ",
    neutral: "neutral",
    positive: "positiv",
    unscored: "nicht bewertet",
    mean_score: "mittlerer Wert",
    intents: "Was die Leute wollen",
    networks: "Wo",
    top_posts: "Am meisten besprochen",
    top_authors: "Wer",
    engagement: "Reaktionen",
    customer: "Kunde",
    day_before: "gegenüber dem Vortag",
    unknown: "unbekannt",
    made_at: "Erstellt von Overheard um",
    in_zone: "der Tag beginnt in",
    thousands: '.',
    decimal: ',',
    months: [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
    intent_names: [
        ("complaint", "Beschwerden"),
        ("question", "Fragen"),
        ("purchase_intent", "Kaufabsicht"),
        ("praise", "Lob"),
        ("churn_risk", "Kündigungsgefahr"),
        ("suggestion", "Vorschläge"),
        ("bug_report", "Fehlermeldungen"),
        ("spam", "Spam"),
    ],
};

impl Locale {
    /// The locale with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "en" => Some(Self::En),
            "de" => Some(Self::De),
            _ => None,
        }
    }

    /// Its words.
    #[must_use]
    pub fn catalogue(self) -> &'static Catalogue {
        match self {
            Self::En => &EN,
            Self::De => &DE,
        }
    }
}

impl Catalogue {
    /// A number with its thousands separated.
    #[must_use]
    pub fn number(&self, value: u64) -> String {
        let digits = value.to_string();
        let mut text = String::with_capacity(digits.len() + digits.len() / 3);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(self.thousands);
            }
            text.push(digit);
        }
        text
    }

    /// A number of mentions with its noun.
    #[must_use]
    pub fn count(&self, mentions: u64) -> String {
        let noun = if mentions == 1 {
            self.mention
        } else {
            self.mentions
        };
        format!("{} {noun}", self.number(mentions))
    }

    /// A share as whole percent: `61 %`.
    #[must_use]
    pub fn percent(&self, part: u64, whole: u64) -> String {
        if whole == 0 {
            return "0 %".to_owned();
        }
        format!("{:.0} %", part as f64 * 100.0 / whole as f64)
    }

    /// The change from `before` to `now`: `+38 % on the day before`; nothing when there was nothing to compare.
    #[must_use]
    pub fn change(&self, now: u64, before: u64) -> Option<String> {
        if before == 0 {
            return None;
        }
        let change = (now as f64 / before as f64 - 1.0) * 100.0;
        Some(format!("{change:+.0} % {}", self.day_before))
    }

    /// A score from -1 to 1 with its sign.
    #[must_use]
    pub fn score(&self, score: f64) -> String {
        format!("{score:+.2}").replace('.', &self.decimal.to_string())
    }

    /// A date in words: `21 November 2026`, `21. November 2026`.
    #[must_use]
    pub fn date(&self, date: Date) -> String {
        let month = self.months[usize::from(date.month().unsigned_abs()) - 1];
        let dot = if self.lang == "de" { "." } else { "" };
        format!("{}{dot} {month} {}", date.day(), date.year())
    }

    /// An intent for people.
    #[must_use]
    pub fn intent<'a>(&'a self, name: &'a str) -> &'a str {
        self.intent_names
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(name, |(_, words)| words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn numbers_and_dates_are_written_as_the_locale_does() {
        let (en, de) = (Locale::En.catalogue(), Locale::De.catalogue());
        assert_eq!(en.number(1_234_567), "1,234,567");
        assert_eq!(de.number(1_234), "1.234");
        assert_eq!(en.number(12), "12");
        assert_eq!(en.count(1), "1 mention");
        assert_eq!(de.count(0), "0 Erwähnungen");
        assert_eq!(en.date(date(2026, 11, 21)), "21 November 2026");
        assert_eq!(de.date(date(2026, 3, 1)), "1. März 2026");
        assert_eq!(de.score(-0.5), "-0,50");
        assert_eq!(
            en.change(138, 100).as_deref(),
            Some("+38 % on the day before")
        );
        assert_eq!(en.change(5, 0), None);
        assert_eq!(en.percent(1, 3), "33 %");
    }

    #[test]
    fn every_intent_has_words_in_every_locale() {
        for locale in [Locale::En, Locale::De] {
            for intent in crate::domain::analysis::INTENTS {
                assert!(
                    locale
                        .catalogue()
                        .intent_names
                        .iter()
                        .any(|(name, _)| *name == intent),
                    "{intent}"
                );
            }
        }
    }
}
