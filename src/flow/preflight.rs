//! Whether a request is a browser's question before it sends (Fetch standard, CORS-preflight request).

use super::Judge;
use crate::bearer::{self, Place, Presented};
use crate::headers::folds_to;
use crate::route::METHOD_OVERRIDES;

impl Judge<'_> {
    /// Without a token, and answered by the CORS filter or the upstream. Whatever else it could be for an upstream
    /// makes it no preflight: an override of the method, so that `OPTIONS` is not the way around the rules of
    /// `DELETE`, a second value of either header, and what only some upstream takes for a token.
    pub(super) fn is_preflight(&self, places: &[Place]) -> bool {
        self.config.bypass_cors_preflight
            && self.header(":method") == Some(b"OPTIONS")
            && self.only("origin").is_some_and(is_one_origin)
            && self.only("access-control-request-method").is_some_and(is_token)
            && !self.overrides_its_method()
            && matches!(bearer::present(places, self.headers), Presented::Missing)
            && bearer::removal(places, self.headers, false).is_empty()
            && self.other_spellings(places).next().is_none()
    }

    fn only(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.values(name);
        values.next().filter(|value| values.next().is_none() && !value.is_empty())
    }

    fn overrides_its_method(&self) -> bool {
        let overrides = |name: &str| METHOD_OVERRIDES.iter().any(|known| folds_to(name, known));
        self.headers.iter().any(|(name, _)| overrides(name))
    }
}

/// A list of origins (RFC 6454 section 7.1) is no browser's, and headers that were joined have a comma.
fn is_one_origin(value: &[u8]) -> bool {
    !value.iter().any(|byte| *byte == b',' || byte.is_ascii_whitespace())
}

fn is_token(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}
