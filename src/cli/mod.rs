//! The commands. Each has a file; this one reads the arguments and picks it.
//!
//! Commands that read open the store and the index read-only, beside a running daemon or without one.
//! Commands that write go through the daemon's socket when one holds the data lock.

mod access;
mod args;
mod check;
mod customers;
mod customers_args;
mod daemon;
mod deliveries;
mod deliveries_args;
mod digest;
mod endpoints;
mod endpoints_args;
pub mod feed;
mod feed_args;
mod fetch;
mod index;
mod mentions;
mod model;
mod monitors;
mod output;
mod query;
mod run;
mod search;
mod searches;
mod show;
mod source;
mod sources;
mod sources_add;
mod token;
mod webhook;

use std::path::PathBuf;

use anyhow::Context;
use clap::{CommandFactory, Parser};

use crate::config::Config;
use crate::demo;
use crate::runtime::panics;
use args::{Cli, Command, Global};
use output::Output;

/// Runs the command that the arguments name and returns the exit status.
#[must_use]
pub fn main() -> i32 {
    let cli = Cli::parse();
    panics::leave_out_messages();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: could not start the runtime's threads: {error}");
            return 1;
        }
    };
    let output = Output::new(cli.global.color);
    match runtime.block_on(dispatch(cli, &output)) {
        Ok(status) => status,
        Err(error) if is_broken_pipe(&error) => 0,
        Err(error) => {
            output.error(&error);
            1
        }
    }
}

async fn dispatch(cli: Cli, output: &Output) -> anyhow::Result<i32> {
    let global = cli.global;
    match cli.command {
        Command::Demo(args) => {
            let options = demo::DemoOptions {
                data: global.data,
                duration: args.duration,
                json: args.json,
                seed: args.seed,
            };
            demo::run(options).await
        }
        Command::Run(args) => run::run(&global, &args, output).await,
        Command::Check => check::run(&global, output),
        Command::Search(args) => search::run(&load(&global)?, &args, output).await,
        Command::Query(command) => query::run(&load(&global)?, command, output).await,
        Command::Show(args) => show::run(&load(&global)?, &args, output).await,
        Command::Customers(command) => customers::run(&load(&global)?, command, output).await,
        Command::Feed(feed_args::FeedCommand::Read(args)) => {
            feed::read(&global, args, output).await
        }
        Command::Sources(command) => sources::run(&global, command, output).await,
        Command::Fetch(args::FetchCommand::Explain(args)) => {
            fetch::explain(&load(&global)?, &args, output).await
        }
        Command::Digest(args) => digest::run(&load(&global)?, &args, output).await,
        Command::Deliveries(command) => deliveries::run(&load(&global)?, command, output).await,
        Command::Monitors(command) => monitors::run(&load(&global)?, command, output).await,
        Command::Searches(command) => searches::run(&load(&global)?, command, output).await,
        Command::Endpoints(command) => endpoints::run(&load(&global)?, command, output).await,
        Command::Webhook(command) => webhook::run(command, output),
        Command::Index(args::IndexCommand::Rebuild) => {
            index::rebuild(&load(&global)?, output).await
        }
        Command::Mentions(command) => mentions::run(&load(&global)?, command, output).await,
        Command::Model(command) => model::run(&load(&global)?, command, output).await,
        Command::Reload => run::reload(&load(&global)?, output).await,
        Command::Login { user } => token::login(&load(&global)?, user, output).await,
        Command::User(command) => access::user(&load(&global)?, command, output).await,
        Command::Audit(command) => access::audit(&load(&global)?, command, output).await,
        Command::Token(command) => token::run(&load(&global)?, command, output).await,
        Command::Config => {
            output.print(crate::config::DEFAULT_CONFIG)?;
            Ok(0)
        }
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "overheard",
                &mut std::io::stdout(),
            );
            Ok(0)
        }
    }
}

/// The file that is read when none is named.
const SYSTEM_CONFIG: &str = "/etc/overheard/overheard.toml";

/// The file that the options mean: the named one, else the system's where there is one, else none (defaults alone).
fn config_path(global: &Global) -> Option<PathBuf> {
    let system = PathBuf::from(SYSTEM_CONFIG);
    global
        .config
        .clone()
        .or_else(|| system.exists().then_some(system))
}

/// Loads the configuration, with `--data` over `data_dir`.
fn load(global: &Global) -> anyhow::Result<Config> {
    let path = config_path(global);
    let mut config = Config::load(path.as_deref(), std::env::vars())?;
    if let Some(data) = &global.data {
        config.data_dir.clone_from(data);
    }
    Ok(config)
}

/// Reads a file, or stdin for `-`.
fn read_input(path: &std::path::Path) -> anyhow::Result<Vec<u8>> {
    use std::io::Read;
    let mut content = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin()
            .read_to_end(&mut content)
            .context("could not read stdin")?;
    } else {
        std::fs::File::open(path)
            .and_then(|mut file| file.read_to_end(&mut content))
            .with_context(|| {
                format!(
                    "could not read {}: name a file, or - for stdin",
                    path.display()
                )
            })?;
    }
    Ok(content)
}

/// A reader that went away (`| head`) is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
