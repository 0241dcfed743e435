//! `GET /api/v1/fields`: the fields of the query language and their values, for those who complete queries.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::{Answers, TAG_SEARCH};
use crate::query::vocabulary;
use crate::web::SharedSite;
use crate::web::auth::guard::Reader;

/// `{"fields": [..]}`
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct Fields {
    fields: Vec<FieldDto>,
}

/// A field of the query language.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct FieldDto {
    /// What stands before the `:`.
    name: &'static str,
    /// What may stand behind it, where that is a closed set, or what this installation has.
    values: Vec<String>,
}

/// Lists the fields of queries with the values that they take.
#[utoipa::path(get, path = "/api/v1/fields", tag = TAG_SEARCH,
    responses((status = 200, body = Fields), Answers))]
pub(in crate::web) async fn fields(State(site): State<SharedSite>, _: Reader) -> Json<Fields> {
    let declared = site.web.declared.borrow().clone();
    let fields = vocabulary().into_iter().map(|(name, values)| FieldDto {
        name,
        values: match name {
            "source" => declared
                .sources
                .iter()
                .map(|source| source.id.to_string())
                .collect(),
            "monitor" => declared
                .monitors
                .iter()
                .map(|monitor| monitor.id.to_string())
                .collect(),
            _ => values.into_iter().map(str::to_owned).collect(),
        },
    });
    Json(Fields {
        fields: fields.collect(),
    })
}
