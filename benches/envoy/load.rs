//! The client: HTTP/1.1 over keep-alive connections, with one request at a time on each.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::plan::{Order, Scenario};
use super::tokens::{REPEATED, TokenSet, Tokens};

/// The number of connections. They form groups. While the client reads the responses of one group and sends its next
/// requests, Envoy's worker has the requests of the other groups to read. A worker that falls asleep pays for a wake-up,
/// and a faster filter would make it fall asleep more often.
pub const CONNECTIONS: usize = GROUP * 4;
/// The number of connections of a group.
const GROUP: usize = 20;
/// In [`Order::Mixed`], one request in this many carries a new token.
const NEW_TOKEN_ONE_IN: usize = 10;

/// Sends the requests of scenarios. Keeps its connections and its position in each token set.
pub struct Load<'a> {
    tokens: &'a Tokens,
    connections: BTreeMap<SocketAddr, Vec<TcpStream>>,
    next: BTreeMap<(SocketAddr, TokenSet), usize>,
    answers: Answers,
}

impl<'a> Load<'a> {
    pub fn new(tokens: &'a Tokens) -> Self {
        let answers = Answers { buffer: vec![0; 64 * 1024], last: (Vec::new(), 0) };
        Self { tokens, connections: BTreeMap::new(), next: BTreeMap::new(), answers }
    }

    /// Sends `requests` requests, rounded up to a multiple of the connections of a group, and checks the status of every
    /// response. Returns the number of sent requests.
    pub fn drive(&mut self, address: SocketAddr, scenario: &Scenario, requests: usize) -> usize {
        let requests = requests.next_multiple_of(GROUP);
        let token_set = self.tokens.of(scenario.token_set);
        let place = (address, scenario.token_set);
        let mut position = self.next.get(&place).copied().unwrap_or_default();
        let mut parts = RequestParts::new(&scenario.path);
        self.exchange(scenario.name, address, requests, scenario.status, |sent, connection| {
            let index = match scenario.order {
                Order::Repeated => sent % REPEATED,
                Order::Mixed if !sent.is_multiple_of(NEW_TOKEN_ONE_IN) => sent % REPEATED,
                Order::Mixed | Order::New => {
                    position += 1;
                    // The first tokens of the set are the repeated ones.
                    REPEATED + position % (token_set.len().saturating_sub(REPEATED)).max(1)
                }
            };
            connection.write_all(parts.with(token_set.get(index).map(String::as_str))).unwrap();
        });
        self.next.insert(place, position);
        requests
    }

    /// Sends each repeated token twice in a row. Our cache, when full, inserts a token at its second arrival, and other tokens
    /// between the two can make it forget the first one.
    pub fn fill_caches(&mut self, address: SocketAddr, scenario: &Scenario) {
        let token_set = self.tokens.of(scenario.token_set);
        let mut parts = RequestParts::new(&scenario.path);
        self.exchange(scenario.name, address, REPEATED * 2, scenario.status, |sent, connection| {
            let token = token_set.get(sent / 2).map(String::as_str);
            connection.write_all(parts.with(token)).unwrap();
        });
    }

    /// Sends each token once.
    pub fn send_all(&mut self, address: SocketAddr, tokens: &[String]) {
        let mut parts = RequestParts::new("/orders/42");
        self.exchange("tokens", address, tokens.len(), 200, |sent, connection| {
            connection.write_all(parts.with(Some(&tokens[sent]))).unwrap();
        });
    }

    /// Sends each request once.
    pub fn send_requests(&mut self, address: SocketAddr, requests: &[Vec<u8>]) {
        self.exchange("requests", address, requests.len(), 200, |sent, connection| {
            connection.write_all(&requests[sent]).unwrap();
        });
    }

