//! Envoy's configuration for one test, as JSON.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The form in which Envoy passes the plugin configuration.
#[derive(Debug, Clone)]
pub enum ConfigAs {
    /// A `google.protobuf.Struct`, as in plain Envoy YAML.
    Struct,
    /// JSON text in a `google.protobuf.StringValue`, as in Istio.
    Text,
    /// A `StringValue` of exactly this text, instead of the plugin configuration.
    Verbatim(String),
}

/// The parts that a test may change, as Envoy's configuration objects.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// The filter's configuration. Without it, there is no filter and no module is needed.
    pub plugin: Option<Value>,
    pub config_as: ConfigAs,
    pub workers: u32,
    pub vm_id: String,
    /// Additional keys of the envoy.extensions.wasm.v3.PluginConfig, such as `allow_on_headers_stop_iteration`.
    pub plugin_options: Value,
    /// Keys of the HTTP filter to add or replace, such as `disabled`.
    pub filter_options: Value,
    /// Routes before the last one, which sends all other requests to the upstream.
    pub routes: Vec<Value>,
    /// Virtual hosts in addition to the one for all domains.
    pub virtual_hosts: Vec<Value>,
    /// `typed_per_filter_config`, `metadata` and other keys of the virtual host for all domains.
    pub virtual_host_options: Value,
    /// HTTP filters before and after ours.
    pub filters_before: Vec<Value>,
    pub filters_after: Vec<Value>,
    /// The name and configuration of another plugin in the same VM, after the first.
    pub second_plugin: Option<(String, Value)>,
    /// Keys of the cluster `issuer` to add or replace.
    pub issuer_cluster: Value,
    /// The name server for the issuer's address, instead of a static address.
    pub issuer_dns: Option<SocketAddr>,
    /// Copies of the cluster `issuer`: the name, and keys to add or replace.
    pub issuer_copies: Vec<(String, Value)>,
    /// Clusters in addition to `issuer` and `upstream`.
    pub clusters: Vec<Value>,
    /// Keys of the HttpConnectionManager to add or replace.
    pub connection_manager: Value,
    /// The `transport_socket` of the listener; `null` for connections without TLS.
    pub listener_tls: Value,
    /// Keys of the whole configuration to add or replace.
    pub top_level: Value,
    /// Names of listeners that are copies of the first one, which is named `http`.
    pub listener_copies: Vec<&'static str>,
    /// Whether Envoy loads the listeners from a file next to the access log, and again when the file changes.
    pub reconfigurable: bool,
    /// Runtime keys.
    pub runtime: Value,
    /// Whether the headers of the default map are removed before routing, as in envoy/envoy.yaml.
    pub early_header_mutation: bool,
    /// Whether Envoy uses HTTP/2 to the upstream.
    pub upstream_http2: bool,
    /// The format of the access log, one line per request; [`super::Envoy::access_log`] reads it.
    pub access_log: String,
    /// The name of a host function that the module calls instead of `verify_signature`, with the same length.
    ///
    /// Every Envoy has `verify_signature`, and no configuration disables it. So the test replaces this name in the data
    /// of the deployable module: a missing function simulates a host without it, another function simulates a host with
    /// wrong results. The rest of the module is unchanged.
    pub host_function: Option<&'static str>,
    /// An Envoy instead of the one that `scripts/envoy` selects.
    pub program: Option<PathBuf>,
    /// A module instead of the one under test.
    pub module: Option<PathBuf>,
    /// Members of `vm_config` that are added or replaced.
    pub vm_options: Value,
    /// Environment variables of Envoy.
    pub environment: Vec<(String, String)>,
    /// Further listeners, each with the filters and routes of a configuration of its own. They share clusters and VM.
    pub listeners: Vec<Bootstrap>,
    /// Envoy's drain time: how long replaced or closing listeners serve active requests.
    pub drain_seconds: u32,
}

/// The file with the listeners of a reconfigurable Envoy, next to its access log.
pub const LISTENERS_FILE: &str = "listeners.json";

/// An access log with the denial reason, or `-`.
pub const REASONS_LOG: &str =
    "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %FILTER_STATE(wasm.jwt_guard.reason:PLAIN)%\n";

/// The headers of the filter's default map.
pub const CLAIM_HEADERS: [&str; 8] = [
    "x-auth-sub",
    "x-auth-email",
    "x-auth-roles",
    "x-auth-groups",
    "x-auth-scopes",
    "x-auth-org-id",
    "x-auth-jti",
    "x-auth-issuer",
];

