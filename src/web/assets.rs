//! Stylesheet, script and icon: embedded, served under names that hold their hash, cached for good.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use super::SharedSite;
use crate::domain::hex;

const CSS: &str = include_str!("../../assets/app.css");
const JS: &str = include_str!("../../assets/app.js");
const ICON: &str = include_str!("../../assets/icon.svg");

/// The paths of what is embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assets {
    /// The stylesheet.
    pub css: String,
    /// The script.
    pub js: String,
    /// The icon.
    pub icon: String,
}

impl Assets {
    /// The paths for this build.
    #[must_use]
    pub fn embedded() -> Self {
        Self {
            css: path("app", CSS, "css"),
            js: path("app", JS, "js"),
            icon: path("icon", ICON, "svg"),
        }
    }
}

fn path(name: &str, content: &str, ending: &str) -> String {
    let digest = Sha256::digest(content.as_bytes());
    format!("/assets/{name}-{}.{ending}", hex(&digest[..6]))
}

pub(super) fn routes() -> Router<SharedSite> {
    Router::new().route("/assets/{name}", get(asset))
}

async fn asset(State(site): State<SharedSite>, Path(name): Path<String>) -> Response {
    let wanted = format!("/assets/{name}");
    let (kind, content) = if wanted == site.assets.css {
        ("text/css; charset=utf-8", CSS)
    } else if wanted == site.assets.js {
        ("text/javascript; charset=utf-8", JS)
    } else if wanted == site.assets.icon {
        ("image/svg+xml", ICON)
    } else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, content).into_response()
}
