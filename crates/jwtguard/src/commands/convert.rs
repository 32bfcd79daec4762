//! `convert` prints the configuration that replaces other filters.

use std::process::ExitCode;

use jwtguard::convert::convert;

use crate::commands::check::{read_all, unreadable};
use crate::commands::output::print_line;

/// Convert the configuration of other filters into one of jwt-guard.
///
/// The command reads Envoy configurations and the /config_dump of Envoy with jwt_authn and RBAC filters, Istio's
/// RequestAuthentication and AuthorizationPolicy, Envoy Gateway's SecurityPolicy, and pico-client-auth's auth_client. It
/// prints one configuration for each listener or workload to standard output, as YAML. What jwt-guard cannot express becomes
/// stricter. Standard error has one line for each part that is not equal (lossy) or not possible (dropped).
#[derive(clap::Args)]
#[command(after_help = "\
Exit status:
  0  The configuration is equal, except for the differences that docs/migration.md lists for every policy.
  1  Some part is lossy or dropped.
  2  A file cannot be read, has nothing to convert, or has a field that the command does not know. Nothing is printed to
     standard output.

Examples:
  jwtguard convert envoy.yaml > jwt-guard.yaml
  jwtguard convert istio/*.yaml
  curl -s http://127.0.0.1:9901/config_dump | jwtguard convert -")]
pub struct Arguments {
    /// The files to convert; - reads standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
}

/// Runs `convert`.
pub fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let documents = match read_all(&arguments.files) {
        Ok(documents) => documents,
        Err(sentence) => return Ok(unreadable(&sentence)),
    };
    let conversion = match convert(&documents) {
        Ok(conversion) => conversion,
        Err(fault) => return Ok(unreadable(&fault.shown(&documents))),
    };
    let texts: Vec<String> = conversion.policies.iter().map(ToString::to_string).collect();
    print_line!("{}", texts.join("---\n").trim_end());
    for note in &conversion.notes {
        eprintln!("{note}");
    }
    Ok(if conversion.notes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
