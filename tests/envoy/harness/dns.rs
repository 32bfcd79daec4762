//! A slow name server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::UdpSocket;

/// Resolves every name to 127.0.0.1 after a delay.
pub struct NameServer {
    address: SocketAddr,
    queries: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl NameServer {
    /// Starts on a free port.
    pub async fn start(after: Duration) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let queries = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&queries);
        let task = tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query).await {
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(after).await;
                let _ = socket.send_to(&answer(&query[..length]), from).await;
            }
        });
        Self { address, queries, task }
    }

    /// The number of queries.
    pub fn queries(&self) -> usize {
        self.queries.load(Ordering::Relaxed)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// RFC 1035 section 4: the id and question of the query, and one A record for the name of the question.
fn answer(query: &[u8]) -> Vec<u8> {
    const HEADER: usize = 12;
    let name =
        query[HEADER..].iter().position(|byte| *byte == 0).expect("the name in the query is terminated");
    let question = &query[HEADER..HEADER + name + 5];
    let header = [&query[..2], &[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]].concat();
    let record = [0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1];
    [header.as_slice(), question, &record].concat()
}
