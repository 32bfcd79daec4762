//! What HTTP itself defines: header fields, character classes, authorities and URIs.
//!
//! The lowest module of the core: it imports none of the others, and every rule of HTTP's syntax stands here once. So do
//! the names of the headers that override the method: routes and claim headers both depend on them.

mod authority;
mod characters;
mod header_map;
mod method_overrides;
mod uri;

pub use authority::{Authority, HostName, comparable_host};
pub use characters::{hex_digit, is_tchar, is_token, is_unreserved, trim_ows};
pub use header_map::HeaderMap;
pub use method_overrides::METHOD_OVERRIDES;
pub use uri::{Scheme, Uri, UriError, host_and_port, is_path};
