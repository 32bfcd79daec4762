//! Parses the answer to a request for a document: the document, "not modified", or an error that keeps the last good
//! document (RFC 9110 section 8.8.3, RFC 9111 section 5.2.2.1).

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use super::document::{DocumentError, FetchedDocument};
use super::fetch_error::FetchError;
use super::not_json::NotJson;
use crate::endpoint::{self, RedirectTarget};
use crate::http::HeaderMap;
use crate::jose::json::without_byte_order_mark;
use crate::jose::jwks::{KeySet, SkippedKey};
use crate::revocation::HashKey;

/// The longest `ETag` that is stored, in bytes. A stored one is sent with the next request.
const MAX_ETAG_BYTES: usize = 1024;
/// The number of characters of a `Content-Encoding` that are shown.
const MAX_CODING: usize = 128;

/// An answer as the host delivers it. If it has no status, no answer arrived.
#[derive(Debug, Clone)]
pub struct HttpAnswer<'a> {
    /// The headers, with `:status`.
    pub headers: &'a HeaderMap,
    /// The length of the body, which the host gives before the body is read.
    pub length: usize,
    /// The body; empty if `length` is over the limit for the document.
    pub body: Cow<'a, [u8]>,
}

/// A good answer.
#[derive(Debug)]
pub enum GoodAnswer<D = KeySet> {
    /// A document.
    Document {
        /// The document: a key set with at least one usable key, or a revocation list.
        document: Rc<D>,
        /// The keys that are not used.
        skipped: Vec<SkippedKey>,
        /// The `ETag`, for `If-None-Match` in the next request.
        etag: Option<String>,
        /// `Cache-Control: max-age`.
        max_age: Option<Duration>,
    },
    /// The document whose `ETag` was sent is still current.
    NotModified {
        /// `Cache-Control: max-age`.
        max_age: Option<Duration>,
    },
}

/// Parses an answer to a request for a document. `conditional` means that the request had `If-None-Match`. `key` is the
/// key of the hashes, for a document that consists of hashes.
pub fn parse_response<D: FetchedDocument>(
    answer: &HttpAnswer<'_>,
    conditional: bool,
    key: HashKey,
) -> Result<GoodAnswer<D>, FetchError> {
    let max_age = header(answer, "cache-control").and_then(max_age);
    match status(answer) {
        None => Err(FetchError::NoAnswer),
        Some(304) if conditional => Ok(GoodAnswer::NotModified { max_age }),
        Some(304) => Err(FetchError::NotModifiedUnasked),
        Some(200) if answer.length > D::MAX_BYTES => {
            Err(FetchError::TooLarge { bytes: answer.length, limit: D::MAX_BYTES })
        }
        Some(200) => {
            let (document, skipped) = D::parse(&answer.body, key).map_err(|error| match error {
                DocumentError::NotJson => not_json(answer),
                DocumentError::Refused(error) => error,
            })?;
            let etag = header(answer, "etag").filter(|etag| is_sendable(etag)).map(str::to_owned);
            Ok(GoodAnswer::Document { document: Rc::new(document), skipped, etag, max_age })
        }
        Some(other) => Err(refusal(other, answer)),
    }
}

/// The error for a status other than 200 and 304.
pub(super) fn refusal(status: u16, answer: &HttpAnswer<'_>) -> FetchError {
    match status {
        301 | 302 | 303 | 307 | 308 => {
            let target = header(answer, "location").map_or(RedirectTarget::Unreadable, endpoint::target);
            FetchError::Redirect { status, target }
        }
        status => FetchError::Status(status),
    }
}

/// The error for a body that is not JSON. `Content-Encoding` is checked only here: some issuers send the name of a
/// character set in it, and their body is valid JSON.
pub(super) fn not_json(answer: &HttpAnswer<'_>) -> FetchError {
    let mut codings = answer.headers.get_all("content-encoding").map(String::from_utf8_lossy);
    let is_coded =
        |coding: &str| !coding.trim().is_empty() && !coding.trim().eq_ignore_ascii_case("identity");
    match codings.find(|coding| is_coded(coding)) {
        Some(coding) => FetchError::Coded { coding: coding.chars().take(MAX_CODING).collect() },
        None => {
            let body = without_byte_order_mark(&answer.body);
            FetchError::NotJson(NotJson::of(header(answer, "content-type"), body))
        }
    }
}

/// The answer's status, if there is an answer.
pub fn status(answer: &HttpAnswer<'_>) -> Option<u16> {
    header(answer, ":status")?.parse().ok()
}

fn header<'a>(answer: &HttpAnswer<'a>, name: &str) -> Option<&'a str> {
    std::str::from_utf8(answer.headers.get(name)?).ok()
}

