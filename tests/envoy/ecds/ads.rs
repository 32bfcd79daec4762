//! A control plane with one stream (aggregated discovery over gRPC, delta), as Istio's agent is for its Envoy.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use jwt_guard_testkit::server::{self, Response};
use prost::Message;
use tokio::sync::mpsc;

use super::messages::{
    Any, DeltaDiscoveryRequest, DeltaDiscoveryResponse, Resource, TypedExtensionConfig, type_url,
};

/// gRPC writes a flag for compression and the length, in four bytes, before each message.
const PREFIX: usize = 5;

/// Sends extension configurations and records what Envoy answers.
pub struct Ads {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: tokio::task::AbortHandle,
}

#[derive(Default)]
struct State {
    resources: BTreeMap<String, TypedExtensionConfig>,
    subscribed: Vec<String>,
    stream: Option<mpsc::UnboundedSender<Bytes>>,
    /// The number of responses; the last one's number is its nonce.
    sent: usize,
    accepted: usize,
    rejected: Vec<String>,
}

impl Ads {
    pub async fn start() -> Self {
        let (listener, address) = server::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = state.clone();
        let serving = server::serve(listener, None, move |request| stream(request, shared.clone()));
        Self { address, state, serving: tokio::spawn(serving).abort_handle() }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends the resource to an Envoy that has subscribed to it, or as soon as Envoy subscribes.
    pub fn publish(&self, resource: TypedExtensionConfig) {
        let mut state = self.state.lock().unwrap();
        let name = resource.name.clone();
        state.resources.insert(name.clone(), resource);
        if state.subscribed.contains(&name) {
            state.send(&[name]);
        }
    }

    pub fn is_subscribed(&self, name: &str) -> bool {
        self.state.lock().unwrap().subscribed.iter().any(|subscribed| subscribed == name)
    }

    /// The number of responses that Envoy accepted.
    pub fn accepted(&self) -> usize {
        self.state.lock().unwrap().accepted
    }

    /// Envoy's reasons for the responses that it rejected.
    pub fn rejected(&self) -> Vec<String> {
        self.state.lock().unwrap().rejected.clone()
    }
}

impl Drop for Ads {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl State {
    fn receive(&mut self, request: DeltaDiscoveryRequest) {
        if request.type_url != type_url("envoy.config.core.v3.TypedExtensionConfig") {
            return;
        }
        match request.error_detail {
            Some(error) => self.rejected.push(error.message),
            None if !request.response_nonce.is_empty() => self.accepted += 1,
            None => {}
        }
        let new = request.resource_names_subscribe;
        self.subscribed.extend(new.iter().cloned());
        self.send(&new);
    }

    /// Sends those of the resources that are published.
    fn send(&mut self, names: &[String]) {
        let published = names.iter().filter_map(|name| self.resources.get(name));
        let version = (self.sent + 1).to_string();
        let resources: Vec<_> = published
            .map(|resource| Resource {
                version: version.clone(),
                name: resource.name.clone(),
                resource: Some(Any {
                    type_url: type_url("envoy.config.core.v3.TypedExtensionConfig"),
                    value: resource.encode_to_vec(),
                }),
            })
            .collect();
        let (Some(stream), false) = (&self.stream, resources.is_empty()) else { return };
        self.sent += 1;
        let type_url = type_url("envoy.config.core.v3.TypedExtensionConfig");
        let response = DeltaDiscoveryResponse { resources, type_url, nonce: version };
        let mut message = BytesMut::new();
        message.put_u8(0);
        message.put_u32(response.encoded_len().try_into().unwrap());
        response.encode(&mut message).unwrap();
        // An error means that Envoy has closed the stream.
        let _ = stream.send(message.freeze());
    }
}

/// Answers the request with a stream that stays open, and reads Envoy's messages.
async fn stream(
    request: hyper::Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<Response, hyper::Error> {
    let service = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
    assert_eq!(request.uri().path(), service);
    let (sender, receiver) = mpsc::unbounded_channel();
    state.lock().unwrap().stream = Some(sender);
    tokio::spawn(read(request.into_body(), state));
    let response = hyper::Response::builder().header("content-type", "application/grpc");
    Ok(response.body(Messages(receiver).boxed()).unwrap())
}

async fn read(mut body: Incoming, state: Arc<Mutex<State>>) {
    let mut buffer = BytesMut::new();
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        buffer.extend_from_slice(&data);
        while let Some(message) = take_message(&mut buffer) {
            state.lock().unwrap().receive(DeltaDiscoveryRequest::decode(message).unwrap());
        }
    }
}

/// Removes the first message from the buffer if it is complete.
fn take_message(buffer: &mut BytesMut) -> Option<Bytes> {
    let prefix: [u8; PREFIX] = buffer.get(..PREFIX)?.try_into().unwrap();
    let [compressed, length @ ..] = prefix;
    assert_eq!(compressed, 0, "Envoy compresses no message");
    let length = PREFIX + u32::from_be_bytes(length) as usize;
    (buffer.len() >= length).then(|| buffer.split_to(length).split_off(PREFIX).freeze())
}

/// A response body whose frames come from a channel.
struct Messages(mpsc::UnboundedReceiver<Bytes>);

impl Body for Messages {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|message| message.map(|bytes| Ok(Frame::data(bytes))))
    }
}
