//! One network's HTTP server: log, trouble on command, conditional requests.
//!
//! Knows no wire format: the files beside it render pages.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Response, Uri, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::trouble::{PAGE, gzip_bomb};
use super::{Asked, Network, Trouble, World};
use super::{appstore, atom, hackernews, jsonfeed, mastodon, reviews, rss};

/// What a network answers to a good request.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub content_type: &'static str,
    pub body: String,
    /// The posts on it.
    pub posts: Vec<u64>,
    /// When the newest of them was published.
    pub modified: Option<Timestamp>,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// Whether validators are sent and honoured.
    pub conditional: bool,
}

/// A request, as the renderers see it.
pub(super) struct Ask<'a> {
    pub path: &'a str,
    query: &'a str,
}

impl Ask<'_> {
    /// A query parameter, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let decoded = |text: &str| {
            let mut bytes = Vec::with_capacity(text.len());
            let mut rest = text.as_bytes();
            while let [first, tail @ ..] = rest {
                let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
                let code = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
                (rest, _) = match (first, code) {
                    (b'%', Some(code)) => (&tail[2..], bytes.push(code)),
                    (b'+', _) => (tail, bytes.push(b' ')),
                    _ => (tail, bytes.push(*first)),
                };
            }
            String::from_utf8_lossy(&bytes).into_owned()
        };
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (key == name).then(|| decoded(value))
        })
    }
}

/// Serves a network until `stop`.
pub(super) async fn serve(
    network: Network,
    listener: TcpListener,
    world: Arc<Mutex<World>>,
    stop: CancellationToken,
) {
    let router = Router::new().fallback(move |uri: Uri, headers: HeaderMap| {
        let world = Arc::clone(&world);
        async move { answer(network, &world, &uri, &headers).await }
    });
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    // A listener on loopback fails only with the machine; the networks beside it go on.
    drop(served);
}

async fn answer(
    network: Network,
    world: &Mutex<World>,
    uri: &Uri,
    headers: &HeaderMap,
) -> Response<Body> {
    let (response, hangs) = decide(network, world, uri, headers);
    if hangs {
        std::future::pending::<()>().await;
    }
    response
}

fn decide(
    network: Network,
    world: &Mutex<World>,
    uri: &Uri,
    headers: &HeaderMap,
) -> (Response<Body>, bool) {
    let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
    let text = |name: header::HeaderName| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let mut asked = Asked {
        target: uri.to_string(),
        if_none_match: text(header::IF_NONE_MATCH),
        if_modified_since: text(header::IF_MODIFIED_SINCE),
        user_agent: text(header::USER_AGENT),
        status: 0,
    };
    let is_robots = uri.path() == "/robots.txt";
    let trouble = world
        .troubles
        .iter()
        .position(|(there, _)| *there == network && !is_robots);
    let trouble = trouble.map(|index| world.troubles.remove(index).1);
    let ask = Ask {
        path: uri.path(),
        query: uri.query().unwrap_or(""),
    };
    let page = match network {
        _ if is_robots => reviews::robots(network),
        Network::Rss => rss::page(&world, &ask),
        Network::Atom => atom::page(&world, &ask),
        Network::JsonFeed => jsonfeed::page(&world, &ask),
        Network::Mastodon => mastodon::page(&world, &ask),
        Network::HackerNews => hackernews::page(&world, &ask),
        Network::AppStore => appstore::page(&world, &ask),
        Network::Reviews => reviews::page(&world, &ask),
    };
    let hangs = trouble == Some(Trouble::Hang);
    let drops = trouble == Some(Trouble::Drop);
    let posts = page
        .as_ref()
        .map(|page| page.posts.clone())
        .unwrap_or_default();
    let response = match (trouble, page) {
        (Some(trouble), page) => troubled(&trouble, page),
        (None, Some(page)) => good(page, &asked),
        (None, None) => plain(404, "text/plain", Body::from("not found")),
    };
    if !hangs && !drops {
        asked.status = response.status().as_u16();
    }
    let whole = response.extensions().get::<Whole>().is_some();
    if whole {
        world.served.extend(posts);
    }
    world.asked.push((network, asked));
    (response, hangs)
}

/// Marks an answer with all that it should hold.
#[derive(Clone)]
struct Whole;

fn good(page: Page, asked: &Asked) -> Response<Body> {
    let mut hasher = DefaultHasher::new();
    page.body.hash(&mut hasher);
    let etag = format!("W/\"{:016x}\"", hasher.finish());
    let modified = page.modified.and_then(|time| {
        rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&time)
            .ok()
    });
    let mut builder = Response::builder();
    if page.conditional {
        builder = builder.header(header::ETAG, &etag);
        if let Some(modified) = &modified {
            builder = builder.header(header::LAST_MODIFIED, modified);
        }
        // The tag decides when there is one (RFC 9110, 13.2.2).
        let current = match &asked.if_none_match {
            Some(known) => *known == etag,
            None => asked.if_modified_since.is_some() && asked.if_modified_since == modified,
        };
        if current {
            return finish(builder.status(304), Body::empty());
        }
    }
    for (name, value) in page.headers {
        builder = builder.header(name, value);
    }
    builder = builder
        .header(header::CONTENT_TYPE, page.content_type)
        .extension(Whole);
    finish(builder, Body::from(page.body))
}

fn troubled(trouble: &Trouble, page: Option<Page>) -> Response<Body> {
    let page = page.unwrap_or_default();
    let kind = page.content_type;
    match trouble {
        Trouble::Status(status) => plain(*status, "text/plain", Body::from("trouble")),
        Trouble::RateLimited(seconds) => {
            let builder = Response::builder()
                .status(429)
                .header(header::RETRY_AFTER, seconds.to_string());
            finish(builder, Body::empty())
        }
        Trouble::HtmlPage => plain(200, "text/html", Body::from(PAGE)),
        Trouble::HugeBody(bytes) => plain(200, kind, Body::from(vec![b'x'; *bytes])),
        Trouble::GzipBomb(bytes) => {
            let builder = Response::builder()
                .header(header::CONTENT_TYPE, kind)
                .header(header::CONTENT_ENCODING, "gzip");
            finish(builder, Body::from(gzip_bomb(*bytes)))
        }
        Trouble::InvalidUtf8 => {
            let mut bytes = page.body.into_bytes();
            let middle = bytes.len() / 2;
            bytes.splice(middle..middle, [0xff, 0xfe, 0xc3]);
            plain(200, kind, Body::from(bytes))
        }
        Trouble::Cut => {
            let mut bytes = page.body.into_bytes();
            bytes.truncate(bytes.len() / 2);
            plain(200, kind, Body::from(bytes))
        }
        Trouble::Drop => {
            let start = Bytes::from(page.body.into_bytes()).slice(..0);
            let pieces: [Result<Bytes, std::io::Error>; 2] =
                [Ok(start), Err(std::io::ErrorKind::ConnectionReset.into())];
            let builder = Response::builder().header(header::CONTENT_LENGTH, "100");
            finish(
                builder,
                Body::from_stream(futures_util::stream::iter(pieces)),
            )
        }
        Trouble::Hang => plain(200, kind, Body::empty()),
    }
}

fn plain(status: u16, content_type: &str, body: Body) -> Response<Body> {
    finish(
        Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, content_type),
        body,
    )
}

fn finish(builder: axum::http::response::Builder, body: Body) -> Response<Body> {
    let refused: Result<Response<Body>, Infallible> = Ok(builder
        .body(body)
        .unwrap_or_else(|_| Response::new(Body::from("bad header"))));
    let Ok(response) = refused;
    response
}
