//! Clients that send what a test says, byte for byte.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::HeaderMap;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::PATIENCE;

/// An HTTP/1.1 request on a connection of its own. Values are bytes, written unchecked.
#[derive(Debug, Clone)]
pub struct Request {
    address: SocketAddr,
    method: String,
    path: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Request {
    pub fn new(address: SocketAddr, method: &str, path: impl AsRef<[u8]>) -> Self {
        let headers = vec![(b"host".to_vec(), b"api.example".to_vec())];
        Self { address, method: method.to_owned(), path: path.as_ref().to_vec(), headers, body: None }
    }

    /// Adds a header; a second one of the same name is sent as a second line.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Another Host than `api.example`.
    pub fn host(mut self, host: &str) -> Self {
        self.headers.retain(|(name, _)| name != b"host");
        self.header("host", host)
    }

    /// `Authorization: Bearer …`
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// A body, with its length.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Where it is sent.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The bytes that are sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [self.method.as_bytes(), b" ", &self.path, b" HTTP/1.1\r\n"].concat();
        for (name, value) in &self.headers {
            bytes.extend([name.as_slice(), b": ", value, b"\r\n"].concat());
        }
        if let Some(body) = &self.body {
            bytes.extend(format!("content-length: {}\r\n", body.len()).bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(self.body.iter().flatten());
        bytes
    }

    /// Sends it and reads the answer.
    pub async fn send(self) -> Response {
        let mut connection = Connection::open(self.address).await;
        connection.write(&self.to_bytes()).await;
        connection.response_to(&self.method).await
    }
}

/// A TCP connection to Envoy.
pub struct Connection {
    stream: TcpStream,
    /// Read, but not yet part of an answer.
    pending: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), pending: vec![] }
    }

    /// Sends exactly those bytes.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends those bytes unless the other side has closed.
    pub async fn write_or_closed(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Whether that HTTP/2 stream comes to an end within the time that a test waits: by its answer, by a reset, or
    /// with the connection. A stream that stays open after its answer's headers (a tunnel) has ended as well.
    pub async fn h2_stream_ends(&mut self, stream: u32) -> bool {
        const HEADERS: u8 = 1;
        const RST_STREAM: u8 = 3;
        const GOAWAY: u8 = 7;
        let ending = async {
            loop {
                while let [a, b, c, kind, flags, id @ ..] = self.pending.as_slice() {
                    let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap();
                    let Some(id) = id.first_chunk::<4>() else { break };
                    if self.pending.len() < 9 + length {
                        break;
                    }
                    let ours = u32::from_be_bytes(*id) == stream;
                    let (kind, ends) = (*kind, flags & 1 == 1);
                    self.pending.drain(..9 + length);
                    if kind == GOAWAY || ours && (kind == RST_STREAM || kind == HEADERS || kind == 0 && ends)
                    {
                        return;
                    }
                }
                if !self.fill().await {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, ending).await.is_ok()
    }

    /// Whether anything of an answer comes before the other side closes.
    pub async fn is_answered(&mut self) -> bool {
        let waiting = async {
            while self.pending.is_empty() {
                if !self.fill().await {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("neither an answer nor an end")
    }

    /// Reads the next answer, to a request that was not HEAD.
    pub async fn response(&mut self) -> Response {
        self.response_to("GET").await
    }

    /// Reads the next answer; informational ones are skipped, except for 101.
    pub async fn response_to(&mut self, method: &str) -> Response {
        let reading = self.read_response(method);
        tokio::time::timeout(PATIENCE, reading).await.expect("no answer in time")
    }

    /// Reads exactly that many bytes, as after an upgrade.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let reading = async {
            while self.pending.len() < count {
                assert!(self.fill().await, "the connection ended after {} bytes", self.pending.len());
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("no bytes in time");
        self.pending.drain(..count).collect()
    }

    /// Whether the other side has closed within the time that a test waits.
    pub async fn closes(&mut self) -> bool {
        tokio::time::timeout(PATIENCE, async { while self.fill().await {} }).await.is_ok()
    }

    async fn read_response(&mut self, method: &str) -> Response {
        loop {
            let mut response = self.read_head().await;
            match response.status {
                101 => return response,
                100..200 => continue,
                204 | 304 => return response,
                _ if method == "HEAD" => return response,
                _ => {}
            }
            let chunked = response.text("transfer-encoding").is_some_and(|coding| coding.contains("chunked"));
            let length = response.text("content-length").map(|length| length.parse().unwrap());
            match (chunked, length) {
                (true, _) => response.body = self.read_chunks().await,
                (false, Some(length)) => response.body = self.bytes(length).await,
                (false, None) => {
                    while self.fill().await {}
                    response.body = std::mem::take(&mut self.pending);
                }
            }
            return response;
        }
    }

    async fn read_head(&mut self) -> Response {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 128];
            let mut head = httparse::Response::new(&mut headers);
            if let httparse::Status::Complete(length) = head.parse(&self.pending).unwrap() {
                let headers = head.headers.iter();
                let response = Response {
                    status: head.code.unwrap(),
                    headers: headers.map(|h| (h.name.to_ascii_lowercase(), h.value.to_vec())).collect(),
                    body: vec![],
                };
                self.pending.drain(..length);
                return response;
            }
            assert!(
                self.fill().await,
                "the connection ended before an answer: {:?}",
                String::from_utf8_lossy(&self.pending)
            );
        }
    }

    async fn read_chunks(&mut self) -> Vec<u8> {
        let mut body = vec![];
        loop {
            let line = self.read_line().await;
            let length = usize::from_str_radix(line.split(';').next().unwrap().trim(), 16).unwrap();
            if length == 0 {
                while !self.read_line().await.is_empty() {}
                return body;
            }
            body.extend(self.bytes(length).await);
            self.bytes(2).await;
        }
    }

    async fn read_line(&mut self) -> String {
        loop {
            if let Some(end) = self.pending.windows(2).position(|two| two == b"\r\n") {
                let line = self.pending.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).unwrap();
            }
            assert!(self.fill().await, "the connection ended within a chunk");
        }
    }

    /// Reads what there is; false at the end, a reset included.
    async fn fill(&mut self) -> bool {
        matches!(self.stream.read_buf(&mut self.pending).await, Ok(count) if count > 0)
    }
}

/// An answer over HTTP/1.1.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    /// In order, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of that header as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(found, _)| found == name)?;
        Some(std::str::from_utf8(value).unwrap())
    }

    /// The body as JSON; panics when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The member `error` of a refusal.
    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_else(|| panic!("no error: {self:?}")).to_owned()
    }
}

