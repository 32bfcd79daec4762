//! The configuration of an Envoy.

use std::net::SocketAddr;

use super::address::Address;
use super::cluster;
use super::error::InitError;
use super::header_removal;
use super::policy::{Policy, Surroundings};
use super::stats_tags::STATS_CONFIG;
use super::text::{indented, item};
use crate::scalar::Scalar;

/// The Envoy around the filter.
#[derive(Debug, Clone)]
pub struct EnvoyOptions {
    /// The address that Envoy listens on.
    pub listen: SocketAddr,
    /// The address of the upstream.
    pub upstream: Address,
    /// The file with the module.
    pub module: String,
    /// The address of an issuer on this machine, which is reached without TLS.
    pub issuer_address: Option<SocketAddr>,
}

pub(super) fn write(policy: &Policy, options: &EnvoyOptions) -> Result<String, InitError> {
    let issuer = issuer_cluster(policy, options)?;
    let configuration = policy.configuration(&Surroundings {
        cluster: "issuer",
        cluster_comment: "# The cluster `issuer` below, through which the filter fetches the keys.\n",
        more: "# Provides subject, issuer and policy to the access log. Subjects are personal data.\n\
               identity_in_filter_state: true\n",
    })?;
    let listen = Address::Ip(options.listen);
    let module = Scalar(module(&options.module)?);
    let removal = indented(16, &header_removal::extension(&configuration.config));
    let plugin = indented(28, &configuration.yaml);
    let clusters = indented(4, &format!("{}{}", item(&issuer), item(&upstream_cluster(&options.upstream))));
    Ok(format!(
        r#"# An Envoy with jwt-guard: run `jwtguard check --strict`, then `envoy -c`, on this file. `make wasm` builds the module.
static_resources:
  listeners:
    - name: http
      address: {listen}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: http
                normalize_path: true
                # Logs the subject and the denial reason. The query may contain a token, so only the path is logged.
                access_log:
                  - name: envoy.access_loggers.stdout
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
                      log_format:
                        json_format:
                          time: "%START_TIME%"
                          method: "%REQ(:METHOD)%"
                          path: "%PATH(NQ)%"
                          status: "%RESPONSE_CODE%"
                          request_id: "%REQ(X-REQUEST-ID)%"
                          reason: "%FILTER_STATE(wasm.jwt_guard.reason:PLAIN)%"
                          subject: "%FILTER_STATE(wasm.jwt_guard.sub:PLAIN)%"
                          issuer: "%FILTER_STATE(wasm.jwt_guard.issuer:PLAIN)%"
                          policy: "%FILTER_STATE(wasm.jwt_guard.policy:PLAIN)%"
                # The filter removes these headers, but only after Envoy has selected a route. This extension removes
                # them first, so that a client cannot influence route matching with forged identity headers.
{removal}                route_config:
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
                        - match: {{ prefix: / }}
                          route: {{ cluster: upstream }}
                http_filters:
                  - name: envoy.filters.http.wasm
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
                      config:
                        name: jwt_guard
                        # Envoy reloads a crashed module. Until then, requests are denied.
                        failure_policy: FAIL_RELOAD
                        vm_config:
                          # Every module with this vm_id shares the key cache: do not use the id for other modules.
                          vm_id: jwt_guard
                          runtime: envoy.wasm.runtime.v8
                          code: {{ local: {{ filename: {module} }} }}
                        configuration:
                          "@type": type.googleapis.com/google.protobuf.Struct
                          value:
{plugin}                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router

  clusters:
{clusters}
# On /stats/prometheus, makes reason and issuer labels instead of parts of the metric name:
# jwt_guard_denied{{reason="…"}}, jwt_guard_jwks_stale{{issuer="…"}}. grafana-dashboard.json and prometheus-alerts.yaml need
# these labels. /stats does not change.
{STATS_CONFIG}
# A client that reaches this address can stop Envoy and read its configuration.
admin:
  address: {{ socket_address: {{ address: 127.0.0.1, port_value: 9901 }} }}
"#
    ))
}

/// The name of a file stands between `{ }` in the template, so it needs more than [`Scalar`] offers for blocks.
fn module(path: &str) -> Result<&str, InitError> {
    let is_safe = |character: char| character.is_ascii_alphanumeric() || "/._-".contains(character);
    if path.ends_with(".wasm") && path.chars().all(is_safe) {
        return Ok(path);
    }
    let problem = format!(
        "found {path:?}; expected a path of letters, digits, `/`, `.`, `_` and `-` that ends with .wasm, such as \
         /etc/envoy/jwt_guard.wasm"
    );
    Err(InitError::flag("--module", problem))
}

fn issuer_cluster(policy: &Policy, options: &EnvoyOptions) -> Result<String, InitError> {
    let Some(address) = options.issuer_address else {
        return Ok(cluster::over_tls("issuer", &policy.keys_server()?));
    };
    if !address.ip().is_loopback() {
        let problem = format!(
            "{address} is not on this machine, and the keys would be fetched without encryption; leave this flag out, and \
             Envoy fetches them from the issuer's host over TLS"
        );
        return Err(InitError::flag("--issuer-address", problem));
    }
    let cluster = plain_cluster("issuer", "STATIC", &Address::Ip(address));
    Ok(format!(
        "# An issuer on this machine, such as `jwtguard serve`, is reached without TLS. For a remote issuer, print this file\n\
         # without --issuer-address: https-issuer.yaml is such a file.\n{cluster}"
    ))
}

fn upstream_cluster(address: &Address) -> String {
    let kind = match address {
        Address::Ip(_) => "STATIC",
        Address::Name { .. } => "STRICT_DNS",
    };
    plain_cluster("upstream", kind, address)
}

fn plain_cluster(name: &str, kind: &str, address: &Address) -> String {
    format!(
        "name: {name}
type: {kind}
connect_timeout: 2s
load_assignment:
  cluster_name: {name}
  endpoints:
    - lb_endpoints:
        - endpoint: {{ address: {address} }}
"
    )
}
