//! HTTP clients. They send requests unchecked, byte for byte.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test methods panic on an unexpected result, which fails the test; try_send returns an error instead"
)]

mod http1;
mod http2;

use std::time::Duration;

pub use http1::{Connection, Request, Response, shortened};
pub use http2::{H2Client, H2Response};

/// The timeout of all clients and waits: long enough for a busy machine.
pub const TIMEOUT: Duration = Duration::from_secs(60);
