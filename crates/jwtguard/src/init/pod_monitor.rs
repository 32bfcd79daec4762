//! The PodMonitor of the Prometheus operator.

use super::label::Label;
use super::object_name::ObjectName;
use super::text::indented;

/// The proxies whose metrics are collected.
#[derive(Debug, Clone)]
pub struct PodMonitorOptions {
    /// What runs the proxies.
    pub owner: ProxyOwner,
    /// The namespace of the proxies, if it is not the default.
    pub namespace: Option<ObjectName>,
    /// The name of the object with the plugin, and of the PodMonitor.
    pub name: ObjectName,
    /// The labels of the pods; empty for the default.
    pub selector: Vec<Label>,
}

/// What runs the proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyOwner {
    /// Istio.
    Istio,
    /// Envoy Gateway.
    EnvoyGateway,
}

impl ProxyOwner {
    fn namespace(self) -> &'static str {
        match self {
            Self::Istio => "istio-ingress",
            Self::EnvoyGateway => "envoy-gateway-system",
        }
    }

    fn selector(self) -> &'static str {
        match self {
            Self::Istio => "istio: ingressgateway\n",
            Self::EnvoyGateway => "gateway.envoyproxy.io/owning-gateway-name: eg\n",
        }
    }

    /// The port of the pods that serves Envoy's statistics.
    fn port(self) -> &'static str {
        match self {
            Self::Istio => "http-envoy-prom",
            Self::EnvoyGateway => "metrics",
        }
    }
}

pub(super) fn write(options: &PodMonitorOptions) -> String {
    let PodMonitorOptions { owner, namespace, name, selector } = options;
    let namespace = namespace.as_ref().map_or_else(|| owner.namespace().to_owned(), ToString::to_string);
    let labels = match selector.as_slice() {
        [] => owner.selector().to_owned(),
        labels => labels.iter().map(|label| format!("{label}\n")).collect(),
    };
    let relabelings = match owner {
        ProxyOwner::Istio => indented(6, &relabelings(name)),
        // The tags in the bootstrap of the EnvoyProxy make the labels.
        ProxyOwner::EnvoyGateway => String::new(),
    };
    let port = owner.port();
    format!(
        "# The metrics of the proxies for a Prometheus of the Prometheus operator: `kubectl apply -f` this file. The operator
# selects PodMonitors by labels: add those of `podMonitorSelector` in your Prometheus.
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {name}
  # The namespace of the proxies.
  namespace: {namespace}
spec:
  # Select only proxies that must have the filter: the alert JwtGuardMissing reports every other proxy of this job.
  selector:
    matchLabels:
{}  podMetricsEndpoints:
    - port: {port}
      path: /stats/prometheus
{relabelings}",
        indented(6, &labels)
    )
}

/// The relabelings of docs/operations.md. Istio owns the bootstrap, so its proxies have no tags for these labels.
fn relabelings(name: &ObjectName) -> String {
    let plugin = name.as_str().replace('-', "_");
    format!(
        r"# Makes labels of reason, issuer and plugin, instead of parts of the metric name: grafana-dashboard.json and
# prometheus-alerts.yaml need these labels. If the filter's metrics are missing, docs/operations.md says which
# annotation the pods need.
metricRelabelings:
  - sourceLabels: [__name__]
    regex: 'jwt_guard_(?:denied|would_deny)_(\w+)'
    targetLabel: reason
  - sourceLabels: [__name__]
    regex: 'jwt_guard_(?:jwks|issuer|revocation_list)_(\w+)_(?:refresh_ok|refresh_failed|keys|items|age_seconds|stale|fail_open|accepted|refused)'
    targetLabel: issuer
  - sourceLabels: [__name__]
    regex: '(jwt_guard_denied|jwt_guard_would_deny)_\w+'
    targetLabel: __name__
  - sourceLabels: [__name__]
    regex: '(jwt_guard_jwks|jwt_guard_issuer|jwt_guard_revocation_list)_\w+?_(refresh_ok|refresh_failed|keys|items|age_seconds|stale|fail_open|accepted|refused)'
    targetLabel: __name__
    replacement: '${{1}}_${{2}}'
  - sourceLabels: [__name__]
    regex: 'envoy_wasm_(\w*{plugin}\w*)_vm_reload_(?:success|failure)'
    targetLabel: plugin
  - sourceLabels: [__name__]
    regex: 'envoy_wasm_\w*{plugin}\w*_vm_reload_(success|failure)'
    targetLabel: __name__
    replacement: 'envoy_wasm_jwt_guard_vm_reload_${{1}}'
"
    )
}
