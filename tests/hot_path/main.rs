//! What a request costs, in counts: calls of the host, instructions and allocations. A change that makes the hot path
//! do more fails here, on any machine; how long it takes is measured by `make bench`.
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
mod requests;
