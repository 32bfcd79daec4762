//! The identity headers for the upstream: the client's copies are removed, then the headers of a [`Permit`]'s
//! identity are set.
//!
//! A claim header is always either set or removed, never passed through from the client. This module depends on
//! claims and header names, not on tokens, routes or the host.

mod credentials;
mod edits;
mod encoding;
mod map;
mod names;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use names::{Lengths, folded, may_be_grpc_metadata};

pub use credentials::CredentialHeaders;
use edits::Additions;
pub use edits::HeaderEdits;
pub use encoding::claim as encoded;
pub use map::{HeaderMapError, HeaderSource, check_name};
pub use names::{grpc_metadata, header_names_match, matches_folded_name};

use crate::http::HeaderMap;
use crate::issuer_index::IssuerIndex;
use crate::jose::json::Json;
use crate::policy::{Identity, Permit};
use crate::sorting;
use crate::token_role::{SecondTokenIndex, TokenRole};

/// The maps from claims to headers, and the headers that must be removed so that upstreams can trust the headers
/// of all maps.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimHeaders {
    /// The map for the tokens of all issuers without a map of their own.
    entries: Vec<map::Entry>,
    /// The maps of issuers.
    of_issuers: Vec<(IssuerIndex, Vec<map::Entry>)>,
    /// The maps of second tokens, by their index.
    of_second_tokens: Vec<Vec<map::Entry>>,
    /// The names in these maps, each once.
    names: Vec<Rc<str>>,
    /// The normalized names of these maps and of the default map. The default names are always included, because
    /// an upstream written for them trusts these headers whatever these maps contain.
    normalized_names: Vec<String>,
    /// The lengths of the names that are removed from every request.
    removed_lengths: Lengths,
}

/// A claim's header would be longer than `max_claim_header_bytes`. The request is denied: to the upstream, a
/// missing header could mean "unrestricted", and a truncated one could claim something that the token does not
/// contain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{header} would be {bytes} bytes, over {limit}")]
pub struct ClaimHeaderTooLong {
    /// The header's name.
    pub header: String,
    /// The length of its value.
    pub bytes: usize,
    /// The limit.
    pub limit: usize,
}

/// An identity's encoded headers. The token cache stores them, so that they are encoded only once.
#[derive(Debug, Clone)]
pub struct EncodedHeaders {
    identity: Rc<Identity>,
    headers: Additions,
}

impl EncodedHeaders {
    /// The identity that the headers were encoded from.
    pub fn identity(&self) -> &Rc<Identity> {
        &self.identity
    }

    /// The memory used by the headers and their identity, in bytes.
    pub fn bytes(&self) -> usize {
        // In addition to its bytes, each value has a vector and a shared name.
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
    /// A configured map that replaces the default one. Names are case-insensitive.
    ///
    /// # Errors
    /// A name is invalid, is needed by HTTP or the credential, reroutes the request, or is another spelling of
    /// an earlier name.
    pub fn new(entries: Vec<(String, HeaderSource)>) -> Result<Self, HeaderMapError> {
        map::checked(entries, std::iter::empty()).map(Self::with)
    }

    fn with(entries: Vec<map::Entry>) -> Self {
        let mut map = Self {
            entries: Vec::new(),
            of_issuers: Vec::new(),
            of_second_tokens: Vec::new(),
            names: Vec::new(),
            normalized_names: Vec::new(),
            removed_lengths: Lengths::default(),
        };
        map.add_names(&entries);
        Self { entries, ..map }
    }

    /// Adds a map that replaces the global one for the tokens of an issuer. Its headers are removed from every
    /// request, like those of the global map.
    ///
    /// # Errors
    /// See [`ClaimHeaders::new`]; or a name is another spelling of a name in another map.
    pub fn add_issuer(
        &mut self,
        issuer: IssuerIndex,
        entries: Vec<(String, HeaderSource)>,
    ) -> Result<(), HeaderMapError> {
        let entries = map::checked(entries, self.names())?;
        self.add_names(&entries);
        self.of_issuers.push((issuer, entries));
        Ok(())
    }

    /// Adds the map of the next second token. Its headers are removed from every request, like those of the global map.
    ///
    /// # Errors
    /// See [`ClaimHeaders::new`]; or a name is that of a header in another map or the default map, in any spelling.
    pub fn add_second_token(&mut self, entries: Vec<(String, HeaderSource)>) -> Result<(), HeaderMapError> {
        let entries = map::checked(entries, std::iter::empty())?;
        if let Some((name, _)) = entries.iter().find(|(name, _)| self.is_identity_header(name)) {
            return Err(HeaderMapError::OfAnotherToken { name: name.to_string() });
        }
        self.add_names(&entries);
        self.of_second_tokens.push(entries);
        Ok(())
    }

    fn add_names(&mut self, entries: &[map::Entry]) {
        for (name, _) in entries {
            if !self.names.contains(name) {
                self.names.push(Rc::clone(name));
            }
        }
        let defaults = map::default_map();
        let mut normalized: Vec<String> =
            self.names().chain(defaults.iter().map(|(name, _)| *name)).map(folded).collect();
        sorting::sort(&mut normalized);
        normalized.dedup();
        let rerouting = [map::ORIGINAL_URL, map::REWRITE_URL];
        self.removed_lengths = Lengths::of(normalized.iter().map(String::as_str).chain(rerouting));
        self.normalized_names = normalized;
    }

    /// The names in all maps, each once and in lower case: those of the global map in its order, then those that
    /// only maps of issuers have.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.names.iter().map(|name| &**name)
    }

