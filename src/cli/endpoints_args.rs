//! What can be typed behind `overheard endpoints`.

use clap::{Args, Subcommand};
use jiff::SignedDuration;

use crate::domain::EndpointId;

/// `overheard endpoints`.
#[derive(Debug, Subcommand)]
pub enum EndpointsCommand {
    /// List who is told, of the configuration file and made by API, and how each fares
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Make a webhook endpoint, or change one: what is not said is as in a new one, but for its URL
    #[command(
        after_help = "The secret that a new endpoint is signed with is printed once, on stdout. With --signature v1a it is the public key.

Examples:
  overheard endpoints set crm --url https://crm.example.com/hooks --events mention.created,customer.linked
  overheard endpoints set crm --filter 'sentiment:negative urgency:>=2' --ordered
  overheard endpoints set team --url \"$(cat chat-url)\" --format slack"
    )]
    Set(SetArgs),
    /// Give an endpoint a new key and print it; the old one signs beside it for a while
    #[command(after_help = "Examples:
  overheard endpoints rotate crm                 # both sign for a day
  overheard endpoints rotate crm --keep 0h       # the old secret leaked")]
    Rotate {
        /// The endpoint's name
        name: EndpointId,
        /// `v1` for a secret (HMAC-SHA256), `v1a` for a public key (ed25519)
        #[arg(long, default_value = "v1", value_name = "SCHEME")]
        signature: String,
        /// How long the old key signs, in whole hours, such as 24h or 7d
        #[arg(long, default_value = "24h", value_name = "TIME")]
        keep: SignedDuration,
    },
    /// Remove an endpoint that was made by API, with what waits for it
    Remove {
        /// The endpoint's name
        name: EndpointId,
    },
}

/// `overheard endpoints set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// The endpoint's name
    pub name: EndpointId,
    /// Where to post
    #[arg(long)]
    pub url: Option<String>,
    /// standard, cloudevents, cloudevents-binary, slack or teams
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// full, or thin for ids and a link
    #[arg(long, value_name = "PAYLOAD")]
    pub payload: Option<String>,
    /// Which events, separated by commas [default: all]
    #[arg(long, value_delimiter = ',', value_name = "EVENTS")]
    pub events: Vec<String>,
    /// Only mentions that match this query
    #[arg(long, value_name = "QUERY")]
    pub filter: Option<String>,
    /// The words of a chat's message, with fields in braces
    #[arg(long, value_name = "WORDS")]
    pub message: Option<String>,
    /// Send a customer's events one after the other
    #[arg(long)]
    pub ordered: bool,
    /// Allow plain http, for receivers on this machine
    #[arg(long)]
    pub allow_http: bool,
    /// `v1` for a secret (HMAC-SHA256), `v1a` for a public key (ed25519); for new endpoints [default: v1]
    #[arg(long, value_name = "SCHEME")]
    pub signature: Option<String>,
}
