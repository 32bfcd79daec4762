//! `init` prints manifests.

use std::net::SocketAddr;
use std::process::ExitCode;

use jwtguard::init::{
    Address, EnvoyOptions, GatewayOptions, Image, InitError, IstioOptions, Label, Manifests, Mode,
    ObjectName, PodMonitorOptions, Policy, ProxyOwner, Resource, RoleRoute, write,
};

use crate::commands::output::print_line;

/// Print complete manifests for Envoy, Istio or Envoy Gateway.
///
/// Host, image and policy are the same in every object. The output passes `jwtguard check --strict`. If the flags describe a
/// policy that `check` would report, nothing is printed to standard output.
#[derive(clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Exit status:
  0  The manifests were printed.
  1  The manifests cannot be written to standard output.
  2  A flag is wrong, or the policy is one that `check --strict` reports.

Examples:
  jwtguard init envoy --issuer https://login.example.com --audience orders
  jwtguard init istio --mode sidecar --issuer https://login.example.com --audience orders --namespace orders \\
    --selector app=orders --image registry.example.com/jwt-guard:0.1.0 --public '/public/**' --role '/admin/**=admin'
  jwtguard init envoy-gateway --issuer https://login.example.com --audience orders --gateway eg \\
    --image registry.example.com/jwt-guard:0.1.0 > jwt-guard.yaml"
)]
pub struct Arguments {
    #[command(subcommand)]
    platform: Platform,
}

#[derive(clap::Subcommand)]
enum Platform {
    Envoy(EnvoyArguments),
    Istio(IstioArguments),
    EnvoyGateway(GatewayArguments),
    PodMonitor(PodMonitorArguments),
}

#[derive(clap::Args)]
struct PolicyArguments {
    /// The exact iss of the tokens; an https URL
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// A value of aud; repeat the option for several: a token for one of them is enough
    #[arg(long, value_name = "NAME", required = true)]
    audience: Vec<String>,
    /// The URL of the keys, or a path that is appended to the issuer [default: the filter takes the URL from the issuer's
    /// /.well-known/openid-configuration, and the keys must be on the issuer's host]
    #[arg(long, value_name = "URL")]
    jwks_url: Option<String>,
    /// An algorithm of the signatures; repeat the option for several [default: RS256]
    #[arg(long = "algorithm", value_name = "ALG")]
    algorithms: Vec<String>,
    /// A path that everyone may request; repeat the option for several
    #[arg(long, value_name = "PATH")]
    public: Vec<String>,
    /// A path that needs a role; repeat the option for several
    #[arg(long = "role", value_name = "PATH=ROLE")]
    roles: Vec<RoleRoute>,
}

impl From<PolicyArguments> for Policy {
    fn from(arguments: PolicyArguments) -> Self {
        let PolicyArguments { issuer, audience, jwks_url, algorithms, public, roles } = arguments;
        Self { issuer, audience, jwks_url, algorithms, public, roles }
    }
}

/// Print an envoy.yaml with the filter, an upstream and the issuer's cluster
#[derive(clap::Args)]
struct EnvoyArguments {
    #[command(flatten)]
    policy: PolicyArguments,
    /// The address that Envoy listens on
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:10000")]
    listen: SocketAddr,
    /// The address of the service behind Envoy
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8091")]
    upstream: Address,
    /// The file with the module
    #[arg(long, value_name = "FILE", default_value = "/etc/envoy/jwt_guard.wasm")]
    module: String,
    /// The address of an issuer on this machine, such as jwtguard serve: no TLS [default: the host of the keys, with TLS]
    #[arg(long, value_name = "IP:PORT")]
    issuer_address: Option<SocketAddr>,
}