    /// The map for the tokens of an issuer, if the issuer has a map of its own.
    pub fn of_issuer(&self, issuer: IssuerIndex) -> Option<impl Iterator<Item = (&str, &HeaderSource)>> {
        let (_, entries) = self.of_issuers.iter().find(|(index, _)| *index == issuer)?;
        Some(entries.iter().map(|(name, source)| (&**name, source)))
    }

    /// The map for the tokens of an issuer: its own, or the global one.
    pub fn for_issuer(&self, issuer: IssuerIndex) -> impl Iterator<Item = (&str, &HeaderSource)> {
        self.entries_for(issuer).iter().map(|(name, source)| (&**name, source))
    }

    /// The map of a second token.
    pub fn of_second_token(&self, token: SecondTokenIndex) -> impl Iterator<Item = (&str, &HeaderSource)> {
        self.entries_of(token).iter().map(|(name, source)| (&**name, source))
    }

    fn entries_of(&self, token: SecondTokenIndex) -> &[map::Entry] {
        self.of_second_tokens.get(token.0).map(Vec::as_slice).unwrap_or_default()
    }

    fn entries_for(&self, issuer: IssuerIndex) -> &[map::Entry] {
        let own = self.of_issuers.iter().find(|(index, _)| *index == issuer);
        own.map_or(&self.entries, |(_, entries)| entries)
    }

    /// The header with the longest fixed value in any map, and the length of that value.
    pub fn longest_value(&self) -> Option<(&str, usize)> {
        let of_issuers = self.of_issuers.iter().flat_map(|(_, entries)| entries);
        let entries = self.entries.iter().chain(of_issuers).chain(self.of_second_tokens.iter().flatten());
        let fixed = entries.filter_map(|(name, source)| match source {
            HeaderSource::Value(text) => Some((&**name, text.len())),
            _ => None,
        });
        fixed.max_by_key(|(_, length)| *length)
    }

    /// Whether some upstreams may take the header for one in these maps or the default map: in any spelling, or
    /// with the prefix that grpc-gateway removes to pass `x-auth-sub` to the server behind it.
    pub fn is_identity_header(&self, name: &str) -> bool {
        // `:path` is not another spelling of `-path`: HTTP distinguishes pseudo-headers from headers (RFC 9113
        // section 8.3).
        if name.starts_with(':') {
            return false;
        }
        self.has_identity_name(name)
            || grpc_metadata(name).is_some_and(|metadata| self.has_identity_name(metadata))
    }

    fn has_identity_name(&self, name: &str) -> bool {
        // ASCII names of different lengths never match.
        let ascii = name.is_ascii();
        self.normalized_names
            .iter()
            .any(|fold| (!ascii || fold.len() == name.len()) && matches_folded_name(name, fold))
    }

    /// Whether [`strip`](Self::strip) removes the header.
    pub fn is_removed(&self, name: &str) -> bool {
        self.is_identity_header(name)
            || matches_folded_name(name, map::ORIGINAL_URL)
            || matches_folded_name(name, map::REWRITE_URL)
    }

    /// The edits that every forwarded request gets: they remove the client's copies of identity headers in
    /// every spelling, and headers that name another path. `Connection` must not name other headers, because
    /// the next hop would remove them, including the identity headers (RFC 9110 section 7.6.1).
    pub fn strip(&self, request: &HeaderMap) -> HeaderEdits {
        let mut edits = self.copies_removed(request);
        let connection: Vec<&[u8]> = request.get_all("connection").collect();
        let upgrade = is_upgrade(request, &connection);
        match connection.as_slice() {
            [] => {}
            [only] if upgrade && only.eq_ignore_ascii_case(b"upgrade") => {}
            _ if upgrade => edits.set("connection", vec![b"upgrade".to_vec()]),
            // Envoy removes `Connection` before any filter runs. If one is here anyway, remove it.
            _ => edits.remove("connection"),
        }
        edits
    }

    /// The edits for trailers. `is_forbidden` tells which trailers are removed besides identity headers. A server that merges trailers into the headers would read a second, forged
    /// identity or an unverified token.
    pub fn strip_trailers(&self, trailers: &HeaderMap, is_forbidden: impl Fn(&str) -> bool) -> HeaderEdits {
        let mut edits = self.copies_removed(trailers);
        for name in trailers.names().filter(|name| is_forbidden(name)) {
            edits.remove(name);
        }
        edits
    }

    fn copies_removed(&self, headers: &HeaderMap) -> HeaderEdits {
        let mut edits = HeaderEdits::new();
        for name in self.removed_of(headers) {
            edits.remove(name);
        }
        edits
    }

