//! The inbox: search, what was found at a glance, and the chosen mention beside it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::facets::{Group, groups};
use super::inbox_view::{self as view, Choice, Empty, Fault, Field, Tally};
use super::mention_view::{Moment, Row, Sheet};
use super::{Chrome, Place, Stated, chrome, error_page, format, html, links};
use crate::domain::{PostId, SentimentLabel};
use crate::insight::marks::segments;
use crate::insight::search::Answer;
use crate::query::{Query, highlight, highlight_title};
use crate::web::auth::Right;
use crate::web::auth::guard::PageReader;
use crate::web::{Problem, Role, SharedSite, api};

/// Mentions on a page: a day's work at a glance, and well below 200 kB.
const PAGE: usize = 50;

/// The whole state of the inbox.
#[derive(Debug, Clone, Default, Deserialize)]
pub(in crate::web) struct Parameter {
    #[serde(default)]
    pub q: String,
    /// `24h`, `7d`, `30d` or empty for any time.
    #[serde(default)]
    pub range: String,
    /// `all` for posts that no monitor matches as well, or empty for mentions.
    #[serde(default)]
    pub scope: String,
    /// `relevance`, or empty for the newest first.
    #[serde(default)]
    pub sort: String,
    /// Where the page before ended.
    #[serde(default)]
    pub after: String,
    /// How many come before this page.
    #[serde(default)]
    pub from: usize,
    /// A post's id.
    #[serde(default)]
    pub selected: String,
}

/// What can be done with the search that is shown.
enum Keep {
    /// It is the whole inbox, or the visitor may keep none.
    Nothing,
    /// It gets a name.
    Save,
    /// It has this name, and loses it.
    Remove(String),
}

#[derive(Template)]
#[template(path = "web/inbox.html")]
struct InboxPage {
    chrome: Chrome,
    query: String,
    hidden: Vec<Field>,
    fault: Option<Fault>,
    total: String,
    noun: &'static str,
    tallies: Vec<Tally>,
    tallies_label: String,
    ranges: Vec<Choice>,
    scopes: Vec<Choice>,
    orders: Vec<Choice>,
    facets: Vec<Group>,
    /// The search that is watched for new mentions, and the address that shows them; on the first page only.
    live: Option<(String, String)>,
    keep: Keep,
    /// Mentions can be selected and corrected together.
    may_correct: bool,
    rows: Vec<Row>,
    empty: Empty,
    newer: Option<String>,
    older: Option<String>,
    span: String,
    selected: Option<Sheet>,
    chosen: bool,
    back: String,
}

impl Parameter {
    /// The address of the inbox with this state, some of it changed.
    pub fn href(&self, change: impl FnOnce(&mut Self)) -> String {
        let mut state = self.clone();
        change(&mut state);
        let from = if state.from == 0 {
            String::new()
        } else {
            state.from.to_string()
        };
        let parameters = [
            ("q", state.q.as_str()),
            ("range", &state.range),
            ("scope", &state.scope),
            ("sort", &state.sort),
            ("after", &state.after),
            ("from", &from),
            ("selected", &state.selected),
        ];
        let fragment = if state.selected.is_empty() {
            String::new()
        } else {
            format!("#{}", state.selected)
        };
        links::with_query("/", &parameters) + &fragment
    }

    /// The same search from its beginning, nothing chosen.
    pub fn fresh(&self, change: impl FnOnce(&mut Self)) -> String {
        self.href(|state| {
            state.from = 0;
            state.after.clear();
            state.selected.clear();
            change(state);
        })
    }
}

pub(in crate::web) async fn inbox(
    State(site): State<SharedSite>,
    reader: PageReader,
    Stated(state): Stated<Parameter>,
) -> Response {
    match page(&site, &reader, state).await {
        Ok((status, page)) => html(status, &page),
        Err(problem) => error_page(&site, &problem),
    }
}

async fn page(
    site: &SharedSite,
    reader: &PageReader,
    mut state: Parameter,
) -> Result<(StatusCode, InboxPage), Problem> {
    state.q = state.q.trim().to_owned();
    let mut chrome = chrome(site, Place::Inbox, reader).await?;
    let shown = state.fresh(|_| {});
    for saved in &mut chrome.saved {
        saved.current = saved.href == shown;
    }
    let mut page = InboxPage::blank(chrome, &state);
    page.may_correct = reader.role.may(Right::Curate);
    if page.may_correct && shown != "/" {
        let mut saved = page.chrome.saved.iter();
        page.keep = match saved.find(|saved| saved.current) {
            Some(saved) => Keep::Remove(saved.name.clone()),
            None => Keep::Save,
        };
    }
    let found = match find(site, &state).await {
        Ok(found) => found,
        Err(problem) => {
            page.fault = Some(view::fault(&problem));
            return Ok((problem.status(), page));
        }
    };
    let moment = Moment {
        now: site.web.clock.now(),
        zone: &site.web.zone,
    };
    page.selected = selected(site, &state, &found, reader.role, moment).await?;
    page.chosen = page.selected.is_some() && !state.selected.is_empty();
    page.fill(&state, found, moment);
    if page.rows.is_empty() {
        let sources = api::status::all_sources(site).await?;
        page.empty = view::empty(&state, &sources, moment);
    }
    Ok((StatusCode::OK, page))
}

