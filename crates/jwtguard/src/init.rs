//! Writes complete manifests for a policy: for Envoy, Istio, Envoy Gateway, and a PodMonitor.
//!
//! Each manifest is a template in which the values of the flags are YAML scalars. The plugin configuration is read by the
//! core before anything is printed, and the whole output passes `jwtguard check --strict`.

mod address;
mod cluster;
mod envoy;
mod envoy_gateway;
mod error;
mod header;
mod header_removal;
mod image;
mod istio;
mod keys_server;
mod label;
mod object_name;
mod pod_monitor;
mod policy;
mod stats_tags;
mod text;

pub use address::Address;
pub use envoy::EnvoyOptions;
pub use envoy_gateway::GatewayOptions;
pub use error::InitError;
pub use image::Image;
pub use istio::{IstioOptions, Mode, Resource};
pub use label::Label;
pub use object_name::ObjectName;
pub use pod_monitor::{PodMonitorOptions, ProxyOwner};
pub use policy::{Policy, RoleRoute};

use crate::inspect::check::check;
use crate::inspect::{Severity, documents};

/// The manifests to write.
#[derive(Debug, Clone)]
pub enum Manifests {
    /// The configuration of an Envoy.
    Envoy(Policy, EnvoyOptions),
    /// Objects for Istio.
    Istio(Policy, IstioOptions),
    /// Objects for Envoy Gateway.
    EnvoyGateway(Policy, GatewayOptions),
    /// The Prometheus operator's PodMonitor.
    PodMonitor(PodMonitorOptions),
}

/// Writes the manifests. `arguments` are those of the command line, which the first comment repeats.
///
/// # Errors
/// A value is not valid, or `jwtguard check --strict` would not pass.
pub fn write(manifests: &Manifests, arguments: &[String]) -> Result<String, InitError> {
    let (body, is_checked) = match manifests {
        Manifests::Envoy(policy, options) => (envoy::write(policy, options)?, true),
        Manifests::Istio(policy, options) => (istio::write(policy, options)?, true),
        Manifests::EnvoyGateway(policy, options) => (envoy_gateway::write(policy, options)?, true),
        Manifests::PodMonitor(options) => (pod_monitor::write(options), false),
    };
    let text = format!("{}{body}", header::command(arguments));
    if is_checked {
        passes_check(&text)?;
    }
    Ok(text)
}

/// A policy can be valid and doubtful: `--role '/admin/*=admin'` leaves `/admin/a/b` to every user. `check` finds such
/// policies.
fn passes_check(text: &str) -> Result<(), InitError> {
    let documents = documents("manifests", text).map_err(InitError::Unreadable)?;
    let report = check(&documents);
    if report.configurations == 1 && report.findings.is_empty() {
        return Ok(());
    }
    let problem = |severity| match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let finding = |finding: &crate::inspect::Finding| {
        format!("{}: {}: {}", problem(finding.severity), finding.path, finding.problem)
    };
    Err(InitError::Doubtful(report.findings.iter().map(finding).collect()))
}