/// If `JWT_GUARD_TOKEN_CACHE_ENTRIES` is set, configurations without `token_cache_entries` use that number: no response
/// may depend on the contents or size of the cache.
fn with_token_cache(plugin: &Value) -> Value {
    let mut plugin = plugin.clone();
    if let (Ok(entries), Some(members)) =
        (std::env::var("JWT_GUARD_TOKEN_CACHE_ENTRIES"), plugin.as_object_mut())
    {
        let entries: u32 = entries.parse().expect("JWT_GUARD_TOKEN_CACHE_ENTRIES is a number");
        members.entry("token_cache_entries").or_insert(entries.into());
    }
    plugin
}

impl Bootstrap {
    pub fn new() -> Self {
        Self {
            plugin: None,
            config_as: ConfigAs::Struct,
            workers: 1,
            vm_id: "jwt_guard".to_owned(),
            plugin_options: json!({}),
            filter_options: json!({}),
            routes: vec![],
            virtual_hosts: vec![],
            virtual_host_options: json!({}),
            filters_before: vec![],
            filters_after: vec![],
            second_plugin: None,
            issuer_cluster: json!({}),
            issuer_dns: None,
            issuer_copies: vec![],
            clusters: vec![],
            connection_manager: json!({}),
            listener_tls: Value::Null,
            top_level: json!({}),
            listener_copies: vec![],
            reconfigurable: false,
            runtime: json!({}),
            early_header_mutation: true,
            upstream_http2: false,
            access_log: "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n".to_owned(),
            host_function: None,
            program: None,
            module: None,
            vm_options: json!({}),
            environment: vec![],
            listeners: vec![],
            drain_seconds: 1,
        }
    }

    /// The complete configuration.
    pub fn to_json(
        &self,
        issuer: SocketAddr,
        upstream: SocketAddr,
        module: &Path,
        access_log: &Path,
    ) -> Value {
        let mut clusters = vec![cluster("upstream", upstream, self.upstream_http2)];
        let of_issuer = |name: &str, members: &Value| {
            let mut cluster = cluster(name, issuer, false);
            if let Some(server) = self.issuer_dns {
                look_up(&mut cluster, "issuer.example");
                cluster["typed_dns_resolver_config"] = dns_resolver(server);
            }
            extend(&mut cluster, members);
            cluster
        };
        clusters.push(of_issuer("issuer", &self.issuer_cluster));
        clusters.extend(self.issuer_copies.iter().map(|(name, members)| of_issuer(name, members)));
        clusters.extend(self.clusters.iter().cloned());
        let mut bootstrap = json!({
            "admin": { "address": socket("127.0.0.1:0".parse().unwrap()) },
            "layered_runtime": { "layers": [{ "name": "test", "static_layer": self.runtime }] },
            "static_resources": { "clusters": clusters },
        });
        extend(&mut bootstrap, &self.top_level);
        if self.reconfigurable {
            let file = access_log.with_file_name(LISTENERS_FILE);
            let source = json!({ "path_config_source": { "path": file }, "resource_api_version": "V3" });
            bootstrap["node"] = json!({ "id": "test", "cluster": "test" });
            bootstrap["dynamic_resources"]["lds_config"] = source;
        } else {
            let names = ["http"].into_iter().chain(self.listener_copies.iter().copied());
            let mut listeners: Vec<_> = names.map(|name| self.listener(name, module, access_log)).collect();
            for (index, other) in self.listeners.iter().enumerate() {
                listeners.push(other.listener(&(index + 1).to_string(), module, access_log));
            }
            bootstrap["static_resources"]["listeners"] = listeners.into();
        }
        bootstrap
    }

    /// The content of [`LISTENERS_FILE`].
    pub fn listeners(&self, module: &Path, access_log: &Path) -> Value {
        let listener = typed("envoy.config.listener.v3.Listener", self.listener("http", module, access_log));
        json!({ "resources": [listener] })
    }