/// What index and store say.
struct Found {
    query: Query,
    answer: Answer,
}

async fn find(site: &SharedSite, state: &Parameter) -> Result<Found, Problem> {
    let query = api::search::parse(&state.q)?;
    let query = api::search::within(&query, &state.range)?;
    let declared = site.web.declared.borrow().clone();
    let query = api::search::scoped(query, &state.scope, &declared.monitors)?;
    let mut request = api::search::request(site, PAGE, &state.after, &state.sort)?;
    request.facets = true;
    let searcher = &site.web.searcher;
    let answer = searcher.search(&query, &request).await;
    let answer = answer.map_err(|error| api::search::search_problem(&error))?;
    Ok(Found { query, answer })
}

/// The chosen mention, else the first of the list, so that wide screens waste no column.
async fn selected(
    site: &SharedSite,
    state: &Parameter,
    found: &Found,
    role: Role,
    moment: Moment<'_>,
) -> Result<Option<Sheet>, Problem> {
    let record = match PostId::parse(state.selected.as_str()) {
        Ok(id) => match found
            .answer
            .hits
            .iter()
            .find(|hit| hit.record.post.id == id)
        {
            Some(hit) => Some(hit.record.clone()),
            // Chosen by a colleague, or moved to another page since.
            None => {
                let record = site.web.store.record(&id).await;
                record.map_err(|error| Problem::internal(&error))?
            }
        },
        Err(_) => found.answer.hits.first().map(|hit| hit.record.clone()),
    };
    Ok(record.map(|record| {
        let title = record.post.title.as_deref().unwrap_or_default();
        let title = segments(title, &highlight_title(&found.query, title));
        let text = &record.post.text;
        let text = segments(text, &highlight(&found.query, text));
        let back = state.href(|state| state.selected = record.post.id.to_string());
        // Without the fragment, which no form sends.
        let back = back.split('#').next().unwrap_or_default();
        Sheet::new(&record, title, text, false, moment).correctable(&record, role, back)
    }))
}

impl InboxPage {
    fn blank(chrome: Chrome, state: &Parameter) -> Self {
        let hidden = [
            ("range", &state.range),
            ("scope", &state.scope),
            ("sort", &state.sort),
        ];
        let hidden = hidden.into_iter().filter(|(_, value)| !value.is_empty());
        Self {
            chrome,
            query: state.q.clone(),
            hidden: hidden
                .map(|(name, value)| Field {
                    name,
                    value: value.clone(),
                })
                .collect(),
            fault: None,
            total: String::new(),
            noun: "",
            tallies: Vec::new(),
            tallies_label: String::new(),
            ranges: view::ranges(state),
            scopes: view::scopes(state),
            orders: view::orders(state),
            facets: Vec::new(),
            live: None,
            keep: Keep::Nothing,
            may_correct: false,
            rows: Vec::new(),
            empty: Empty::default(),
            newer: None,
            older: None,
            span: String::new(),
            selected: None,
            chosen: false,
            back: state.href(|state| state.selected.clear()),
        }
    }

    fn fill(&mut self, state: &Parameter, found: Found, moment: Moment<'_>) {
        let answer = found.answer;
        // Facets of the query as it was typed: range and scope have their own switches.
        if let Ok(typed) = api::search::parse(&state.q) {
            self.facets = groups(&answer.facets, &typed, state);
        }
        if state.after.is_empty() && found.query.similar().is_none() {
            let query = found.query.to_string();
            let watched = links::with_query("/api/v1/search/live", &[("q", &query)]);
            self.live = Some((watched, state.fresh(|_| {})));
        }
        self.total = format::number(answer.total);
        self.noun = match state.scope.as_str() {
            "" => format::plural(answer.total, "mention", "mentions"),
            _ => format::plural(answer.total, "post", "posts"),
        };
        let sentiment = SentimentLabel::ALL.map(|label| answer.count("sentiment", label.as_str()));
        self.tallies = view::tallies(sentiment, state);
        self.tallies_label = view::tallies_label(&self.tallies);
        let shown = answer.hits.len();
        let (first, last) = (state.from + 1, state.from + shown);
        self.span = format!(
            "{} to {} of {}",
            format::number(first as u64),
            format::number(last as u64),
            self.total
        );
        self.newer = (!state.after.is_empty()).then(|| state.fresh(|_| {}));
        self.older = answer.next.map(|position| {
            state.href(|state| {
                state.from += shown;
                state.after = position.to_string();
                state.selected.clear();
            })
        });
        for hit in answer.hits {
            let id = hit.record.post.id.to_string();
            let current = self.chosen && state.selected == id;
            let href = state.href(|state| state.selected = id);
            let mut row = Row::new(&hit.record, hit.title, hit.snippet, href, moment);
            row.current = current;
            self.rows.push(row);
        }
        // Without a choice the first mention stands beside the list.
        if let (false, Some(_), Some(row)) = (self.chosen, &self.selected, self.rows.first_mut()) {
            row.current = true;
        }
    }
}
