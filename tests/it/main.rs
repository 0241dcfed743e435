//! The one integration binary: what the library promises from outside, and the rules of the house.

mod binary;
mod browser;
mod cli;
mod config_env;
mod config_files;
mod config_keys;
mod contract;
mod crash;
mod daemon;
mod deliveries_cli;
mod demo;
mod endpoints;
mod faults;
mod feed_cli;
mod files;
mod floors;
mod guest;
mod model;
mod monitors;
mod receiver;
mod searching;
mod support;
mod webdriver;
mod webhook_cli;
mod websub;
