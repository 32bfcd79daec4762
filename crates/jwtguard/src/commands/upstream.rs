//! `upstream`: an application that answers with what it saw.

use std::net::SocketAddr;

use jwt_guard_testkit::server::listen;
use jwt_guard_testkit::upstream::serve;

/// Run an upstream that answers every request with what it saw of it, as JSON.
#[derive(clap::Args)]
pub struct Arguments {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8091")]
    listen: SocketAddr,
}

/// `upstream`
pub async fn run(arguments: Arguments) -> Result<(), String> {
    let (listener, address) = listen(arguments.listen).await?;
    println!("upstream on http://{address}");
    serve(listener).await;
    Ok(())
}
