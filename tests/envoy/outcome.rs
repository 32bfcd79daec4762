//! What became of a request with a token, told by the answer itself: 200, or why it was refused.

use serde_json::json;

use crate::harness::{Bootstrap, Connection, Request, Response, Stack};

/// What a module that has panicked, or has been started again, leaves in Envoy's log.
const CRASH_MESSAGES: [&str; 6] =
    ["panicked", "wasm failed", "Wasm VM failed", "runtime error", "[critical]", "reload"];

/// Makes Envoy put the reason of a refusal into a header of the answer, from where access logs have it.
pub fn expose_reasons(envoy: &mut Bootstrap) {
    let code =
        json!({ "comparison": { "op": "GE", "value": { "default_value": 400, "runtime_key": "none" } } });
    let header = json!({ "key": "x-reason", "value": "%FILTER_STATE(wasm.jwt_guard.reason:PLAIN)%" });
    envoy.connection_manager["local_reply_config"] = json!({
        "mappers": [{ "filter": { "status_code_filter": code }, "headers_to_add": [{ "header": header }] }],
    });
}

/// `passed`, or the reason; a status that goes with neither is put before it.
pub fn of(response: &Response) -> String {
    let reason = response.text("x-reason").unwrap_or("no reason");
    match (response.status, reason) {
        (200, _) => "passed".to_owned(),
        (401, reason) => reason.to_owned(),
        (status, reason) => format!("{status} {reason}"),
    }
}

/// A connection on which one token after another is tried.
pub struct Tries {
    connection: Connection,
    stack: std::net::SocketAddr,
}

impl Tries {
    pub async fn new(stack: &Stack) -> Self {
        Self { connection: stack.connect().await, stack: stack.address() }
    }

    /// What becomes of GET with that token.
    pub async fn token(&mut self, token: impl AsRef<[u8]>) -> String {
        let value = [b"Bearer ", token.as_ref()].concat();
        self.request(Request::new(self.stack, "GET", "/").header("authorization", value)).await
    }

    /// What becomes of that request.
    pub async fn request(&mut self, request: Request) -> String {
        of(&self.response(request).await)
    }

    /// The answer to that request. Opens another connection where Envoy has closed this one.
    pub async fn response(&mut self, request: Request) -> Response {
        self.connection.write(&request.to_bytes()).await;
        let response = self.connection.response().await;
        if response.text("connection") == Some("close") {
            self.connection = Connection::open(self.stack).await;
        }
        response
    }
}

/// The VM that answers now is the one that started.
pub fn assert_no_crash(stack: &Stack) {
    let log = stack.envoy.log();
    for words in CRASH_MESSAGES {
        assert!(!log.contains(words), "the log has {words:?}");
    }
}
