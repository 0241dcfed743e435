//! Makes the pollers: one for each URL, with all the sources that read it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::build::App;
use crate::config::{Config, SourceConfig, SourceKind};
use crate::domain::HttpKey;
use crate::fetch::{Fetcher, Url};
use crate::ingest::websub::Subscriber;
use crate::ingest::{PollSchedule, Poller, PollerParts};
use crate::sources::{self, Source};

/// With more sources than these, metrics do not name them: each costs some hundred bytes a metric.
const NAMED_SOURCES: usize = 1_000;

/// What sources must have in common to read one answer: the URL with its credential, the connector (which says what
/// is accepted), and whether robots.txt is asked.
type Reading = (HttpKey, &'static str, bool);

impl App {
    /// Makes the pollers of all enabled sources.
    pub(super) fn build_pollers(&self, config: &Config) -> anyhow::Result<Vec<Arc<Poller>>> {
        let enabled = config.sources.iter().filter(|source| source.enabled);
        let parts = Arc::new(PollerParts {
            store: self.store.clone(),
            pipeline: Arc::clone(&self.pipeline),
            clock: self.clock.clone(),
            fetcher: self.fetcher.clone(),
            named_metrics: enabled.clone().count() <= NAMED_SOURCES,
            follows_hubs: public_url_of_hubs(config).is_some(),
        });
        let mut lanes: HashMap<String, Arc<str>> = HashMap::new();
        let mut groups: Vec<Vec<(&SourceConfig, Arc<dyn Source>)>> = Vec::new();
        let mut by_reading: HashMap<Reading, usize> = HashMap::new();
        for source in enabled {
            let built: Arc<dyn Source> =
                Arc::from(sources::build(source, &self.fetcher, &self.clock)?);
            let reading = built
                .http_key()
                .map(|key| (key, source.kind.name(), obeys_robots(source)));
            match reading.as_ref().and_then(|reading| by_reading.get(reading)) {
                Some(&group) => groups[group].push((source, built)),
                None => {
                    by_reading.extend(reading.map(|reading| (reading, groups.len())));
                    groups.push(vec![(source, built)]);
                }
            }
        }
        groups
            .into_iter()
            .map(|group| {
                let name = lane(group[0].0);
                let lane = lanes
                    .entry(name)
                    .or_insert_with_key(|name| Arc::from(name.as_str()));
                let lane = Arc::clone(lane);
                self.poller(config, group, lane, Arc::clone(&parts))
            })
            .collect()
    }

    /// Who asks hubs, where they are followed; forgets the subscriptions of feeds that none of `pollers` reads.
    pub(super) async fn subscriber(
        &self,
        config: &Config,
        pollers: &[Arc<Poller>],
    ) -> anyhow::Result<Option<Subscriber>> {
        let public_url = public_url_of_hubs(config);
        let all = pollers.iter().filter(|_| public_url.is_some());
        let feeds = all.filter_map(|poller| poller.feed_url()).collect();
        self.store.keep_subscriptions_of(feeds).await?;
        let (store, fetcher, clock) = (&self.store, &self.fetcher, &self.clock);
        Ok(public_url.map(|public_url| {
            Subscriber::new(store.clone(), fetcher.clone(), clock.clone(), public_url)
        }))
    }

    fn poller(
        &self,
        config: &Config,
        group: Vec<(&SourceConfig, Arc<dyn Source>)>,
        lane: Arc<str>,
        parts: Arc<PollerParts>,
    ) -> anyhow::Result<Arc<Poller>> {
        let schedules = group.iter().map(|(source, _)| schedule(config, source));
        // The most eager of them speaks for all; the others get more than they asked for, at no request more.
        let schedule = schedules.min_by_key(|schedule| schedule.interval);
        let schedule = schedule.ok_or_else(|| anyhow::anyhow!("a poller without a source"))?;
        let mut group = group;
        if group.len() == 1
            && let Some((_, source)) = group.pop()
        {
            return Ok(Arc::new(Poller::new(source, schedule, lane, parts)));
        }
        let door = self.fetcher.sharing();
        let rebuilt = group.iter().map(|(source, _)| {
            let built = sources::build(source, &door, &self.clock)?;
            Ok(Arc::from(built))
        });
        let sources = rebuilt.collect::<anyhow::Result<Vec<Arc<dyn Source>>>>()?;
        Ok(Arc::new(Poller::shared(
            sources, door, schedule, lane, parts,
        )))
    }
}

/// The address at which hubs reach us, where they are followed.
pub(super) fn public_url_of_hubs(config: &Config) -> Option<&str> {
    config.public_url.as_deref().filter(|_| config.fetch.websub)
}

fn schedule(config: &Config, source: &SourceConfig) -> PollSchedule {
    let interval = Duration::from_secs(source.interval_secs);
    // A file is on our own disk: nobody is bothered by looking at it.
    let longest = match (&source.kind, source.max_interval_secs) {
        (SourceKind::File(_), _) => source.interval_secs,
        (_, Some(longest)) => longest,
        (_, None) => config.fetch.max_interval_secs,
    };
    PollSchedule {
        interval,
        max_interval: Duration::from_secs(longest).max(interval),
        backoff: Duration::from_secs(config.fetch.backoff_secs),
        max_backoff: Duration::from_secs(config.fetch.max_backoff_secs),
    }
}

/// The line of the source's host; a file has one of its own.
fn lane(source: &SourceConfig) -> String {
    let url = source.kind.url().and_then(|url| Url::parse(url).ok());
    url.map_or_else(
        || format!("source {}", source.id),
        |url| Fetcher::lane(&url),
    )
}

fn obeys_robots(source: &SourceConfig) -> bool {
    match &source.kind {
        SourceKind::Feed(feed) => feed.obey_robots,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::AppOptions;
    use crate::runtime::Clock;

    /// polling.md 17.
    #[tokio::test]
    async fn item_17_what_reads_one_answer_is_one_poller() {
        let dir = tempfile::tempdir().unwrap();
        let feed = "type = \"feed\"\nurl = \"https://a.example/feed";
        let page = "type = \"page\"\nurl = \"https://a.example/feed\"\nitem = \"p\"\ntext = \"b\"";
        let sources = [
            format!("{feed}\""),
            format!("{feed}#again\"\ninterval_secs = 60"),
            format!("{feed}\"\nobey_robots = false"),
            format!("{feed}/2\""),
            page.to_owned(),
            format!("{feed}\"\nenabled = false"),
        ];
        let blocks: String = (0..)
            .zip(&sources)
            .map(|(n, keys)| format!("[[sources]]\nid = \"s{n}\"\n{keys}\n"))
            .collect();
        let text = format!("[analysis]\nengine = \"none\"\n{blocks}");
        let mut config = Config::from_toml("test.toml", &text, std::iter::empty()).unwrap();
        config.data_dir = dir.path().join("data");
        let options = AppOptions {
            config_path: None,
            listener: None,
        };
        let app = App::build(config, options, Clock::system()).await.unwrap();
        let groups: Vec<Vec<&str>> = app
            .pollers
            .iter()
            .map(|poller| poller.ids().map(|id| id.as_str()).collect())
            .collect();
        assert_eq!(
            groups,
            [vec!["s0", "s1"], vec!["s2"], vec!["s3"], vec!["s4"]]
        );
        let eager = app.pollers[0].schedule();
        assert_eq!(eager.interval, Duration::from_secs(60));
        assert!(
            app.pollers
                .iter()
                .all(|poller| &**poller.lane() == "a.example")
        );
    }
}
