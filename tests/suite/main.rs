//! Tests of the core through its public interface.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy treats only #[test] functions as tests, not the helpers of a test binary"
)]

mod token_source {
    mod arbitrary;
    mod requests;
}
mod bench_figures;
mod denial;
mod jose;
mod request;
mod resource_metadata;
mod route {
    mod exhaustive;
    mod guards;
    mod own_spelling;
    mod precedence;
    mod properties;
    mod requests;
    mod scale;
}
