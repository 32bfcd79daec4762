//! Certificates for servers and clients, and the parts of Envoy's configuration that use them.

use std::net::SocketAddr;
use std::sync::Arc;

use jwt_guard::jose::base64url;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, HandshakeKind, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::bootstrap::typed;

/// A certificate authority for tests.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        // A separate name: a certificate with the same subject and issuer would count as self-signed.
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Its certificate in PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Accepts TLS connections with a certificate for the host.
    pub fn acceptor(&self, host: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// A `transport_socket` for a listener: its own certificate is for that host, and certificates of clients are those of
    /// this authority. `options` are keys of the DownstreamTlsContext and of its validation context to add.
    pub fn listener_socket(&self, host: &str, requires_client: bool, validation: &Value) -> Value {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new([host.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        let mut validation_context = json!({ "trusted_ca": { "inline_string": self.pem() } });
        validation_context.as_object_mut().unwrap().extend(validation.as_object().unwrap().clone());
        let context = json!({
            "require_client_certificate": requires_client,
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_certificates": [{
                    "certificate_chain": { "inline_string": certificate.pem() },
                    "private_key": { "inline_string": key.serialize_pem() },
                }],
                "validation_context": validation_context,
            },
        });
        json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": typed("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", context),
        })
    }

    /// A certificate of a client, with these additional names.
    pub fn client(&self, names: Vec<SanType>) -> ClientCertificate {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "client of a test");
        params.subject_alt_names = names;
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let digest = Sha256::digest(certificate.der()).into();
        ClientCertificate { certificate: certificate.der().clone(), key: key.serialize_der(), digest }
    }

    /// A TLS client that trusts this authority, with or without a certificate. Connections of one client resume its sessions.
    pub fn connector(
        &self,
        client: Option<&ClientCertificate>,
        protocol: Protocol,
        version: Version,
    ) -> TlsClient {
        let versions: &[_] = match version {
            Version::Tls12 => &[&tokio_rustls::rustls::version::TLS12],
            Version::Tls13 => &[&tokio_rustls::rustls::version::TLS13],
        };
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match client {
            None => builder.with_no_client_auth(),
            Some(client) => {
                let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(client.key.clone()));
                builder.with_client_auth_cert(vec![client.certificate.clone()], key).unwrap()
            }
        };
        config.alpn_protocols = vec![match protocol {
            Protocol::Http1 => b"http/1.1".to_vec(),
            Protocol::Http2 => b"h2".to_vec(),
        }];
        TlsClient { connector: TlsConnector::from(Arc::new(config)) }
    }

    /// A `transport_socket` for a cluster: it accepts only certificates of this authority for that host.
    pub fn transport_socket(&self, host: &str) -> Value {
        let context = json!({
            "sni": host,
            "common_tls_context": { "validation_context": {
                "trusted_ca": { "inline_string": self.pem() },
                "match_typed_subject_alt_names": [{ "san_type": "DNS", "matcher": { "exact": host } }],
            } },
        });
        json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": typed("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", context),
        })
    }
}

/// The version of HTTP that a TLS client offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

/// The version of TLS that a client offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Tls12,
    Tls13,
}

/// A certificate of a client and its key.
pub struct ClientCertificate {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
    digest: [u8; 32],
}

impl ClientCertificate {
    /// Its digest as `x5t#S256` carries it.
    pub fn thumbprint(&self) -> String {
        base64url::encode(&self.digest)
    }

    /// Its digest as Envoy writes it.
    pub fn hash(&self) -> String {
        self.digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A TLS client.
pub struct TlsClient {
    connector: TlsConnector,
}

impl TlsClient {
    /// A connection to the host at this address, and whether it resumed an earlier session.
    pub async fn connect(&self, address: SocketAddr, host: &str) -> (TlsStream<TcpStream>, bool) {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let stream = self.connector.connect(name, stream).await.unwrap();
        let is_resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
        (stream, is_resumed)
    }
}