    /// The names in these headers for which [`is_removed`](Self::is_removed).
    pub fn removed_of<'h>(&self, headers: &'h HeaderMap) -> impl Iterator<Item = &'h str> {
        let ascii = headers.has_ascii_names();
        // For most headers, the length suffices.
        let may_be_removed =
            move |name: &str| !ascii || self.removed_lengths.may_have(name) || may_be_grpc_metadata(name);
        headers.names().filter(move |name| may_be_removed(name) && self.is_removed(name))
    }

    /// Strips the request, then sets the headers of the permit's identity.
    ///
    /// # Errors
    /// A header value is longer than `max_bytes`.
    pub fn plan(
        &self,
        request: &HeaderMap,
        permit: &Permit,
        max_bytes: usize,
    ) -> Result<HeaderEdits, ClaimHeaderTooLong> {
        match permit.identity() {
            None => Ok(self.strip(request)),
            Some(identity) => {
                self.set(request, &self.encode_for(TokenRole::First, identity).headers, max_bytes)
            }
        }
    }

    /// [`plan`](Self::plan) with headers that this map prepared. The prepared headers are used only if the
    /// permit is for the same identity that they were prepared from.
    ///
    /// # Errors
    /// A header value is longer than `max_bytes`.
    pub fn plan_encoded(
        &self,
        request: &HeaderMap,
        permit: &Permit,
        encoded_headers: &EncodedHeaders,
        max_bytes: usize,
    ) -> Result<HeaderEdits, ClaimHeaderTooLong> {
        match permit.identity() {
            Some(identity) if Rc::ptr_eq(identity, &encoded_headers.identity) => {
                self.set(request, &encoded_headers.headers, max_bytes)
            }
            _ => self.plan(request, permit, max_bytes),
        }
    }

    fn set(
        &self,
        request: &HeaderMap,
        headers: &Additions,
        limit: usize,
    ) -> Result<HeaderEdits, ClaimHeaderTooLong> {
        check_lengths(headers, limit)?;
        let mut edits = self.strip(request);
        edits.add(headers);
        Ok(edits)
    }

    /// Adds the headers of a second token to the edits from [`plan`](Self::plan), which have removed the client's
    /// copies. No two maps have a header in common.
    ///
    /// # Errors
    /// A header value is longer than `limit`.
    pub fn add_encoded(
        &self,
        edits: &mut HeaderEdits,
        permit: &Permit,
        encoded_headers: &EncodedHeaders,
        limit: usize,
    ) -> Result<(), ClaimHeaderTooLong> {
        let is_of_permit = |identity| Rc::ptr_eq(identity, &encoded_headers.identity);
        if !permit.identity().is_some_and(is_of_permit) {
            return Ok(());
        }
        check_lengths(&encoded_headers.headers, limit)?;
        edits.add(&encoded_headers.headers);
        Ok(())
    }

    /// Encodes the identity of a token in this role once, for [`plan_encoded`](Self::plan_encoded) and
    /// [`add_encoded`](Self::add_encoded).
    pub fn encode_for(&self, role: TokenRole, identity: &Rc<Identity>) -> EncodedHeaders {
        let entries = match role {
            TokenRole::First => self.entries_for(identity.issuer()),
            TokenRole::Second(token) => self.entries_of(token),
        };
        let mut headers: Vec<_> =
            encoded_entries(entries, identity).map(|(name, value)| (Rc::clone(name), value)).collect();
        sorting::sort_by(&mut headers, |(one, _), (other, _)| one.cmp(other));
        EncodedHeaders { identity: Rc::clone(identity), headers: headers.into() }
    }

    /// The headers that are set for this identity, in the order of its issuer's map. Claims without a value are
    /// left out.
    pub fn encode(&self, identity: &Identity) -> Vec<(String, Vec<u8>)> {
        let entries = self.entries_for(identity.issuer());
        encoded_entries(entries, identity).map(|(name, value)| (name.to_string(), value)).collect()
    }
}

fn encoded_entries<'a>(
    entries: &'a [map::Entry],
    identity: &'a Identity,
) -> impl Iterator<Item = (&'a Rc<str>, Vec<u8>)> {
    entries.iter().filter_map(|(name, source)| Some((name, source.value(identity)?)))
}

fn check_lengths(headers: &Additions, limit: usize) -> Result<(), ClaimHeaderTooLong> {
    match headers.iter().find(|(_, value)| value.len() > limit) {
        Some((name, value)) => {
            Err(ClaimHeaderTooLong { header: name.to_string(), bytes: value.len(), limit })
        }
        None => Ok(()),
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
            Self::Value(text) => Some(text.as_bytes().to_vec()),
        }
    }
}

/// Whether the request is an upgrade (RFC 9110 section 7.8): `Connection` names `upgrade`, and there is an
/// `Upgrade` header.
fn is_upgrade(request: &HeaderMap, connection: &[&[u8]]) -> bool {
    let mut options = connection.iter().flat_map(|value| value.split(|byte| *byte == b','));
    options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade")) && request.contains("upgrade")
}
