//! `ask` sends one request to a server, as a health check.

use std::net::SocketAddr;

use jwt_guard_testkit::client::Request;

/// Send GET to a server and fail unless it answers 200. This is the health check of images without curl.
///
/// Exit status: 0 if the server answers 200, 1 otherwise.
#[derive(clap::Args)]
pub struct Arguments {
    /// The address and port of the server
    server: SocketAddr,
    /// The path to request
    path: String,
}

/// Runs `ask`.
pub async fn run(arguments: Arguments) -> Result<(), String> {
    match Request::get(arguments.server, arguments.path).try_send().await?.status {
        200 => Ok(()),
        status => Err(format!("{} answered with the status {status}; expected 200", arguments.server)),
    }
}
