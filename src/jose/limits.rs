//! The limits of what is read and tried, each with its origin.

/// The deepest nesting of JSON that is read. A flat object has depth 1, and claims with the `resource_access` of
/// Keycloak have depth 4.
pub const MAX_DEPTH: usize = 32;

/// The longest `kid` that is read, in bytes. The longest in common use are thumbprints, of 43 to 86 bytes.
pub const MAX_KID_BYTES: usize = 256;

/// The longest key set that is read, in bytes. The key sets of common issuers have less than 100 kB.
pub const MAX_SET_BYTES: usize = 1 << 20;

/// So many keys of a set are looked at. The largest public sets hold a few dozen.
pub const MAX_KEYS: usize = 256;

/// A token is tried against so many keys at most: a set of a hundred keys with one `kid`, or a token without one,
/// must not cost a hundred signature checks a request.
pub const MAX_CANDIDATES: usize = 4;

/// Sizes of RSA moduli that are used, in bits. RFC 7518 section 3.3 sets the least; checking a signature with a
/// larger one than the greatest would take long enough to be an attack.
pub const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
