//! A request of the demo, sent and printed as the `curl` line that sends the same.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http;
pub use axum::http::StatusCode;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// No answer of the demo takes longer, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request, without a body unless it is a POST.
pub struct Request {
    method: &'static str,
    address: SocketAddr,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// What came back.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: Bytes,
}

impl Request {
    /// A GET.
    pub fn get(address: SocketAddr, path: impl Into<String>) -> Self {
        Self { method: "GET", address, path: path.into(), headers: vec![], body: String::new() }
    }

    /// A POST with that body.
    pub fn post(address: SocketAddr, path: impl Into<String>, body: String) -> Self {
        Self { method: "POST", body, ..Self::get(address, path) }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With a Bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sends it on a connection of its own.
    pub async fn send(&self) -> Result<Answer, String> {
        let failed = |error: &dyn fmt::Display| format!("{} {}: {error}", self.method, self.url());
        let mut request = http::Request::builder()
            .method(self.method)
            .uri(&self.path)
            .header(http::header::HOST, self.address.to_string());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::from(self.body.clone())).map_err(|error| failed(&error))?;
        let exchange = async {
            let stream = TcpStream::connect(self.address).await.map_err(|error| failed(&error))?;
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
                .await
                .map_err(|error| failed(&error))?;
            tokio::spawn(connection);
            let answer = sender.send_request(request).await.map_err(|error| failed(&error))?;
            let status = answer.status();
            let body = answer.into_body().collect().await.map_err(|error| failed(&error))?.to_bytes();
            Ok(Answer { status, body })
        };
        match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(failed(&format_args!("no answer in {} s", PATIENCE.as_secs()))),
        }
    }

    fn url(&self) -> String {
        format!("http://{}{}", self.address, self.path)
    }
}

impl Answer {
    /// The body as JSON, or null.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl fmt::Display for Request {
    /// A line to read: a token is cut to its beginning and end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("curl")?;
        if self.method != "GET" {
            write!(f, " -X {}", self.method)?;
        }
        write!(f, " {}", self.url())?;
        for (name, value) in &self.headers {
            write!(f, " -H '{name}: {}'", shortened(value))?;
        }
        if !self.body.is_empty() {
            write!(f, " -d '{}'", self.body)?;
        }
        Ok(())
    }
}

/// A long value, which is a token, by its beginning and end.
pub fn shortened(value: &str) -> String {
    let end = value.len().saturating_sub(6);
    match (value.get(..24), value.get(end..)) {
        (Some(first), Some(last)) if value.len() > 64 => format!("{first}…{last}"),
        _ => value.to_owned(),
    }
}
