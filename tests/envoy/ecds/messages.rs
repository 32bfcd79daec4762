//! The protobuf messages of a discovery stream and of a wasm filter, as far as Istio sets their fields.

use std::path::Path;

use prost::Message;
use serde_json::Value;

const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
const RBAC: &str = "envoy.extensions.filters.http.rbac.v3.RBAC";

/// Envoy's subscription, its acceptance or its rejection: `envoy.service.discovery.v3.DeltaDiscoveryRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct DeltaDiscoveryRequest {
    #[prost(string, tag = "2")]
    pub type_url: String,
    #[prost(string, repeated, tag = "3")]
    pub resource_names_subscribe: Vec<String>,
    #[prost(string, tag = "6")]
    pub response_nonce: String,
    #[prost(message, optional, tag = "7")]
    pub error_detail: Option<Status>,
}

/// `google.rpc.Status`
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    #[prost(string, tag = "2")]
    pub message: String,
}

/// `envoy.service.discovery.v3.DeltaDiscoveryResponse`
#[derive(Clone, PartialEq, Message)]
pub struct DeltaDiscoveryResponse {
    #[prost(message, repeated, tag = "2")]
    pub resources: Vec<Resource>,
    #[prost(string, tag = "4")]
    pub type_url: String,
    #[prost(string, tag = "5")]
    pub nonce: String,
}

/// `envoy.service.discovery.v3.Resource`
#[derive(Clone, PartialEq, Message)]
pub struct Resource {
    #[prost(string, tag = "1")]
    pub version: String,
    #[prost(message, optional, tag = "2")]
    pub resource: Option<Any>,
    #[prost(string, tag = "3")]
    pub name: String,
}

/// `google.protobuf.Any`
#[derive(Clone, PartialEq, Message)]
pub struct Any {
    #[prost(string, tag = "1")]
    pub type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

impl Any {
    fn of(kind: &str, message: &impl Message) -> Self {
        Self { type_url: type_url(kind), value: message.encode_to_vec() }
    }
}

/// `envoy.config.core.v3.TypedExtensionConfig`: the resource of extension config discovery.
#[derive(Clone, PartialEq, Message)]
pub struct TypedExtensionConfig {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub typed_config: Option<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Wasm {
    #[prost(message, optional, tag = "1")]
    config: Option<PluginConfig>,
}

#[derive(Clone, PartialEq, Message)]
struct PluginConfig {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    root_id: String,
    #[prost(message, optional, tag = "3")]
    vm_config: Option<VmConfig>,
    #[prost(message, optional, tag = "4")]
    configuration: Option<Any>,
    #[prost(int32, tag = "7")]
    failure_policy: i32,
}

#[derive(Clone, PartialEq, Message)]
struct VmConfig {
    #[prost(string, tag = "2")]
    runtime: String,
    #[prost(message, optional, tag = "3")]
    code: Option<AsyncDataSource>,
    #[prost(bool, tag = "6")]
    nack_on_code_cache_miss: bool,
}

#[derive(Clone, PartialEq, Message)]
struct AsyncDataSource {
    #[prost(message, optional, tag = "1")]
    local: Option<DataSource>,
    #[prost(message, optional, tag = "2")]
    remote: Option<RemoteDataSource>,
}

#[derive(Clone, PartialEq, Message)]
struct DataSource {
    #[prost(string, tag = "1")]
    filename: String,
}

#[derive(Clone, PartialEq, Message)]
struct RemoteDataSource {
    #[prost(message, optional, tag = "1")]
    http_uri: Option<HttpUri>,
    #[prost(string, tag = "2")]
    sha256: String,
}

#[derive(Clone, PartialEq, Message)]
struct HttpUri {
    #[prost(string, tag = "1")]
    uri: String,
    #[prost(string, tag = "2")]
    cluster: String,
    #[prost(message, optional, tag = "3")]
    timeout: Option<Duration>,
}

#[derive(Clone, PartialEq, Message)]
struct Duration {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

#[derive(Clone, PartialEq, Message)]
struct StringValue {
    #[prost(string, tag = "1")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Rbac {
    #[prost(message, optional, tag = "1")]
    rules: Option<Rules>,
}

/// Rules of the action ALLOW without a policy.
#[derive(Clone, PartialEq, Message)]
struct Rules {}

/// What Envoy does with a resource whose module it has not downloaded yet.
#[derive(Clone, Copy, PartialEq)]
pub enum OnMiss {
    /// Envoy takes the resource, and downloads the module afterwards.
    Take,
    /// Envoy rejects the resource, and downloads the module for the next try (`nack_on_code_cache_miss`).
    Reject,
}

/// Where Envoy finds the module.
pub enum Code<'a> {
    /// In a file: the agent of an Istio proxy has downloaded it.
    File(&'a Path),
    /// At a URL, with its SHA-256: Envoy downloads it.
    Remote { uri: &'a str, cluster: &'a str, sha256: &'a str, on_miss: OnMiss },
}

/// A resource with our filter as Istio sends it: the configuration as text, no `vm_id`, `FAIL_RELOAD`.
pub fn wasm(name: &str, plugin: &Value, code: &Code) -> TypedExtensionConfig {
    const FAIL_RELOAD: i32 = 1;
    let nack_on_code_cache_miss = matches!(code, Code::Remote { on_miss: OnMiss::Reject, .. });
    let code = match code {
        Code::File(path) => {
            let local = DataSource { filename: path.to_str().unwrap().to_owned() };
            AsyncDataSource { local: Some(local), remote: None }
        }
        Code::Remote { uri, cluster, sha256, .. } => {
            let timeout = Some(Duration { seconds: 30 });
            let http_uri = HttpUri { uri: (*uri).to_owned(), cluster: (*cluster).to_owned(), timeout };
            let remote = RemoteDataSource { http_uri: Some(http_uri), sha256: (*sha256).to_owned() };
            AsyncDataSource { local: None, remote: Some(remote) }
        }
    };
    let configuration = Any::of("google.protobuf.StringValue", &StringValue { value: plugin.to_string() });
    let config = PluginConfig {
        name: name.to_owned(),
        root_id: "jwt_guard".to_owned(),
        vm_config: Some(VmConfig {
            runtime: "envoy.wasm.runtime.v8".to_owned(),
            code: Some(code),
            nack_on_code_cache_miss,
        }),
        configuration: Some(configuration),
        failure_policy: FAIL_RELOAD,
    };
    resource(name, Any::of(WASM, &Wasm { config: Some(config) }))
}

/// What the agent of an Istio proxy sends instead of the filter if it could not download the module: deny everything.
pub fn deny_all(name: &str) -> TypedExtensionConfig {
    resource(name, Any::of(RBAC, &Rbac { rules: Some(Rules {}) }))
}

fn resource(name: &str, typed_config: Any) -> TypedExtensionConfig {
    TypedExtensionConfig { name: name.to_owned(), typed_config: Some(typed_config) }
}

pub fn type_url(kind: &str) -> String {
    format!("type.googleapis.com/{kind}")
}

/// The types of extension that Istio allows in its filters.
pub fn type_urls() -> [String; 2] {
    [type_url(WASM), type_url(RBAC)]
}
