//! The router against a real store and a real index, over loopback and a Unix socket.

mod api;
mod auth;
mod curating;
mod deliveries;
mod links;
mod openapi;
mod overview;
mod pages;
mod roles;
mod settings;
mod similar;
mod site;
mod sources;
mod streams;
mod websub;