    fn listener(&self, name: &str, module: &Path, access_log: &Path) -> Value {
        let mut listener = json!({
            "name": name,
            "address": socket("127.0.0.1:0".parse().unwrap()),
            "filter_chains": [{ "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": self.connection_manager(module, access_log),
            }] }],
        });
        if !self.listener_tls.is_null() {
            listener["filter_chains"][0]["transport_socket"] = self.listener_tls.clone();
        }
        listener
    }

    fn connection_manager(&self, module: &Path, access_log: &Path) -> Value {
        let mut filters = self.filters_before.clone();
        filters.extend(self.plugin.as_ref().map(|plugin| self.filter(module, "jwt_guard", plugin)));
        let second = self.second_plugin.as_ref();
        filters.extend(second.map(|(name, plugin)| self.filter(module, name, plugin)));
        filters.extend(self.filters_after.iter().cloned());
        filters.push(json!({
            "name": "envoy.filters.http.router",
            "typed_config": typed("envoy.extensions.filters.http.router.v3.Router", json!({})),
        }));
        let mut manager = json!({
            "stat_prefix": "http",
            "codec_type": "AUTO",
            "route_config": { "name": "routes", "virtual_hosts": self.virtual_hosts() },
            "http_filters": filters,
            "upgrade_configs": [{ "upgrade_type": "websocket" }],
            "http_protocol_options": { "enable_trailers": true },
            "access_log": [{
                "name": "envoy.access_loggers.file",
                "typed_config": typed("envoy.extensions.access_loggers.file.v3.FileAccessLog", json!({
                    "path": access_log,
                    "log_format": { "text_format_source": { "inline_string": self.access_log } },
                })),
            }],
        });
        if self.early_header_mutation {
            let mutations: Vec<_> = CLAIM_HEADERS.iter().map(|name| json!({ "remove": name })).collect();
            let mutation = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation";
            manager["early_header_mutation_extensions"] = json!([{
                "name": "envoy.http.early_header_mutation.header_mutation",
                "typed_config": typed(mutation, json!({ "mutations": mutations })),
            }]);
        }
        extend(&mut manager, &self.connection_manager);
        let kind = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
        typed(kind, manager)
    }

    fn virtual_hosts(&self) -> Vec<Value> {
        let mut routes = self.routes.clone();
        routes
            .push(json!({ "name": "rest", "match": { "prefix": "/" }, "route": { "cluster": "upstream" } }));
        let mut host = json!({ "name": "all", "domains": ["*"], "routes": routes });
        extend(&mut host, &self.virtual_host_options);
        let mut hosts = self.virtual_hosts.clone();
        hosts.push(host);
        hosts
    }

    fn filter(&self, module: &Path, name: &str, plugin: &Value) -> Value {
        let plugin = &with_token_cache(plugin);
        let configuration = match &self.config_as {
            ConfigAs::Struct => typed("google.protobuf.Struct", json!({ "value": plugin })),
            ConfigAs::Text => typed("google.protobuf.StringValue", json!({ "value": plugin.to_string() })),
            ConfigAs::Verbatim(text) => typed("google.protobuf.StringValue", json!({ "value": text })),
        };
        let mut config = json!({
            "name": name,
            "root_id": name,
            "failure_policy": "FAIL_RELOAD",
            "vm_config": {
                "vm_id": self.vm_id,
                "runtime": "envoy.wasm.runtime.v8",
                "code": { "local": { "filename": module } },
            },
            "configuration": configuration,
        });
        extend(&mut config["vm_config"], &self.vm_options);
        extend(&mut config, &self.plugin_options);
        let mut filter = json!({
            "name": "envoy.filters.http.wasm",
            "typed_config": typed("envoy.extensions.filters.http.wasm.v3.Wasm", json!({ "config": config })),
        });
        extend(&mut filter, &self.filter_options);
        filter
    }
}

/// A `google.protobuf.Any` of that type.
pub fn typed(kind: &str, mut value: Value) -> Value {
    value["@type"] = format!("type.googleapis.com/{kind}").into();
    value
}

fn extend(object: &mut Value, members: &Value) {
    let members = members.as_object().expect("an object of members to add");
    object.as_object_mut().unwrap().extend(members.clone());
}

fn socket(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}

/// Replaces the cluster's address by a host name to resolve.
pub fn look_up(cluster: &mut Value, host: &str) {
    cluster["type"] = json!("STRICT_DNS");
    cluster["dns_lookup_family"] = json!("V4_ONLY");
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
        ["address"] = json!(host);
}

fn dns_resolver(server: SocketAddr) -> Value {
    let kind = "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig";
    json!({
        "name": "envoy.network.dns_resolver.cares",
        "typed_config": typed(kind, json!({ "resolvers": [socket(server)] })),
    })
}

/// A cluster with one address.
pub fn cluster(name: &str, address: SocketAddr, http2: bool) -> Value {
    let protocol = if http2 { "http2_protocol_options" } else { "http_protocol_options" };
    let trailers = if http2 { json!({}) } else { json!({ "enable_trailers": true }) };
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": socket(address) } }] }],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                json!({ "explicit_http_config": { protocol: trailers } }),
            ),
        },
    })
}
