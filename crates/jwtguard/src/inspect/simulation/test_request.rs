//! The request to simulate.

use super::test_credential::TestCredential;
use jwt_guard::confirmation::Connection;
use jwt_guard::http::HeaderMap;

/// The request to simulate.
#[derive(Debug, Clone)]
pub struct TestRequest {
    /// The header `:method`.
    pub method: String,
    /// The header `:path`, with the query.
    pub path: String,
    /// The header `:authority`.
    pub host: String,
    /// All other headers.
    pub headers: Vec<(String, String)>,
    /// The SHA-256 digest of the client's certificate, in hexadecimal.
    pub client_certificate: Option<String>,
    /// Whether to bind the generated token to a new DPoP key and to send it with a proof.
    pub dpop: bool,
    /// The requirement in the metadata of the Envoy route, as JSON text.
    pub route_metadata: Option<String>,
    /// The annotation of the HTTPRoute or the GRPCRoute of Envoy Gateway.
    pub route_annotation: Option<String>,
    /// The annotation of the Gateway.
    pub gateway_annotation: Option<String>,
    /// The second tokens, by their name in the configuration.
    pub second_tokens: Vec<(String, TestCredential)>,
}

impl Connection for TestRequest {
    fn certificate_digest(&self) -> Option<Vec<u8>> {
        self.client_certificate.as_ref().map(|digest| digest.as_bytes().to_vec())
    }
}

impl TestRequest {
    /// The headers as the filter receives them.
    pub(super) fn headers(&self) -> HeaderMap {
        let pseudo = [(":method", &self.method), (":path", &self.path), (":authority", &self.host)];
        let pseudo = pseudo.into_iter().map(|(name, value)| (name.to_owned(), value.clone()));
        let others = self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        pseudo.chain([(":scheme".to_owned(), "https".to_owned())]).chain(others).collect()
    }
}
