//! The host's interface, as far as the module uses it.

use std::time::Duration;

use jwt_guard::confirmation::Connection;
use jwt_guard::headers::HeaderEdits;
use jwt_guard::http::{HeaderMap, ResponseHeaders};
use jwt_guard::jose::algorithm::HostFunction;
use jwt_guard::keys::fetcher::FetchRequest;
use jwt_guard::keys::key_cache::SharedData;
use jwt_guard::metadata_cache::MetadataScope;
use jwt_guard::report::Observer;

/// The header map that a call reads or edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderKind {
    /// The request's headers.
    Request,
    /// The request's trailers.
    Trailers,
    /// The headers of the response to a fetch, during the root context's callback for it.
    FetchResponse,
}

/// The host rejected a call. Every caller can continue without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostError;

/// The host. Calls about a request act on the context of the current callback, or on the context that was
/// entered last.
pub trait Host: SharedData + Connection + HostFunction + Observer + Clone + 'static {
    /// The plugin's configuration.
    fn plugin_configuration(&self) -> Vec<u8>;
    /// The value of an environment variable of the VM; `None` if it is not set or is not text.
    fn environment_variable(&self, name: &str) -> Option<String>;
    /// The plugin's name in the proxy's configuration; empty if it has none.
    fn plugin_name(&self) -> Vec<u8>;
    /// Makes later calls act on this context. Returns an error if the context no longer exists.
    fn enter(&self, context: u32) -> Result<(), HostError>;

    /// Reads headers. `None` if the host cannot pass them: nothing is known about the message then.
    fn headers(&self, map: HeaderKind) -> Option<HeaderMap>;
    /// Edits headers.
    fn edit(&self, map: HeaderKind, edits: &HeaderEdits);
    /// The serialized metadata of the request's route: empty if there is none, `None` if the host withholds it.
    fn metadata(&self, scope: MetadataScope) -> Option<Vec<u8>>;
    /// Resumes a paused request.
    fn resume_request(&self);
    /// Answers the request in place of the upstream.
    fn answer(&self, status: u16, headers: &ResponseHeaders, body: &[u8]);
    /// Sends a fetch. The root context gets the response, with the returned number.
    fn send(&self, request: &FetchRequest) -> Result<u32, HostError>;
    /// The first `length` bytes of the body of the response to a fetch.
    fn response_body(&self, length: usize) -> Vec<u8>;
    /// Sets the tick period of the root context; zero stops the tick.
    fn set_tick(&self, period: Duration);
    /// Registers a queue with this name. The host notifies only the last registrant of a name.
    fn register_queue(&self, name: &str) -> Option<u32>;
    /// Adds an item to a queue, so that the host calls the queue's root context.
    fn wake(&self, queue: u32);
    /// Removes all items from a queue. Returns whether there were any.
    fn drain(&self, queue: u32) -> bool;
}