/// Whether the `ETag` can be sent back to the issuer. It must not contain characters that could end a header value.
fn is_sendable(etag: &str) -> bool {
    !etag.is_empty() && etag.len() <= MAX_ETAG_BYTES && etag.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// The first `max-age` of a `Cache-Control`; a value that is no number of seconds counts as absent.
fn max_age(cache_control: &str) -> Option<Duration> {
    let value = cache_control.split(',').find_map(|directive| {
        let (name, value) = directive.trim().split_once('=')?;
        name.eq_ignore_ascii_case("max-age").then_some(value)
    })?;
    value.trim_matches('"').parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::error::KeySetError;
    use crate::keys::fetch_error::MAX_BYTES;

    fn key() -> HashKey {
        HashKey::from_bits([0, 0])
    }

    /// The public key of RFC 7515 appendix A.2.
    const KEYS: &str = r#"{"keys":[{"kty":"RSA","kid":"a","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}]}"#;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        lines.iter().copied().collect()
    }

    fn parsed(lines: &[(&str, &str)], body: &[u8], conditional: bool) -> Result<GoodAnswer, FetchError> {
        parse_response(
            &HttpAnswer { headers: &headers(lines), length: body.len(), body: body.into() },
            conditional,
            key(),
        )
    }

    #[test]
    fn a_good_answer_brings_keys_a_validator_and_an_age() {
        let lines = [(":status", "200"), ("etag", "W/\"v 1\""), ("cache-control", "public, MAX-AGE=\"60\"")];
        let Ok(GoodAnswer::Document { document, skipped, etag, max_age }) =
            parsed(&lines, KEYS.as_bytes(), false)
        else {
            panic!("refused")
        };
        assert_eq!((document.len(), skipped.len()), (1, 0));
        assert_eq!(etag.as_deref(), Some("W/\"v 1\""));
        assert_eq!(max_age, Some(Duration::from_secs(60)));
    }

    #[test]
    fn an_unsendable_validator_is_not_remembered() {
        for etag in ["", "a\r\nx: y", "é", &"e".repeat(MAX_ETAG_BYTES + 1)] {
            let lines = [(":status", "200"), ("etag", etag)];
            let Ok(GoodAnswer::Document { etag, .. }) = parsed(&lines, KEYS.as_bytes(), false) else {
                panic!("refused")
            };
            assert_eq!(etag, None);
        }
    }

    #[test]
    fn ages_that_are_no_number_count_as_absent() {
        for value in ["no-store", "max-age", "max-age=", "max-age=-1", "max-age=x", "s-maxage=5"] {
            assert_eq!(max_age(value), None, "{value}");
        }
        assert_eq!(max_age("max-age=0"), Some(Duration::ZERO));
    }

    #[test]
    fn whatever_else_is_answered_keeps_the_last_good_set() {
        let rows: &[(&str, &[(&str, &str)], &[u8], FetchError)] = &[
            ("nothing", &[], b"", FetchError::NoAnswer),
            ("a broken status", &[(":status", "ok")], KEYS.as_bytes(), FetchError::NoAnswer),
            (
                "a redirect",
                &[(":status", "302"), ("location", "https://elsewhere.example/keys?x")],
                KEYS.as_bytes(),
                FetchError::Redirect {
                    status: 302,
                    target: RedirectTarget::Other("https://elsewhere.example".into()),
                },
            ),
            (
                "a redirect without a location",
                &[(":status", "308")],
                KEYS.as_bytes(),
                FetchError::Redirect { status: 308, target: RedirectTarget::Unreadable },
            ),
            ("an error", &[(":status", "500")], KEYS.as_bytes(), FetchError::Status(500)),
            ("another success", &[(":status", "203")], KEYS.as_bytes(), FetchError::Status(203)),
            ("a 304 unasked", &[(":status", "304")], b"", FetchError::NotModifiedUnasked),
            (
                "no usable key",
                &[(":status", "200")],
                b"{\"keys\":[]}",
                FetchError::KeySet(KeySetError::NoUsableKey),
            ),
        ];
        for (label, lines, body, error) in rows {
            assert_eq!(parsed(lines, body, false).err(), Some(error.clone()), "{label}");
        }
        for body in [&b"<html>"[..], b"", &KEYS.as_bytes()[..100]] {
            assert!(matches!(parsed(&[(":status", "200")], body, false), Err(FetchError::NotJson(_))));
        }
        let too_large = HttpAnswer {
            headers: &headers(&[(":status", "200")]),
            length: MAX_BYTES + 1,
            body: Cow::default(),
        };
        assert_eq!(
            parse_response::<KeySet>(&too_large, false, key()).err(),
            Some(FetchError::TooLarge { bytes: MAX_BYTES + 1, limit: MAX_BYTES })
        );
        assert!(matches!(
            parsed(&[(":status", "304")], b"", true),
            Ok(GoodAnswer::NotModified { max_age: None })
        ));
    }

    #[test]
    fn a_coded_body_is_named_and_a_coding_that_is_none_does_no_harm() {
        let message = |coding: &str, body: &[u8]| {
            let lines = [(":status", "200"), ("content-encoding", coding)];
            parsed(&lines, body, false).map(|_| ()).map_err(|error| error.to_string())
        };
        let named = "the body has the content-encoding \"gzip\"; the filter requested identity and reads nothing else";
        assert_eq!(message("gzip", b"\x1f\x8b\x08"), Err(named.to_owned()));
        assert!(message("identity, br", b"\x1b\0").unwrap_err().contains("\"identity, br\""));
        for coding in ["", "identity", "Identity", "utf-8", "gzip"] {
            assert_eq!(message(coding, KEYS.as_bytes()), Ok(()), "{coding}: the body can be read");
        }
        for coding in ["", "identity"] {
            assert!(message(coding, b"<html>").unwrap_err().starts_with("not valid JSON"), "{coding}");
        }
        let forged = message(&"a\n[critical]".repeat(1000), b"x").unwrap_err();
        assert!(forged.len() < 300 && !forged.contains('\n'), "{forged}");
    }

    #[test]
    fn one_byte_order_mark_is_skipped() {
        let marked = |marks: usize| format!("{}{KEYS}", "\u{feff}".repeat(marks));
        let parsed = |marks| parsed(&[(":status", "200")], marked(marks).as_bytes(), false);
        assert!(matches!(parsed(1), Ok(GoodAnswer::Document { .. })));
        assert!(matches!(parsed(2), Err(FetchError::NotJson(_))));
    }
}
