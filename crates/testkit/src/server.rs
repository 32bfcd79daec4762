//! An HTTP server for tests and development: HTTP/1.1 and HTTP/2 on one port, over TCP or TLS.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// A response with any kind of body.
pub type Response = hyper::Response<BoxBody<Bytes, Infallible>>;

/// Listens on the address and returns the actual address: port 0 selects a free port.
///
/// # Errors
/// The address cannot be bound.
pub async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), String> {
    let failed = |error| format!("cannot listen on {address}: {error}");
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Answers every request. Dropping the future closes all connections. An error from `answer` closes its connection.
pub async fn serve<A, F>(listener: TcpListener, tls: Option<TlsAcceptor>, answer: A)
where
    A: Fn(hyper::Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, hyper::Error>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (answer, tls) = (answer.clone(), tls.clone());
        connections.spawn(async move {
            let service = service_fn(answer);
            let mut server = auto::Builder::new(TokioExecutor::new());
            server.http1().max_headers(4096);
            // Errors are ignored: a client may disconnect at any time or reject the certificate.
            match tls {
                None => drop(server.serve_connection_with_upgrades(TokioIo::new(stream), service).await),
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        drop(server.serve_connection_with_upgrades(TokioIo::new(stream), service).await);
                    }
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}
