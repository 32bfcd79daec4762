//! Tests of the module in a real Envoy, with a mock issuer and an upstream.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an unexpected result fails the test with its location; clippy treats only #[test] functions as tests"
)]

mod documents;
mod harness;
mod harness_itself;
mod outcome;

mod adversary;
mod alerts;
mod algorithms;
mod annotations;
mod answers;
mod attacks;
mod certificates;
mod claim_headers;
mod claim_routing;
mod configuration;
mod convert;
mod cors;
mod differential;
mod dpop;
mod ecds;
mod equals;
mod faults;
mod filter_order;
mod guards;
mod host_function;
mod issuer_limits;
mod issuers;
mod key_sets;
mod keys;
mod manifests;
mod migration;
mod observability;
mod operators;
mod own_spelling;
mod partial_segments;
mod path_variants;
mod reasons;
mod recipes;
mod report_only;
mod requirements;
mod revocation;
mod robustness;
mod route_metadata;
mod routes;
mod second_tokens;
mod soak;
mod sources;
mod step_up;
mod token_places;
mod tokens;
mod yaml;
