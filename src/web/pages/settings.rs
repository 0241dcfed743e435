//! Settings: the browser's colours for everybody; people, API tokens and the audit log for administrators.
//!
//! A secret that was made is shown in the answer to the form that made it, and never again.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::SignedDuration;
use serde::Deserialize;

use super::format::ShownTime;
use super::login::new_login_link;
use super::mention_view::Moment;
use super::{Chrome, Filled, Place, Stated, chrome, error_page, html, links};
use crate::store::StoreError;
use crate::web::api::extract::Named;
use crate::web::auth::guard::{Admin, PageReader, THEME_COOKIE, THEMES};
use crate::web::auth::{self, Right};
use crate::web::{Problem, Role, SharedSite};

/// Entries of the audit log that are shown; the API has all.
const SHOWN: usize = 50;
/// How long a browser remembers its colours, in seconds: a year.
const THEME_AGE: u32 = 365 * 24 * 3600;

#[derive(Template)]
#[template(path = "web/settings.html")]
struct SettingsPage {
    chrome: Chrome,
    who: String,
    role: &'static str,
    themes: Vec<Choice>,
    made: Option<Made>,
    access: Option<Access>,
}

struct Choice {
    name: &'static str,
    value: &'static str,
    current: bool,
}

/// A secret that was made just now.
struct Made {
    title: String,
    text: String,
}

/// What administrators see.
struct Access {
    roles: Vec<&'static str>,
    users: Vec<UserLine>,
    tokens: Vec<TokenLine>,
    entries: Vec<EntryLine>,
}

struct UserLine {
    name: String,
    role: String,
    since: ShownTime,
    disabled: bool,
    href: String,
}

struct TokenLine {
    name: String,
    role: String,
    made: ShownTime,
    used: Option<ShownTime>,
    ends: Option<ShownTime>,
    revoked: bool,
}