/// An HTTP/2 connection to Envoy; a clone is the same connection.
#[derive(Clone)]
pub struct H2Client {
    sender: hyper::client::conn::http2::SendRequest<BoxBody<Bytes, std::convert::Infallible>>,
    authority: String,
}

/// An answer over HTTP/2.
#[derive(Debug, Clone)]
pub struct H2Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: HeaderMap,
}

impl H2Client {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        Self { sender, authority: address.to_string() }
    }

    /// Sends a request with a body and, unless empty, trailers; reads the whole answer.
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
        tokio::time::timeout(PATIENCE, exchange).await.expect("no answer in time")
    }

    /// Sends a GET with that token, on a stream of its own, and lets it run; its status comes later.
    pub fn get_later(&self, path: &str, token: &str) -> tokio::task::JoinHandle<u16> {
        let request = hyper::Request::get(format!("http://{}{path}", self.authority))
            .header("authorization", format!("Bearer {token}"))
            .body(Full::default().boxed())
            .unwrap();
        let mut sender = self.sender.clone();
        tokio::spawn(async move { sender.send_request(request).await.unwrap().status().as_u16() })
    }

    /// A gRPC call: one length-prefixed message, `te: trailers`.
    pub async fn grpc(&mut self, path: &str, headers: &[(&str, &[u8])], message: &[u8]) -> H2Response {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let framed = [&[0], length.as_slice(), message].concat();
        let grpc: [(&str, &[u8]); 2] = [("content-type", b"application/grpc"), ("te", b"trailers")];
        self.send("POST", path, &[&grpc, headers].concat(), &framed, HeaderMap::new()).await
    }
}
