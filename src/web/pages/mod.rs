//! The page, rendered on the server. It works without JavaScript, loads nothing from elsewhere and
//! shows a post's text as text.

mod chart;
pub mod customer;
pub mod customers;
pub mod deliveries;
pub mod digests;
mod facets;
pub mod format;
pub mod inbox;
mod inbox_view;
pub mod links;
pub mod login;
pub mod mention;
pub(super) mod mention_view;
pub mod monitors;
pub mod overview;
pub mod reference;
pub mod saved;
mod score_view;
pub mod settings;
pub mod sources;

use askama::Template;
use axum::Router;
use axum::extract::{Form, FromRequest, FromRequestParts, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::de::DeserializeOwned;

use super::assets::Assets;
use super::auth::guard::PageReader;
use super::{PartState, Problem, SharedSite};
use crate::domain::SourceState;

/// Which entry of the navigation is the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Inbox,
    Overview,
    Customers,
    Monitors,
    Sources,
    Deliveries,
    Digests,
    Settings,
    Elsewhere,
}

impl Place {
    /// The entries of the navigation with their addresses, in order.
    const NAVIGATION: [(Self, &'static str, &'static str); 8] = [
        (Self::Inbox, "Inbox", "/"),
        (Self::Overview, "Overview", "/overview"),
        (Self::Customers, "Customers", "/customers"),
        (Self::Monitors, "Monitors", "/monitors"),
        (Self::Sources, "Sources", "/sources"),
        (Self::Deliveries, "Deliveries", "/deliveries"),
        (Self::Digests, "Digests", "/digests"),
        (Self::Settings, "Settings", "/settings"),
    ];
}

/// An entry of the navigation.
#[derive(Debug)]
pub(super) struct Entry {
    name: &'static str,
    href: &'static str,
    current: bool,
    /// What needs attention there: how much, and a sentence.
    alarm: Option<(String, String)>,
}

/// What surrounds every page.
#[derive(Debug)]
pub(super) struct Chrome {
    pub navigation: Vec<Entry>,
    /// Searches that the team keeps.
    pub saved: Vec<saved::Saved>,
    pub assets: Assets,
    pub notices: Vec<String>,
    pub signed_in: bool,
    /// What forms send back.
    pub csrf: String,
    /// The colours that were asked for, if any.
    pub theme: &'static str,
}

/// A page without the rest: signing in, errors.
#[derive(Template)]
#[template(path = "web/alone.html")]
struct Alone<'a> {
    title: &'a str,
    detail: &'a str,
    command: Option<&'a str>,
    forward: Option<&'a str>,
    assets: &'a Assets,
}

pub(super) fn routes() -> Router<SharedSite> {
    Router::new()
        .route("/", get(inbox::inbox))
        .route("/searches", post(saved::save))
        .route("/searches/remove", post(saved::remove))
        .route("/mentions/{id}", get(mention::mention))
        .route("/mentions/corrections", post(mention::correct_all))
        .route("/mentions/{id}/correction", post(mention::correct))
        .route("/customers", get(customers::customers))
        .route("/customers/links", post(customers::link))
        .route("/customers/{id}", get(customer::customer))
        .route("/overview", get(overview::overview))
        .route("/monitors", get(monitors::monitors).post(monitors::set))
        .route("/monitors/remove", post(monitors::remove))
        .route("/sources", get(sources::sources))
        .route("/deliveries", get(deliveries::deliveries))
        .route("/deliveries/replay", post(deliveries::replay))
        .route("/deliveries/{id}/pause", post(deliveries::pause))
        .route("/deliveries/{id}/resume", post(deliveries::resume))
        .route("/digests", get(digests::digests))
        .route("/digests/{id}/{date}", get(digests::digest))
        .route("/api", get(reference::reference))
        .route("/settings", get(settings::settings))
        .route("/settings/theme", get(settings::theme))
        .route("/settings/users", post(settings::set_user))
        .route("/settings/users/{id}/link", post(settings::login_link))
        .route("/settings/users/{id}/disable", post(settings::disable_user))
        .route("/settings/tokens", post(settings::create_token))
        .route("/settings/tokens/revoke", post(settings::revoke_token))
        .route("/login", get(login::login))
        .route("/logout", post(login::logout))
}

