//! Every change that somebody asked for is noted: who, what, to what, and how it ended. Nothing of what was sent.

use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use super::auth::guard::Visitor;
use super::{SharedSite, WebState};
use crate::store::AuditEntry;

/// Most bytes of a subject; addresses may be long.
const SUBJECT_BYTES: usize = 256;

/// What a request was to change, as an extension of its answer, where its path does not say it: an entry for each, with how it
/// ended where that is not the answer's status.
#[derive(Debug, Clone)]
pub(super) struct Subjects(pub Vec<(String, Option<StatusCode>)>);

/// Runs a request that changes something, and notes it where it comes from somebody known, refused ones included.
pub(super) async fn run(site: &SharedSite, request: Request, next: Next) -> Response {
    let visitor = request.extensions().get::<Visitor>();
    let Some(actor) = visitor.and_then(Visitor::name).map(str::to_owned) else {
        return next.run(request).await;
    };
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("unknown", MatchedPath::as_str);
    let action = format!("{} {route}", request.method());
    let subject = subject(route, request.uri().path());
    let mut response = next.run(request).await;
    let status = response.status();
    let subjects = match response.extensions_mut().remove::<Subjects>() {
        Some(Subjects(many)) => many,
        None => vec![(subject, None)],
    };
    let entry = |(mut subject, outcome): (String, Option<StatusCode>)| {
        subject.truncate(subject.floor_char_boundary(SUBJECT_BYTES));
        AuditEntry {
            actor: actor.clone(),
            action: action.clone(),
            subject,
            outcome: outcome.unwrap_or(status).as_str().to_owned(),
        }
    };
    note(&site.web, subjects.into_iter().map(entry).collect()).await;
    response
}

/// Notes what happened; a store that cannot is no reason to say that what was done was not.
pub(super) async fn note(web: &WebState, entries: Vec<AuditEntry>) {
    if let Err(error) = web.store.note(entries, web.clock.now()).await {
        tracing::error!(%error, "could not note a change in the audit log");
    }
}

/// What stands in the path where the route has a variable.
fn subject(route: &str, path: &str) -> String {
    let variable = |(part, _): &(&str, &str)| part.starts_with('{');
    let parts = route.split('/').zip(path.split('/')).filter(variable);
    let parts: Vec<&str> = parts.map(|(_, value)| value).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_is_what_the_route_leaves_open() {
        for (route, path, expected) in [
            (
                "/api/v1/endpoints/{id}/rotate",
                "/api/v1/endpoints/crm/rotate",
                "crm",
            ),
            ("/api/v1/reload", "/api/v1/reload", ""),
            ("unknown", "/secret", ""),
        ] {
            assert_eq!(subject(route, path), expected);
        }
    }
}
