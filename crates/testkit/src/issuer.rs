//! A mock issuer with configurable responses. It records the requests that it receives.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test methods panic on an unexpected result, which fails the test with its location"
)]

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Frame, Incoming};
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use crate::client::TIMEOUT;
use crate::mint::{SigningKey, key_set};
use crate::server::{self, Response};

/// The default path of a JWKS.
pub const JWKS_PATH: &str = "/api/v1/auth/jwks";

/// The response of a path.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delay: Duration,
    held: bool,
    drips: bool,
}

impl Answer {
    /// 200 with this body.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        let (status, headers, delay) = (200, vec![], Duration::ZERO);
        Self { status, headers, body: body.into(), delay, held: false, drips: false }
            .header("content-type", "application/json")
    }

    /// This status and no body.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::ok("") }
    }

    /// Replaces the status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// 200 with the JWKS of these keys.
    pub fn keys<'a>(keys: impl IntoIterator<Item = &'a SigningKey>) -> Self {
        Self::ok(key_set(keys).to_string())
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Replaces the `content-type`.
    #[must_use]
    pub fn content_type(mut self, value: &str) -> Self {
        self.headers.retain(|(name, _)| name != "content-type");
        self.header("content-type", value)
    }

    /// Delays the response.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sends the first half of the body at once, then one byte every 100 ms.
    #[must_use]
    pub fn dripping(mut self) -> Self {
        self.drips = true;
        self
    }

    /// Adds this validator; a request with a matching `if-none-match` gets 304.
    #[must_use]
    pub fn etag(self, etag: &str) -> Self {
        self.header("etag", etag)
    }

    fn is_current_for(&self, request_headers: &hyper::HeaderMap) -> bool {
        let etag = self.headers.iter().find(|(name, _)| name == "etag").map(|(_, value)| value.as_bytes());
        etag.is_some() && request_headers.get("if-none-match").map(|value| value.as_bytes()) == etag
    }

    pub(crate) fn response_to(self, request_headers: &hyper::HeaderMap) -> Response {
        let not_modified = self.is_current_for(request_headers);
        let mut response = hyper::Response::builder().status(if not_modified { 304 } else { self.status });
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        let body = match (not_modified, self.drips) {
            (true, _) => Full::default().boxed(),
            (false, false) => Full::new(self.body.into()).boxed(),
            (false, true) => Dripping { body: self.body.into(), pause: None }.boxed(),
        };
        response.body(body).unwrap()
    }

    /// Holds the response back until [`Issuer::release`].
    #[must_use]
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }
}

/// A request that the issuer received.
#[derive(Debug, Clone)]
pub struct ReceivedRequest {
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Its headers.
    pub headers: hyper::HeaderMap,
    /// When it arrived.
    pub at: Instant,
}

#[derive(Default)]
struct State {
    answers: HashMap<String, Answer>,
    requests: Vec<ReceivedRequest>,
}

/// A server on a port of its own. It keeps the port reserved while it is down.
pub struct Issuer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// Counts the releases; a held response is sent at the next release.
    released: watch::Sender<u64>,
    port: Mutex<Port>,
    tls: Option<TlsAcceptor>,
}

enum Port {
    /// Bound but not listening: connections are refused, and no other process gets the port.
    Reserved(TcpSocket),
    Serving(AbortHandle),
    /// The state during a change between the other two.
    Changing,
}

impl Issuer {
    /// An issuer that refuses connections until [`up`](Self::up).
    pub fn reserve() -> Self {
        Self::reserve_with(None)
    }

    /// Like [`reserve`](Self::reserve), over TLS.
    pub fn reserve_tls(tls: TlsAcceptor) -> Self {
        Self::reserve_with(Some(tls))
    }

    fn reserve_with(tls: Option<TlsAcceptor>) -> Self {
        let socket = bound("127.0.0.1:0".parse().unwrap());
        Self {
            address: socket.local_addr().unwrap(),
            state: Arc::default(),
            released: watch::channel(0).0,
            port: Mutex::new(Port::Reserved(socket)),
            tls,
        }
    }