    /// Calls `send` for each number below `requests`, with the connection for that request, and reads the responses.
    fn exchange(
        &mut self,
        name: &str,
        address: SocketAddr,
        requests: usize,
        status: u16,
        mut send: impl FnMut(usize, &mut TcpStream),
    ) {
        let mut connections = self.connections.remove(&address).unwrap_or_else(|| open(address));
        let mut in_flight = [0; CONNECTIONS / GROUP];
        let mut sent = 0;
        let mut turns = 0;
        // After the last request, one more turn of each group reads the remaining responses.
        while sent < requests || in_flight.iter().any(|count| *count > 0) {
            let group = turns % in_flight.len();
            let connections = &mut connections[group * GROUP..][..GROUP];
            // The response to the last request first: the client sleeps until the whole group is answered. Envoy wakes it
            // once for each group. If it slept before each response, each wake-up would be part of Envoy's time, and a slow
            // filter would have more of them than a fast one.
            for connection in connections[..in_flight[group]].iter_mut().rev() {
                assert_eq!(self.answers.read(connection), status, "scenario {name}");
            }
            in_flight[group] = (requests - sent).min(GROUP);
            for connection in &mut connections[..in_flight[group]] {
                send(sent, connection);
                sent += 1;
            }
            turns += 1;
        }
        self.connections.insert(address, connections);
    }
}

fn open(address: SocketAddr) -> Vec<TcpStream> {
    let open = |_| {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    };
    (0..CONNECTIONS).map(open).collect()
}

/// A request similar to that of a browser application.
pub fn request(path: &str, token: Option<&str>) -> Vec<u8> {
    RequestParts::new(path).with(token).to_vec()
}

/// A request in the making. The client is not optimized, so it formats what the requests share only once.
struct RequestParts {
    bytes: Vec<u8>,
    shared: usize,
}

impl RequestParts {
    fn new(path: &str) -> Self {
        let shared = format!(
            "GET {path} HTTP/1.1\r\nhost: api.example\r\nuser-agent: bench/1\r\naccept: application/json\r\n\
             accept-encoding: gzip\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
        );
        Self { shared: shared.len(), bytes: shared.into_bytes() }
    }

    /// The request with this token. Valid until the next call.
    fn with(&mut self, token: Option<&str>) -> &[u8] {
        self.bytes.truncate(self.shared);
        if let Some(token) = token {
            self.bytes.extend_from_slice(b"authorization: Bearer ");
            self.bytes.extend_from_slice(token.as_bytes());
            self.bytes.extend_from_slice(b"\r\n");
        }
        self.bytes.extend_from_slice(b"\r\n");
        &self.bytes
    }
}

/// Reads responses.
struct Answers {
    buffer: Vec<u8>,
    /// The last response that was parsed, and its status.
    last: (Vec<u8>, u16),
}

impl Answers {
    /// Reads one complete response and returns its status. The responses of a scenario differ in their dates only: one with
    /// the length, the status line and the end of the last one is not parsed.
    fn read(&mut self, connection: &mut TcpStream) -> u16 {
        let mut filled = 0;
        loop {
            let count = connection.read(&mut self.buffer[filled..]).unwrap();
            assert!(count > 0, "Envoy closed a connection");
            filled += count;
            let answer = &self.buffer[..filled];
            if is_similar(&self.last.0, answer) {
                return self.last.1;
            }
            if let Some(status) = parse(answer) {
                self.last = (answer.to_vec(), status);
                return status;
            }
        }
    }
}

fn is_similar(last: &[u8], answer: &[u8]) -> bool {
    const STATUS_LINE: usize = "HTTP/1.1 200".len();
    const END: usize = 4;
    last.len() == answer.len()
        && last.len() > STATUS_LINE + END
        && last[..STATUS_LINE] == answer[..STATUS_LINE]
        && last[last.len() - END..] == answer[answer.len() - END..]
}

/// The status of a response; `None` if it is incomplete.
fn parse(answer: &[u8]) -> Option<u16> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(answer).unwrap() else {
        return None;
    };
    let length = response.headers.iter().find(|header| header.name == "content-length");
    let length: usize =
        length.map_or(0, |header| std::str::from_utf8(header.value).unwrap().parse().unwrap());
    (answer.len() == head + length).then(|| response.code.unwrap())
}
