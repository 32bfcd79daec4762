//! The outcome of a request with a token, read from the response: 200 or the denial reason.

use serde_json::json;

use crate::harness::{Bootstrap, Connection, Request, Response, Stack};

/// Texts in Envoy's log after a crash or a reload of the module.
const CRASH_MESSAGES: [&str; 6] =
    ["panicked", "wasm failed", "Wasm VM failed", "runtime error", "[critical]", "reload"];

/// Makes Envoy copy the denial reason from the filter state into a response header.
pub fn expose_reasons(envoy: &mut Bootstrap) {
    let code =
        json!({ "comparison": { "op": "GE", "value": { "default_value": 400, "runtime_key": "none" } } });
    let header = json!({ "key": "x-reason", "value": "%FILTER_STATE(wasm.jwt_guard.reason:PLAIN)%" });
    envoy.connection_manager["local_reply_config"] = json!({
        "mappers": [{ "filter": { "status_code_filter": code }, "headers_to_add": [{ "header": header }] }],
    });
}

/// `passed` or the reason; an unexpected status comes before it.
pub fn of(response: &Response) -> String {
    let reason = response.text("x-reason").unwrap_or("no reason");
    match (response.status, reason) {
        (200, _) => "passed".to_owned(),
        (401, reason) => reason.to_owned(),
        (status, reason) => format!("{status} {reason}"),
    }
}

/// A connection for sending one token after another.
pub struct Tries {
    connection: Connection,
    stack: std::net::SocketAddr,
}

impl Tries {
    pub async fn new(stack: &Stack) -> Self {
        Self { connection: stack.connect().await, stack: stack.address() }
    }

    /// The outcome of a GET with that token.
    pub async fn token(&mut self, token: impl AsRef<[u8]>) -> String {
        let value = [b"Bearer ", token.as_ref()].concat();
        self.request(Request::new(self.stack, "GET", "/").header("authorization", value)).await
    }

    /// The outcome of the request.
    pub async fn request(&mut self, request: Request) -> String {
        of(&self.response(request).await)
    }

    /// The response to the request. Reconnects if Envoy has closed the connection.
    pub async fn response(&mut self, request: Request) -> Response {
        self.connection.write(&request.to_bytes()).await;
        let response = self.connection.response().await;
        if response.text("connection") == Some("close") {
            self.connection = Connection::open(self.stack).await;
        }
        response
    }
}

/// Asserts that the VM has neither crashed nor been reloaded.
pub fn assert_no_crash(stack: &Stack) {
    let log = stack.envoy.log();
    for words in CRASH_MESSAGES {
        assert!(!log.contains(words), "the log has {words:?}");
    }
}
