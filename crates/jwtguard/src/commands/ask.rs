//! `ask`: one request to a server, for health checks.

use std::net::SocketAddr;

use jwt_guard_testkit::client::Request;

/// Fail unless a server answers 200: the health check of an image that holds no curl.
#[derive(clap::Args)]
pub struct Arguments {
    server: SocketAddr,
    path: String,
}

/// `ask`
pub async fn run(arguments: Arguments) -> Result<(), String> {
    match Request::get(arguments.server, arguments.path).try_send().await?.status {
        200 => Ok(()),
        status => Err(format!("{} answers {status}", arguments.server)),
    }
}
