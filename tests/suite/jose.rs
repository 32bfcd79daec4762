//! Tokens, keys, signatures and claims: each rejection starts from a token that passes and changes one thing.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod claims;
mod differential;
mod fixture;
mod header;
mod keys;
mod mutation;
mod shape;
mod signature;
mod vectors;
mod wycheproof;
