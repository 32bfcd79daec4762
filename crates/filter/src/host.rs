//! The host: the only file that calls it.
//!
//! The SDK panics on statuses that it does not expect, and its text forms on bytes that are not UTF-8; a panic
//! ends the VM. So: byte forms only, and nothing is called for a context that may be gone unless
//! [`enter`] said that it is still there.

use std::time::{Duration, UNIX_EPOCH};

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType, MetricType};

use jwt_guard::endpoint::Endpoint;
use jwt_guard::headers::HeaderEdits;
use jwt_guard::jose::algorithm::{HostCheck, HostFunction};
use jwt_guard::keys::Chance;
use jwt_guard::keys::share::{Shared, SharedData, Swap};
use jwt_guard::time::UnixTime;

/// Headers as the host gives them: names in lower case, values as bytes.
pub type OwnedHeaders = Vec<(String, Vec<u8>)>;

/// What the host refused to do. Every caller has a way to go on without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostError;

/// The time that the host tells.
pub fn now() -> UnixTime {
    let since_epoch =
        hostcalls::get_current_time().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let milliseconds = since_epoch.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    UnixTime::from_millis(milliseconds)
}

/// Random bits, for identities and jitter: nothing secret is made of them.
pub fn random_bits() -> u64 {
    getrandom::u64().unwrap_or_else(|_| now().as_millis())
}

/// Makes later calls act for that context. An error means that it is gone.
pub fn enter(context: u32) -> Result<(), HostError> {
    hostcalls::set_effective_context(context).map_err(|_| HostError)
}

/// The plugin's configuration.
pub fn plugin_configuration() -> Vec<u8> {
    hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX).ok().flatten().unwrap_or_default()
}

/// The plugin's name in the proxy's configuration; empty where it has none.
pub fn plugin_name() -> Vec<u8> {
    property(&["plugin_name"]).unwrap_or_default()
}

/// The metadata of the route that the host chose; empty where it has none.
pub fn route_metadata() -> Result<Vec<u8>, HostError> {
    property(&["xds", "route_metadata"])
}

/// The metadata of that route's virtual host; empty where it has none.
pub fn virtual_host_metadata() -> Result<Vec<u8>, HostError> {
    property(&["xds", "virtual_host_metadata"])
}

/// Empty where there is none, which is not the same as not being told.
fn property(path: &[&str]) -> Result<Vec<u8>, HostError> {
    hostcalls::get_property(path.to_vec()).map(Option::unwrap_or_default).map_err(|_| HostError)
}

/// Sets what access logs read as `%FILTER_STATE(wasm.NAME:PLAIN)%`.
pub fn set_filter_state(name: &str, value: &[u8]) {
    let _ = hostcalls::set_property(vec![name], Some(value));
}

/// The request's headers.
pub fn request_headers() -> OwnedHeaders {
    hostcalls::get_map_bytes(MapType::HttpRequestHeaders).unwrap_or_default()
}

/// The request's trailers.
pub fn request_trailers() -> OwnedHeaders {
    hostcalls::get_map_bytes(MapType::HttpRequestTrailers).unwrap_or_default()
}

/// Edits the request's headers.
pub fn edit_request_headers(edits: &HeaderEdits) {
    edit(MapType::HttpRequestHeaders, edits);
}

/// Edits the request's trailers.
pub fn edit_request_trailers(edits: &HeaderEdits) {
    edit(MapType::HttpRequestTrailers, edits);
}

/// One call a header. To give the host the whole map anew takes a single call and more time.
fn edit(map: MapType, edits: &HeaderEdits) {
    for (name, values) in edits.changed() {
        let outcome = match values {
            [value] => hostcalls::set_map_value_bytes(map, name, Some(value)),
            values => {
                let removed = hostcalls::remove_map_value(map, name);
                values.iter().fold(removed, |outcome, value| {
                    outcome.and(hostcalls::add_map_value_bytes(map, name, value))
                })
            }
        };
        debug_assert!(outcome.is_ok(), "the SDK panics before it returns an error here");
    }
    for (name, value) in edits.added() {
        // To replace what is not there takes the host longer.
        let outcome = hostcalls::add_map_value_bytes(map, name, value);
        debug_assert!(outcome.is_ok(), "the SDK panics before it returns an error here");
    }
}

/// Lets a paused request go on.
pub fn resume_request() {
    let _ = hostcalls::resume_http_request();
}

/// Answers the request instead of the upstream.
pub fn answer(status: u16, headers: &[(String, String)], body: &[u8]) {
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let _ = hostcalls::send_http_response(u32::from(status), headers, Some(body));
}

/// Asks a cluster for a document. The answer comes to the root context, with the number that this returns.
pub fn fetch(
    cluster: &str,
    endpoint: &Endpoint,
    etag: Option<&str>,
    timeout: Duration,
) -> Result<u32, HostError> {
    let mut headers = vec![
        (":method", "GET"),
        (":scheme", endpoint.scheme().as_str()),
        (":authority", endpoint.authority()),
        (":path", endpoint.path()),
        ("accept", "application/json"),
        // Without it any coding is acceptable (RFC 9110 section 12.5.3), and none is read.
        ("accept-encoding", "identity"),
        ("user-agent", concat!("jwt-guard/", env!("CARGO_PKG_VERSION"))),
    ];
    headers.extend(etag.map(|etag| ("if-none-match", etag)));
    hostcalls::dispatch_http_call(cluster, headers, None, vec![], timeout).map_err(|_| HostError)
}

