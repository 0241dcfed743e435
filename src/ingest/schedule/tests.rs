//! The plan of polls, each rule by its number in the list of manners.

use super::*;

const SCHEDULE: PollSchedule = PollSchedule {
    interval: Duration::from_secs(900),
    max_interval: Duration::from_secs(86_400),
    backoff: Duration::from_secs(60),
    max_backoff: Duration::from_secs(3600),
};
const PACE: Duration = SCHEDULE.interval;

fn at(secs: i64) -> Timestamp {
    // A Thursday, 22:00 GMT.
    "2026-03-05T22:00:00Z"
        .parse::<Timestamp>()
        .unwrap()
        .checked_add(jiff::SignedDuration::from_secs(secs))
        .unwrap()
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn fresh(until: i64) -> Wishes {
    Wishes {
        fresh_until: Some(at(until)),
        ..Wishes::default()
    }
}

fn rhythm(every_secs: u64, skip_hours: u32) -> Wishes {
    let rhythm = Rhythm {
        every_secs,
        skip_hours,
        skip_days: 0,
    };
    Wishes {
        rhythm: Some(rhythm),
        ..Wishes::default()
    }
}

fn next(wishes: &Wishes, random: f64) -> Next {
    SCHEDULE.after_success(at(0), PACE, wishes, random)
}

#[test]
fn item_07_the_longest_of_all_wishes_counts_and_none_goes_below_the_interval() {
    assert_eq!(next(&fresh(5000), 0.0).at, at(5000));
    assert_eq!(next(&fresh(5), 0.0).at, at(900));
    assert_eq!(next(&fresh(-5), 0.0).at, at(900));
    assert_eq!(next(&rhythm(3_600, 0), 0.0).at, at(3_600));
    let both = Wishes {
        fresh_until: Some(at(5_000)),
        ..rhythm(3_600, 0)
    };
    assert_eq!(next(&both, 0.0).at, at(5_000));
    assert_eq!(next(&both, 0.0).warning, None);
    assert_eq!(next(&both, 0.0).not_before, Some(at(5_000)));
}

#[test]
fn item_07_a_year_of_freshness_or_ttl_is_the_longest_interval_and_a_warning() {
    for wishes in [fresh(365 * 86_400), rhythm(365 * 86_400, 0)] {
        let next = next(&wishes, 0.0);
        assert_eq!(next.at, at(86_400));
        let warning = next.warning.unwrap();
        assert!(warning.contains("365 days"), "{warning}");
        assert!(
            warning.contains("after 24 hours (max_interval_secs)"),
            "{warning}"
        );
    }
    // What a server demands is not a wish: a month of Retry-After is a month.
    let demand = Wishes {
        not_before: Some(at(30 * 86_400)),
        ..Wishes::default()
    };
    assert_eq!(next(&demand, 1.0).at, at(30 * 86_400));
    assert_eq!(next(&demand, 1.0).warning, None);
}

#[test]
fn item_08_no_poll_falls_into_a_skipped_hour_and_all_hours_are_a_warning() {
    // 22:15 is skipped, and so is 23:00: midnight is next.
    let late = rhythm(0, 1 << 22 | 1 << 23);
    assert_eq!(next(&late, 0.0).at, at(7_200));
    assert_eq!(next(&late, 1.0).at, at(7_200));
    assert_eq!(next(&late, 0.0).warning, None);
    let never = rhythm(0, (1 << 24) - 1);
    assert_eq!(next(&never, 0.0).at, at(900));
    let warning = next(&never, 0.0).warning.unwrap();
    assert!(warning.contains("skips all hours"), "{warning}");
}

#[test]
fn item_10_failures_double_up_to_the_maximum() {
    let waits: Vec<Timestamp> = (1..=8)
        .map(|n| SCHEDULE.after_failure(at(0), n, 0.0))
        .collect();
    assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600].map(at));
    assert_eq!(
        backoff(SCHEDULE.backoff, SCHEDULE.max_backoff, u32::MAX, 0.0),
        SCHEDULE.max_backoff
    );
}

