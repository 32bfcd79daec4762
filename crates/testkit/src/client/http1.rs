//! An HTTP/1.1 client.

use std::fmt;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::TIMEOUT;

/// An HTTP/1.1 request on its own connection. Header values are bytes and are sent unchecked.
#[derive(Debug, Clone)]
pub struct Request {
    address: SocketAddr,
    method: String,
    path: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A GET whose `host` is the server's address.
    pub fn get(address: SocketAddr, path: impl AsRef<[u8]>) -> Self {
        Self::new(address, "GET", path).host(&address.to_string())
    }

    /// A POST with a body, whose `host` is the server's address.
    pub fn post(address: SocketAddr, path: impl AsRef<[u8]>, body: impl Into<Vec<u8>>) -> Self {
        Self::new(address, "POST", path).host(&address.to_string()).body(body)
    }

    /// A request with any method, for the host `api.example`.
    pub fn new(address: SocketAddr, method: &str, path: impl AsRef<[u8]>) -> Self {
        let headers = vec![(b"host".to_vec(), b"api.example".to_vec())];
        Self { address, method: method.to_owned(), path: path.as_ref().to_vec(), headers, body: None }
    }

    /// Adds a header line, also if the name exists already.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Replaces the `host` header.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.headers.retain(|(name, _)| name != b"host");
        self.header("host", host)
    }

    /// Adds `Authorization: Bearer …`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sets the body; `content-length` is sent with it.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The server's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The request as bytes.
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

    /// Sends the request and reads the response. Panics if there is no response.
    pub async fn send(self) -> Response {
        let mut connection = Connection::open(self.address).await;
        connection.write(&self.to_bytes()).await;
        connection.response_to(&self.method).await
    }

    /// Sends the request and reads the response.
    ///
    /// # Errors
    /// The connection failed, or there was no valid response.
    pub async fn try_send(&self) -> Result<Response, String> {
        let exchange = async {
            let stream = TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
            let mut connection = Connection::over(stream);
            connection.stream.write_all(&self.to_bytes()).await.map_err(|error| error.to_string())?;
            connection.read_response(&self.method).await
        };
        let outcome = tokio::time::timeout(TIMEOUT, exchange).await;
        let outcome = outcome.unwrap_or_else(|_| Err(format!("no response within {} s", TIMEOUT.as_secs())));
        outcome.map_err(|problem| format!("{} {}: {problem}", self.method, self.url()))
    }

    fn url(&self) -> String {
        format!("http://{}{}", self.address, String::from_utf8_lossy(&self.path))
    }
}

/// The request as a `curl` command for people to read: tokens are shortened.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("curl")?;
        if self.method != "GET" {
            write!(f, " -X {}", self.method)?;
        }
        write!(f, " {}", self.url())?;
        for (name, value) in self.headers.iter().filter(|(name, _)| name != b"host") {
            let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(value));
            write!(f, " -H '{name}: {}'", shortened(&value))?;
        }
        match &self.body {
            Some(body) if !body.is_empty() => write!(f, " -d '{}'", String::from_utf8_lossy(body)),
            _ => Ok(()),
        }
    }
}

/// Shortens a long value, such as a token, to its beginning and end.
pub fn shortened(value: &str) -> String {
    let end = value.len().saturating_sub(6);
    match (value.get(..24), value.get(end..)) {
        (Some(first), Some(last)) if value.len() > 64 => format!("{first}…{last}"),
        _ => value.to_owned(),
    }
}

/// A stream of bytes: TCP, or TLS over TCP.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection to Envoy.
pub struct Connection {
    stream: Box<dyn Stream>,
    /// Bytes that were read, but are not part of a response yet.
    pending: Vec<u8>,
}

