//! jwt-guard: a proxy-wasm HTTP filter that validates Bearer JWTs and enforces a policy per route.
//!
//! | module | holds |
//! | --- | --- |
//! | [`config`] | the operator's configuration, parsed into validated types |
//! | [`token_source`] | finds the token of a request and removes it: header, query, cookie |
//! | [`issuer_index`] | the index of a configured issuer |
//! | [`token_role`] | the role of a token in a request: first or second |
//! | [`jose`] | tokens, keys, signatures and claims (RFC 7515, 7517, 7518, 7519, 8725) |
//! | [`keys`] | the key cache: freshness, lease, refresh and back-off, without I/O |
//! | [`route`] | path templates, the variants of a path, the route look-up |
//! | [`policy`] | requirements, and the proof that a request meets them |
//! | [`headers`] | the header edits: strip the client's copies, then set the claims |
//! | [`cors`] | the CORS headers of denials |
//! | [`denial`] | a denial as status, challenge, body and log reason |
//! | [`resource_metadata`] | documents that name the authorization server of a resource (RFC 9728) |
//! | [`request`] | one request as a state machine, from its headers to the next step |
//! | [`revocation`] | lists of revoked tokens, as sorted hashes |
//! | [`http`] | the syntax of HTTP: header fields, character classes, authorities and URIs |
//! | [`confirmation`] | bound tokens: the certificate or the DPoP key that a token names (RFC 7800) |
//! | [`dpop`] | DPoP proofs, and the marks of used ones (RFC 9449) |
//! | [`digest`] | a short hash, used as an identifier |
//! | `sorting` | a sort that takes little code |
//! | [`endpoint`] | the URL that a document is fetched from |
//! | [`plugin`] | one configuration in one VM, without I/O: requests, key fetches, timers |
//! | [`metadata_cache`] | the requirements in route metadata, each decoded once |
//! | [`report`] | the metrics and log lines about requests and fetches |
//! | [`metrics`] | every metric, its name and kind |
//! | [`log_limiter`] | the limit on the log lines about denials |
//! | [`token_cache`] | verified tokens, with their identity and encoded headers |
//! | [`time`] | a point in time |
//!
//! The core reaches the host, its clock and its log only through arguments and traits, and returns reasons as values.

pub mod config;
pub mod confirmation;
pub mod cors;
pub mod denial;
pub mod digest;
pub mod dpop;
pub mod endpoint;
pub mod headers;
pub mod http;
pub mod issuer_index;
pub mod jose;
pub mod keys;
pub mod log_limiter;
pub mod metadata_cache;
pub mod metrics;
pub mod plugin;
pub mod policy;
pub mod report;
pub mod request;
pub mod resource_metadata;
pub mod revocation;
pub mod route;
mod sorting;
pub mod time;
pub mod token_cache;
pub mod token_role;
pub mod token_source;
