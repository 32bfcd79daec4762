//! The client: HTTP/1.1 over keep-alive connections, with one request at a time on each.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::plan::{Order, Scenario};
use super::tokens::{REPEATED, TokenSet, Tokens};

/// The number of connections. Requests go to one half while the client reads the responses of the other half, so that
/// Envoy's worker always has requests to read. A worker that falls asleep pays for a wake-up, and a faster filter would
/// make it fall asleep more often.
pub const CONNECTIONS: usize = 64;
/// The number of connections of a half.
const HALF: usize = CONNECTIONS / 2;
/// In [`Order::Mixed`], one request in this many carries a new token.
const NEW_TOKEN_ONE_IN: usize = 10;

/// Sends the requests of scenarios. Keeps its connections and its position in each token set.
pub struct Load<'a> {
    tokens: &'a Tokens,
    connections: BTreeMap<SocketAddr, Vec<TcpStream>>,
    next: BTreeMap<(SocketAddr, TokenSet), usize>,
    buffer: Vec<u8>,
}

impl<'a> Load<'a> {
    pub fn new(tokens: &'a Tokens) -> Self {
        Self { tokens, connections: BTreeMap::new(), next: BTreeMap::new(), buffer: vec![0; 64 * 1024] }
    }

    /// Sends `requests` requests, rounded up to a multiple of half of the connections, and checks the status of every response.
    /// Returns the number of sent requests.
    pub fn drive(&mut self, address: SocketAddr, scenario: &Scenario, requests: usize) -> usize {
        let mut connections = self.connections.remove(&address).unwrap_or_else(|| open(address));
        let token_set = self.tokens.of(scenario.token_set);
        let place = (address, scenario.token_set);
        let mut position = self.next.get(&place).copied().unwrap_or_default();
        let mut sent = 0;
        let mut unanswered: Option<usize> = None;
        while sent < requests {
            let half = sent / HALF % 2;
            for connection in of_half(&mut connections, half) {
                let index = match scenario.order {
                    Order::Repeated => sent % REPEATED,
                    Order::Mixed if !sent.is_multiple_of(NEW_TOKEN_ONE_IN) => sent % REPEATED,
                    Order::Mixed | Order::New => {
                        position += 1;
                        // The first tokens of the set are the repeated ones.
                        REPEATED + position % (token_set.len().saturating_sub(REPEATED)).max(1)
                    }
                };
                connection
                    .write_all(&request(&scenario.path, token_set.get(index).map(String::as_str)))
                    .unwrap();
                sent += 1;
            }
            if let Some(half) = unanswered.replace(half) {
                self.read_answers(of_half(&mut connections, half), scenario);
            }
        }
        if let Some(half) = unanswered {
            self.read_answers(of_half(&mut connections, half), scenario);
        }
        self.next.insert(place, position);
        self.connections.insert(address, connections);
        sent
    }

    fn read_answers(&mut self, connections: &mut [TcpStream], scenario: &Scenario) {
        for connection in connections {
            let status = read_answer(connection, &mut self.buffer);
            assert_eq!(status, scenario.status, "scenario {}", scenario.name);
        }
    }

    /// Sends each token once.
    pub fn send_all(&mut self, address: SocketAddr, tokens: &[String]) {
        let requests: Vec<_> = tokens.iter().map(|token| request("/orders/42", Some(token))).collect();
        self.send_requests(address, &requests);
    }

    /// Sends each request once.
    pub fn send_requests(&mut self, address: SocketAddr, requests: &[Vec<u8>]) {
        let mut connections = self.connections.remove(&address).unwrap_or_else(|| open(address));
        for batch in requests.chunks(CONNECTIONS) {
            for (connection, request) in connections.iter_mut().zip(batch) {
                connection.write_all(request).unwrap();
            }
            for connection in connections.iter_mut().take(batch.len()) {
                assert_eq!(read_answer(connection, &mut self.buffer), 200);
            }
        }
        self.connections.insert(address, connections);
    }
}

/// The connections of the first or of the second half.
fn of_half(connections: &mut [TcpStream], half: usize) -> &mut [TcpStream] {
    &mut connections[half * HALF..][..HALF]
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
    let mut request = format!(
        "GET {path} HTTP/1.1\r\nhost: api.example\r\nuser-agent: bench/1\r\naccept: application/json\r\n\
         accept-encoding: gzip\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
    );
    if let Some(token) = token {
        request.push_str("authorization: Bearer ");
        request.push_str(token);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    request.into_bytes()
}

/// Reads one complete response and returns its status.
fn read_answer(connection: &mut TcpStream, buffer: &mut [u8]) -> u16 {
    let mut filled = 0;
    loop {
        let count = connection.read(&mut buffer[filled..]).unwrap();
        assert!(count > 0, "Envoy closed a connection");
        filled += count;
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        if let httparse::Status::Complete(head) = response.parse(&buffer[..filled]).unwrap() {
            let length = response.headers.iter().find(|header| header.name == "content-length");
            let length: usize =
                length.map_or(0, |header| std::str::from_utf8(header.value).unwrap().parse().unwrap());
            if filled == head + length {
                return response.code.unwrap();
            }
        }
    }
}
