//! Monitors: what is listened for and how much it catches; and a query tried out before it becomes one.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::inbox_view::{self as view, Fault};
use super::mention_view::{Moment, Row};
use super::{Chrome, Filled, Place, Stated, chrome, error_page, format, html, links};
use crate::domain::{BrandRole, MonitorId, MonitorSummary};
use crate::insight::Request;
use crate::query::{Query, check_monitor};
use crate::web::auth::Right;
use crate::web::auth::guard::{Manager, PageReader};
use crate::web::{Declared, Problem, SharedSite, api};

/// Posts that a preview shows.
const PREVIEW: usize = 10;
/// How far back a preview looks.
const LOOK_BACK: &str = "30d";
/// Whose brand, as forms say it.
const ROLES: [(&str, BrandRole); 3] = [
    ("own", BrandRole::Own),
    ("competitor", BrandRole::Competitor),
    ("topic", BrandRole::Topic),
];

/// The query that is tried out.
#[derive(Debug, Clone, Default, Deserialize)]
pub(in crate::web) struct Parameter {
    #[serde(default)]
    q: String,
    /// The monitor that it is to replace.
    #[serde(default)]
    of: String,
}

/// A monitor to keep.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct MonitorForm {
    name: String,
    query: String,
    brand: String,
    role: BrandRole,
}

/// A monitor to remove.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct NameForm {
    name: MonitorId,
}

/// Keeps a monitor, and comes back.
pub(in crate::web) async fn set(
    State(site): State<SharedSite>,
    _: Manager,
    Filled(form): Filled<MonitorForm>,
) -> Response {
    let Ok(id) = MonitorId::parse(form.name.trim().to_owned()) else {
        let detail = "A monitor's name has letters, digits, '-', '_' and '.' alone.";
        return error_page(&site, &Problem::bad_request(detail));
    };
    let monitor = MonitorSummary {
        id,
        query: form.query,
        brand: Some(form.brand),
        role: form.role,
    };
    came_back(&site, api::monitors::set(&site, monitor).await)
}

/// Removes a monitor, and comes back.
pub(in crate::web) async fn remove(
    State(site): State<SharedSite>,
    _: Manager,
    Filled(form): Filled<NameForm>,
) -> Response {
    came_back(&site, api::monitors::end(&site, &form.name).await)
}

fn came_back<T>(site: &SharedSite, done: Result<T, Problem>) -> Response {
    match done {
        Ok(_) => Redirect::to("/monitors").into_response(),
        Err(problem) => error_page(site, &problem),
    }
}

#[derive(Template)]
#[template(path = "web/monitors.html")]
struct MonitorsPage {
    chrome: Chrome,
    monitors: Vec<Line>,
    query: String,
    fault: Option<Fault>,
    preview: Option<Preview>,
    may_change: bool,
}

struct Line {
    name: String,
    query: String,
    brand: String,
    day: String,
    week: String,
    href: String,
    edit: String,
    /// It was made here, so it can be removed here.
    made: bool,
}

