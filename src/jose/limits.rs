//! The limits for parsing and verifying, each with its origin.

/// The deepest nesting of JSON that is parsed. A flat object has depth 1, and claims with the `resource_access` of
/// Keycloak have depth 4.
pub const MAX_DEPTH: usize = 32;

/// The longest `kid` that is accepted, in bytes. The longest in common use are thumbprints of 43 to 86 bytes.
pub const MAX_KID_BYTES: usize = 256;

/// The longest key set that is parsed, in bytes. The key sets of common issuers have less than 100 kB.
pub const MAX_SET_BYTES: usize = 1 << 20;

/// The number of keys of a set that are parsed. The largest public sets have a few dozen.
pub const MAX_KEYS: usize = 256;

/// The number of keys that a token is tried with. With a key set of a hundred keys that share one `kid`, or with a
/// token without a `kid`, a request must not cost a hundred signature checks.
pub const MAX_CANDIDATES: usize = 4;

/// The longest DPoP proof, in bytes. A proof with an RSA key of 4096 bits has about 2,300.
pub const MAX_PROOF_BYTES: usize = 4096;

/// The accepted sizes of RSA moduli, in bits. The minimum is from RFC 7518 section 3.3. With a modulus above the
/// maximum, verifying signatures would take long enough for a denial of service.
pub const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
