//! The EnvoyFilter: patches of the connection manager, and for a waypoint the cluster for the keys.

use jwt_guard::config::Config;

use super::mode::Mode;
use super::options::IstioOptions;
use crate::init::header_removal;
use crate::init::text::{indented, item};

/// The object with the patches; `cluster` is the patch that adds the cluster for the keys.
pub(super) fn object(options: &IstioOptions, config: &Config, cluster: Option<String>) -> String {
    let mode = &options.mode;
    let patches = cluster.into_iter().chain([removal(mode, config), idle_timeout(mode)]);
    let patches: String = patches.map(|patch| item(&patch)).collect();
    format!(
        "# Patches of the proxy that the plugin cannot make.
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
{}spec:
{}  configPatches:
{}",
        options.metadata(&options.name, ""),
        indented(2, &mode.filter_target()),
        indented(4, &patches)
    )
}

/// The filter removes a client's claim headers only after the proxy has selected a route.
fn removal(mode: &Mode, config: &Config) -> String {
    format!(
        "# The filter removes these headers, but only after the proxy has selected a route. This patch removes them first, so
# that a client cannot influence routes that match on headers. If claim_headers changes, change this list.
{}",
        merged("", mode, &header_removal::extension(config))
    )
}

/// Istio sets no timeout. Of a waypoint and a sidecar, only the listener of requests is patched: the other listeners carry
/// tunnels, which may be idle for longer.
fn idle_timeout(mode: &Mode) -> String {
    let listener = match mode {
        Mode::Ingress(_) | Mode::GatewayApi(_) => "",
        Mode::Sidecar(_) => "name: virtualInbound\n",
        Mode::Waypoint(_) => "name: main_internal\n",
    };
    format!(
        "# If the module crashes while requests wait for keys, this timeout ends them. Istio's default is no timeout. It also
# ends WebSockets and event streams that are silent for so long.
{}",
        merged(listener, mode, "stream_idle_timeout: 300s\n")
    )
}

/// A patch that merges keys into the connection manager.
fn merged(listener: &str, mode: &Mode, keys: &str) -> String {
    format!(
        r#"applyTo: NETWORK_FILTER
match:
  context: {}
  listener:
{}    filterChain:
      filter:
        name: envoy.filters.network.http_connection_manager
patch:
  operation: MERGE
  value:
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
{}"#,
        mode.context(),
        indented(4, listener),
        indented(6, keys)
    )
}
