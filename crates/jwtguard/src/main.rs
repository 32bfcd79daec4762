//! The command-line tool `jwtguard`.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use jwt_guard_testkit::now;
use jwt_guard_testkit::process::until_stopped;

use crate::commands::output::print_line;
use crate::commands::{
    ask, check, convert, decode, diff, dpop, explain, init, keygen, mint, policy_test, serve, upstream,
};

/// Check, explain and test policies of jwt-guard, the JWT filter for Envoy, and generate keys and tokens for tests.
#[derive(Parser)]
#[command(name = "jwtguard", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  Check a configuration, explain a request, run policy tests:
    jwtguard check envoy/envoy.yaml
    jwtguard explain envoy/envoy.yaml --request 'GET /api/admin/users' --claims '{\"roles\":[\"user\"]}'
    jwtguard test envoy/policy-tests.yaml

  Generate a key, run a mock issuer that publishes it, and sign a token:
    jwtguard keygen --out key.json
    jwtguard serve --key key.json
    jwtguard mint --key key.json --subject alice --claim 'roles=[\"admin\"]'

  Get a token from the running mock issuer, without access to its key:
    curl -X POST http://127.0.0.1:8090/token -d '{\"sub\":\"alice\",\"roles\":[\"admin\"]}'

Exit status: 0 if the command succeeded, 2 if an argument is wrong. The help of each command describes its other statuses.

The keys and the mock issuer are for development and tests. The tool does not protect private keys.";

#[derive(Subcommand)]
enum Command {
    Check(check::Arguments),
    Convert(convert::Arguments),
    Explain(explain::Arguments),
    Diff(diff::Arguments),
    Test(policy_test::Arguments),
    Init(init::Arguments),
    Decode(decode::Arguments),
    /// Print the JSON Schema of the configuration
    #[command(after_help = "\
Exit status: 0 if the schema was printed, 2 if an argument is wrong.

Example:
  jwtguard schema > jwt-guard.schema.json")]
    Schema,
    Keygen(keygen::Arguments),
    Jwks(keygen::JwksArguments),
    Mint(mint::Arguments),
    Dpop(dpop::Arguments),
    Serve(serve::Arguments),
    Upstream(upstream::Arguments),
    /// Print the version
    #[command(after_help = "Exit status: 0 if the version was printed, 2 if an argument is wrong.")]
    Version,
    #[command(hide = true)]
    Ask(ask::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Check(arguments) => return exit(check::run(&arguments)),
        Command::Convert(arguments) => return exit(convert::run(&arguments)),
        Command::Explain(arguments) => return exit(explain::run(&arguments)),
        Command::Diff(arguments) => return exit(diff::run(&arguments)),
        Command::Test(arguments) => return exit(policy_test::run(&arguments)),
        Command::Init(arguments) => return init::run(arguments),
        Command::Decode(arguments) => decode::run(&arguments),
        Command::Keygen(arguments) => keygen::run(&arguments),
        Command::Jwks(arguments) => keygen::run_jwks(&arguments),
        Command::Mint(arguments) => mint::run(&arguments, now()),
        Command::Dpop(arguments) => dpop::run(&arguments, now()),
        Command::Serve(arguments) => until_stopped(serve::run(arguments), Ok(())),
        Command::Upstream(arguments) => until_stopped(upstream::run(arguments), Ok(())),
        Command::Ask(arguments) => until_stopped(
            ask::run(arguments),
            Err("the command was stopped before the server answered".to_owned()),
        ),
        Command::Schema => {
            print_line!("{:#}", jwtguard::inspect::schema::schema());
            Ok(())
        }
        Command::Version => {
            print_line!("jwtguard {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    };
    exit(outcome.map(|()| ExitCode::SUCCESS))
}

/// Prints a failure to standard error.
fn exit(outcome: Result<ExitCode, String>) -> ExitCode {
    outcome.unwrap_or_else(|sentence| {
        eprintln!("jwtguard: {sentence}");
        ExitCode::FAILURE
    })
}
