//! The WasmPlugin or TrafficExtension.

use super::mode::Mode;
use super::options::{IstioOptions, Resource};
use crate::init::text::indented;

/// The object with the module and its configuration.
pub(super) fn object(options: &IstioOptions, configuration: &str) -> String {
    let IstioOptions { mode, name, resource, .. } = options;
    let kind = match resource {
        Resource::WasmPlugin => "WasmPlugin",
        Resource::TrafficExtension => "TrafficExtension",
    };
    let metadata = options.metadata(name, namespace_comment(mode));
    let target = indented(2, &format!("{}{}{}{PHASE}", target_comment(mode), mode.target(), traffic(mode)));
    let module = module(options, configuration);
    let module = match resource {
        Resource::WasmPlugin => indented(2, &module),
        Resource::TrafficExtension => format!("  wasm:\n{}", indented(4, &module)),
    };
    format!("apiVersion: extensions.istio.io/v1alpha1\nkind: {kind}\n{metadata}spec:\n{target}{module}")
}

fn namespace_comment(mode: &Mode) -> &'static str {
    match mode {
        Mode::Ingress(_) | Mode::Sidecar(_) => {
            "  # The namespace of the pods. In Istio's root namespace (istio-system) the selector applies to the pods of every\n  \
             # namespace.\n"
        }
        Mode::GatewayApi(_) => "  # The namespace of the Gateway.\n",
        Mode::Waypoint(_) => "  # The namespace of the waypoint.\n",
    }
}

fn target_comment(mode: &Mode) -> &'static str {
    match mode {
        Mode::Ingress(_) => {
            "# The labels of the gateway's pods. A Gateway of the Gateway API and a waypoint have targetRefs instead: a\n\
             # waypoint ignores a selector.\n"
        }
        Mode::Sidecar(_) => "# The labels of the service's pods.\n",
        Mode::GatewayApi(_) | Mode::Waypoint(_) => "",
    }
}

/// Without `match`, the plugin is in the outbound listeners of a sidecar too.
fn traffic(mode: &Mode) -> &'static str {
    match mode {
        Mode::Sidecar(_) => {
            "# Only requests that the pods receive. Without this, the requests that the application itself sends would need\n\
             # tokens too.\n\
             match:\n  - mode: SERVER\n"
        }
        _ => "",
    }
}

const PHASE: &str = "\
# AUTHN runs before RequestAuthentication and AuthorizationPolicy, so that these see the claim headers of a verified
# token. It runs after action CUSTOM (ext_authz): that service does not get the verified claim headers. The corsPolicy
# of a VirtualService runs after the filter: for browsers set bypass_cors_preflight in pluginConfig.
phase: AUTHN
";

fn module(options: &IstioOptions, configuration: &str) -> String {
    let image = &options.image;
    let comment = match image.is_pinned() {
        true => "# An image with one layer that contains plugin.wasm, as `make images` builds it.\n",
        false => {
            "# An image with one layer that contains plugin.wasm. Pin it by digest (…@sha256:…), so that the image cannot be\n\
             # replaced.\n"
        }
    };
    format!(
        "{comment}url: oci://{image}
imagePullPolicy: IfNotPresent
# A module that cannot be fetched or has crashed denies every request. With FAIL_OPEN every request would pass.
# FAIL_RELOAD also reloads a crashed module. It exists since Istio 1.27; use FAIL_CLOSE before that.
failStrategy: FAIL_RELOAD
# Istio sets no vm_id, so all plugins in this proxy share the store of the key cache, and each of them can replace
# the keys: run only plugins that you trust. The filter reads no environment variables, so it needs no vmConfig.
pluginName: jwt_guard
# Istio passes this configuration as JSON text. The proxy rejects an update with an invalid configuration: run
# `jwtguard check` first.
pluginConfig:
{}",
        indented(2, configuration)
    )
}
