//! One request, from its headers to a step: no host, no clock, no network.

mod fixture;

mod cache;
mod keys;
mod metadata;
mod own_spelling;
mod path_variants;
mod preflight;
mod report_only;
mod steps;
mod trace;
mod trailers;
