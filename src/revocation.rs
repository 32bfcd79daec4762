//! Revocation lists: the tokens that an issuer has taken back before they expire.
//!
//! | module | holds |
//! | --- | --- |
//! | [`list`] | a list, as sorted hashes, and the look-up of a token |
//! | [`document`] | the JSON document, parsed item by item |
//! | [`error`] | why a document is refused |

pub mod document;
pub mod error;
pub mod list;

pub use error::ListError;
pub use list::{HashKey, RevocationList};

/// The largest document that is read, in bytes. A document of 8 MiB stalled a worker for 68 to 150 ms.
pub const MAX_LIST_BYTES: usize = 2 << 20;
/// The largest number of items in a document.
pub const MAX_ITEMS: usize = 50_000;
