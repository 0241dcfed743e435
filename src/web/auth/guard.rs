//! Says who is asking, before any handler runs, and lets handlers demand a role by their arguments.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::session::csrf_token;
use super::{ApiToken, Known, Pace, Right, Role, form};
use crate::web::{Door, Problem, SharedSite, audit, pages};

/// The session's cookie over plain HTTP, on loopback.
pub const COOKIE: &str = "overheard_session";
/// The session's cookie over TLS: the prefix binds it to this host.
pub const SECURE_COOKIE: &str = "__Host-overheard_session";

/// The cookie with the colours that a browser asked for.
pub const THEME_COOKIE: &str = "overheard_theme";
/// The colours that can be asked for.
pub const THEMES: [&str; 2] = ["light", "dark"];

/// Who is asking.
#[derive(Debug, Clone)]
pub struct Visitor {
    address: Option<IpAddr>,
    who: Who,
    /// Whether the browser's side of the connection speaks TLS.
    pub secure: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    Unknown,
    Socket,
    Token(Known),
    /// With what its forms must send back.
    Session(Known, String),
}

impl Visitor {
    /// What the visitor may do; none when unknown.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        match &self.who {
            Who::Unknown => None,
            Who::Socket => Some(Role::Admin),
            Who::Token(known) | Who::Session(known, _) => Some(known.role),
        }
    }

    /// Who it is, in words: `token crm`, `user ann`; none when unknown.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.who {
            Who::Unknown => None,
            Who::Socket => Some("command line"),
            Who::Token(known) | Who::Session(known, _) => Some(&known.name),
        }
    }

    /// Whether a browser's session brings the visitor, so that signing out means something.
    #[must_use]
    pub fn has_session(&self) -> bool {
        matches!(self.who, Who::Session(..))
    }

    /// What forms must send back.
    fn csrf(&self) -> Option<&str> {
        match &self.who {
            Who::Session(_, csrf) => Some(csrf),
            _ => None,
        }
    }

    /// Counts a request; how long to wait when there were too many.
    fn take(&self, pace: &Pace) -> Result<(), Duration> {
        match (&self.who, self.address) {
            (Who::Socket, _) => Ok(()),
            (Who::Token(known) | Who::Session(known, _), _) => pace.take(&known.name),
            (Who::Unknown, Some(address)) => pace.take(&address.to_string()),
            (Who::Unknown, None) => pace.take("nobody"),
        }
    }

    /// Whether the peer is this machine. A proxy on this machine makes this true for everybody.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.who == Who::Socket || self.address.is_some_and(|address| address.is_loopback())
    }

    /// The address whose attempts to log in are counted.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

/// Middleware: finds out who is asking and refuses requests that another site's page sent.
pub(in crate::web) async fn identify(
    State((site, door)): State<(SharedSite, Door)>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(peer)| peer.ip());
    let visitor = match visitor(&site, door, request.headers(), peer).await {
        Ok(visitor) => visitor,
        Err(problem) => return problem.into_response(),
    };
    if let Err(wait) = visitor.take(&site.pace) {
        let wait = i64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
        return Problem::too_many("too many requests at once; slow down", wait).into_response();
    }
    let changes = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let by_browser = matches!(visitor.who, Who::Session(..) | Who::Unknown);
    if changes && by_browser && !same_origin(request.headers()) {
        let detail = "the request comes from another site's page; send it from this page or with an API token";
        return Problem::forbidden(detail).into_response();
    }
    if changes && let Some(expected) = visitor.csrf() {
        request = match form::checked(request, expected).await {
            Ok(request) => request,
            Err(problem) => return problem.into_response(),
        };
    }
    request.extensions_mut().insert(visitor);
    if changes {
        audit::run(&site, request, next).await
    } else {
        next.run(request).await
    }
}

async fn visitor(
    site: &SharedSite,
    door: Door,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
) -> Result<Visitor, Problem> {
    let mut address = peer;
    let mut secure = false;
    if site.web.behind_proxy {
        // The last entry is the one that our own proxy wrote.
        let forwarded = last_entry(headers, "x-forwarded-for").and_then(|text| text.parse().ok());
        address = forwarded.or(address);
        secure = last_entry(headers, "x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    }
    let who = if door == Door::Socket {
        Who::Socket
    } else if let Some(value) = headers.get(header::AUTHORIZATION) {
        Who::Token(token_holder(site, value.to_str().unwrap_or_default()).await?)
    } else if let Some(secret) = session(headers) {
        let (store, now) = (&site.web.store, site.web.clock.now());
        let known = site.web.auth.browser(store, secret, now).await;
        let known = known.map_err(|error| Problem::internal(&error))?;
        known.map_or(Who::Unknown, |known| {
            Who::Session(known, csrf_token(secret))
        })
    } else {
        Who::Unknown
    };
    Ok(Visitor {
        address,
        who,
        secure,
    })
}

async fn token_holder(site: &SharedSite, authorization: &str) -> Result<Known, Problem> {
    let text = authorization
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| {
            Problem::unauthorized("use \"Authorization: Bearer ovh_..\" with an API token")
        })?;
    let token = ApiToken::parse(text).map_err(|error| Problem::unauthorized(error.to_string()))?;
    let unknown = || {
        Problem::unauthorized(
            "the token is unknown, revoked or expired; make one with \"overheard token create\"",
        )
    };
    let (store, now) = (&site.web.store, site.web.clock.now());
    site.web
        .auth
        .token(store, &token.hash(), now)
        .await
        .map_err(|error| Problem::internal(&error))?
        .ok_or_else(unknown)
}

/// The secret in the session's cookie.
pub(in crate::web) fn session(headers: &HeaderMap) -> Option<&str> {
    let mut cookies = cookies(headers);
    let found = cookies.find(|(name, _)| *name == SECURE_COOKIE || *name == COOKIE);
    found.map(|(_, value)| value)
}

/// The colours in the theme's cookie.
fn theme(headers: &HeaderMap) -> &'static str {
    let wanted = cookies(headers).find(|(name, _)| *name == THEME_COOKIE);
    let known = THEMES
        .into_iter()
        .find(|theme| Some(*theme) == wanted.map(|(_, value)| value));
    known.unwrap_or_default()
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
}

