//! Objects for Envoy Gateway.

use jwt_guard::config::Config;

use super::cluster;
use super::error::InitError;
use super::image::Image;
use super::object_name::ObjectName;
use super::policy::{Policy, Surroundings};
use super::stats_tags::STATS_CONFIG;
use super::text::{indented, item};
use crate::scalar::Scalar;

/// The objects around the policy.
#[derive(Debug, Clone)]
pub struct GatewayOptions {
    /// The image of the module.
    pub image: Image,
    /// The namespace of the Gateway.
    pub namespace: ObjectName,
    /// The name of the policies and of the EnvoyProxy.
    pub name: ObjectName,
    /// The name of the Gateway.
    pub gateway: ObjectName,
    /// The GatewayClass of the Gateway.
    pub gateway_class: ObjectName,
}

pub(super) fn write(policy: &Policy, options: &GatewayOptions) -> Result<String, InitError> {
    let server = policy.keys_server()?;
    let configuration = policy.configuration(&Surroundings {
        cluster: "issuer",
        cluster_comment: "# The cluster of the EnvoyProxy below.\n",
        more: "",
    })?;
    let objects = [
        extension_policy(options, &configuration.yaml),
        traffic_policy(options, &configuration.config),
        envoy_proxy(options, &cluster::over_tls("issuer", &server)),
        gateway(options),
    ];
    Ok(format!(
        "# jwt-guard in Envoy Gateway: run `jwtguard check --strict`, then `kubectl apply -f`, on this file.\n{}",
        objects.join("---\n")
    ))
}

fn metadata(options: &GatewayOptions, name: &ObjectName) -> String {
    format!("metadata:\n  name: {name}\n  namespace: {}\n", options.namespace)
}

fn target(options: &GatewayOptions) -> String {
    format!(
        "targetRefs:\n  - group: gateway.networking.k8s.io\n    kind: Gateway\n    name: {}\n",
        options.gateway
    )
}

fn extension_policy(options: &GatewayOptions, configuration: &str) -> String {
    let GatewayOptions { image, name, .. } = options;
    let pin = match image.is_pinned() {
        true => "",
        false => "        # Pin the image by digest (…@sha256:…), so that the image cannot be replaced.\n",
    };
    format!(
        "apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
{}spec:
  # Target the Gateway, so that all of its routes are protected. Envoy Gateway enables the filter per route: with an
  # HTTPRoute here, every other route of the Gateway would be unprotected. A second policy for one of the routes
  # replaces this policy on that route. With mergeType it is merged with this policy, but a `wasm` list in it replaces
  # this whole list: repeat the filter there, or add to the list here.
{}  wasm:
    - name: jwt_guard
      rootID: jwt_guard
      code:
        type: Image
{pin}        image:
          url: {image}
      # With false, a module that cannot run denies every request; with true, every request would pass. Envoy Gateway
      # has no FAIL_RELOAD: a crashed module stays down until the configuration changes or the proxy restarts.
      # docs/operations.md explains how to detect this.
      failOpen: false
      # Envoy Gateway passes this configuration as JSON text, and gives the VM a vm_id of its own.
      config:
{}",
        metadata(options, name),
        indented(2, &target(options)),
        indented(8, configuration)
    )
}

fn traffic_policy(options: &GatewayOptions, config: &Config) -> String {
    let names: String =
        config.claim_headers.names().map(|name| format!("        - {}\n", Scalar(name))).collect();
    format!(
        "# The filter removes these headers, but only after Envoy has selected a route. This policy removes them first, so that
# a client cannot influence routes that match on headers. If claim_headers changes, change this list. A Gateway takes
# one ClientTrafficPolicy: if it has one, add `headers` to that one instead.
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
{}spec:
{}  headers:
    earlyRequestHeaders:
      remove:
{names}",
        metadata(options, &options.name),
        indented(2, &target(options))
    )
}

fn envoy_proxy(options: &GatewayOptions, cluster: &str) -> String {
    format!(
        "# The cluster for fetching keys. Keys are fetched in the background, independently of any route, so the cluster is in
# the proxy's bootstrap, where its name is stable. The alternatives do not fit: Envoy Gateway names the cluster of a
# Backend after the route that refers to it, and `spec.backends` of the policy above applies to requests only.
# docs/recipes.md describes another way.
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
{}spec:
  bootstrap:
    # Merge adds to the bootstrap that Envoy Gateway writes; the default, Replace, would replace it.
    type: Merge
    value: |
      static_resources:
        clusters:
{}      # Labels for reasons and issuers: grafana-dashboard.json and prometheus-alerts.yaml need them.
{}",
        metadata(options, &options.name),
        indented(10, &item(cluster)),
        indented(6, STATS_CONFIG)
    )
}

fn gateway(options: &GatewayOptions) -> String {
    format!(
        "# The Gateway of the objects above. If it exists already, leave out this object and add `infrastructure` to the Gateway.
# A GatewayClass accepts the same parametersRef, with a namespace, for all its Gateways.
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
{}spec:
  gatewayClassName: {}
  infrastructure:
    parametersRef:
      group: gateway.envoyproxy.io
      kind: EnvoyProxy
      name: {}
  listeners:
    - name: http
      protocol: HTTP
      port: 80
",
        metadata(options, &options.gateway),
        options.gateway_class,
        options.name
    )
}
