//! A digest's configuration, understood, and when it is due. Pure.

use std::path::{Path, PathBuf};

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::catalogue::Locale;
use crate::config::{DigestConfig, DigestFormat};
use crate::domain::{DigestId, MonitorId};

/// One digest, ready to be made.
#[derive(Debug, Clone)]
pub struct DigestPlan {
    /// The name.
    pub id: DigestId,
    /// Monitors that it reports on; empty means all.
    pub monitors: Vec<MonitorId>,
    /// The zone in which its days begin.
    pub zone: TimeZone,
    /// The language of its words and numbers.
    pub locale: Locale,
    /// The local time at which the day before is reported.
    pub at: Time,
    /// Where the files go.
    pub dir: PathBuf,
    /// Which files.
    pub formats: Vec<DigestFormat>,
}

/// A digest whose configuration makes no sense; `overheard check` finds it before.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// No such zone.
    #[error(
        "digest \"{digest}\": unknown time zone \"{zone}\", expected an IANA name such as Europe/Berlin"
    )]
    Zone {
        /// The digest.
        digest: DigestId,
        /// What was written.
        zone: String,
    },
    /// No such locale.
    #[error("digest \"{digest}\": unknown locale \"{locale}\", expected en or de")]
    Locale {
        /// The digest.
        digest: DigestId,
        /// What was written.
        locale: String,
    },
    /// Not a time of day.
    #[error("digest \"{digest}\": \"{at}\" is not a time of day, expected HH:MM")]
    At {
        /// The digest.
        digest: DigestId,
        /// What was written.
        at: String,
    },
}

impl DigestPlan {
    /// Understands a digest's configuration.
    ///
    /// # Errors
    /// An unknown zone or locale, or a time of day that is none.
    pub fn new(
        config: &DigestConfig,
        default_zone: &str,
        data_dir: &Path,
    ) -> Result<Self, PlanError> {
        let digest = || config.id.clone();
        let zone_name = config.time_zone.as_deref().unwrap_or(default_zone);
        let zone = TimeZone::get(zone_name).map_err(|_| PlanError::Zone {
            digest: digest(),
            zone: zone_name.to_owned(),
        })?;
        let locale = Locale::from_name(&config.locale).ok_or_else(|| PlanError::Locale {
            digest: digest(),
            locale: config.locale.clone(),
        })?;
        let at = Time::strptime("%H:%M", &config.at).map_err(|_| PlanError::At {
            digest: digest(),
            at: config.at.clone(),
        })?;
        Ok(Self {
            id: config.id.clone(),
            monitors: config.monitors.clone(),
            zone,
            locale,
            at,
            dir: config
                .dir
                .clone()
                .unwrap_or_else(|| data_dir.join("digests")),
            formats: config.formats.clone(),
        })
    }
}

/// Days that are made up for after the daemon was off; older ones are of no use to anybody.
const CATCH_UP_DAYS: i32 = 7;

/// The local date that is to be reported now, if any: the first day after `last` that is over, once its hour
/// has come. `last` is the latest date that was reported; without one, that is yesterday.
///
/// Days that were missed are made up for one by one, at most a week of them. A clock that jumped back
/// finds its days reported, and gets none.
#[must_use]
pub fn due_date(plan: &DigestPlan, now: Timestamp, last: Option<Date>) -> Option<Date> {
    let local = now.to_zoned(plan.zone.clone());
    // Compared as times of day, so that an hour that the clock change skips is not waited for.
    let days_back = if local.time() >= plan.at { 1 } else { 2 };
    let newest = local.date().checked_sub(days_back.days()).ok()?;
    let Some(last) = last else {
        return (days_back == 1).then_some(newest);
    };
    let oldest = newest.checked_sub((CATCH_UP_DAYS - 1).days()).ok()?;
    let next = last.tomorrow().ok()?.max(oldest);
    (next <= newest).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn plan(zone: &str, at: &str) -> DigestPlan {
        let config = DigestConfig {
            id: DigestId::parse("daily").unwrap(),
            monitors: Vec::new(),
            time_zone: Some(zone.to_owned()),
            locale: "en".to_owned(),
            at: at.to_owned(),
            dir: None,
            formats: vec![DigestFormat::Json],
        };
        DigestPlan::new(&config, "UTC", Path::new("data")).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_is_due_once_its_hour_has_come() {
        let plan = plan("Europe/Berlin", "06:00");
        assert_eq!(due_date(&plan, at("2026-11-22T04:59:59Z"), None), None);
        assert_eq!(
            due_date(&plan, at("2026-11-22T05:00:00Z"), None),
            Some(date(2026, 11, 21))
        );
        assert_eq!(
            due_date(&plan, at("2026-11-22T09:00:00Z"), Some(date(2026, 11, 21))),
            None
        );
    }

    #[test]
    fn a_clock_that_jumps_neither_skips_nor_doubles() {
        let plan = plan("UTC", "06:00");
        // Two days forward: the days are reported one by one.
        let forward = at("2026-11-23T07:00:00Z");
        assert_eq!(
            due_date(&plan, forward, Some(date(2026, 11, 20))),
            Some(date(2026, 11, 21))
        );
        assert_eq!(
            due_date(&plan, forward, Some(date(2026, 11, 21))),
            Some(date(2026, 11, 22))
        );
        assert_eq!(due_date(&plan, forward, Some(date(2026, 11, 22))), None);
        // Back again: nothing, until a day comes that was not reported.
        assert_eq!(
            due_date(&plan, at("2026-11-22T07:00:00Z"), Some(date(2026, 11, 22))),
            None
        );
        assert_eq!(
            due_date(&plan, at("2026-11-24T07:00:00Z"), Some(date(2026, 11, 22))),
            Some(date(2026, 11, 23))
        );
    }

    #[test]
    fn what_was_missed_is_made_up_for_but_not_for_years() {
        let plan = plan("UTC", "06:00");
        let now = at("2026-11-22T05:00:00Z");
        assert_eq!(
            due_date(&plan, now, Some(date(2026, 11, 18))),
            Some(date(2026, 11, 19))
        );
        assert_eq!(
            due_date(&plan, now, Some(date(2026, 11, 20))),
            None,
            "the hour of the 21st has not come"
        );
        assert_eq!(
            due_date(&plan, now, Some(date(2020, 1, 1))),
            Some(date(2026, 11, 14))
        );
    }

    #[test]
    fn an_hour_that_does_not_exist_is_not_waited_for() {
        let plan = plan("Europe/Berlin", "02:30");
        // On 2026-03-29 the clock goes from 02:00 to 03:00.
        assert_eq!(due_date(&plan, at("2026-03-29T00:59:00Z"), None), None);
        assert_eq!(
            due_date(&plan, at("2026-03-29T01:00:00Z"), None),
            Some(date(2026, 3, 28))
        );
    }

    #[test]
    fn nonsense_is_explained() {
        let mut config = DigestConfig {
            id: DigestId::parse("daily").unwrap(),
            monitors: Vec::new(),
            time_zone: None,
            locale: "xx".to_owned(),
            at: "06:00".to_owned(),
            dir: None,
            formats: Vec::new(),
        };
        let error = DigestPlan::new(&config, "UTC", Path::new("")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "digest \"daily\": unknown locale \"xx\", expected en or de"
        );
        config.locale = "de".to_owned();
        config.at = "6 o'clock".to_owned();
        let error = DigestPlan::new(&config, "UTC", Path::new("")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "digest \"daily\": \"6 o'clock\" is not a time of day, expected HH:MM"
        );
    }
}
