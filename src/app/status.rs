//! How the parts fare, in the words of the page and `/readyz`.

use crate::config::Config;
use crate::domain::{MonitorId, SourceId};
use crate::ingest::Monitors;
use crate::runtime::Supervisor;
use crate::runtime::supervisor::{TaskState, TaskStatus};
use crate::web::{Declared, DeclaredEndpoint, DeclaredSource, PartState, PartStatus};

/// What the configuration declares and people want to see.
pub(super) fn declared(
    config: &Config,
    monitors: &Monitors,
    made_monitors: &[MonitorId],
    endpoints: Vec<DeclaredEndpoint>,
) -> Declared {
    Declared {
        monitors: monitors.summaries().cloned().collect(),
        made_monitors: made_monitors.to_vec(),
        sources: config
            .sources
            .iter()
            .map(|source| DeclaredSource {
                id: source.id.clone(),
                kind: source.kind.name().to_owned(),
                enabled: source.enabled,
            })
            .collect(),
        endpoints,
    }
}

/// The tasks of a supervisor as parts.
pub(super) fn parts(supervisor: &Supervisor) -> Vec<PartStatus> {
    supervisor
        .states()
        .into_iter()
        .map(|task| PartStatus {
            state: if is_alive(&task) {
                PartState::Ready
            } else {
                PartState::Degraded
            },
            detail: task
                .last_error
                .filter(|_| task.status == TaskStatus::Restarting),
            name: task.name,
        })
        .collect()
}

/// A source whose polls could not be stored as a part.
pub(super) fn troubled((source, error): (SourceId, String)) -> PartStatus {
    PartStatus {
        name: format!("source {source}"),
        state: PartState::Degraded,
        detail: Some(error),
    }
}

/// Whether a task runs, or ended because it was done.
pub(super) fn is_alive(task: &TaskState) -> bool {
    task.status != TaskStatus::Restarting
}

/// The part that stands for sources or endpoints while they are replaced.
pub(super) fn reloading(what: &str) -> PartStatus {
    PartStatus {
        name: what.to_owned(),
        state: PartState::Degraded,
        detail: Some("they are being started anew".to_owned()),
    }
}
