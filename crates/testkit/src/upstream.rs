//! The application behind Envoy: it records each request and responds with the request's content.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test methods panic on an unexpected result, which fails the test with its location"
)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{HeaderMap, Version};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

use crate::server::{self, Response, listen};

/// A request as the upstream received it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its method.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// Its headers in order, with names in lower case and values as bytes.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its trailers, in the same form as the headers.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// Its body.
    pub body: Vec<u8>,
    /// Its HTTP version.
    pub version: Version,
}

impl Seen {
    /// The value of the header; `None` if the header is absent. Panics if the header occurs twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() < 2, "{name} arrived {} times: {values:?}", values.len());
        values.first().map(|value| std::str::from_utf8(value).unwrap())
    }

    /// All values of the header.
    pub fn all(&self, name: &str) -> Vec<&[u8]> {
        self.headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_slice()).collect()
    }

    /// Whether a header or trailer has that name.
    pub fn has(&self, name: &str) -> bool {
        self.headers.iter().chain(&self.trailers).any(|(found, _)| found == name)
    }
}

/// Echoes requests as JSON, gRPC-shaped requests with `grpc-status: 0` in trailers, and the bytes of upgraded
/// connections. Speaks HTTP/1.1 and HTTP/2 on one port.
pub struct Upstream {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: tokio::task::AbortHandle,
}

impl Upstream {
    /// Starts on a free port.
    pub async fn start() -> Self {
        let (listener, address) = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let remembered = seen.clone();
        let serving = server::serve(listener, None, move |request| echo(request, Some(remembered.clone())));
        let serving = tokio::spawn(serving).abort_handle();
        Self { address, seen, serving }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The number of received requests.
    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// The latest request; panics if there was none.
    pub fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().expect("no request reached the upstream").clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Responds with the content of each request, without recording it. Dropping the future stops the server.
pub async fn serve(listener: TcpListener) {
    server::serve(listener, None, |request| echo(request, None)).await;
}

async fn echo(
    mut request: hyper::Request<Incoming>,
    seen: Option<Arc<Mutex<Vec<Seen>>>>,
) -> Result<Response, hyper::Error> {
    let remember = |record| {
        if let Some(seen) = &seen {
            seen.lock().unwrap().push(record);
        }
    };
    let upgrade = request.headers().get("upgrade").cloned();
    let mut record = Seen {
        method: request.method().to_string(),
        path: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: pairs(request.headers()),
        trailers: vec![],
        body: vec![],
        version: request.version(),
    };

    if let Some(protocol) = upgrade {
        remember(record);
        tokio::spawn(echo_bytes(hyper::upgrade::on(&mut request)));
        let switching = hyper::Response::builder()
            .status(101)
            .header("connection", "upgrade")
            .header("upgrade", protocol)
            .body(Full::default().boxed());
        return Ok(switching.unwrap());
    }

    let grpc =
        request.headers().get("content-type").is_some_and(|kind| kind.as_bytes() == b"application/grpc");
    let collected = request.into_body().collect().await?;
    record.trailers = collected.trailers().map(pairs).unwrap_or_default();
    record.body = collected.to_bytes().to_vec();
    let answer = if grpc { grpc_answer(&record) } else { json_answer(&record) };
    remember(record);
    Ok(answer)
}

fn json_answer(record: &Seen) -> Response {
    let text = |pairs: &[(String, Vec<u8>)]| {
        pairs.iter().map(|(name, value)| json!([name, String::from_utf8_lossy(value)])).collect::<Vec<_>>()
    };
    let body = json!({
        "method": record.method,
        "path": record.path,
        "headers": text(&record.headers),
        "trailers": text(&record.trailers),
        "body_length": record.body.len(),
    });
    let answer = hyper::Response::builder().header("content-type", "application/json");
    answer.body(Full::new(body.to_string().into()).boxed()).unwrap()
}

fn grpc_answer(record: &Seen) -> Response {
    let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
    let message = Full::new(Bytes::from(record.body.clone()));
    let body = message.with_trailers(async move { Some(Ok(trailers)) });
    hyper::Response::builder().header("content-type", "application/grpc").body(body.boxed()).unwrap()
}

async fn echo_bytes(upgrade: hyper::upgrade::OnUpgrade) {
    let Ok(upgraded) = upgrade.await else { return };
    let (mut reader, mut writer) = tokio::io::split(TokioIo::new(upgraded));
    let _ = tokio::io::copy(&mut reader, &mut writer).await;
}

fn pairs(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
}