/// Builds what surrounds a page. A store that fails here fails the page too, so that it is said once.
pub(super) async fn chrome(
    site: &SharedSite,
    place: Place,
    reader: &PageReader,
) -> Result<Chrome, Problem> {
    let statuses = site.web.store.source_statuses().await;
    let statuses = statuses.map_err(|error| Problem::internal(&error))?;
    let declared = site.web.declared.borrow().clone();
    let faults = statuses
        .iter()
        .filter(|status| matches!(status.state, SourceState::Failing | SourceState::Paused))
        .filter(|status| {
            let mut sources = declared.sources.iter();
            sources.any(|source| source.enabled && source.id == status.id)
        })
        .count() as u64;
    let faults = (faults > 0).then(|| {
        let noun = format::plural(faults, "source needs", "sources need");
        let count = format::number(faults);
        (count.clone(), format!("{count} {noun} attention"))
    });
    let counts = site.web.store.dead_count().await;
    let dead = counts.map_err(|error| Problem::internal(&error))?;
    let dead = (dead > 0).then(|| {
        let noun = format::plural(dead, "delivery was", "deliveries were");
        let count = format::number(dead);
        (count.clone(), format!("{count} {noun} given up"))
    });
    let mut alarms = [(Place::Sources, faults), (Place::Deliveries, dead)];
    let navigation = Place::NAVIGATION.map(|(entry, name, href)| Entry {
        name,
        href,
        current: entry == place,
        alarm: alarms
            .iter_mut()
            .find(|(at, _)| *at == entry)
            .and_then(|(_, alarm)| alarm.take()),
    });
    let notices = (site.web.status)()
        .into_iter()
        .filter(|part| part.state != PartState::Ready)
        .map(|part| {
            let state = match part.state {
                PartState::Starting => "is starting",
                PartState::Failed => "has failed",
                PartState::Ready | PartState::Degraded => "works only in part",
            };
            match part.detail {
                Some(detail) => format!("{} {state}: {detail}", part.name),
                None => format!("{} {state}; what is shown may be incomplete", part.name),
            }
        })
        .collect();
    Ok(Chrome {
        navigation: navigation.into(),
        saved: saved::all(site).await?,
        assets: site.assets.clone(),
        notices,
        signed_in: reader.signed_in,
        csrf: reader.csrf.clone(),
        theme: reader.theme,
    })
}

/// An argument of page handlers: the state in the address; a damaged one gets a page that says so.
pub(super) struct Stated<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<SharedSite> for Stated<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &SharedSite) -> Result<Self, Response> {
        let state = Query::<T>::from_request_parts(parts, site).await;
        state.map(|Query(state)| Self(state)).map_err(|rejection| {
            let detail = format!("The address is damaged: {rejection}");
            error_page(site, &Problem::bad_request(detail))
        })
    }
}

/// An argument of page handlers: what a form says; one that can't be read gets a page that says so.
pub(super) struct Filled<T>(pub T);

impl<T: DeserializeOwned> FromRequest<SharedSite> for Filled<T> {
    type Rejection = Response;

    async fn from_request(request: Request, site: &SharedSite) -> Result<Self, Response> {
        let form = Form::<T>::from_request(request, site).await;
        form.map(|Form(form)| Self(form)).map_err(|rejection| {
            let detail = format!("The form can't be read: {}", rejection.body_text());
            error_page(site, &Problem::new(rejection.status(), "bad form", detail))
        })
    }
}

/// Renders a template as HTML.
pub(super) fn html(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(page) => {
            let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
            (status, kind, page).into_response()
        }
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// An error as a page.
pub(super) fn error_page(site: &SharedSite, problem: &Problem) -> Response {
    let title = match problem.status() {
        StatusCode::NOT_FOUND => "Not here",
        StatusCode::TOO_MANY_REQUESTS => "Too many attempts",
        status if status.is_server_error() => "Something is broken",
        _ => "That does not work",
    };
    let page = Alone {
        title,
        detail: problem.detail(),
        command: None,
        forward: None,
        assets: &site.assets,
    };
    html(problem.status(), &page)
}

pub(super) async fn not_found(State(site): State<SharedSite>, uri: Uri) -> Response {
    if uri.path().starts_with("/api/") {
        return Problem::not_found("the API has no such path; its paths begin with /api/v1/")
            .into_response();
    }
    let detail = "There is no such page. The inbox is a good place to start again.";
    error_page(&site, &Problem::not_found(detail))
}
