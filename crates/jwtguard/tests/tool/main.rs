//! Tests of the command-line tool, and of the example files and documents.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic fails the test and shows its position; clippy recognizes only #[test] functions as tests"
)]

mod annotations;
mod bound_tokens;
mod bypass;
mod check;
mod context;
mod convert;
mod convert_envoy_gateway;
mod convert_gateway_routes;
mod convert_istio;
mod convert_pico;
mod diff;
mod diff_proof;
mod documents;
mod envoy_metadata;
mod explain;
mod explain_conditions;
mod explain_issuers;
mod explain_opinion;
mod init;
mod init_property;
mod init_schemas;
mod kubernetes;
mod lint_issuers;
mod lint_routes;
mod lints;
mod manifests;
mod mesh;
mod migration;
mod numbers;
mod other_filters;
mod policy;
mod policy_keys;
mod recipes;
mod routes;
mod run;
mod schema;
mod second_tokens;
mod tokens;
mod troubleshooting;
mod unknown_keys;
