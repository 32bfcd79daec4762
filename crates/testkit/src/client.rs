//! Clients that send what they are told, byte for byte.

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

/// How long a client waits for what must come, on a machine that runs other things too.
pub const TIMEOUT: Duration = Duration::from_secs(60);
