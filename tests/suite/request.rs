//! Tests of a whole request, from its headers to the resulting step, without host, clock and network.

mod fixture;
mod lists;

mod annotations;
mod bound_tokens;
mod cache;
mod dpop;
mod issuers;
mod keys;
mod metadata;
mod own_spelling;
mod path_variants;
mod preflight;
mod report_only;
mod revocation;
mod second_tokens;
mod steps;
mod trace;
mod trailers;
