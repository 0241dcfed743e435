//! `overheard login` and `overheard token`: who may look.

use anyhow::Context;

use super::access;
use super::args::TokenCommand;
use super::daemon::{self, Writer};
use super::output::Output;
use crate::app;
use crate::config::Config;
use crate::insight::TokenDto;
use crate::runtime::Clock;
use crate::web::auth::issue_token;

/// Prints a one-time link to the page.
///
/// # Errors
/// When no daemon is running.
pub async fn login(config: &Config, user: Option<String>, output: &Output) -> anyhow::Result<i32> {
    let user = user.map(|user| {
        let user: String = url::form_urlencoded::byte_serialize(user.as_bytes()).collect();
        format!("?user={user}")
    });
    let path = format!("/api/v1/login-links{}", user.unwrap_or_default());
    let answer = daemon::running(config)?
        .post(&path, "application/json", Vec::new())
        .await?;
    let body = daemon::accepted(&answer)?;
    let url = body
        .get("url")
        .and_then(|url| url.as_str())
        .unwrap_or_default();
    output.print(url)?;
    Ok(0)
}

/// Creates, lists or revokes tokens.
///
/// # Errors
/// When the store can't be used, or there is no such token.
pub async fn run(config: &Config, command: TokenCommand, output: &Output) -> anyhow::Result<i32> {
    match command {
        TokenCommand::Create {
            name,
            role,
            expires,
        } => {
            let now = Clock::system().now();
            let expires_at = expires
                .map(|lifetime| now.checked_add(lifetime))
                .transpose()
                .context("the token would outlive the calendar: write a shorter time")?;
            let token = match daemon::writer(config)? {
                Writer::Daemon(client) => {
                    let request = serde_json::to_vec(&serde_json::json!({
                        "name": name, "role": role, "expires_at": expires_at,
                    }))?;
                    let body = daemon::accepted(
                        &client
                            .post("/api/v1/tokens", "application/json", request)
                            .await?,
                    )?;
                    body.get("token")
                        .and_then(|token| token.as_str())
                        .unwrap_or_default()
                        .to_owned()
                }
                Writer::Files(_lock) => {
                    let store = app::open_store(config, now).await?;
                    let token = issue_token(&store, &name, role, expires_at, now).await?;
                    access::note(&store, "token create", &name).await?;
                    store.close().await;
                    token.expose().to_owned()
                }
            };
            output.print(&token)?;
            eprintln!("Keep it: it is not shown again. Use it as `Authorization: Bearer ...`.");
        }
        TokenCommand::List { json } => {
            let tokens = app::open_store_read_only(config).await?.tokens().await?;
            if json {
                output.json(&tokens.iter().map(TokenDto::from).collect::<Vec<_>>())?;
            } else if tokens.is_empty() {
                output.print("There are no tokens: `overheard token create NAME` makes one.")?;
            } else {
                let mut table =
                    output.table(&["name", "role", "created", "last used", "ends", "revoked"]);
                for token in tokens {
                    let time =
                        |at: Option<jiff::Timestamp>| at.map_or(String::new(), |at| at.to_string());
                    table.add_row([
                        token.name.clone(),
                        token.role.clone(),
                        token.created_at.to_string(),
                        time(token.last_used_at),
                        time(token.expires_at),
                        time(token.revoked_at),
                    ]);
                }
                output.print(&table.to_string())?;
            }
        }
        TokenCommand::Revoke { name } => {
            match daemon::writer(config)? {
                Writer::Daemon(client) => {
                    let request = serde_json::to_vec(&serde_json::json!({ "name": name }))?;
                    daemon::accepted(
                        &client
                            .post("/api/v1/tokens/revoke", "application/json", request)
                            .await?,
                    )?;
                }
                Writer::Files(_lock) => {
                    let now = Clock::system().now();
                    let store = app::open_store(config, now).await?;
                    let revoked = store.revoke_token(&name, now).await?;
                    access::note(&store, "token revoke", &name).await?;
                    store.close().await;
                    anyhow::ensure!(
                        revoked,
                        "there is no token \"{name}\": `overheard token list` shows them"
                    );
                }
            }
            output.print(&format!("Token \"{name}\" is revoked."))?;
        }
    }
    Ok(0)
}