    /// Its address, also while it is down.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts to listen. Does nothing if it listens already.
    pub async fn up(&self) {
        let mut port = self.port.lock().unwrap();
        match std::mem::replace(&mut *port, Port::Changing) {
            Port::Reserved(socket) => {
                let listener = socket.listen(1024).unwrap();
                let (state, released) = (self.state.clone(), self.released.clone());
                let answer = move |request| answer(request, state.clone(), released.subscribe());
                let serving = server::serve(listener, self.tls.clone(), answer);
                *port = Port::Serving(tokio::spawn(serving).abort_handle());
            }
            other => *port = other,
        }
    }

    /// Refuses new connections and closes existing ones.
    pub async fn down(&self) {
        let serving = match std::mem::replace(&mut *self.port.lock().unwrap(), Port::Changing) {
            Port::Serving(serving) => serving,
            other => {
                *self.port.lock().unwrap() = other;
                return;
            }
        };
        serving.abort();
        while !serving.is_finished() {
            tokio::task::yield_now().await;
        }
        // An outgoing connection of another process may get the port before it is bound again. Retry until it ends.
        let mut socket = try_bound(self.address);
        let given_up = Instant::now() + TIMEOUT;
        while socket.is_err() && Instant::now() < given_up {
            tokio::time::sleep(Duration::from_millis(20)).await;
            socket = try_bound(self.address);
        }
        *self.port.lock().unwrap() = Port::Reserved(socket.unwrap());
    }

    /// Sets the JWKS.
    pub fn publish<'a>(&self, keys: impl IntoIterator<Item = &'a SigningKey>) {
        self.answer(JWKS_PATH, Answer::keys(keys));
    }

    /// Sets the response of a path; paths without a response answer 404.
    pub fn answer(&self, path: &str, answer: Answer) {
        self.state().answers.insert(path.to_owned(), answer);
    }

    /// Sends all responses that are held now.
    pub fn release(&self) {
        self.released.send_modify(|released| *released += 1);
    }

    /// The number of requests for that path.
    pub fn count(&self, path: &str) -> usize {
        self.state().requests.iter().filter(|request| request.path == path).count()
    }

    /// The number of requests for the JWKS.
    pub fn fetches(&self) -> usize {
        self.count(JWKS_PATH)
    }

    /// The times of the requests for that path.
    pub fn times(&self, path: &str) -> Vec<Instant> {
        self.state()
            .requests
            .iter()
            .filter(|request| request.path == path)
            .map(|request| request.at)
            .collect()
    }

    /// All received requests, in order.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.state().requests.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        if let Ok(port) = self.port.get_mut()
            && let Port::Serving(serving) = port
        {
            serving.abort();
        }
    }
}

fn bound(address: SocketAddr) -> TcpSocket {
    try_bound(address).unwrap()
}

fn try_bound(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn answer(
    request: hyper::Request<Incoming>,
    state: Arc<Mutex<State>>,
    mut release: watch::Receiver<u64>,
) -> Result<Response, hyper::Error> {
    let answer = {
        let path = request.uri().path().to_owned();
        let mut state = state.lock().unwrap();
        let answer = state.answers.get(&path).cloned().unwrap_or_else(|| Answer::status(404));
        state.requests.push(ReceivedRequest {
            method: request.method().to_string(),
            path,
            headers: request.headers().clone(),
            at: Instant::now(),
        });
        answer
    };
    if answer.held {
        // An error means that the issuer was dropped, and its connections with it.
        let _ = release.changed().await;
    }
    tokio::time::sleep(answer.delay).await;
    Ok(answer.response_to(request.headers()))
}

/// Sends half of a body at once, and the rest too slowly for any timeout.
struct Dripping {
    body: Bytes,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl hyper::body::Body for Dripping {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = match &mut self.pause {
            None => self.body.len() / 2,
            Some(pause) => {
                std::task::ready!(pause.as_mut().poll(context));
                1.min(self.body.len())
            }
        };
        if self.body.is_empty() {
            return Poll::Ready(None);
        }
        self.pause = Some(Box::pin(tokio::time::sleep(Duration::from_millis(100))));
        Poll::Ready(Some(Ok(Frame::data(self.body.split_to(length)))))
    }
}
