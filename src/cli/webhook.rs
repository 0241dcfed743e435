//! `overheard webhook`: keys, signatures and their verification, for those who write receivers.
//!
//! Reads no configuration and no store, and asks nobody: what is signed comes on stdin.

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};

use super::output::Output;
use crate::deliver::keys::{self, Secret, VerifyKey};
use crate::deliver::sign;
use crate::runtime::{self, Clock};

/// `overheard webhook`.
#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Sign the body on stdin, and print the value of the header webhook-signature
    #[command(after_help = SIGN_EXAMPLES)]
    Sign(SignArgs),
    /// Verify the body on stdin against the three headers; exit status 0 when it is to be believed, else 1
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// Make a new secret, and print it
    #[command(after_help = SECRET_EXAMPLES)]
    Secret {
        /// An ed25519 pair: the private key (whsk_) to sign with, and below it the public one (whpk_) for the receiver
        #[arg(long)]
        ed25519: bool,
    },
}

/// Where the key is.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct KeyArgs {
    /// The secret: whsec_.., or whsk_..; other users of this machine can see it while the command runs
    #[arg(long, value_name = "SECRET")]
    secret: Option<SecretString>,
    /// A file that holds the secret; nobody else may read it
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

/// `overheard webhook sign`.
#[derive(Debug, Args)]
pub struct SignArgs {
    #[command(flatten)]
    key: KeyArgs,
    /// The event's id: the header webhook-id
    #[arg(long)]
    id: String,
    /// Whole seconds since 1970: the header webhook-timestamp
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, allow_negative_numbers = true)]
    timestamp: Timestamp,
}

/// `overheard webhook verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    key: KeyArgs,
    /// The header webhook-id
    #[arg(long)]
    id: String,
    /// The header webhook-timestamp
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    timestamp: String,
    /// The header webhook-signature: one or more signatures, with spaces between them
    #[arg(long, value_name = "HEADER")]
    signature: String,
    /// Judge as if it were this time, in whole seconds since 1970 [default: now]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, allow_negative_numbers = true)]
    now: Option<Timestamp>,
}

const SIGN_EXAMPLES: &str =
    "Several secrets, separated by spaces, make several signatures, as in a rotation.

Examples:
  printf '{}' | overheard webhook sign --secret whsec_.. --id evt_1 --timestamp 1700000000
  overheard webhook sign --secret-file ./secret --id evt_1 --timestamp $(date +%s) < body.json";

const VERIFY_EXAMPLES: &str = "A timestamp is believed for 5 minutes. --secret also takes a public key (whpk_..).

Examples:
  overheard webhook verify --secret whpk_.. --id evt_1 --timestamp 1700000000 --signature 'v1a,..' < body.json
  overheard webhook verify --secret whsec_.. --id evt_1 --timestamp 1700000000 --now 1700000007 \\
    --signature 'v1,..' < body.json && echo genuine";

const SECRET_EXAMPLES: &str = "Examples:
  (umask 077; overheard webhook secret > crm.secret)     then secret_file = \"crm.secret\" in [[endpoints]]
  overheard webhook secret --ed25519";

/// Signs, verifies or makes a secret.
///
/// # Errors
/// When a key or stdin can't be read.
pub fn run(command: WebhookCommand, output: &Output) -> anyhow::Result<i32> {
    match command {
        WebhookCommand::Sign(args) => {
            let secrets = Secret::parse_all(args.key.read()?.expose_secret())?;
            let header = sign::sign(&secrets, &args.id, args.timestamp, &body()?);
            output.print(&header)?;
            Ok(0)
        }
        WebhookCommand::Verify(args) => verify(&args, output),
        WebhookCommand::Secret { ed25519 } => {
            let bytes: [u8; 32] = rand::rng().random();
            if ed25519 {
                let (private, public) = keys::ed25519_keys(&bytes)?;
                output.print(&format!("{private}\n{public}"))?;
            } else {
                output.print(&keys::symmetric_secret(&bytes))?;
            }
            Ok(0)
        }
    }
}

fn verify(args: &VerifyArgs, output: &Output) -> anyhow::Result<i32> {
    let text = args.key.read()?;
    let keys: Vec<VerifyKey> = text
        .expose_secret()
        .split_whitespace()
        .map(VerifyKey::parse)
        .collect::<Result<_, _>>()?;
    anyhow::ensure!(!keys.is_empty(), keys::KeyError::Empty);
    let now = args.now.unwrap_or_else(|| Clock::system().now());
    let body = body()?;
    let mut verdict = Ok(());
    for key in &keys {
        let signature = args.signature.as_str();
        verdict = sign::verify(key, &args.id, &args.timestamp, signature, &body, now);
        if verdict.is_ok() {
            break;
        }
    }
    verdict.context("the webhook is not to be believed")?;
    output.print("The webhook is genuine.")?;
    Ok(0)
}

impl KeyArgs {
    fn read(&self) -> anyhow::Result<SecretString> {
        match (&self.secret, &self.secret_file) {
            (Some(secret), _) => Ok(secret.clone()),
            (None, Some(file)) => Ok(runtime::read_secret(file, None)?),
            (None, None) => Err(keys::KeyError::Empty.into()),
        }
    }
}

/// The body: every byte of stdin, none added.
fn body() -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    std::io::stdin()
        .read_to_end(&mut body)
        .context("could not read the body from stdin")?;
    Ok(body)
}

fn parse_seconds(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .ok_or_else(|| format!("\"{text}\" is not a whole number of seconds since 1970"))
}