/// The headers of the answer that the root context is being told of; none where no answer came.
pub fn answer_headers(count: usize) -> OwnedHeaders {
    if count == 0 {
        return OwnedHeaders::new();
    }
    hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders).unwrap_or_default()
}

/// The body of that answer, of which the host said how long it is.
pub fn answer_body(length: usize) -> Vec<u8> {
    if length == 0 {
        return Vec::new();
    }
    hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, length).ok().flatten().unwrap_or_default()
}

/// Sets how often the root context is woken.
pub fn set_tick(period: Duration) {
    let _ = hostcalls::set_tick_period(period);
}

/// The map that the VMs with this `vm_id` share.
#[derive(Debug, Clone, Copy)]
pub struct SharedMap;

impl SharedData for SharedMap {
    fn now(&self) -> UnixTime {
        now()
    }

    fn chance(&self) -> Chance {
        Chance::from_bits(u32::try_from(random_bits() & u64::from(u32::MAX)).unwrap_or_default())
    }

    fn read(&self, name: &str) -> Shared {
        let (bytes, cas) = hostcalls::get_shared_data(name).unwrap_or_default();
        Shared { bytes, cas }
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let _ = hostcalls::set_shared_data(name, Some(bytes), None);
    }

    fn swap(&self, name: &str, seen: &Shared, bytes: &[u8]) -> Swap {
        // Any number creates an absent entry; one that no entry has makes the host refuse a present one.
        const NO_ENTRY_HAS: u32 = u32::MAX;
        match hostcalls::set_shared_data(name, Some(bytes), Some(seen.cas.unwrap_or(NO_ENTRY_HAS))) {
            Ok(()) => Swap::Done,
            Err(_) => Swap::Lost,
        }
    }
}

/// Registers a queue of that name; only the last registrant of a name is told of what is put in.
pub fn register_queue(name: &str) -> Option<u32> {
    hostcalls::register_shared_queue(name).ok()
}

/// Puts a byte into a queue, so that its root context is called.
pub fn wake(queue: u32) {
    let _ = hostcalls::enqueue_shared_queue(queue, Some(b"!"));
}

/// Takes everything out of a queue. Whether anything was in it.
pub fn drain(queue: u32) -> bool {
    let mut found = false;
    while let Ok(Some(_)) = hostcalls::dequeue_shared_queue(queue) {
        found = true;
    }
    found
}

/// Defines a counter; the same name gives the same one.
pub fn counter(name: &str) -> Option<u32> {
    hostcalls::define_metric(MetricType::Counter, name).ok()
}

/// Defines a gauge; the same name gives the same one, in every VM.
pub fn gauge(name: &str) -> Option<u32> {
    hostcalls::define_metric(MetricType::Gauge, name).ok()
}

/// Adds to a metric.
pub fn add(metric: Option<u32>, amount: i64) {
    if let Some(metric) = metric {
        let _ = hostcalls::increment_metric(metric, amount);
    }
}

/// Sets a gauge.
pub fn set(metric: Option<u32>, value: u64) {
    if let Some(metric) = metric {
        let _ = hostcalls::record_metric(metric, value);
    }
}

/// `envoy.source.extensions.common.wasm.VerifySignatureArguments`: four fields of bytes, written into one buffer
/// from where they are.
fn verify_signature_arguments(check: &HostCheck<'_>) -> Vec<u8> {
    let fields = [check.hash_function.as_bytes(), check.public_key, &check.signature, check.text];
    // A tag takes a byte, a length at most ten.
    let mut buffer = Vec::with_capacity(fields.iter().map(|field| field.len() + 11).sum());
    for (tag, field) in (1..).zip(fields) {
        encode_key(tag, WireType::LengthDelimited, &mut buffer);
        encode_varint(field.len() as u64, &mut buffer);
        buffer.extend_from_slice(field);
    }
    buffer
}

/// `envoy.source.extensions.common.wasm.VerifySignatureResult`
#[derive(Clone, PartialEq, prost::Message)]
struct VerifySignatureResult {
    #[prost(bool, tag = "1")]
    result: bool,
    #[prost(string, tag = "2")]
    error: String,
}

/// The host's function of that name.
#[derive(Debug, Clone, Copy)]
pub struct VerifySignature;

impl HostFunction for VerifySignature {
    fn verify_signature(&self, check: &HostCheck<'_>) -> Option<bool> {
        let arguments = verify_signature_arguments(check);
        match hostcalls::call_foreign_function("verify_signature", Some(&arguments)) {
            // Nothing is the encoding of a result that is false and has no error to tell.
            Ok(None) => Some(false),
            Ok(Some(bytes)) => {
                VerifySignatureResult::decode(bytes.as_slice()).ok().map(|result| result.result)
            }
            // NotFound: the host has no such function. BadArgument: it cannot use the key.
            Err(_) => None,
        }
    }
}
