//! Counts the host calls, instructions and allocations of a request. A change that makes the hot path more expensive
//! fails here on any machine; `make bench` measures time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an unexpected result fails the test with its location; clippy treats only #[test] functions as tests"
)]

mod allocations;
mod calls;
mod host;
mod metadata;
mod requests;
