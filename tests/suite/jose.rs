//! Tokens, keys, signatures and claims: each rejection starts from a token that passes and changes one thing.

mod claims;
mod fixture;
mod header;
mod host;
mod keys;
mod mutation;
mod shape;
mod signature;
mod vectors;
mod wycheproof;
