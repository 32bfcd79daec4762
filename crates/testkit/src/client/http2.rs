//! An HTTP/2 client.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::HeaderMap;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::TIMEOUT;
use super::http1::Stream;

/// An HTTP/2 connection to Envoy; clones share the connection.
#[derive(Clone)]
pub struct H2Client {
    sender: hyper::client::conn::http2::SendRequest<BoxBody<Bytes, std::convert::Infallible>>,
    authority: String,
}

/// An HTTP/2 response.
#[derive(Debug, Clone)]
pub struct H2Response {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// Its trailers.
    pub trailers: HeaderMap,
}

impl H2Client {
    /// Connects. Panics if the connection fails.
    pub async fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap(), &address.to_string()).await
    }

    /// An HTTP/2 connection over this stream. Panics if the connection fails.
    pub async fn over(stream: impl Stream + 'static, authority: &str) -> Self {
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        Self { sender, authority: authority.to_owned() }
    }

    /// Sends a request with a body and, unless empty, trailers; reads the complete response.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &[u8])],
        body: &[u8],
        trailers: HeaderMap,
    ) -> H2Response {
        let uri = format!("http://{}{path}", self.authority);
        let mut request = hyper::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, hyper::header::HeaderValue::from_bytes(value).unwrap());
        }
        let body = Full::new(Bytes::copy_from_slice(body));
        let body = match trailers.is_empty() {
            true => body.boxed(),
            false => body.with_trailers(async { Some(Ok(trailers)) }).boxed(),
        };
        let exchange = async {
            let response = self.sender.send_request(request.body(body).unwrap()).await.unwrap();
            let (head, body) = response.into_parts();
            let collected = body.collect().await.unwrap();
            H2Response {
                status: head.status.as_u16(),
                headers: head.headers,
                trailers: collected.trailers().cloned().unwrap_or_default(),
                body: collected.to_bytes(),
            }
        };
        tokio::time::timeout(TIMEOUT, exchange).await.expect("timeout: no response")
    }

    /// Sends a GET with that token on a new stream. The returned task yields the status.
    pub fn get_later(&self, path: &str, token: &str) -> tokio::task::JoinHandle<u16> {
        let request = hyper::Request::get(format!("http://{}{path}", self.authority))
            .header("authorization", format!("Bearer {token}"))
            .body(Full::default().boxed())
            .unwrap();
        let mut sender = self.sender.clone();
        tokio::spawn(async move { sender.send_request(request).await.unwrap().status().as_u16() })
    }

    /// Sends a gRPC call: one length-prefixed message, with `te: trailers`.
    pub async fn grpc(&mut self, path: &str, headers: &[(&str, &[u8])], message: &[u8]) -> H2Response {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let framed = [&[0], length.as_slice(), message].concat();
        let grpc: [(&str, &[u8]); 2] = [("content-type", b"application/grpc"), ("te", b"trailers")];
        self.send("POST", path, &[&grpc, headers].concat(), &framed, HeaderMap::new()).await
    }
}