struct EntryLine {
    at: ShownTime,
    actor: String,
    action: String,
    subject: String,
    outcome: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct UserForm {
    name: String,
    role: Role,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct TokenForm {
    name: String,
    role: Role,
    /// Empty for never.
    days: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct NameForm {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct ThemeQuery {
    to: String,
}

pub(in crate::web) async fn settings(
    State(site): State<SharedSite>,
    reader: PageReader,
) -> Response {
    shown(&site, &reader, None).await
}

/// Remembers the colours in the browser; nothing is kept here.
pub(in crate::web) async fn theme(_: PageReader, Stated(query): Stated<ThemeQuery>) -> Response {
    let mut response = Redirect::to("/settings").into_response();
    let age = if THEMES.contains(&query.to.as_str()) {
        THEME_AGE
    } else {
        0
    };
    let value = if age == 0 { "" } else { query.to.as_str() };
    let cookie =
        format!("{THEME_COOKIE}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Lets somebody in, and comes back.
pub(in crate::web) async fn set_user(
    State(site): State<SharedSite>,
    _: Admin,
    Filled(form): Filled<UserForm>,
) -> Response {
    let (store, now) = (&site.web.store, site.web.clock.now());
    came_back(
        &site,
        auth::set_user(store, &form.name, form.role, now).await,
    )
}

/// Shuts somebody out, and comes back.
pub(in crate::web) async fn disable_user(
    State(site): State<SharedSite>,
    _: Admin,
    Named(name): Named<String>,
) -> Response {
    let now = site.web.clock.now();
    came_back(&site, site.web.store.disable_user(&name, now).await)
}

/// Makes a login link and shows it.
pub(in crate::web) async fn login_link(
    State(site): State<SharedSite>,
    _: Admin,
    reader: PageReader,
    Named(name): Named<String>,
) -> Response {
    let made = Made {
        title: format!("A link for {name}"),
        text: new_login_link(&site.web, &name),
    };
    shown(&site, &reader, Some(made)).await
}

/// Makes a token and shows it.
pub(in crate::web) async fn create_token(
    State(site): State<SharedSite>,
    _: Admin,
    reader: PageReader,
    Filled(form): Filled<TokenForm>,
) -> Response {
    let (store, now) = (&site.web.store, site.web.clock.now());
    let days = form.days.parse::<i64>().ok();
    let ends = days.and_then(|days| now.checked_add(SignedDuration::from_hours(24 * days)).ok());
    match auth::issue_token(store, &form.name, form.role, ends, now).await {
        Err(error) => refused(&site, &error),
        Ok(token) => {
            let made = Made {
                title: format!("The token {}", form.name),
                text: token.expose().to_owned(),
            };
            shown(&site, &reader, Some(made)).await
        }
    }
}

/// Revokes a token, and comes back.
pub(in crate::web) async fn revoke_token(
    State(site): State<SharedSite>,
    _: Admin,
    Filled(form): Filled<NameForm>,
) -> Response {
    let now = site.web.clock.now();
    came_back(&site, site.web.store.revoke_token(&form.name, now).await)
}

fn came_back<T>(site: &SharedSite, done: Result<T, StoreError>) -> Response {
    match done {
        Ok(_) => Redirect::to("/settings").into_response(),
        Err(error) => refused(site, &error),
    }
}

fn refused(site: &SharedSite, error: &StoreError) -> Response {
    let problem = match error {
        StoreError::Invalid { .. } => Problem::bad_request(error.to_string()),
        fault => Problem::internal(fault),
    };
    error_page(site, &problem)
}

async fn shown(site: &SharedSite, reader: &PageReader, made: Option<Made>) -> Response {
    match page(site, reader, made).await {
        Ok(page) => html(StatusCode::OK, &page),
        Err(problem) => error_page(site, &problem),
    }
}

async fn page(
    site: &SharedSite,
    reader: &PageReader,
    made: Option<Made>,
) -> Result<SettingsPage, Problem> {
    let access = if reader.role.may(Right::Administer) {
        let access = access(site).await;
        Some(access.map_err(|error| Problem::internal(&error))?)
    } else {
        None
    };
    let choices = [
        ("As the system", "system", ""),
        ("Light", "light", "light"),
        ("Dark", "dark", "dark"),
    ];
    Ok(SettingsPage {
        chrome: chrome(site, Place::Settings, reader).await?,
        who: reader.name.clone(),
        role: reader.role.as_str(),
        themes: choices
            .map(|(name, value, theme)| Choice {
                name,
                value,
                current: reader.theme == theme,
            })
            .into(),
        made,
        access,
    })
}

async fn access(site: &SharedSite) -> Result<Access, StoreError> {
    let store = &site.web.store;
    let moment = Moment {
        now: site.web.clock.now(),
        zone: &site.web.zone,
    };
    let users = store.users().await?;
    let tokens = store.tokens().await?;
    let entries = store.audit(None, SHOWN).await?;
    Ok(Access {
        roles: Role::ALL.map(Role::as_str).into(),
        users: users
            .into_iter()
            .map(|user| UserLine {
                href: links::user(&user.name),
                since: moment.time(user.created_at),
                disabled: user.disabled_at.is_some(),
                name: user.name,
                role: user.role,
            })
            .collect(),
        tokens: tokens
            .into_iter()
            .map(|token| TokenLine {
                made: moment.time(token.created_at),
                used: token.last_used_at.map(|at| moment.time(at)),
                ends: token.expires_at.map(|at| moment.time(at)),
                revoked: token.revoked_at.is_some(),
                name: token.name,
                role: token.role,
            })
            .collect(),
        entries: entries
            .into_iter()
            .map(|noted| EntryLine {
                at: moment.time(noted.at),
                actor: noted.entry.actor,
                action: noted.entry.action,
                subject: noted.entry.subject,
                outcome: noted.entry.outcome,
            })
            .collect(),
    })
}
