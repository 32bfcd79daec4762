//! The way to the keys: the cluster, and the objects that make it.

use super::mode::Mode;
use super::options::IstioOptions;
use crate::init::cluster;
use crate::init::error::InitError;
use crate::init::keys_server::KeysServer;
use crate::init::policy::{Policy, Surroundings};
use crate::init::text::indented;
use crate::scalar::Scalar;

/// How a proxy reaches the keys.
#[derive(Debug)]
pub(super) struct Keys {
    server: KeysServer,
    /// The name of the cluster.
    cluster: String,
    way: Way,
}

/// The objects that make the cluster.
#[derive(Debug)]
enum Way {
    /// A ServiceEntry with the port of the keys; the DestinationRule applies to the gateway's pods only.
    Gateway,
    /// A ServiceEntry with a plain port that leads to the port of the keys; the DestinationRule applies to this port only.
    Sidecar,
    /// An EnvoyFilter that adds the cluster.
    Waypoint,
}

/// The port of the ServiceEntry for sidecars. Applications use it for http, never for TLS.
const PLAIN_PORT: u16 = 80;

impl Keys {
    pub(super) fn of(policy: &Policy, options: &IstioOptions) -> Result<Self, InitError> {
        let server = policy.keys_server()?;
        let KeysServer { host, port, flag } = &server;
        if !host.contains('.') {
            let problem = format!(
                "the keys are on the host {host}, which Istio would read as a Service of a namespace; write a full DNS name"
            );
            return Err(InitError::flag(flag, problem));
        }
        if host.ends_with(".svc") || host.ends_with(".svc.cluster.local") {
            let problem = format!(
                "the keys are on {host}, a Service of the mesh, and Istio refuses a ServiceEntry for it; write the host of the \
                 keys outside the mesh in --jwks-url, and in the output replace the cluster by the Service's own: \
                 outbound|PORT||{host}"
            );
            return Err(InitError::flag(flag, problem));
        }
        let (way, cluster) = match &options.mode {
            Mode::Ingress(_) | Mode::GatewayApi(_) => (Way::Gateway, format!("outbound|{port}||{host}")),
            Mode::Sidecar(_) => (Way::Sidecar, format!("outbound|{PLAIN_PORT}||{host}")),
            Mode::Waypoint(_) => (Way::Waypoint, options.name.with_suffix("issuer").as_str().to_owned()),
        };
        Ok(Self { server, cluster, way })
    }

    pub(super) fn surroundings(&self) -> Surroundings<'_> {
        let cluster_comment = match self.way {
            Way::Gateway | Way::Sidecar => {
                "# Istio's name for the cluster of the ServiceEntry below: outbound|port|subset|host, with an empty subset.\n"
            }
            Way::Waypoint => "# The cluster that the EnvoyFilter below adds.\n",
        };
        Surroundings { cluster: &self.cluster, cluster_comment, more: "" }
    }

    /// The ServiceEntry and the DestinationRule.
    pub(super) fn objects(&self, options: &IstioOptions) -> Vec<String> {
        match self.way {
            Way::Gateway => vec![self.entry(options), self.rule(options)],
            Way::Sidecar => vec![self.plain_entry(options), self.plain_rule(options)],
            Way::Waypoint => vec![],
        }
    }

    /// The patch of the EnvoyFilter that adds the cluster.
    pub(super) fn patch(&self) -> Option<String> {
        matches!(self.way, Way::Waypoint).then(|| {
            format!(
                "# Adds the cluster for the keys. A waypoint has no cluster for a ServiceEntry that only a plugin names, and
# without this context Istio does not add the cluster to a waypoint.
applyTo: CLUSTER
match:
  context: SIDECAR_INBOUND
patch:
  operation: ADD
  value:
{}",
                indented(4, &cluster::over_tls(&self.cluster, &self.server))
            )
        })
    }

    fn entry(&self, options: &IstioOptions) -> String {
        let KeysServer { host, port, .. } = &self.server;
        self.service_entry(
            options,
            "# Creates the cluster. Without it, Istio has no cluster of that name, every fetch fails and requests are answered with\n\
             # 503.\n",
            &format!("- number: {port}\n  name: https\n  protocol: HTTPS\n"),
            host,
        )
    }

    fn plain_entry(&self, options: &IstioOptions) -> String {
        let KeysServer { host, port, .. } = &self.server;
        self.service_entry(
            options,
            &format!(
                "# Creates the cluster. Without it, Istio has no cluster of that name, every fetch fails and requests are answered with\n\
                 # 503. The proxy connects to port {port} of the issuer. The entry has another port, {PLAIN_PORT}, because applications\n\
                 # of this namespace may use TLS to port {port} themselves: the DestinationRule below would encrypt that twice.\n"
            ),
            &format!("- number: {PLAIN_PORT}\n  name: http\n  protocol: HTTP\n  targetPort: {port}\n"),
            host,
        )
    }

    fn service_entry(&self, options: &IstioOptions, comment: &str, ports: &str, host: &str) -> String {
        let metadata = options.metadata(&options.name.with_suffix("issuer"), "");
        format!(
            "{comment}apiVersion: networking.istio.io/v1
kind: ServiceEntry
{metadata}spec:
  hosts:
    - {}
  # Only for this namespace.
  exportTo:
    - .
  location: MESH_EXTERNAL
  resolution: DNS
  ports:
{}",
            Scalar(host),
            indented(4, ports)
        )
    }

    fn rule(&self, options: &IstioOptions) -> String {
        let pods = options.mode.gateway_pods().unwrap_or_default();
        let pods = format!(
            "# Only the gateway's pods: if applications of this namespace use TLS to the issuer themselves, this rule would encrypt\n\
             # their traffic twice.\n{pods}"
        );
        self.destination_rule(options, &pods, &self.tls())
    }

    fn plain_rule(&self, options: &IstioOptions) -> String {
        let settings = format!(
            "portLevelSettings:\n  - port:\n      number: {PLAIN_PORT}\n{}",
            indented(4, &self.tls())
        );
        self.destination_rule(options, "", &settings)
    }

    fn destination_rule(&self, options: &IstioOptions, pods: &str, policy: &str) -> String {
        let metadata = options.metadata(&options.name.with_suffix("issuer"), "");
        format!(
            "# Enables TLS. An https URL of the keys alone encrypts nothing: without this rule the keys are fetched in plain text,
# and an attacker on the network path can replace them.
apiVersion: networking.istio.io/v1
kind: DestinationRule
{metadata}spec:
  host: {}
  exportTo:
    - .
{}  trafficPolicy:
{}",
            Scalar(&self.server.host),
            indented(2, pods),
            indented(4, policy)
        )
    }

    fn tls(&self) -> String {
        let host = Scalar(&self.server.host);
        format!(
            "tls:
  mode: SIMPLE
  sni: {host}
  # The name that the certificate must contain, and the trusted certificate authorities, a file in the proxy's
  # image.
  subjectAltNames:
    - {host}
  caCertificates: /etc/ssl/certs/ca-certificates.crt
"
        )
    }
}
