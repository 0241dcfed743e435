//! What can be typed behind `overheard customers`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::domain::CustomerId;

/// `overheard customers`.
#[derive(Debug, Subcommand)]
pub enum CustomersCommand {
    /// Import customers from a CSV or JSON file; idempotent (through the daemon, if one is running)
    #[command(after_help = "Columns of a CSV file, or keys of a JSON object:
  id, name, emails, handles, urls, segment, value, tags
Several values are separated by '|'; handles are network:handle.

Examples:
  overheard customers import customers.csv
  crm-export | overheard customers import - --format json")]
    Import {
        /// The file; - is stdin
        file: PathBuf,
        /// How it is written [default: by the file's ending]
        #[arg(long, value_enum)]
        format: Option<CustomerFormat>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List customers by id, or find some (reads the files; works beside a running daemon)
    #[command(after_help = "Examples:
  overheard customers list --limit 1000 --json | jq length
  overheard customers list ann@")]
    List {
        /// Only those whose id, name, handle, profile or e-mail address holds this
        text: Option<String>,
        /// Most customers
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show a customer with the timeline of their mentions (reads the files; works beside a running daemon)
    Show {
        /// The customer's id in the CRM
        id: CustomerId,
        /// Most mentions to print
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
        /// Print one JSON object, in the form of `GET /api/v1/customers/{id}`
        #[arg(long)]
        json: bool,
    },
}

/// How customers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CustomerFormat {
    /// A header line, then a customer a row.
    Csv,
    /// An array of objects, or one object a line.
    Json,
}
