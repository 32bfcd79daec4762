//! jwt-guard: a proxy-wasm HTTP filter that validates Bearer JWTs and enforces a policy per route.
//!
//! | module | holds |
//! | --- | --- |
//! | [`config`] | what the operator wrote, parsed into validated types |
//! | [`bearer`] | credentials in a request: a token, none, or something malformed |
//! | [`issuer_index`] | which of the configured issuers |
//! | [`jose`] | tokens, keys, signatures and claims (RFC 7515, 7517, 7518, 7519, 8725) |
//! | [`keys`] | the cache of keys: freshness, lease, cooldown, as pure decisions |
//! | [`route`] | path templates, the readings of a path, the look-up |
//! | [`policy`] | requirements, and the proof that one was met |
//! | [`headers`] | what the upstream sees: strip, then set |
//! | [`denial`] | a reason to refuse, as status, challenge, body and log code |
//! | [`resource_metadata`] | documents that tell a client whom to ask for a token (RFC 9728) |
//! | [`flow`] | one request as a state machine, from its headers to a step |
//! | [`http`] | what HTTP itself defines: header fields, character classes, authorities and URIs |
//! | [`digest`] | a short name for some bytes |
//! | [`endpoint`] | a URL that documents are fetched from |
//! | [`plugin`] | one configuration in one VM, without I/O: requests, keys, what is due next |
//! | [`metadata_cache`] | the requirement in a route's metadata, decoded once |
//! | [`report`] | what operators see of requests and fetches |
//! | [`metrics`] | every metric, its name and kind |
//! | [`log_limiter`] | how much is logged of refusals |
//! | [`token_cache`] | tokens verified before, each with what it is worth |
//! | [`time`] | a moment, always an argument |
//!
//! The core has no clock, no host and no log: time is an argument, the host is a port, reasons are values.

pub mod config;
pub mod denial;
pub mod digest;
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
pub mod route;
pub mod time;
pub mod token_cache;
pub mod token_source;
