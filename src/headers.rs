//! What the upstream is told about who asks: the client's own copies go, then a [`Permit`]'s identity is set.
//!
//! A claim header is set or removed; there is no third way. Knows claims and names, not tokens, routes or the
//! host.

mod credentials;
mod edits;
mod encoding;
mod map;
mod names;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use names::folded;

pub use credentials::CredentialHeaders;
use edits::Additions;
pub use edits::HeaderEdits;
pub use encoding::claim as encoded;
pub use map::{HeaderMapError, HeaderSource};
pub use names::{grpc_metadata, header_names_match, matches_folded_name};

use crate::http::HeaderMap;
use crate::jose::json::Json;
use crate::policy::{Identity, Permit};

/// The map from claims to headers, with everything that must be removed to make it trustworthy.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimHeaders {
    entries: Vec<(Rc<str>, HeaderSource)>,
    /// The folds of the map's names and of the default map's: an upstream written for the defaults trusts them,
    /// whatever this map says.
    identity_folds: Vec<String>,
}

/// A claim's header would be longer than `max_claim_header_bytes`. The request is refused: left out, a header
/// could mean "unrestricted" to the upstream; cut short, it would say something the token does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{header} would be {bytes} bytes, over {limit}")]
pub struct Oversize {
    /// The header's name.
    pub header: String,
    /// The length of its value.
    pub bytes: usize,
    /// The limit.
    pub limit: usize,
}

/// An identity's headers, ready to be set many times: what a cache of tokens keeps.
#[derive(Debug, Clone)]
pub struct EncodedHeaders {
    identity: Rc<Identity>,
    headers: Additions,
}

impl EncodedHeaders {
    /// Whose headers they are.
    pub fn identity(&self) -> &Rc<Identity> {
        &self.identity
    }

    /// The memory that they take with their identity, in bytes.
    pub fn bytes(&self) -> usize {
        // Beside its bytes a value has a vector and a name that is shared.
        let values = self.headers.iter().map(|(_, value)| value.capacity() + 64);
        self.identity.bytes() + values.sum::<usize>()
    }
}

impl Default for ClaimHeaders {
    /// The default map.
    fn default() -> Self {
        Self::with(map::default_map().map(|(name, source)| (name.into(), source)).into())
    }
}

impl ClaimHeaders {
    /// A map of the operator's, instead of the default one. Names are taken in any case.
    ///
    /// # Errors
    /// A name that is none, that HTTP or the credential needs, that reroutes the request, or that is another
    /// entry's in a different spelling.
    pub fn new(entries: Vec<(String, HeaderSource)>) -> Result<Self, HeaderMapError> {
        map::checked(entries).map(Self::with)
    }

    fn with(entries: Vec<(Rc<str>, HeaderSource)>) -> Self {
        let defaults = map::default_map();
        let names = entries.iter().map(|(name, _)| &**name).chain(defaults.iter().map(|(name, _)| *name));
        let mut identity_folds: Vec<String> = names.map(folded).collect();
        identity_folds.sort_unstable();
        identity_folds.dedup();
        Self { entries, identity_folds }
    }