struct Preview {
    total: String,
    /// How many of these no monitor catches yet.
    news: String,
    /// The monitor that is being changed, by its name, brand and role.
    name: String,
    brand: String,
    roles: Vec<(&'static str, bool)>,
    href: String,
    rows: Vec<Row>,
}

pub(in crate::web) async fn monitors(
    State(site): State<SharedSite>,
    reader: PageReader,
    Stated(state): Stated<Parameter>,
) -> Response {
    match page(&site, &reader, state.q.trim(), &state.of).await {
        Ok((status, page)) => html(status, &page),
        Err(problem) => error_page(&site, &problem),
    }
}

async fn page(
    site: &SharedSite,
    reader: &PageReader,
    query: &str,
    of: &str,
) -> Result<(StatusCode, MonitorsPage), Problem> {
    let declared = site.web.declared.borrow().clone();
    let mut lines = Vec::with_capacity(declared.monitors.len());
    for monitor in &declared.monitors {
        let made = declared.made_monitors.contains(&monitor.id);
        lines.push(line(site, monitor, made).await?);
    }
    let mut page = MonitorsPage {
        chrome: chrome(site, Place::Monitors, reader).await?,
        monitors: lines,
        query: query.to_owned(),
        fault: None,
        preview: None,
        may_change: reader.role.may(Right::Curate),
    };
    if query.is_empty() {
        return Ok((StatusCode::OK, page));
    }
    match preview(site, query, of, &declared).await {
        Ok(preview) => page.preview = Some(preview),
        Err(problem) if problem.status().is_client_error() => {
            page.fault = Some(view::fault(&problem));
            return Ok((problem.status(), page));
        }
        Err(problem) => return Err(problem),
    }
    Ok((StatusCode::OK, page))
}

async fn line(site: &SharedSite, monitor: &MonitorSummary, made: bool) -> Result<Line, Problem> {
    let leaf = format!("monitor:{}", monitor.id);
    let count = async |since: &str| {
        let query = api::search::parse(&format!("{leaf} since:{since}"))?;
        Ok::<_, Problem>(format::number(count(site, &query).await?))
    };
    let role = match monitor.role {
        BrandRole::Own => "own brand",
        BrandRole::Competitor => "competitor",
        BrandRole::Topic => "topic",
    };
    Ok(Line {
        name: monitor.id.to_string(),
        brand: match &monitor.brand {
            Some(brand) => format!("{brand}, {role}"),
            None => role.to_owned(),
        },
        day: count("24h").await?,
        week: count("7d").await?,
        href: links::search(&leaf),
        edit: {
            let of = if made { monitor.id.as_str() } else { "" };
            links::with_query("/monitors", &[("q", &monitor.query), ("of", of)])
        },
        made,
        query: monitor.query.clone(),
    })
}

async fn count(site: &SharedSite, query: &Query) -> Result<u64, Problem> {
    let request = Request::first(0, site.web.clock.now(), site.web.zone.clone());
    let answer = site.web.searcher.search(query, &request).await;
    let answer = answer.map_err(|error| api::search::search_problem(&error))?;
    Ok(answer.total)
}

/// What the query would catch: of the posts that are stored, those of the last days.
async fn preview(
    site: &SharedSite,
    text: &str,
    of: &str,
    declared: &Declared,
) -> Result<Preview, Problem> {
    let monitors = &declared.monitors;
    let changed = monitors.iter().find(|known| known.id.as_str() == of);
    let query = api::search::parse(text)?;
    check_monitor(&query).map_err(|error| api::search::query_problem(&error))?;
    let recent = query.and(&api::search::parse(&format!("since:{LOOK_BACK}"))?);
    let request = Request::first(PREVIEW, site.web.clock.now(), site.web.zone.clone());
    let answer = site.web.searcher.search(&recent, &request).await;
    let answer = answer.map_err(|error| api::search::search_problem(&error))?;
    let news = match Query::of_monitors(monitors.iter().map(|monitor| &monitor.id)) {
        Some(caught) => count(site, &recent.and(&caught.negated())).await?,
        None => answer.total,
    };
    let moment = Moment {
        now: site.web.clock.now(),
        zone: &site.web.zone,
    };
    let rows = answer.hits.iter().map(|hit| {
        let href = links::mention(&hit.record.post.id);
        Row::new(
            &hit.record,
            hit.title.clone(),
            hit.snippet.clone(),
            href,
            moment,
        )
    });
    let all = [("q", format!("{recent}")), ("scope", "all".to_owned())];
    Ok(Preview {
        total: format::number(answer.total),
        news: format::number(news),
        name: changed.map_or_else(String::new, |monitor| monitor.id.to_string()),
        brand: changed
            .and_then(|monitor| monitor.brand.clone())
            .unwrap_or_default(),
        roles: ROLES
            .map(|(name, role)| (name, changed.is_some_and(|monitor| monitor.role == role)))
            .into(),
        href: links::with_query(
            "/",
            &all.each_ref().map(|(name, value)| (*name, value.as_str())),
        ),
        rows: rows.collect(),
    })
}
