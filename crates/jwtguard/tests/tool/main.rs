//! The command-line tool as its users run it, and the files that are there to be copied.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected has failed, and says where; clippy sees only #[test] functions as tests"
)]

mod bypass;
mod check;
mod context;
mod explain;
mod explain_conditions;
mod kubernetes;
mod lint_issuers;
mod lint_routes;
mod lints;
mod manifests;
mod numbers;
mod other_filters;
mod policy;
mod recipes;
mod routes;
mod run;
mod schema;
mod tokens;
mod unknown_keys;
