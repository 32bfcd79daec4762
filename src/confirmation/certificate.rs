//! The certificate of the client: from the connection, or from the header that a proxy in front of this one sets.

use crate::http::{HeaderMap, hex_digit, trim_ows};
use crate::jose::public_jwk::Thumbprint;

/// The header in which a proxy passes on the certificate of its client.
pub const FORWARDED_CERTIFICATE: &str = "x-forwarded-client-cert";

/// The connection of a request.
pub trait Connection {
    /// The SHA-256 digest of the client's certificate, in hexadecimal. `None` or empty if the client sent none.
    fn certificate_digest(&self) -> Option<Vec<u8>>;
}

/// A connection without a client certificate.
#[derive(Debug, Clone, Copy)]
pub struct NoConnection;

impl Connection for NoConnection {
    fn certificate_digest(&self) -> Option<Vec<u8>> {
        None
    }
}

/// `client_certificate_from`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CertificateSource {
    /// The connection of the request.
    #[default]
    Connection,
    /// The header [`FORWARDED_CERTIFICATE`].
    ForwardedHeader,
}

/// Why the header with the client certificate is not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForwardedCertificateError {
    /// The header is absent.
    #[error("x-forwarded-client-cert is absent")]
    Absent,
    /// Several values, or several elements in one: several proxies, or the client, added one.
    #[error("x-forwarded-client-cert has more than one element")]
    SeveralElements,
    /// The text does not have the form that Envoy writes.
    #[error("x-forwarded-client-cert is not of the form that Envoy writes")]
    Malformed,
    /// No `Hash`, or a `Hash` after a part that the client's certificate chooses.
    #[error("x-forwarded-client-cert has no Hash before Subject, URI and DNS")]
    NoHash,
    /// `Hash=` a second time, perhaps inside a name of the client's certificate.
    #[error("x-forwarded-client-cert contains Hash= more than once")]
    SeveralHashes,
}

/// The digest of the client's certificate; `None` if there is no certificate.
///
/// # Errors
/// The header with the certificate is not usable.
pub fn certificate(
    source: CertificateSource,
    headers: &HeaderMap,
    connection: &dyn Connection,
) -> Result<Option<Thumbprint>, ForwardedCertificateError> {
    match source {
        CertificateSource::Connection => {
            Ok(connection.certificate_digest().and_then(|digest| thumbprint(&digest)))
        }
        CertificateSource::ForwardedHeader => forwarded(headers).map(Some),
    }
}

/// The `Hash` of the only element of the only value of `x-forwarded-client-cert`.
///
/// Envoy writes names of the client's certificate (`URI`, `DNS`) without quotes, so they can contain `;`, `,` and
/// `Hash=`. Everything after the first of them is therefore untrusted, and any second `Hash=` refuses the header.
fn forwarded(headers: &HeaderMap) -> Result<Thumbprint, ForwardedCertificateError> {
    let mut values = headers.get_all(FORWARDED_CERTIFICATE);
    let value = values.next().map(trim_ows).ok_or(ForwardedCertificateError::Absent)?;
    if values.next().is_some() {
        return Err(ForwardedCertificateError::SeveralElements);
    }
    let parts = parts(value)?;
    const HASH: &[u8] = b"hash=";
    if value.windows(HASH.len()).filter(|window| window.eq_ignore_ascii_case(HASH)).count() > 1 {
        return Err(ForwardedCertificateError::SeveralHashes);
    }
    let mut hash = None;
    for part in parts {
        let end = part.iter().position(|byte| *byte == b'=').ok_or(ForwardedCertificateError::Malformed)?;
        let (name, text) = part.split_at(end);
        let text = text.split_first().map(|(_, text)| text).unwrap_or_default();
        match name.to_ascii_lowercase().as_slice() {
            b"hash" => hash = Some(thumbprint(text).ok_or(ForwardedCertificateError::Malformed)?),
            // This proxy's own name, and the encoded certificates, which the client does not write as text.
            b"by" | b"cert" | b"chain" => {}
            b"subject" | b"uri" | b"dns" if hash.is_none() => return Err(ForwardedCertificateError::NoHash),
            b"subject" | b"uri" | b"dns" => {}
            _ => return Err(ForwardedCertificateError::Malformed),
        }
    }
    hash.ok_or(ForwardedCertificateError::NoHash)
}