    /// The names of the map, in lower case and in its order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| &**name)
    }

    /// Whether some upstream may take the header for one of the map's or of the default map's: in any spelling, and
    /// behind the prefix by which grpc-gateway makes `x-auth-sub` of it for the server behind.
    pub fn is_identity_header(&self, name: &str) -> bool {
        // `:path` is no spelling of a header named `-path`: HTTP keeps the two apart (RFC 9113 section 8.3).
        if name.starts_with(':') {
            return false;
        }
        self.has_identity_name(name)
            || grpc_metadata(name).is_some_and(|metadata| self.has_identity_name(metadata))
    }

    fn has_identity_name(&self, name: &str) -> bool {
        // Asked of every header of every request. In ASCII a name folds to none of another length.
        let ascii = name.is_ascii();
        self.identity_folds
            .iter()
            .any(|fold| (!ascii || fold.len() == name.len()) && matches_folded_name(name, fold))
    }

    /// Whether [`strip`](Self::strip) removes it.
    pub fn is_removed(&self, name: &str) -> bool {
        self.is_identity_header(name)
            || matches_folded_name(name, map::ORIGINAL_URL)
            || matches_folded_name(name, map::REWRITE_URL)
    }

    /// What every request loses before it goes on, whoever sent it: the client's copies of identity headers, in
    /// every spelling, and what names another path. `Connection` is left with nothing to nominate: the next hop
    /// would remove the headers it names, ours among them (RFC 9110 section 7.6.1).
    pub fn strip(&self, request: &HeaderMap) -> HeaderEdits {
        let mut edits = self.copies_removed(request);
        let connection: Vec<&[u8]> = request.get_all("connection").collect();
        let upgrade = is_upgrade(request, &connection);
        match connection.as_slice() {
            [] => {}
            [only] if upgrade && only.eq_ignore_ascii_case(b"upgrade") => {}
            _ if upgrade => edits.set("connection", vec![b"upgrade".to_vec()]),
            // Envoy drops it before any filter runs; what is here all the same is not to be passed on either.
            _ => edits.remove("connection"),
        }
        edits
    }

    /// What trailers lose: servers that merge them into the headers would read a second, forged identity, or a token
    /// that nobody verified.
    pub fn strip_trailers(&self, trailers: &HeaderMap, credentials: &CredentialHeaders) -> HeaderEdits {
        let mut edits = self.copies_removed(trailers);
        for name in trailers.names().filter(|name| credentials.may_be(name)) {
            edits.remove(name);
        }
        edits
    }

    fn copies_removed(&self, headers: &HeaderMap) -> HeaderEdits {
        let mut edits = HeaderEdits::new();
        for name in headers.names().filter(|name| self.is_removed(name)) {
            edits.remove(name);
        }
        edits
    }

    /// Strips the request, then sets the headers of whom the permit names.
    ///
    /// # Errors
    /// A value longer than `max_bytes`.
    pub fn plan(
        &self,
        request: &HeaderMap,
        permit: &Permit,
        max_bytes: usize,
    ) -> Result<HeaderEdits, Oversize> {
        match permit.identity() {
            None => Ok(self.strip(request)),
            Some(identity) => self.set(request, &self.encode_for(identity).headers, max_bytes),
        }
    }

    /// [`plan`](Self::plan) with headers prepared by this map. They are used only where the permit is for the
    /// very identity they were prepared from.
    ///
    /// # Errors
    /// A value longer than `max_bytes`.
    pub fn plan_encoded(
        &self,
        request: &HeaderMap,
        permit: &Permit,
        encoded_headers: &EncodedHeaders,
        max_bytes: usize,
    ) -> Result<HeaderEdits, Oversize> {
        match permit.identity() {
            Some(identity) if Rc::ptr_eq(identity, &encoded_headers.identity) => {
                self.set(request, &encoded_headers.headers, max_bytes)
            }
            _ => self.plan(request, permit, max_bytes),
        }
    }

    fn set(&self, request: &HeaderMap, headers: &Additions, limit: usize) -> Result<HeaderEdits, Oversize> {
        if let Some((name, value)) = headers.iter().find(|(_, value)| value.len() > limit) {
            return Err(Oversize { header: name.to_string(), bytes: value.len(), limit });
        }
        let mut edits = self.strip(request);
        edits.add(headers);
        Ok(edits)
    }

    /// Encodes the identity once, for [`plan_encoded`](Self::plan_prepared).
    pub fn encode_for(&self, identity: &Rc<Identity>) -> EncodedHeaders {
        let mut headers: Vec<_> =
            self.encoded(identity).map(|(name, value)| (Rc::clone(name), value)).collect();
        headers.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        EncodedHeaders { identity: Rc::clone(identity), headers: headers.into() }
    }

    /// The headers that are set for this identity, in the map's order. What has no value has no header.
    pub fn encode(&self, identity: &Identity) -> Vec<(String, Vec<u8>)> {
        self.encoded(identity).map(|(name, value)| (name.to_string(), value)).collect()
    }

    fn encoded<'a>(&'a self, identity: &'a Identity) -> impl Iterator<Item = (&'a Rc<str>, Vec<u8>)> {
        self.entries.iter().filter_map(|(name, source)| Some((name, source.value(identity)?)))
    }
}

impl HeaderSource {
    fn value(&self, identity: &Identity) -> Option<Vec<u8>> {
        match self {
            Self::Pointers(pointers) => {
                let claims = identity.claims().claims();
                let mut found = pointers.iter().filter_map(|pointer| pointer.find(claims));
                encoding::claim(found.find(|value| **value != Json::Null)?)
            }
            Self::Roles => encoding::list(identity.roles()),
            Self::Groups => encoding::list(identity.groups()),
            Self::Scopes => encoding::list(identity.scopes()),
            Self::Payload => Some(identity.claims().payload().as_bytes().to_vec()),
            Self::Nothing => None,
        }
    }
}

/// RFC 9110 section 7.8: `Connection` names `upgrade`, and there is an `Upgrade`.
fn is_upgrade(request: &HeaderMap, connection: &[&[u8]]) -> bool {
    let mut options = connection.iter().flat_map(|value| value.split(|byte| *byte == b','));
    options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade")) && request.contains("upgrade")
}
