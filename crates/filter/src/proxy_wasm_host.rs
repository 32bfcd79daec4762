//! The implementation of [`Host`] by proxy-wasm host calls. Only this file makes such calls.
//!
//! The SDK panics on unexpected statuses, and its text functions panic on bytes that are not UTF-8. A panic
//! ends the VM. So this file uses only the byte functions, and makes no call for a context that may be gone
//! unless [`Host::enter`] confirmed that it exists. The two calls that read for every request are in
//! `jwt_guard_host_calls`, which copies less than the SDK.

use std::fmt::Arguments;
use std::time::{Duration, UNIX_EPOCH};

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, LogLevel, MapType, MetricType};

use jwt_guard::confirmation::Connection;
use jwt_guard::headers::HeaderEdits;
use jwt_guard::jose::algorithm::{HostCheck, HostFunction};
use jwt_guard::keys::Jitter;
use jwt_guard::keys::fetcher::FetchRequest;
use jwt_guard::keys::key_cache::{SharedData, SharedEntry, Swap};
use jwt_guard::metadata_cache::MetadataScope;
use jwt_guard::metrics::MetricKind;
use jwt_guard::report::{Level, Observer};
use jwt_guard::time::UnixTime;
use jwt_guard_host_calls as host_calls;

use crate::host::{HeaderKind, Host, HostError};
use jwt_guard::http::{HeaderMap, ResponseHeaders};

/// The host that runs the module.
#[derive(Debug, Clone, Copy)]
pub struct ProxyWasmHost;

impl Host for ProxyWasmHost {
    fn plugin_configuration(&self) -> Vec<u8> {
        hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX)
            .ok()
            .flatten()
            .unwrap_or_default()
    }

    fn environment_variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn plugin_name(&self) -> Vec<u8> {
        property(b"plugin_name").unwrap_or_default()
    }

    fn enter(&self, context: u32) -> Result<(), HostError> {
        hostcalls::set_effective_context(context).map_err(|_| HostError)
    }

    fn headers(&self, map: HeaderKind) -> Option<HeaderMap> {
        match host_calls::header_map(map_type(map) as u32) {
            Ok(bytes) if bytes.is_empty() => Some(HeaderMap::new()),
            Ok(bytes) => HeaderMap::from_proxy_wasm(bytes),
            Err(host_calls::Rejected) => None,
        }
    }

    fn metadata(&self, scope: MetadataScope) -> Option<Vec<u8>> {
        property(match scope {
            MetadataScope::Route => b"xds\0route_metadata",
            MetadataScope::VirtualHost => b"xds\0virtual_host_metadata",
        })
    }

    // One call per header: replacing the whole map would need only one call, but takes longer.
    fn edit(&self, map: HeaderKind, edits: &HeaderEdits) {
        let map = map_type(map);
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
            // Add instead of replace: replacing a header that is absent takes the host longer.
            let outcome = hostcalls::add_map_value_bytes(map, name, value);
            debug_assert!(outcome.is_ok(), "the SDK panics before it returns an error here");
        }
    }

    fn resume_request(&self) {
        let _ = hostcalls::resume_http_request();
    }

    fn answer(&self, status: u16, headers: &ResponseHeaders, body: &[u8]) {
        let headers = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let _ = hostcalls::send_http_response(u32::from(status), headers, Some(body));
    }

    fn send(&self, request: &FetchRequest) -> Result<u32, HostError> {
        hostcalls::dispatch_http_call(&request.cluster, request.headers(), None, vec![], request.timeout)
            .map_err(|_| HostError)
    }

    fn response_body(&self, length: usize) -> Vec<u8> {
        if length == 0 {
            return Vec::new();
        }
        hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, length).ok().flatten().unwrap_or_default()
    }

    fn set_tick(&self, period: Duration) {
        let _ = hostcalls::set_tick_period(period);
    }

    fn register_queue(&self, name: &str) -> Option<u32> {
        hostcalls::register_shared_queue(name).ok()
    }

    fn wake(&self, queue: u32) {
        let _ = hostcalls::enqueue_shared_queue(queue, Some(b"!"));
    }

    fn drain(&self, queue: u32) -> bool {
        let mut found = false;
        while let Ok(Some(_)) = hostcalls::dequeue_shared_queue(queue) {
            found = true;
        }
        found
    }
}

