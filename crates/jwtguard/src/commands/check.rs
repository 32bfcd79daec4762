//! `check` validates configurations and prints their policies.

use std::io::Read;
use std::process::ExitCode;

use jwtguard::inspect::check::{Report, check};
use jwtguard::inspect::tables::PolicyRow;
use jwtguard::inspect::{FileDocument, Severity, documents};
use serde_json::{Value, json};

use crate::commands::output::print_line;

/// Check configurations and print each policy as a table.
///
/// The command reads plugin configurations in JSON or YAML, Envoy configurations, the /config_dump of Envoy, Istio's
/// WasmPlugin and TrafficExtension, and Envoy Gateway's EnvoyExtensionPolicy. It also checks the configuration around the
/// filter: clusters, routes and other filters. An object in one file can refer to an object in another file, such as a
/// WasmPlugin to a DestinationRule. Tables are printed to standard output, errors and warnings to standard error.
#[derive(clap::Args)]
#[command(after_help = "\
--json prints one object with these members:
  errors, warnings  the number of errors and of warnings
  findings          one object per error or warning: severity, file, line (null if unknown), path, problem
  policies          one object per valid configuration: configuration (its name), issuers, token_from, second_tokens, modes and rows;
                    each row has route, methods, hosts, token_from (null if the route uses that of the configuration)
                    and who (who may pass)

Exit status:
  0  The command found no error. It may have printed warnings.
  1  The command found an error, or a warning with --strict.
  2  A file cannot be read, no file contains a configuration of jwt-guard, or an argument is wrong.

Examples:
  jwtguard check envoy/envoy.yaml
  jwtguard check --strict istio/*.yaml
  curl -s http://127.0.0.1:9901/config_dump | jwtguard check -")]
pub struct Arguments {
    /// The files to check; - reads standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Exit with 1 if there are warnings
    #[arg(long)]
    strict: bool,
    /// Print errors and warnings only, without tables
    #[arg(long)]
    quiet: bool,
}

/// The exit status if a file cannot be read or contains no usable configuration.
pub const UNREADABLE: u8 = 2;

/// Runs `check`.
pub fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let documents = match read_all(&arguments.files) {
        Ok(documents) => documents,
        Err(sentence) => return Ok(unreadable(&sentence)),
    };
    let report = check(&documents);
    if report.configurations == 0 {
        let others = match report.other_validators.as_slice() {
            [] => String::new(),
            others => format!(
                "; found {}: `jwtguard convert` writes the same policy for jwt-guard, and docs/migration.md says which answers differ",
                others.join(", ")
            ),
        };
        return Ok(unreadable(&format!(
            "no configuration of jwt-guard in {}; expected a plugin configuration with issuer and audience, or an Envoy, \
             Istio or Envoy Gateway file that contains one{others}",
            arguments.files.join(", ")
        )));
    }
    if arguments.json {
        print_line!("{:#}", as_json(&report));
    } else {
        print(&report, arguments);
    }
    let refused =
        report.count(Severity::Error) > 0 || (arguments.strict && report.count(Severity::Warning) > 0);
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Prints why a file is not usable.
pub fn unreadable(sentence: &str) -> ExitCode {
    eprintln!("jwtguard: {sentence}");
    ExitCode::from(UNREADABLE)
}

/// Reads the documents of several files.
pub fn read_all(files: &[String]) -> Result<Vec<FileDocument>, String> {
    let documents: Vec<Vec<FileDocument>> = files.iter().map(|file| read(file)).collect::<Result<_, _>>()?;
    Ok(documents.into_iter().flatten().collect())
}

/// Reads the documents of a file; `-` is standard input.
pub fn read(file: &str) -> Result<Vec<FileDocument>, String> {
    let text = text(file)?;
    let name = if file == "-" { "standard input" } else { file };
    documents(name, &text).map_err(|problem| format!("{name}: {problem}"))
}

/// Reads the text of a file; `-` is standard input.
pub fn text(file: &str) -> Result<String, String> {
    if file != "-" {
        return std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"));
    }
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.map(|_| text).map_err(|error| format!("cannot read standard input: {error}"))
}

/// Prints tables to standard output and findings to standard error, so that each can be redirected alone.
fn print(report: &Report, arguments: &Arguments) {
    if !arguments.quiet {
        for table in &report.tables {
            print_line!("{table}");
        }
    }
    for finding in &report.findings {
        eprintln!("{finding}");
    }
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    let of = |count, what| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    eprintln!(
        "{}: {}, {}",
        of(report.configurations, "configuration"),
        of(errors, "error"),
        of(warnings, "warning")
    );
}

fn as_json(report: &Report) -> Value {
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "severity": finding.severity.as_str(),
                "file": finding.file,
                "line": (finding.line > 0).then_some(finding.line),
                "path": finding.path,
                "problem": finding.problem,
            })
        })
        .collect();
    let policies: Vec<_> = report
        .tables
        .iter()
        .map(|table| {
            let rows = |rows: &[PolicyRow]| -> Vec<Value> {
                rows.iter()
                    .map(|row| {
                        json!({
                            "route": row.route,
                            "methods": row.methods,
                            "hosts": row.hosts,
                            "token_from": row.token_from,
                            "who": row.who,
                        })
                    })
                    .collect()
            };
            json!({
                "configuration": table.heading,
                "issuers": table.issuers,
                "token_from": table.token_from,
                "second_tokens": table.second_tokens,
                "modes": table.modes,
                "rows": rows(&table.rows),
                "guards": rows(&table.guards),
            })
        })
        .collect();
    json!({
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "findings": findings,
        "policies": policies,
    })
}