/// The parts of one element, split at `;` outside quotes. A `,` outside quotes separates elements.
fn parts(value: &[u8]) -> Result<Vec<&[u8]>, ForwardedCertificateError> {
    let mut parts = Vec::new();
    let (mut start, mut is_quoted, mut is_escaped) = (0, false, false);
    for (at, byte) in value.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => return Err(ForwardedCertificateError::SeveralElements),
            b';' if !is_quoted => {
                parts.push(value.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    if is_quoted {
        return Err(ForwardedCertificateError::Malformed);
    }
    parts.push(value.get(start..).unwrap_or_default());
    Ok(parts)
}

/// The digest in 64 hexadecimal digits.
fn thumbprint(text: &[u8]) -> Option<Thumbprint> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let bytes = pairs.iter().map(|[high, low]| Some(hex_digit(*high)? << 4 | hex_digit(*low)?));
    bytes.collect::<Option<Vec<u8>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";

    #[test]
    fn only_the_hash_that_envoy_wrote_counts() {
        use ForwardedCertificateError::{Absent, Malformed, NoHash, SeveralElements, SeveralHashes};
        let other = HASH.replace('4', "5");
        for (values, expected) in [
            (vec![format!("Hash={HASH}")], Ok(())),
            (
                vec![format!(
                    "By=spiffe://mesh/gateway;Hash={HASH};Subject=\"CN=a, O=\\\"b;c\\\"\";URI=spiffe://mesh/a"
                )],
                Ok(()),
            ),
            (
                vec![format!(
                    "Hash={HASH};Cert=\"-----BEGIN%20CERTIFICATE-----\";DNS=a.example;DNS=b.example"
                )],
                Ok(()),
            ),
            (vec![format!("hash={}", HASH.to_uppercase())], Ok(())),
            (vec![], Err(Absent)),
            (vec![String::new()], Err(Malformed)),
            (vec![format!("Hash={HASH}"), format!("Hash={HASH}")], Err(SeveralElements)),
            (vec![format!("By=a,Hash={HASH}")], Err(SeveralElements)),
            (vec![format!("Hash={HASH},By=a")], Err(SeveralElements)),
            (vec![format!("Hash={other};URI=spiffe://mesh/a;Hash={HASH}")], Err(SeveralHashes)),
            (vec![format!("Hash={HASH};URI=spiffe://mesh/a?Hash={other}")], Err(SeveralHashes)),
            (vec![format!("Hash={HASH};Subject=\"CN=Hash={other}\"")], Err(SeveralHashes)),
            (vec![format!("URI=spiffe://mesh/a;Hash={HASH}")], Err(NoHash)),
            (vec![format!("Subject=\"CN=a\";Hash={HASH}")], Err(NoHash)),
            (vec!["By=spiffe://mesh/gateway".to_owned()], Err(NoHash)),
            (vec!["Subject=\"CN=a\"".to_owned()], Err(NoHash)),
            (vec![format!("Hash={}", &HASH[1..])], Err(Malformed)),
            (vec![format!("Hash=\"{HASH}\"")], Err(Malformed)),
            (vec![format!("Hash={HASH};Subject=\"CN=a")], Err(Malformed)),
            (vec![format!("Hash={HASH};New=a")], Err(Malformed)),
            (vec![format!("Hash={HASH};")], Err(Malformed)),
        ] {
            let headers: HeaderMap =
                values.iter().map(|value| (FORWARDED_CERTIFICATE, value.as_str())).collect();
            let found = certificate(CertificateSource::ForwardedHeader, &headers, &NoConnection);
            assert_eq!(
                found.map(|found| assert_eq!(found, thumbprint(HASH.as_bytes()))),
                expected,
                "{values:?}"
            );
        }
    }

    #[test]
    fn the_connection_has_one_certificate_or_none() {
        struct Peer(Option<Vec<u8>>);
        impl Connection for Peer {
            fn certificate_digest(&self) -> Option<Vec<u8>> {
                self.0.clone()
            }
        }
        let forged: HeaderMap =
            [(FORWARDED_CERTIFICATE, format!("Hash={HASH}").as_str())].into_iter().collect();
        let of = |digest: Option<&str>| {
            let peer = Peer(digest.map(|digest| digest.as_bytes().to_vec()));
            certificate(CertificateSource::Connection, &forged, &peer)
        };
        assert_eq!(of(Some(HASH)), Ok(thumbprint(HASH.as_bytes())));
        assert!(thumbprint(HASH.as_bytes()).is_some());
        assert_eq!(of(None), Ok(None));
        assert_eq!(of(Some("")), Ok(None));
        assert_eq!(of(Some("zz")), Ok(None));
    }

    proptest::proptest! {
        /// Whatever a client can write into the names of its certificate, or into the header itself, the digest that
        /// counts is that of the first part `Hash`, and there is no second one.
        #[test]
        fn no_other_text_is_a_hash(texts in proptest::collection::vec("([ -~]|Hash=|hash=|\";|,By=){0,12}", 0..4)) {
            let value = format!("By=a;Hash={HASH};URI={}", texts.join(";"));
            let headers: HeaderMap = [(FORWARDED_CERTIFICATE, value.as_str())].into_iter().collect();
            let found = certificate(CertificateSource::ForwardedHeader, &headers, &NoConnection);
            if let Ok(found) = found {
                assert_eq!(found, thumbprint(HASH.as_bytes()));
                assert_eq!(value.to_ascii_lowercase().matches("hash=").count(), 1);
            }
        }
    }
}
