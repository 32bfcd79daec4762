//! Properties of the core that must hold for any input, one per module.
//!
//! `holds` panics if the input breaks its property. It returns whether the core accepted the input, so that a test can
//! check that the seeds include both accepted and rejected inputs. libFuzzer searches for inputs that break a property
//! (`scripts/fuzz`); fuzz/tests runs the committed seeds and mutations of them in `cargo test`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a property panics if it does not hold"
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
pub mod revocation_list;
pub mod signature;
pub mod token;

mod issuer;
mod structs;

/// A property. Returns whether the core accepted the input.
///
/// # Panics
/// The property does not hold.
pub type Property = fn(&[u8]) -> bool;

/// All properties. The name is that of the libFuzzer target, the seed folder and the module.
pub const ALL: [(&str, Property); 12] = [
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
    ("revocation_list", revocation_list::holds),
];
