//! Signing in with a one-time link, signing out, and the page for those who have not signed in.

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{Alone, error_page, html};
use crate::store::AuditEntry;
use crate::web::auth::guard::{COOKIE, SECURE_COOKIE, Visitor, session};
use crate::web::auth::session::{expose, new_secret};
use crate::web::auth::{LINK_LIFETIME, SESSION_LIFETIME, SecretHash};
use crate::web::{Problem, SharedSite, WebState, audit};

#[derive(Deserialize)]
pub(in crate::web) struct LoginQuery {
    #[serde(default)]
    token: String,
}

/// Makes a fresh login link for a user: valid once, for an hour.
pub fn new_login_link(web: &WebState, user: &str) -> String {
    let sessions = &web.auth.sessions;
    let secret = sessions.new_link(user, web.clock.now(), &mut rand::rng());
    let base = web.base_url.trim_end_matches('/');
    format!("{base}/login?token={}", expose(&secret))
}

/// The page for those who have not signed in.
pub(in crate::web) fn how_to_sign_in(site: &SharedSite) -> Response {
    let minutes = LINK_LIFETIME.as_secs() / 60;
    let detail = format!(
        "This page is for people who may open a shell on the machine that Overheard runs on. \
         The command prints a link that signs you in; it works once and for {minutes} minutes."
    );
    let page = Alone {
        title: "Not signed in",
        detail: &detail,
        command: Some("run: overheard login"),
        forward: None,
        assets: &site.assets,
    };
    html(StatusCode::UNAUTHORIZED, &page)
}

pub(in crate::web) async fn login(
    State(site): State<SharedSite>,
    Extension(visitor): Extension<Visitor>,
    method: Method,
    Query(query): Query<LoginQuery>,
) -> Response {
    // A link is used up by looking: a program that only asks for the headers must not do so.
    if method == Method::HEAD {
        return StatusCode::NO_CONTENT.into_response();
    }
    if query.token.is_empty() {
        return how_to_sign_in(&site);
    }
    let now = site.web.clock.now();
    let attempts = &site.web.auth.attempts;
    if let Some(until) = attempts.blocked_until(visitor.address(), now) {
        let wait = until.duration_since(now).as_secs();
        let problem = Problem::too_many("Wait a minute, then run \"overheard login\" again.", wait);
        let mut response = error_page(&site, &problem);
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(wait.max(1)));
        return response;
    }
    let sessions = &site.web.auth.sessions;
    let store = &site.web.store;
    let redeemed = sessions.redeem(store, &query.token, now, new_secret(&mut rand::rng()));
    let redeemed = match redeemed.await {
        Ok(redeemed) => redeemed,
        Err(error) => return error_page(&site, &Problem::internal(&error)),
    };
    let Some((user, secret)) = redeemed else {
        attempts.failed(visitor.address(), now);
        let page = Alone {
            title: "This link has been used or is too old",
            detail: "Every link works once and for an hour. Make a new one.",
            command: Some("run: overheard login"),
            forward: None,
            assets: &site.assets,
        };
        return html(StatusCode::UNAUTHORIZED, &page);
    };
    let entry = AuditEntry {
        actor: format!("user {user}"),
        action: "signed in".to_owned(),
        subject: String::new(),
        outcome: StatusCode::OK.as_str().to_owned(),
    };
    audit::note(&site.web, vec![entry]).await;
    // The page leads on by itself: a redirect would belong to the program that opened the link, and
    // a strict cookie is not sent then.
    let page = Alone {
        title: "Signed in",
        detail: "The inbox opens by itself.",
        command: None,
        forward: Some("/"),
        assets: &site.assets,
    };
    let mut response = html(StatusCode::OK, &page);
    let age = SESSION_LIFETIME.as_secs();
    set_cookie(&mut response, &cookie(visitor.secure, expose(&secret), age));
    response
}

pub(in crate::web) async fn logout(
    State(site): State<SharedSite>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
) -> Response {
    if let Some(secret) = session(&headers) {
        let hash = *SecretHash::of(secret).as_bytes();
        if let Err(error) = site.web.store.end_session(hash).await {
            return error_page(&site, &Problem::internal(&error));
        }
    }
    let mut response = Redirect::to("/").into_response();
    set_cookie(&mut response, &cookie(visitor.secure, "", 0));
    response
}

fn cookie(secure: bool, value: &str, age: u64) -> String {
    let (name, end) = if secure {
        (SECURE_COOKIE, "; Secure")
    } else {
        (COOKIE, "")
    };
    format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{end}")
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(mut value) = HeaderValue::from_str(cookie) {
        value.set_sensitive(true);
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}
