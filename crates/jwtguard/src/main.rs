//! The tool beside the module: keys, tokens and an issuer to develop against.

mod check;
mod client;
mod decode;
mod demo;
mod duration;
mod explain;
mod keygen;
mod mint;
mod output;
mod policy_test;
mod serve;
mod token_input;
mod upstream;
mod walk;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use jwt_guard::time::UnixTime;

use crate::output::say;

/// Checks policies of jwt-guard, the JWT filter for Envoy, and makes keys and tokens to try them with.
#[derive(Parser)]
#[command(name = "jwtguard", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  What is wrong with a configuration, and who may pass by it:
    jwtguard check envoy/envoy.yaml
    jwtguard explain envoy/envoy.yaml --request 'GET /api/admin/users' --claims '{\"roles\":[\"user\"]}'
    jwtguard test envoy/policy-tests.yaml

  A key, an issuer that publishes it, and a token that it signs:
    jwtguard keygen --out key.json
    jwtguard serve --key key.json
    jwtguard mint --key key.json --subject alice --claim 'roles=[\"admin\"]'

  A token from a running issuer, without the key:
    curl -X POST http://127.0.0.1:8090/token -d '{\"sub\":\"alice\",\"roles\":[\"admin\"]}'

Keys and issuer are for development and tests. Nothing here protects a private key.";

#[derive(Subcommand)]
enum Command {
    Check(check::Arguments),
    Explain(explain::Arguments),
    Test(policy_test::Arguments),
    Decode(decode::Arguments),
    /// Print the JSON Schema of the configuration
    Schema,
    Keygen(keygen::Arguments),
    Jwks(keygen::JwksArguments),
    Mint(mint::Arguments),
    Serve(serve::Arguments),
    Upstream(upstream::Arguments),
    /// Print the version.
    Version,
    #[command(hide = true)]
    Demo(demo::Arguments),
    #[command(hide = true)]
    Walk(walk::Arguments),
    #[command(hide = true)]
    Ask(client::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Check(arguments) => return exit(check::run(&arguments)),
        Command::Explain(arguments) => return exit(explain::run(&arguments)),
        Command::Test(arguments) => return exit(policy_test::run(&arguments)),
        Command::Decode(arguments) => decode::run(&arguments),
        Command::Keygen(arguments) => keygen::run(&arguments),
        Command::Jwks(arguments) => keygen::run_jwks(&arguments),
        Command::Mint(arguments) => mint::run(&arguments, now()),
        Command::Serve(arguments) => until_stopped(serve::run(arguments), Ok(())),
        Command::Upstream(arguments) => until_stopped(upstream::run(arguments), Ok(())),
        Command::Demo(arguments) => {
            // A walk that was cut short has shown nothing.
            let stopped = if arguments.stays() { Ok(()) } else { Err("stopped".to_owned()) };
            until_stopped(demo::run(arguments), stopped)
        }
        Command::Walk(arguments) => until_stopped(walk::run(arguments), Err("stopped".to_owned())),
        Command::Ask(arguments) => until_stopped(client::run(arguments), Err("stopped".to_owned())),
        Command::Schema => {
            say!("{:#}", jwt_guard::inspect::schema::schema());
            Ok(())
        }
        Command::Version => {
            say!("jwtguard {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    };
    exit(outcome.map(|()| ExitCode::SUCCESS))
}

/// A failure is a sentence on standard error.
fn exit(outcome: Result<ExitCode, String>) -> ExitCode {
    outcome.unwrap_or_else(|sentence| {
        eprintln!("jwtguard: {sentence}");
        ExitCode::FAILURE
    })
}

/// Runs it until it ends, or until ctrl-c or SIGTERM drops it and with it every process it started.
fn until_stopped(
    command: impl Future<Output = Result<(), String>>,
    stopped: Result<(), String>,
) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(async {
        let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .map_err(|error| format!("cannot listen for SIGTERM: {error}"))?;
        tokio::select! {
            outcome = command => outcome,
            _ = tokio::signal::ctrl_c() => stopped,
            _ = terminated.recv() => stopped,
        }
    })
}

/// The moment, for the one program here that has a clock.
#[expect(
    clippy::disallowed_methods,
    reason = "tokens are minted for real clocks; everything below takes it as an argument"
)]
fn now() -> UnixTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