impl Observer for ProxyWasmHost {
    fn set_filter_state(&self, name: &str, value: &[u8]) {
        let _ = hostcalls::set_property(vec![name], Some(value));
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Option<u32> {
        let kind = match kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
        };
        hostcalls::define_metric(kind, name).ok()
    }

    fn add_to_metric(&self, metric: u32, amount: i64) {
        let _ = hostcalls::increment_metric(metric, amount);
    }

    fn set_metric(&self, metric: u32, value: u64) {
        let _ = hostcalls::record_metric(metric, value);
    }

    fn log(&self, level: Level, line: Arguments<'_>) {
        let level = match level {
            Level::Info => LogLevel::Info,
            Level::Warning => LogLevel::Warn,
            // Not critical: the host already aborts the start itself.
            Level::Error => LogLevel::Error,
        };
        let _ = hostcalls::log(level, &line.to_string());
    }
}

fn map_type(map: HeaderKind) -> MapType {
    match map {
        HeaderKind::Request => MapType::HttpRequestHeaders,
        HeaderKind::Trailers => MapType::HttpRequestTrailers,
        HeaderKind::FetchResponse => MapType::HttpCallResponseHeaders,
    }
}

/// The value of a property: empty if the property is absent, `None` if the host withholds it. The names in the path are
/// separated by NUL.
fn property(path: &[u8]) -> Option<Vec<u8>> {
    host_calls::property(path).ok()
}

impl Connection for ProxyWasmHost {
    fn certificate_digest(&self) -> Option<Vec<u8>> {
        property(b"connection\0sha256_peer_certificate_digest")
    }
}

impl SharedData for ProxyWasmHost {
    fn now(&self) -> UnixTime {
        let since_epoch =
            hostcalls::get_current_time().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let milliseconds =
            since_epoch.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        UnixTime::from_millis(milliseconds)
    }

    fn jitter(&self) -> Jitter {
        Jitter::from_bits(u32::try_from(self.random_bits() & u64::from(u32::MAX)).unwrap_or_default())
    }

    fn random_bits(&self) -> u64 {
        getrandom::u64().unwrap_or_else(|_| self.now().as_millis())
    }

    fn secret(&self) -> Option<[u8; 16]> {
        let words = [getrandom::u64().ok()?, getrandom::u64().ok()?];
        words.map(u64::to_le_bytes).concat().try_into().ok()
    }

    fn read(&self, name: &str) -> SharedEntry {
        let (bytes, cas) = hostcalls::get_shared_data(name).unwrap_or_default();
        SharedEntry { bytes, cas }
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let _ = hostcalls::set_shared_data(name, Some(bytes), None);
    }

    fn swap(&self, name: &str, seen: &SharedEntry, bytes: &[u8]) -> Swap {
        // A CAS of `u32::MAX` creates an absent entry and fails on a present one.
        const NO_ENTRY_HAS: u32 = u32::MAX;
        match hostcalls::set_shared_data(name, Some(bytes), Some(seen.cas.unwrap_or(NO_ENTRY_HAS))) {
            Ok(()) => Swap::Done,
            Err(_) => Swap::Lost,
        }
    }
}

impl HostFunction for ProxyWasmHost {
    fn verify_signature(&self, check: &HostCheck<'_>) -> Option<bool> {
        let arguments = verify_signature_arguments(check);
        match hostcalls::call_foreign_function("verify_signature", Some(&arguments)) {
            // An empty result encodes `result: false` without an error.
            Ok(None) => Some(false),
            Ok(Some(bytes)) => {
                VerifySignatureResult::decode(bytes.as_slice()).ok().map(|result| result.result)
            }
            // NotFound: the host lacks the function. BadArgument: the host cannot use the key.
            Err(_) => None,
        }
    }
}

/// Encodes `envoy.source.extensions.common.wasm.VerifySignatureArguments`: four fields of bytes, written into
/// one buffer without intermediate copies.
fn verify_signature_arguments(check: &HostCheck<'_>) -> Vec<u8> {
    let fields = [check.hash_function.as_bytes(), check.public_key, &check.signature, check.text];
    // A tag takes one byte, a length at most ten.
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
