//! Tests of tokens, keys, signatures and claims. Each rejection test starts from a valid token and changes one thing.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic fails the test")]

mod claims;
mod differential;
mod fixture;
mod header;
mod key_selection;
mod keys;
mod mutation;
mod shape;
mod signature;
mod vectors;
mod wycheproof;
