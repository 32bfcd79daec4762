//! What HTTP itself defines: header fields, character classes, authorities and URIs.
//!
//! The lowest module of the core: it imports none of the others, and every rule of HTTP's syntax stands here once.

mod authority;
mod characters;
mod header_map;
mod uri;

pub use authority::{Authority, Host, comparable_host};
pub use characters::{hex_digit, is_tchar, is_token, is_unreserved};
pub use header_map::HeaderMap;
pub use uri::{Scheme, Uri, UriError, host_and_port, is_path};
