//! The syntax of HTTP: header fields, character classes, authorities and URIs.
//!
//! This is the lowest module of the core: it imports no other module, and it defines every syntax rule of HTTP
//! once. It also defines the names of the headers that override the method, because both routes and claim
//! headers depend on them.

mod authority;
mod characters;
mod header_map;
mod method_overrides;
mod uri;

pub use authority::{Authority, HostName, comparable_host};
pub use characters::{hex_digit, is_tchar, is_token, is_unreserved, trim_ows};
pub use header_map::{HeaderMap, ResponseHeaders};
pub use method_overrides::METHOD_OVERRIDES;
pub use uri::{Scheme, Uri, UriError, host_and_port, is_path, resolved_dots};
