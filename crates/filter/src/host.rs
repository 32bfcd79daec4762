//! What the module asks of the host.

use std::time::Duration;

use jwt_guard::headers::HeaderEdits;
use jwt_guard::http::HeaderMap;
use jwt_guard::jose::algorithm::HostFunction;
use jwt_guard::keys::fetcher::FetchRequest;
use jwt_guard::keys::key_cache::SharedData;
use jwt_guard::metadata_cache::MetadataScope;
use jwt_guard::report::Observer;

/// Which headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderKind {
    /// The request's.
    Request,
    /// The request's trailers.
    Trailers,
    /// Those of the answer to a fetch that the root context is being told of.
    FetchResponse,
}

/// The host refused a call. Every caller has a way to go on without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostError;

/// The host. Calls about a request act on the context that the host called, or on the one that was entered last.
pub trait Host: SharedData + HostFunction + Observer + Clone + 'static {
    /// Random bits, for identities and jitter: nothing secret is made of them.
    fn random_bits(&self) -> u64;
    /// The plugin's configuration.
    fn plugin_configuration(&self) -> Vec<u8>;
    /// The plugin's name in the proxy's configuration; empty where it has none.
    fn plugin_name(&self) -> Vec<u8>;
    /// Makes later calls act on that context. An error means that it is gone.
    fn enter(&self, context: u32) -> Result<(), HostError>;

    /// Reads headers.
    fn headers(&self, map: HeaderKind) -> HeaderMap;
    /// Edits headers.
    fn edit(&self, map: HeaderKind, edits: &HeaderEdits);
    /// Serialised metadata of the request's route. Empty where there is none; `None` where the host withholds it.
    fn metadata(&self, scope: MetadataScope) -> Option<Vec<u8>>;
    /// Lets a paused request go on.
    fn resume_request(&self);
    /// Answers the request instead of the upstream.
    fn answer(&self, status: u16, headers: &[(String, String)], body: &[u8]);
    /// Sends a fetch. The answer comes to the root context, with the number that this returns.
    fn send(&self, request: &FetchRequest) -> Result<u32, HostError>;
    /// So much of the body of the answer to a fetch.
    fn response_body(&self, length: usize) -> Vec<u8>;
    /// Sets how often the root context is woken; zero for never.
    fn set_tick(&self, period: Duration);
    /// Registers a queue of that name. Only the last registrant of a name is told of what is put in.
    fn register_queue(&self, name: &str) -> Option<u32>;
    /// Puts something into a queue, so that its root context is called.
    fn wake(&self, queue: u32);
    /// Takes everything out of a queue. Whether anything was in it.
    fn drain(&self, queue: u32) -> bool;
}
