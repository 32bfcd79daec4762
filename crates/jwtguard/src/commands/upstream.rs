//! `upstream` runs an echo server for development.

use std::net::SocketAddr;

use jwt_guard_testkit::server::listen;
use jwt_guard_testkit::upstream::serve;

/// Run an upstream that answers each request with a JSON description of that request.
#[derive(clap::Args)]
#[command(after_help = "\
The upstream is for development and tests. It runs until it is stopped.

Exit status:
  0  The upstream was stopped.
  1  The address is in use.
  2  An argument is wrong.

Example:
  jwtguard upstream --listen 127.0.0.1:8091")]
pub struct Arguments {
    /// The address and port to listen on
    #[arg(long, default_value = "127.0.0.1:8091")]
    listen: SocketAddr,
}

/// Runs `upstream`.
pub async fn run(arguments: Arguments) -> Result<(), String> {
    let (listener, address) = listen(arguments.listen).await?;
    println!("upstream on http://{address}");
    serve(listener).await;
    Ok(())
}
