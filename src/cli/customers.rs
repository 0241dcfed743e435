//! `overheard customers`: import and timeline.

use super::access;
use super::customers_args::{CustomerFormat, CustomersCommand};
use super::daemon::{self, Writer};
use super::output::{BOLD, DIM, Output};
use super::read_input;
use super::search::{printable, when};
use crate::app;
use crate::config::Config;
use crate::customers::{ImportFormat, read_customers};
use crate::domain::CustomerId;
use crate::insight::{CustomerDto, CustomerSummaryDto, ImportDto};
use crate::runtime::Clock;

/// Imports or shows customers.
///
/// # Errors
/// When the file or the store can't be used, or there is no such customer.
pub async fn run(
    config: &Config,
    command: CustomersCommand,
    output: &Output,
) -> anyhow::Result<i32> {
    match command {
        CustomersCommand::Import { file, format, json } => {
            let is_csv = match format {
                Some(format) => format == CustomerFormat::Csv,
                None => file
                    .extension()
                    .is_some_and(|ending| ending.eq_ignore_ascii_case("csv")),
            };
            let content = read_input(&file)?;
            let summary = import(config, content, is_csv).await?;
            if json {
                output.json(&summary)?;
            } else {
                report(&summary, output)?;
            }
            Ok(i32::from(!summary.rejects.is_empty()))
        }
        CustomersCommand::List { text, limit, json } => {
            list(config, &text.unwrap_or_default(), limit, json, output).await
        }
        CustomersCommand::Show { id, limit, json } => show(config, id, limit, json, output).await,
    }
}

async fn import(config: &Config, content: Vec<u8>, is_csv: bool) -> anyhow::Result<ImportDto> {
    match daemon::writer(config)? {
        Writer::Daemon(client) => {
            let content_type = if is_csv {
                "text/csv"
            } else {
                "application/json"
            };
            let answer = client
                .post("/api/v1/customers/import", content_type, content)
                .await?;
            Ok(serde_json::from_value(daemon::accepted(&answer)?)?)
        }
        Writer::Files(_lock) => {
            let format = if is_csv {
                ImportFormat::Csv
            } else {
                ImportFormat::Json
            };
            let mut import = read_customers(content.as_slice(), format)?;
            let now = Clock::system().now();
            let store = app::open_store(config, now).await?;
            let outcome = store
                .import_customers(std::mem::take(&mut import.customers), now)
                .await?;
            access::note(&store, "customers import", "").await?;
            store.close().await;
            Ok(ImportDto::new(&outcome, &import))
        }
    }
}

fn report(summary: &ImportDto, output: &Output) -> anyhow::Result<()> {
    output.print(&format!(
        "{} created, {} updated, {} unchanged; {} authors linked.",
        summary.created, summary.updated, summary.unchanged, summary.linked
    ))?;
    for reject in &summary.rejects {
        output.print(&format!("  line {}: {}", reject.line, reject.reason))?;
    }
    Ok(())
}

async fn list(
    config: &Config,
    text: &str,
    limit: usize,
    json: bool,
    output: &Output,
) -> anyhow::Result<i32> {
    let store = app::open_store_read_only(config).await?;
    let found = store.customers(text.trim(), None, limit).await?;
    let found: Vec<CustomerSummaryDto> = found.iter().map(CustomerSummaryDto::from).collect();
    if json {
        output.json(&found)?;
        return Ok(0);
    }
    if found.is_empty() {
        let nobody = if text.trim().is_empty() {
            "There are no customers: import them with `overheard customers import`."
        } else {
            "There is no such customer."
        };
        output.print(nobody)?;
        return Ok(0);
    }
    let mut table = output.table(&["id", "name", "segment", "value", "tags"]);
    for customer in found {
        table.add_row([
            printable(&customer.id),
            printable(&customer.name),
            printable(&customer.segment.unwrap_or_default()),
            customer
                .value
                .map_or_else(String::new, |value| value.to_string()),
            printable(&customer.tags.join(", ")),
        ]);
    }
    output.print(&table.to_string())?;
    Ok(0)
}

async fn show(
    config: &Config,
    id: CustomerId,
    limit: usize,
    json: bool,
    output: &Output,
) -> anyhow::Result<i32> {
    let store = app::open_store_read_only(config).await?;
    let customer = store.customer(&id).await?.ok_or_else(|| {
        anyhow::anyhow!(
            "there is no customer \"{id}\": import them with `overheard customers import`"
        )
    })?;
    let page = store.timeline(&id, limit, None).await?;
    if json {
        output.json(&CustomerDto::new(
            &customer,
            &page.records,
            page.next.map(|next| next.to_string()),
        ))?;
        return Ok(0);
    }
    let zone = app::zone(config)?;
    output.print(&format!(
        "{}  {}",
        output.paint(BOLD, &printable(&customer.name)),
        output.paint(DIM, customer.id.as_str())
    ))?;
    let mut facts = Vec::new();
    facts.extend(
        customer
            .segment
            .as_ref()
            .map(|segment| format!("segment {}", printable(segment))),
    );
    facts.extend(customer.value.map(|value| format!("value {value}")));
    if !customer.tags.is_empty() {
        facts.push(format!("tags {}", printable(&customer.tags.join(", "))));
    }
    if !facts.is_empty() {
        output.print(&facts.join("; "))?;
    }
    if page.records.is_empty() {
        output.print("Nothing was heard of this customer yet.")?;
    }
    for record in &page.records {
        let post = &record.post;
        let label = record
            .analysis
            .as_ref()
            .and_then(|analysis| analysis.sentiment_label());
        let words: String = printable(post.title.as_deref().unwrap_or(&post.text))
            .chars()
            .take(100)
            .collect();
        output.print(&format!(
            "{}  {}  {}  {words}",
            output.sentiment(label),
            when(record, &zone),
            post.key.network
        ))?;
        output.print(&output.paint(DIM, &format!("   {}", post.id.mention())))?;
    }
    Ok(0)
}
