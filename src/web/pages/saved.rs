//! Searches that the team keeps by name: beside every page, and the forms that keep and forget one.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::inbox::Parameter;
use super::{Filled, error_page};
use crate::store::SavedSearch;
use crate::web::audit::Subjects;
use crate::web::auth::guard::Manager;
use crate::web::{Problem, SharedSite, api};

/// A saved search in the navigation.
#[derive(Debug)]
pub(in crate::web) struct Saved {
    pub name: String,
    pub href: String,
    /// It is what is shown.
    pub current: bool,
}

/// A search to keep.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct SearchForm {
    name: String,
    q: String,
    #[serde(default)]
    range: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    sort: String,
}

/// A search to forget.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct NameForm {
    name: String,
}

/// All saved searches, by name.
pub(in crate::web) async fn all(site: &SharedSite) -> Result<Vec<Saved>, Problem> {
    let saved = site.web.store.saved_searches().await;
    let saved = saved.map_err(|error| Problem::internal(&error))?;
    let link = |search: SavedSearch| Saved {
        href: href(&search),
        name: search.name,
        current: false,
    };
    Ok(saved.into_iter().map(link).collect())
}

/// Keeps a search, and shows it.
pub(in crate::web) async fn save(
    State(site): State<SharedSite>,
    _: Manager,
    Filled(form): Filled<SearchForm>,
) -> Response {
    let search = SavedSearch {
        name: form.name,
        query: form.q,
        range: form.range,
        scope: form.scope,
        sort: form.sort,
    };
    match saved(&site, search).await {
        Ok(response) => response,
        Err(problem) => error_page(&site, &problem),
    }
}

async fn saved(site: &SharedSite, search: SavedSearch) -> Result<Response, Problem> {
    let (name, href) = (search.name.trim().to_owned(), href(&search));
    // A form can't ask whether a colleague's search is meant.
    if all(site).await?.iter().any(|known| known.name == name) {
        let detail = format!(
            "There is a saved search \"{name}\". Take another name, or open that one and forget it first."
        );
        return Err(Problem::new(StatusCode::CONFLICT, "refused", detail));
    }
    api::searches::save(site, search).await?;
    Ok((named(name), Redirect::to(&href)).into_response())
}

/// For the audit log: the path does not say it.
fn named(name: String) -> Extension<Subjects> {
    Extension(Subjects(vec![(name, None)]))
}

/// Forgets a search, and shows the inbox.
pub(in crate::web) async fn remove(
    State(site): State<SharedSite>,
    _: Manager,
    Filled(form): Filled<NameForm>,
) -> Response {
    match api::searches::forget(&site, &form.name).await {
        Ok(()) => (named(form.name), Redirect::to("/")).into_response(),
        Err(problem) => error_page(&site, &problem),
    }
}

fn href(search: &SavedSearch) -> String {
    let state = Parameter {
        q: search.query.trim().to_owned(),
        range: search.range.clone(),
        scope: search.scope.clone(),
        sort: search.sort.clone(),
        ..Parameter::default()
    };
    state.fresh(|_| {})
}
