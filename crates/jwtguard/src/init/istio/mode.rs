//! The proxies that run the filter, and how Istio's objects select them.

use crate::init::error::InitError;
use crate::init::label::Label;
use crate::init::object_name::ObjectName;
use crate::init::text::indented;

/// The proxies that run the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// The pods of an ingress gateway.
    Ingress(Vec<Label>),
    /// A Gateway of the Gateway API.
    GatewayApi(ObjectName),
    /// The sidecars of pods.
    Sidecar(Vec<Label>),
    /// A waypoint.
    Waypoint(ObjectName),
}

impl Mode {
    /// An ingress gateway, by default that of Istio's charts.
    ///
    /// # Errors
    /// There is a `gateway`, which this mode does not use.
    pub fn ingress(selector: Vec<Label>, gateway: Option<ObjectName>) -> Result<Self, InitError> {
        no_gateway(gateway.as_ref(), "ingress")?;
        let default = || Label { key: "istio".to_owned(), value: "ingressgateway".to_owned() };
        Ok(Self::Ingress(if selector.is_empty() { vec![default()] } else { selector }))
    }

    /// A Gateway of the Gateway API.
    ///
    /// # Errors
    /// There is no `gateway`, or there are labels, which this mode does not use.
    pub fn gateway_api(selector: Vec<Label>, gateway: Option<ObjectName>) -> Result<Self, InitError> {
        no_selector(&selector, "gateway-api")?;
        let missing = || {
            InitError::flag(
                "--gateway",
                "is missing; --mode gateway-api needs the name of the Gateway, such as --gateway web",
            )
        };
        Ok(Self::GatewayApi(gateway.ok_or_else(missing)?))
    }

    /// The sidecars of the pods with these labels.
    ///
    /// # Errors
    /// There are no labels, or there is a `gateway`, which this mode does not use.
    pub fn sidecar(selector: Vec<Label>, gateway: Option<ObjectName>) -> Result<Self, InitError> {
        no_gateway(gateway.as_ref(), "sidecar")?;
        if selector.is_empty() {
            let problem = "is missing; without a label of the pods, such as --selector app=orders, the filter would run in \
                           every sidecar of the namespace";
            return Err(InitError::flag("--selector", problem));
        }
        Ok(Self::Sidecar(selector))
    }

    /// A waypoint, by default the one that `istioctl waypoint apply` makes.
    ///
    /// # Errors
    /// There are labels: a waypoint ignores a selector.
    pub fn waypoint(selector: Vec<Label>, gateway: Option<ObjectName>) -> Result<Self, InitError> {
        no_selector(&selector, "waypoint")?;
        let name = match gateway {
            Some(name) => name,
            None => "waypoint".parse().map_err(InitError::Unreadable)?,
        };
        Ok(Self::Waypoint(name))
    }

    /// The default namespace: that of the gateway in Istio's charts, or Kubernetes' own default.
    pub(super) fn default_namespace(&self) -> &'static str {
        match self {
            Self::Ingress(_) => "istio-ingress",
            _ => "default",
        }
    }

    /// What the first comment says.
    pub(super) fn place(&self) -> &'static str {
        match self {
            Self::Ingress(_) => "at an Istio ingress gateway",
            Self::GatewayApi(_) => "at a Gateway of the Gateway API in Istio",
            Self::Sidecar(_) => "in sidecars of Istio, for the requests that a service receives",
            Self::Waypoint(_) => "in a waypoint of Istio",
        }
    }

    /// The context of patches in an EnvoyFilter. A waypoint is patched as an inbound sidecar.
    pub(super) fn context(&self) -> &'static str {
        match self {
            Self::Ingress(_) | Self::GatewayApi(_) => "GATEWAY",
            Self::Sidecar(_) | Self::Waypoint(_) => "SIDECAR_INBOUND",
        }
    }

    /// `selector` or `targetRefs` of a WasmPlugin or TrafficExtension.
    pub(super) fn target(&self) -> String {
        match self {
            Self::Ingress(labels) | Self::Sidecar(labels) => {
                format!("selector:\n  matchLabels:\n{}", indented(4, &lines(labels)))
            }
            Self::GatewayApi(name) | Self::Waypoint(name) => target_refs(name),
        }
    }

    /// `workloadSelector` or `targetRefs` of an EnvoyFilter.
    pub(super) fn filter_target(&self) -> String {
        match self {
            Self::Ingress(labels) | Self::Sidecar(labels) => {
                format!("workloadSelector:\n  labels:\n{}", indented(4, &lines(labels)))
            }
            Self::GatewayApi(name) | Self::Waypoint(name) => target_refs(name),
        }
    }

    /// `workloadSelector` of a DestinationRule: only the gateway's pods. Istio gives a Gateway's pods the label.
    pub(super) fn gateway_pods(&self) -> Option<String> {
        let labels = match self {
            Self::Ingress(labels) => lines(labels),
            Self::GatewayApi(name) => format!("gateway.networking.k8s.io/gateway-name: {name}\n"),
            Self::Sidecar(_) | Self::Waypoint(_) => return None,
        };
        Some(format!("workloadSelector:\n  matchLabels:\n{}", indented(4, &labels)))
    }
}

fn lines(labels: &[Label]) -> String {
    labels.iter().map(|label| format!("{label}\n")).collect()
}

fn target_refs(gateway: &ObjectName) -> String {
    format!("targetRefs:\n  - group: gateway.networking.k8s.io\n    kind: Gateway\n    name: {gateway}\n")
}

fn no_gateway(gateway: Option<&ObjectName>, mode: &str) -> Result<(), InitError> {
    let Some(gateway) = gateway else { return Ok(()) };
    let problem = format!(
        "found {}, but --mode {mode} selects pods by labels; write --selector, or --mode gateway-api or waypoint",
        gateway.as_str()
    );
    Err(InitError::flag("--gateway", problem))
}

fn no_selector(selector: &[Label], mode: &str) -> Result<(), InitError> {
    let Some(Label { key, value }) = selector.first() else { return Ok(()) };
    let problem = format!(
        "found {key}={value}, but --mode {mode} selects a Gateway by its name; write --gateway, or --mode ingress or sidecar"
    );
    Err(InitError::flag("--selector", problem))
}
