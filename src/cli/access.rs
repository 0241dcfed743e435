//! `overheard user` and `overheard audit`: who may come in by browser, and who changed what.

use clap::Subcommand;

use super::daemon::{self, Writer};
use super::output::Output;
use crate::app;
use crate::config::Config;
use crate::domain::hex;
use crate::insight::{AuditDto, UserDto};
use crate::runtime::Clock;
use crate::store::{AuditEntry, Store};
use crate::web::Role;
use crate::web::auth::set_user;

/// `overheard user`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// List people with their roles
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Let somebody in, or change a role (through the daemon, if one is running)
    #[command(after_help = "Example:
  overheard user set ann --role manager
  overheard login --user ann          # a link for ann's browser")]
    Set {
        /// The name
        name: String,
        /// What the person may do
        #[arg(long, value_enum)]
        role: Role,
    },
    /// Shut somebody out and end all sessions (through the daemon, if one is running)
    Disable {
        /// The name
        name: String,
    },
}

/// `overheard audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List who changed what, the newest first (reads the files; works beside a running daemon)
    List {
        /// Most entries
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Check that no entry was changed, put in or taken out; keep the hash that it prints to notice a missing end
    #[command(after_help = "Exit status: 0 when all entries fit, else 1.")]
    Verify,
}

/// Lists, sets or disables users.
///
/// # Errors
/// When the store can't be used, or there is no such user.
pub async fn user(config: &Config, command: UserCommand, output: &Output) -> anyhow::Result<i32> {
    match command {
        UserCommand::List { json } => {
            let users = app::open_store_read_only(config).await?.users().await?;
            if json {
                output.json(&users.iter().map(UserDto::from).collect::<Vec<_>>())?;
            } else if users.is_empty() {
                output.print("There is nobody yet: the first `overheard login` makes the administrator \"admin\".")?;
            } else {
                let mut table = output.table(&["name", "role", "since", "shut out"]);
                for user in users {
                    let disabled = user.disabled_at.map_or(String::new(), |at| at.to_string());
                    table.add_row([user.name, user.role, user.created_at.to_string(), disabled]);
                }
                output.print(&table.to_string())?;
            }
        }
        UserCommand::Set { name, role } => {
            match daemon::writer(config)? {
                Writer::Daemon(client) => {
                    let body = serde_json::to_vec(&serde_json::json!({ "role": role }))?;
                    daemon::accepted(&client.put(&path_of(&name), body).await?)?;
                }
                Writer::Files(_lock) => {
                    let now = Clock::system().now();
                    let store = app::open_store(config, now).await?;
                    set_user(&store, &name, role, now).await?;
                    note(&store, "user set", &name).await?;
                    store.close().await;
                }
            }
            output.print(&format!("User \"{name}\" has the role {}.", role.as_str()))?;
        }
        UserCommand::Disable { name } => {
            match daemon::writer(config)? {
                Writer::Daemon(client) => {
                    daemon::accepted(&client.delete(&path_of(&name)).await?)?;
                }
                Writer::Files(_lock) => {
                    let now = Clock::system().now();
                    let store = app::open_store(config, now).await?;
                    let disabled = store.disable_user(&name, now).await?;
                    note(&store, "user disable", &name).await?;
                    store.close().await;
                    anyhow::ensure!(
                        disabled,
                        "there is no user \"{name}\" who is let in: `overheard user list` shows all"
                    );
                }
            }
            output.print(&format!("User \"{name}\" is shut out."))?;
        }
    }
    Ok(0)
}

/// Lists or checks the audit log.
///
/// # Errors
/// When there is nothing to read yet.
pub async fn audit(config: &Config, command: AuditCommand, output: &Output) -> anyhow::Result<i32> {
    let store = app::open_store_read_only(config).await?;
    match command {
        AuditCommand::List { limit, json } => {
            let entries = store.audit(None, limit).await?;
            let entries: Vec<AuditDto> = entries.iter().map(AuditDto::from).collect();
            if json {
                output.json(&entries)?;
            } else if entries.is_empty() {
                output.print("Nobody changed anything yet.")?;
            } else {
                let mut table = output.table(&["no.", "time", "who", "what", "to what", "outcome"]);
                for entry in entries {
                    table.add_row([
                        entry.seq.to_string(),
                        entry.at.to_string(),
                        entry.actor,
                        entry.action,
                        entry.subject,
                        entry.outcome,
                    ]);
                }
                output.print(&table.to_string())?;
            }
            Ok(0)
        }
        AuditCommand::Verify => {
            let check = store.verify_audit().await?;
            if let Some(broken) = check.broken {
                output.print(&format!(
                    "Entry {broken} is missing or was changed; the {} before it fit.",
                    check.good
                ))?;
                return Ok(1);
            }
            let newest = check.newest.map_or(String::new(), |hash| {
                format!("; the newest hash is {}", hex(&hash))
            });
            output.print(&format!("All {} entries fit{newest}.", check.good))?;
            Ok(0)
        }
    }
}

/// Notes what this command did by itself, without a daemon.
///
/// # Errors
/// When the store can't be written.
pub async fn note(store: &Store, action: &str, subject: &str) -> anyhow::Result<()> {
    let entry = AuditEntry {
        actor: "command line".to_owned(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        outcome: "done".to_owned(),
    };
    Ok(store.note(vec![entry], Clock::system().now()).await?)
}

fn path_of(name: &str) -> String {
    format!("/api/v1/users/{}", segment(name))
}

/// A name, which may hold anything, as a segment of a path.
pub(super) fn segment(name: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    encoded.replace('+', "%20")
}
