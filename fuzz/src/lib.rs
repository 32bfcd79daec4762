//! What must hold of whatever bytes reach the core: one property a module.
//!
//! `holds` panics where its property does not hold of the bytes, and tells whether they were accepted, so that
//! somebody can see to it that both kinds are tried. libFuzzer looks for such bytes (`scripts/fuzz`);
//! fuzz/tests tries the committed seeds, and what it makes of them, in `cargo test`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a property that panics is one that does not hold"
)]

pub mod bearer;
pub mod config;
pub mod header_values;
pub mod hosts;
pub mod jwks;
pub mod metadata;
pub mod own_spelling;
pub mod readings;
pub mod request;
pub mod signature;
pub mod token;

mod issuer;
mod structs;

/// Whether the bytes were accepted.
///
/// # Panics
/// The property does not hold.
pub type Property = fn(&[u8]) -> bool;

/// Every property by the name of its target, its seeds and its file.
pub const ALL: [(&str, Property); 11] = [
    ("token", token::holds),
    ("signature", signature::holds),
    ("jwks", jwks::holds),
    ("config", config::holds),
    ("readings", readings::holds),
    ("own_spelling", own_spelling::holds),
    ("header_values", header_values::holds),
    ("metadata", metadata::holds),
    ("bearer", bearer::holds),
    ("hosts", hosts::holds),
    ("request", request::holds),
];
