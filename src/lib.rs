//! Overheard: a self-hosted social listening daemon.
//!
//! The layout, its floors and the path that data takes are in `docs/ARCHITECTURE.md`.

pub mod analysis;
pub mod app;
pub mod cli;
pub mod config;
pub mod customers;
pub mod deliver;
pub mod demo;
pub mod digest;
pub mod domain;
pub mod fetch;
pub mod index;
pub mod ingest;
pub mod insight;
pub mod query;
pub mod runtime;
pub mod sources;
pub mod store;
pub mod text;
pub mod web;
