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

/// An answer with a body of any kind.
pub type Response = hyper::Response<BoxBody<Bytes, Infallible>>;

/// Listens there. Returns the address too: port 0 stands for a free one.
///
/// # Errors
/// The address cannot be bound.
pub async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), String> {
    let failed = |error| format!("cannot listen on {address}: {error}");
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Answers every request, until it is dropped, and with it every connection. `None` as an answer ends the connection.
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
            // A client may leave at any moment, or refuse the certificate.
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
