//! How the parts fare, in the words of the page and `/readyz`.

use crate::config::Config;
use crate::domain::SourceId;
use crate::ingest::Monitors;
use crate::runtime::Supervisor;
use crate::runtime::supervisor::{TaskState, TaskStatus};
use crate::web::{Declared, DeclaredSource, PartState, PartStatus};

/// What the configuration declares and people want to see.
pub(super) fn declared(config: &Config, monitors: &Monitors) -> Declared {
    Declared {
        monitors: monitors.summaries().cloned().collect(),
        sources: config
            .sources
            .iter()
            .map(|source| DeclaredSource {
                id: source.id.clone(),
                kind: source.kind.name().to_owned(),
                enabled: source.enabled,
            })
            .collect(),
        endpoints: config
            .endpoints
            .iter()
            .map(|endpoint| endpoint.id.clone())
            .collect(),
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

/// The part that stands for sources and endpoints while they are replaced.
pub(super) fn reloading() -> PartStatus {
    PartStatus {
        name: "sources and endpoints".to_owned(),
        state: PartState::Degraded,
        detail: Some("the configuration is being read again".to_owned()),
    }
}