fn last_entry<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim)
}

/// Browsers send `Sec-Fetch-Site` or at least `Origin` with a form; a request without both is refused.
fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let (Some(origin), Some(host)) = (text("origin"), text("host")) else {
        return false;
    };
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    matches!(scheme, "http" | "https") && authority.eq_ignore_ascii_case(host)
}

/// An argument of API handlers: the visitor may read.
#[derive(Debug)]
pub struct Reader;

/// An argument of handlers: the visitor may correct the model, and poll and resume sources.
#[derive(Debug)]
pub struct Manager;

/// An argument of handlers: the visitor may import customers and try deliveries again.
#[derive(Debug)]
pub struct Crm;

/// An argument of handlers: the visitor may do everything.
#[derive(Debug)]
pub struct Admin;

/// An argument of page handlers: the visitor may read; others get the page that says how to sign in.
#[derive(Debug)]
pub struct PageReader {
    /// Whether there is a session to end.
    pub signed_in: bool,
    /// What the visitor may do.
    pub role: Role,
    /// What forms must send back; empty where nothing has to be.
    pub csrf: String,
    /// Who it is, in words.
    pub name: String,
    /// The colours that the browser asked for; those of its system when empty.
    pub theme: &'static str,
}

fn found(parts: &Parts) -> (Option<Role>, bool) {
    let visitor = parts.extensions.get::<Visitor>();
    let role = visitor.and_then(Visitor::role);
    (role, visitor.is_some_and(Visitor::has_session))
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        found(parts).0.map(|_| Self).ok_or_else(sign_in)
    }
}

impl<S: Sync> FromRequestParts<S> for Manager {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        allowed(parts, Right::Curate).map(|()| Self)
    }
}

impl<S: Sync> FromRequestParts<S> for Crm {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        allowed(parts, Right::Exchange).map(|()| Self)
    }
}

impl<S: Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        allowed(parts, Right::Administer).map(|()| Self)
    }
}

fn allowed(parts: &Parts, right: Right) -> Result<(), Problem> {
    match found(parts).0 {
        None => Err(sign_in()),
        Some(role) if role.may(right) => Ok(()),
        Some(role) => Err(Problem::forbidden(format!(
            "this needs the role {}; the token or session has the role {}",
            right.roles(),
            role.as_str()
        ))),
    }
}

impl FromRequestParts<SharedSite> for PageReader {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &SharedSite) -> Result<Self, Response> {
        let visitor = parts.extensions.get::<Visitor>();
        let (csrf, name) = (
            visitor.and_then(Visitor::csrf),
            visitor.and_then(Visitor::name),
        );
        match found(parts) {
            (Some(role), signed_in) => Ok(Self {
                signed_in,
                role,
                csrf: csrf.unwrap_or_default().to_owned(),
                name: name.unwrap_or_default().to_owned(),
                theme: theme(&parts.headers),
            }),
            (None, _) => Err(pages::login::how_to_sign_in(site)),
        }
    }
}

fn sign_in() -> Problem {
    Problem::unauthorized(
        "send an API token as \"Authorization: Bearer ovh_..\", or sign in with \"overheard login\"",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn only_our_own_page_is_the_same_origin() {
        let host = ("host", "127.0.0.1:8080");
        let check =
            |pairs: &[_], expected| assert_eq!(same_origin(&headers(pairs)), expected, "{pairs:?}");
        check(&[host], false);
        check(&[host, ("origin", "http://127.0.0.1:8080")], true);
        check(&[host, ("origin", "http://evil.example")], false);
        check(&[host, ("origin", "null")], false);
        check(&[host, ("origin", "http://127.0.0.1:8081")], false);
        check(&[host, ("sec-fetch-site", "same-origin")], true);
        check(
            &[
                host,
                ("sec-fetch-site", "cross-site"),
                ("origin", "http://127.0.0.1:8080"),
            ],
            false,
        );
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        assert_eq!(
            session(&headers(&[("cookie", "a=b; overheard_session=xyz; c=d")])),
            Some("xyz")
        );
        assert_eq!(
            session(&headers(&[("cookie", "__Host-overheard_session=q")])),
            Some("q")
        );
        assert_eq!(
            session(&headers(&[("cookie", "xoverheard_session=1")])),
            None
        );
    }

    #[test]
    fn the_proxy_wrote_the_last_entry() {
        let map = headers(&[("x-forwarded-for", "6.6.6.6, 192.0.2.7")]);
        assert_eq!(last_entry(&map, "x-forwarded-for"), Some("192.0.2.7"));
    }
}
