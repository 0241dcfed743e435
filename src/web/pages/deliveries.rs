//! Deliveries: how each webhook receiver fares, and what was given up, with another try one click away.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::format::{self, ShownTime};
use super::mention_view::Moment;
use super::{Chrome, Place, chrome, error_page, html};
use crate::domain::EndpointId;
use crate::store::DeadLetter;
use crate::web::api::endpoints::{EndpointDto, all_endpoints, pause_or_resume};
use crate::web::api::extract::Named;
use crate::web::auth::Right;
use crate::web::auth::guard::{Crm, PageReader};
use crate::web::{Problem, SharedSite, api};

/// Dead letters that are shown of an endpoint; replaying takes all.
const SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "web/deliveries.html")]
struct DeliveriesPage {
    chrome: Chrome,
    endpoints: Vec<Line>,
    dead: Vec<Dead>,
    more: bool,
    may_replay: bool,
}

struct Line {
    name: String,
    /// Where it is, and how it is told.
    address: String,
    problem: Option<String>,
    state: &'static str,
    glyph: &'static str,
    class: &'static str,
    is_active: bool,
    waiting: String,
    /// Events that wait behind those.
    behind: Option<String>,
    delivered: String,
    dead: String,
    next: Option<ShownTime>,
}

struct Dead {
    endpoint: String,
    kind: &'static str,
    event: String,
    attempts: String,
    reason: String,
    last: Option<ShownTime>,
}

pub(in crate::web) async fn deliveries(
    State(site): State<SharedSite>,
    reader: PageReader,
) -> Response {
    match page(&site, &reader).await {
        Ok(page) => html(StatusCode::OK, &page),
        Err(problem) => error_page(&site, &problem),
    }
}

/// Tries all dead deliveries again, and comes back.
pub(in crate::web) async fn replay(State(site): State<SharedSite>, _: Crm) -> Response {
    came_back(&site, api::admin::requeue(&site, None).await)
}

/// Pauses an endpoint, and comes back.
pub(in crate::web) async fn pause(
    State(site): State<SharedSite>,
    _: Crm,
    Named(endpoint): Named<EndpointId>,
) -> Response {
    came_back(&site, pause_or_resume(&site, &endpoint, true).await)
}

/// Resumes an endpoint, and comes back.
pub(in crate::web) async fn resume(
    State(site): State<SharedSite>,
    _: Crm,
    Named(endpoint): Named<EndpointId>,
) -> Response {
    came_back(&site, pause_or_resume(&site, &endpoint, false).await)
}

fn came_back<T>(site: &SharedSite, done: Result<T, Problem>) -> Response {
    match done {
        Ok(_) => Redirect::to("/deliveries").into_response(),
        Err(problem) => error_page(site, &problem),
    }
}

async fn page(site: &SharedSite, reader: &PageReader) -> Result<DeliveriesPage, Problem> {
    let store = &site.web.store;
    let failed = |error: crate::store::StoreError| Problem::internal(&error);
    let moment = Moment {
        now: site.web.clock.now(),
        zone: &site.web.zone,
    };
    let fare = all_endpoints(site).await.map_err(failed)?;
    let declared = site.web.declared.borrow().endpoint_names();
    let endpoints = fare.iter().map(|fare| line(fare, moment)).collect();
    let mut dead = Vec::new();
    let mut more = false;
    for endpoint in &declared {
        let letters = store.dead_letters(endpoint, 0, SHOWN + 1).await;
        let letters = letters.map_err(failed)?;
        more |= letters.len() > SHOWN;
        dead.extend(
            letters
                .iter()
                .take(SHOWN)
                .map(|letter| letter_of(letter, moment)),
        );
    }
    Ok(DeliveriesPage {
        chrome: chrome(site, Place::Deliveries, reader).await?,
        endpoints,
        dead,
        more,
        may_replay: reader.role.may(Right::Exchange),
    })
}

fn line(fare: &EndpointDto, moment: Moment<'_>) -> Line {
    let (state, glyph, class) = match (fare.state.as_str(), fare.dead, fare.waiting) {
        ("failed", _, _) => ("must be mended", "■", "negative"),
        ("paused", _, _) => ("paused", "■", "neutral"),
        ("disabled", _, _) => ("gone: it answered 410", "■", "negative"),
        (_, 1.., _) => ("gave some up", "▲", "negative"),
        (_, 0, 1..) => ("waiting", "○", "neutral"),
        (_, 0, 0) => ("up to date", "●", "fine"),
    };
    let is_active = matches!(fare.state.as_str(), "active" | "failed");
    Line {
        name: fare.id.clone(),
        address: fare.address.clone(),
        problem: fare.problem.as_deref().map(format::sentence),
        state,
        glyph,
        class,
        is_active,
        waiting: format::number(fare.waiting),
        behind: (fare.behind > 0).then(|| format::number(fare.behind)),
        delivered: format::number(fare.delivered),
        dead: format::number(fare.dead),
        next: fare
            .next_attempt_at
            .filter(|_| is_active)
            .map(|at| moment.time(at)),
    }
}

fn letter_of(letter: &DeadLetter, moment: Moment<'_>) -> Dead {
    let event = &letter.event.event;
    Dead {
        endpoint: letter.endpoint.to_string(),
        kind: event.kind.as_str(),
        event: event.id.to_string(),
        attempts: format::number(u64::from(letter.attempts)),
        reason: letter
            .last_error
            .as_deref()
            .map(format::sentence)
            .unwrap_or_default(),
        last: letter.last_attempt_at.map(|at| moment.time(at)),
    }
}
