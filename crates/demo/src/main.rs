//! `make demo` and `make run`: run the policy of envoy/envoy.yaml in a real Envoy.

mod demo;
mod walk;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use jwt_guard_testkit::process::until_stopped;

/// Runs the policy of envoy/envoy.yaml in a real Envoy.
#[derive(Parser)]
#[command(name = "jwt-guard-demo", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Walk(walk::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Demo(arguments) => {
            // An interrupted walk is a failure: not all responses were checked.
            let stopped = if arguments.stays() { Ok(()) } else { Err("stopped".to_owned()) };
            until_stopped(demo::run(arguments), stopped)
        }
        Command::Walk(arguments) => until_stopped(walk::run(arguments), Err("stopped".to_owned())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("jwt-guard-demo: {sentence}");
            ExitCode::FAILURE
        }
    }
}