impl Connection {
    /// Connects. Panics if the connection fails.
    pub async fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    /// A connection over this stream.
    pub fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), pending: vec![] }
    }

    /// Sends exactly these bytes.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends these bytes; ignores an error if the server has closed the connection.
    pub async fn write_or_closed(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Whether that HTTP/2 stream ends before the timeout: by a response, by a reset, or with the connection. Response
    /// headers count as the end, also if the stream stays open (a tunnel).
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
        tokio::time::timeout(TIMEOUT, ending).await.is_ok()
    }

    /// Whether the server sends any byte of a response before it closes the connection.
    pub async fn is_answered(&mut self) -> bool {
        let waiting = async {
            while self.pending.is_empty() {
                if !self.fill().await {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(TIMEOUT, waiting)
            .await
            .expect("timeout: neither a response nor the end of the connection")
    }

    /// Reads the next response, to a request other than HEAD.
    pub async fn response(&mut self) -> Response {
        self.response_to("GET").await
    }

    /// Reads the next response; skips informational responses except 101.
    pub async fn response_to(&mut self, method: &str) -> Response {
        let reading = self.read_response(method);
        let answer = tokio::time::timeout(TIMEOUT, reading).await.expect("timeout: no response");
        answer.unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// Reads exactly that many bytes, for example after an upgrade.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let reading = tokio::time::timeout(TIMEOUT, self.read_bytes(count)).await;
        reading.expect("timeout: too few bytes").unwrap_or_else(|problem| panic!("{problem}"))
    }

    async fn read_bytes(&mut self, count: usize) -> Result<Vec<u8>, String> {
        while self.pending.len() < count {
            if !self.fill().await {
                return Err(format!("the connection ended after {} bytes", self.pending.len()));
            }
        }
        Ok(self.pending.drain(..count).collect())
    }

    /// Whether the server closes the connection before the timeout.
    pub async fn closes(&mut self) -> bool {
        tokio::time::timeout(TIMEOUT, async { while self.fill().await {} }).await.is_ok()
    }

    async fn read_response(&mut self, method: &str) -> Result<Response, String> {
        loop {
            let mut response = self.read_head().await?;
            match response.status {
                101 => return Ok(response),
                100..200 => continue,
                204 | 304 => return Ok(response),
                _ if method == "HEAD" => return Ok(response),
                _ => {}
            }
            let chunked = response.text("transfer-encoding").is_some_and(|coding| coding.contains("chunked"));
            let length = response.text("content-length").map(str::parse);
            match (chunked, length) {
                (true, _) => response.body = self.read_chunks().await?,
                (false, Some(length)) => {
                    let length = length.map_err(|_| "content-length is not a number".to_owned())?;
                    response.body = self.read_bytes(length).await?;
                }
                (false, None) => {
                    while self.fill().await {}
                    response.body = std::mem::take(&mut self.pending);
                }
            }
            return Ok(response);
        }
    }

    async fn read_head(&mut self) -> Result<Response, String> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 128];
            let mut head = httparse::Response::new(&mut headers);
            let parsed =
                head.parse(&self.pending).map_err(|error| format!("not an HTTP response: {error}"))?;
            if let (httparse::Status::Complete(length), Some(status)) = (parsed, head.code) {
                let headers = head.headers.iter();
                let headers = headers.map(|h| (h.name.to_ascii_lowercase(), h.value.to_vec())).collect();
                self.pending.drain(..length);
                return Ok(Response { status, headers, body: vec![] });
            }
            if !self.fill().await {
                let got = String::from_utf8_lossy(&self.pending);
                return Err(format!("the connection ended before a complete response; received {got:?}"));
            }
        }
    }

    async fn read_chunks(&mut self) -> Result<Vec<u8>, String> {
        let mut body = vec![];
        loop {
            let line = self.read_line().await?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let length = usize::from_str_radix(digits, 16)
                .map_err(|_| format!("expected a chunk size, got {line:?}"))?;
            if length == 0 {
                while !self.read_line().await?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.read_bytes(length).await?);
            self.read_bytes(2).await?;
        }
    }

    async fn read_line(&mut self) -> Result<String, String> {
        loop {
            if let Some(end) = self.pending.windows(2).position(|two| two == b"\r\n") {
                let line = self.pending.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).map_err(|_| "a chunk size is not UTF-8".to_owned());
            }
            if !self.fill().await {
                return Err("the connection ended within a chunk".to_owned());
            }
        }
    }

    /// Reads available bytes; false at the end of the connection or after a reset.
    async fn fill(&mut self) -> bool {
        matches!(self.stream.read_buf(&mut self.pending).await, Ok(count) if count > 0)
    }
}

/// An HTTP/1.1 response.
#[derive(Debug, Clone)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// The headers in order, with names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of the header as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(found, _)| found == name)?;
        Some(std::str::from_utf8(value).unwrap())
    }

    /// All values of the header as text.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let values = self.headers.iter().filter(move |(found, _)| found == name);
        values.map(|(_, value)| std::str::from_utf8(value).unwrap())
    }

    /// The body as JSON; panics if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The member `error` of the body of a denial.
    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_else(|| panic!("no error: {self:?}")).to_owned()
    }
}