#[test]
fn item_10_a_rate_limit_holds_to_the_second_and_doubles_without_a_time() {
    let after =
        |retry_at, failures, random| SCHEDULE.after_rate_limit(at(0), retry_at, failures, random);
    assert_eq!(after(Some(at(77)), 1, 1.0), at(77));
    assert_eq!(after(None, 1, 0.0), at(1800));
    assert_eq!(after(None, 6, 0.0), at(3600));
}

#[test]
fn item_11_jitter_only_lengthens() {
    assert_eq!(next(&Wishes::default(), 0.0).at, at(900));
    assert_eq!(next(&Wishes::default(), 1.0).at, at(990));
    assert_eq!(next(&fresh(5000), 1.0).at, at(5090));
    assert_eq!(SCHEDULE.after_failure(at(0), 1, 1.0), at(66));
    assert_eq!(SCHEDULE.after_refusal(at(0), 1, 1.0), at(1980));
}

#[test]
fn item_11_a_thousand_at_once_are_spread_evenly_and_one_waits_no_longer_than_a_second() {
    let mut places: Vec<i64> = (0..1_000)
        .map(|place| SCHEDULE.spread(at(0), place, 1_000, 0.5).as_second() - at(0).as_second())
        .collect();
    assert_eq!((places[0], places[999]), (0, 899));
    // 1,000 in 900 s: no ten seconds see more than twelve of them.
    places.sort_unstable();
    assert!(places.windows(13).all(|some| some[12] - some[0] >= 10));
    assert_eq!(SCHEDULE.spread(at(0), 0, 1, 1.0), at(1));
    let short = PollSchedule {
        interval: secs(2),
        ..SCHEDULE
    };
    assert_eq!(short.spread(at(0), 99, 100, 1.0), at(2));
}

#[test]
fn item_12_a_rare_poster_drifts_to_the_maximum_and_a_burst_tightens() {
    let mut pace = SCHEDULE.pace(None, None, 25);
    assert_eq!(
        pace, SCHEDULE.interval,
        "what the first poll brings is no burst"
    );
    let mut polls = 0;
    while pace < SCHEDULE.max_interval {
        let longer = SCHEDULE.pace(Some(pace), Some(pace), 0);
        assert!(longer > pace);
        pace = longer;
        polls += 1;
    }
    assert_eq!(polls, 21);
    assert_eq!(
        SCHEDULE.pace(Some(pace), Some(pace), 0),
        SCHEDULE.max_interval
    );
    assert_eq!(
        SCHEDULE.pace(Some(pace), Some(pace), 1),
        SCHEDULE.max_interval / 2
    );
    let burst = SCHEDULE.pace(Some(pace), Some(pace), 24);
    assert_eq!(burst, secs(3_600), "24 posts in a day are one an hour");
    assert_eq!(
        SCHEDULE.pace(Some(burst), Some(burst), 50),
        SCHEDULE.interval
    );
    // Not even a burst goes below what the server calls fresh.
    let fresh = SCHEDULE.after_success(at(0), secs(1), &fresh(7_200), 0.0);
    assert_eq!(fresh.at, at(7_200));
}

#[test]
fn item_20_a_refusal_slows_from_twice_the_interval_to_the_longest() {
    let waits: Vec<Timestamp> = (1..=8)
        .map(|n| SCHEDULE.after_refusal(at(0), n, 0.0))
        .collect();
    assert_eq!(
        waits,
        [1_800, 3_600, 7_200, 14_400, 28_800, 57_600, 86_400, 86_400].map(at)
    );
}

#[test]
fn more_to_read_is_read_at_once_unless_the_server_demands_a_pause() {
    let more = Wishes {
        more: true,
        ..fresh(5_000)
    };
    assert!(next(&more, 0.0).at < at(1));
    let held = Wishes {
        not_before: Some(at(60)),
        ..more
    };
    assert_eq!(next(&held, 0.0).at, at(60));
}
