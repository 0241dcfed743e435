//! What can be typed behind `overheard deliveries`.

use clap::{Subcommand, ValueEnum};

use crate::domain::{EndpointId, EventId};

/// `overheard deliveries`.
#[derive(Debug, Subcommand)]
pub enum DeliveriesCommand {
    /// List deliveries, the newest first (reads the files; works beside a running daemon)
    #[command(after_help = "Examples:
  overheard deliveries list --state dead
  overheard deliveries list --endpoint crm --limit 500 --json | jq .[].last_error")]
    List {
        /// Of this endpoint alone
        #[arg(long, value_name = "NAME")]
        endpoint: Option<EndpointId>,
        /// In this state alone
        #[arg(long, value_enum)]
        state: Option<DeliveryState>,
        /// Most deliveries of each endpoint
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show one event: its body, and each attempt at each endpoint (reads the files; works beside a running daemon)
    Show {
        /// The event's id, as `list` prints it
        event: EventId,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Send a signed test event of the type endpoint.test to an endpoint, once, and say what it answered
    #[command(after_help = "Exit status: 0 when it answered 2xx, else 1.

Example:
  overheard deliveries test crm")]
    Test {
        /// The endpoint's name
        endpoint: EndpointId,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List what could not be delivered, with reasons (reads the files; works beside a running daemon)
    Dead {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Let nothing go out to an endpoint; its events wait (through the daemon, if one is running)
    #[command(after_help = "Example:
  overheard deliveries pause crm     # while the CRM is being migrated
  overheard deliveries resume crm")]
    Pause {
        /// The endpoint's name
        endpoint: EndpointId,
    },
    /// End a pause, also of an endpoint that answered 410 (through the daemon, if one is running)
    Resume {
        /// The endpoint's name
        endpoint: EndpointId,
    },
    /// Try dead deliveries again (through the daemon, if one is running)
    Replay {
        /// An event's id [default: all of them]
        event: Option<EventId>,
    },
}

/// Where a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeliveryState {
    /// Waits for an attempt.
    Pending,
    /// Arrived.
    Delivered,
    /// Given up.
    Dead,
}

impl DeliveryState {
    /// The name in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}