/// Print a WasmPlugin or TrafficExtension, and the objects that reach the keys and remove the client's claim headers
#[derive(clap::Args)]
struct IstioArguments {
    #[command(flatten)]
    policy: PolicyArguments,
    /// The proxies that run the filter
    #[arg(long, value_enum)]
    mode: ModeArgument,
    /// The image of the module, with its registry
    #[arg(long)]
    image: Image,
    /// The namespace of the proxies [default: istio-ingress for ingress, else default]
    #[arg(long, value_name = "NAME")]
    namespace: Option<ObjectName>,
    /// The name of the objects
    #[arg(long, default_value = "jwt-guard")]
    name: ObjectName,
    /// A label of the pods, for ingress and sidecar; repeat the option for several [default for ingress: istio=ingressgateway]
    #[arg(long, value_name = "KEY=VALUE")]
    selector: Vec<Label>,
    /// The name of the Gateway, for gateway-api and waypoint [default for waypoint: waypoint]
    #[arg(long, value_name = "NAME")]
    gateway: Option<ObjectName>,
    /// Print a TrafficExtension, which Istio offers since 1.30, instead of a WasmPlugin
    #[arg(long)]
    traffic_extension: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum ModeArgument {
    /// The pods of an ingress gateway, by a selector
    Ingress,
    /// A Gateway of the Gateway API
    GatewayApi,
    /// The sidecars of a service: only requests that the service receives
    Sidecar,
    /// A waypoint of the ambient mode
    Waypoint,
}

/// Print an EnvoyExtensionPolicy, a ClientTrafficPolicy, an EnvoyProxy and their Gateway
#[derive(clap::Args)]
struct GatewayArguments {
    #[command(flatten)]
    policy: PolicyArguments,
    /// The image of the module, with its registry
    #[arg(long)]
    image: Image,
    /// The namespace of the Gateway
    #[arg(long, value_name = "NAME", default_value = "default")]
    namespace: ObjectName,
    /// The name of the policies and of the EnvoyProxy
    #[arg(long, default_value = "jwt-guard")]
    name: ObjectName,
    /// The name of the Gateway
    #[arg(long, value_name = "NAME", default_value = "eg")]
    gateway: ObjectName,
    /// The GatewayClass of the Gateway
    #[arg(long, value_name = "NAME", default_value = "eg")]
    gateway_class: ObjectName,
}

/// Print a PodMonitor of the Prometheus operator, with the labels that the dashboard and the alerts need
#[derive(clap::Args)]
struct PodMonitorArguments {
    /// What runs the proxies
    #[arg(long, value_enum)]
    platform: OwnerArgument,
    /// The namespace of the proxies [default: istio-ingress; for envoy-gateway: envoy-gateway-system]
    #[arg(long, value_name = "NAME")]
    namespace: Option<ObjectName>,
    /// The name of the WasmPlugin or EnvoyExtensionPolicy, and of the PodMonitor
    #[arg(long, default_value = "jwt-guard")]
    name: ObjectName,
    /// A label of the pods; repeat the option for several [default: istio=ingressgateway; for envoy-gateway:
    /// gateway.envoyproxy.io/owning-gateway-name=eg]
    #[arg(long, value_name = "KEY=VALUE")]
    selector: Vec<Label>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum OwnerArgument {
    Istio,
    EnvoyGateway,
}

/// The exit status of a wrong flag, as of clap.
const USAGE: u8 = 2;

/// Runs `init`.
pub fn run(arguments: Arguments) -> ExitCode {
    let words = std::env::args_os().skip(1);
    let command_line: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let manifests = manifests(arguments.platform);
    match manifests.and_then(|manifests| write(&manifests, &command_line)) {
        Ok(text) => {
            print_line!("{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("jwtguard: {error}");
            ExitCode::from(USAGE)
        }
    }
}

fn manifests(platform: Platform) -> Result<Manifests, InitError> {
    Ok(match platform {
        Platform::Envoy(EnvoyArguments { policy, listen, upstream, module, issuer_address }) => {
            Manifests::Envoy(policy.into(), EnvoyOptions { listen, upstream, module, issuer_address })
        }
        Platform::Istio(arguments) => istio(arguments)?,
        Platform::EnvoyGateway(arguments) => {
            let GatewayArguments { policy, image, namespace, name, gateway, gateway_class } = arguments;
            let options = GatewayOptions { image, namespace, name, gateway, gateway_class };
            Manifests::EnvoyGateway(policy.into(), options)
        }
        Platform::PodMonitor(PodMonitorArguments { platform, namespace, name, selector }) => {
            let owner = match platform {
                OwnerArgument::Istio => ProxyOwner::Istio,
                OwnerArgument::EnvoyGateway => ProxyOwner::EnvoyGateway,
            };
            Manifests::PodMonitor(PodMonitorOptions { owner, namespace, name, selector })
        }
    })
}

fn istio(arguments: IstioArguments) -> Result<Manifests, InitError> {
    let IstioArguments { policy, mode, image, namespace, name, selector, gateway, traffic_extension } =
        arguments;
    let mode = match mode {
        ModeArgument::Ingress => Mode::ingress(selector, gateway),
        ModeArgument::GatewayApi => Mode::gateway_api(selector, gateway),
        ModeArgument::Sidecar => Mode::sidecar(selector, gateway),
        ModeArgument::Waypoint => Mode::waypoint(selector, gateway),
    }?;
    let resource = match traffic_extension {
        true => Resource::TrafficExtension,
        false => Resource::WasmPlugin,
    };
    Ok(Manifests::Istio(policy.into(), IstioOptions { mode, image, namespace, name, resource }))
}
