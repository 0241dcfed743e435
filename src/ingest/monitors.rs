//! The monitors that posts are judged by. Rebuilt as a whole on reload; never changed in place.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::MonitorConfig;
use crate::domain::{MonitorId, MonitorSummary};
use crate::query::{
    self, Candidate, Candidates, MatchContext, PostTokens, Query, QueryError, Truth,
};

/// Parsed monitors with the zone in which their dates are meant.
#[derive(Debug)]
pub struct Monitors {
    monitors: Vec<Monitor>,
    candidates: Candidates,
    zone: TimeZone,
}

#[derive(Debug)]
struct Monitor {
    summary: MonitorSummary,
    query: Query,
}

/// What all monitors together say of a candidate. What is decided stays so, whatever else becomes known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No monitor matches, nor will one.
    Nothing,
    /// Exactly these monitors match, sorted.
    Mention(Vec<MonitorId>),
    /// It depends on what is not known yet.
    Open,
}

/// A monitor whose query is wrong.
#[derive(Debug, thiserror::Error)]
#[error("monitor \"{id}\": {}", source.render())]
pub struct MonitorFault {
    id: MonitorId,
    source: QueryError,
}

impl Monitors {
    /// Parses the configured monitors.
    ///
    /// # Errors
    /// The first monitor whose query does not parse or has no meaning as a monitor.
    pub fn parse(configs: &[MonitorConfig], zone: TimeZone) -> Result<Self, MonitorFault> {
        let mut monitors = Vec::with_capacity(configs.len());
        for config in configs {
            let fault = |source| MonitorFault {
                id: config.id.clone(),
                source,
            };
            let query = Query::parse(&config.query).map_err(fault)?;
            query::check_monitor(&query).map_err(fault)?;
            let summary = MonitorSummary {
                id: config.id.clone(),
                query: query.to_string(),
                brand: config.brand.clone(),
                role: config.role,
            };
            monitors.push(Monitor { summary, query });
        }
        monitors.sort_by(|a, b| a.summary.id.cmp(&b.summary.id));
        let candidates = Candidates::new(monitors.iter().map(|monitor| &monitor.query));
        Ok(Self {
            monitors,
            candidates,
            zone,
        })
    }

    /// The monitors without their parsed queries, by name.
    pub fn summaries(&self) -> impl Iterator<Item = &MonitorSummary> {
        self.monitors.iter().map(|monitor| &monitor.summary)
    }

    /// What the monitors say of a candidate of which not all may be known.
    #[must_use]
    pub fn verdict(&self, candidate: &Candidate<'_>, now: Timestamp) -> Verdict {
        let mut matching = Vec::new();
        let mut open = false;
        for (monitor, truth) in self.judge(candidate, now) {
            match truth {
                Truth::True => matching.push(monitor.summary.id.clone()),
                Truth::Unknown => open = true,
                Truth::False => {}
            }
        }
        match (open, matching.is_empty()) {
            (true, _) => Verdict::Open,
            (false, true) => Verdict::Nothing,
            (false, false) => Verdict::Mention(matching),
        }
    }

    /// Judges a candidate by the monitors that it can match; its words are cut once.
    fn judge<'a>(
        &'a self,
        candidate: &'a Candidate<'_>,
        now: Timestamp,
    ) -> impl Iterator<Item = (&'a Monitor, Truth)> {
        let context = MatchContext {
            now,
            zone: self.zone.clone(),
        };
        let tokens = PostTokens::new(candidate.post);
        let left = self.candidates.of(&tokens);
        left.into_iter().filter_map(move |place| {
            let monitor = self.monitors.get(place as usize)?;
            let truth = query::matches_tokens(&monitor.query, candidate, &tokens, &context);
            Some((monitor, truth))
        })
    }
}
