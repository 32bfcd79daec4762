//! Why a revocation list is refused.

use super::{MAX_ITEMS, MAX_LIST_BYTES};

/// Why a document is not a revocation list. An error names a place, and never a value: a `jti` is not logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The document is not JSON.
    #[error("the revocation list is not valid JSON")]
    Json,
    /// A JSON value that is neither an object with an array `items` nor an array.
    #[error(
        "the document is not a revocation list; expected an object with an array items, such as \
         {{\"items\": [{{\"jti\": \"...\"}}]}}, or an array of jti strings"
    )]
    NotAList,
    /// An object with the member `items` twice.
    #[error("the document has the member items twice; write one array with all items")]
    RepeatedItems,
    /// An entry of `items` that is not an object.
    #[error("items[{index}] is not a JSON object; expected an object such as {{\"jti\": \"...\"}}")]
    ItemType {
        /// The index of the item, from 0.
        index: usize,
    },
    /// An entry of an array that is not a string.
    #[error(
        "the entry {index} of the array is not a string; expected the jti of a token, or write \
         {{\"items\": [...]}} with objects"
    )]
    EntryType {
        /// The index of the entry, from 0.
        index: usize,
    },
    /// An item without a member that the filter knows. It could revoke every token or none.
    #[error("items[{index}] names no token; expected a member jti, sub, sid or issued_before")]
    NamesNothing {
        /// The index of the item, from 0.
        index: usize,
    },
    /// A known member with a value of the wrong type.
    #[error("the member {member} of items[{index}] has the wrong type; expected {expected}")]
    MemberType {
        /// The index of the item, from 0.
        index: usize,
        /// The name of the member.
        member: &'static str,
        /// What the value should be.
        expected: &'static str,
    },
    /// An item with a known member twice.
    #[error("items[{index}] has the member {member} twice; write one item for each value")]
    RepeatedMember {
        /// The index of the item, from 0.
        index: usize,
        /// The name of the member.
        member: &'static str,
    },
    /// More items than [`MAX_ITEMS`].
    #[error(
        "the list has more than {MAX_ITEMS} items; remove the items of expired tokens, or revoke by sub and \
         issued_before"
    )]
    TooManyItems,
    /// A document over [`MAX_LIST_BYTES`].
    #[error("the list is larger than {MAX_LIST_BYTES} bytes")]
    TooLarge,
}
