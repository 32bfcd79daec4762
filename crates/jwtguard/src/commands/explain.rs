//! `explain`: one request, and why it is decided as it is.

mod report;

use std::process::ExitCode;

use jwtguard::inspect::simulation::{SimulationResult, Simulator, TestCredential, TestRequest};
use serde_json::Value;

use crate::commands::check::{self, UNREADABLE};
use crate::commands::output::print_line;
use crate::commands::token_input::{ClaimsInput, parts, without_scheme};
use jwt_guard_testkit::now;
pub use report::{condition, unread};

/// Tell how a request would be decided, and why.
#[derive(clap::Args)]
#[command(after_help = "\
--claims needs no issuer: the claims are signed by a key made for the purpose, which stands in for the issuer's, and go
the way of every token. iss, aud, iat and exp are added where they are missing; null leaves one out. The header is made
up, too, and passes; with --token it is that token's, and its alg, kid and typ are judged. What jwtguard decode --json
prints is judged as it stands, header and claims, and nothing is added.

--json prints one object with these members:
  readings        the ways to read the path, but for letter case
  rules           of each rule that applies: rule, reading (null for the request as written), reading_classes (what an
                  upstream does that leads to it), who, and conditions: of each its words (condition), whether it is
                  met, and what the token has instead (found, null where nothing is to be said)
  less_specific   of each route that matches and does not apply: rule, who
  token           the token in words
  token_from      where the filter looks for a token
  unread_tokens   headers, cookies and query parameters that hold a JWT where the filter looks for none
  would_deny      the reasons of what report_only or a shadow would refuse
  decision        passes, and if it does: upstream (pairs of name and value), set, removed; if not: status, reason and
                  detail (null for a document), headers, body

Exit status:
  0  the filter lets the request go on to the upstream
  1  the filter answers the request: it refuses it, or serves a document of resource_metadata
  2  there is no answer: a flag, the file or the configuration in it is wrong, or the token's keys are missing

Examples:
  jwtguard explain envoy/envoy.yaml --request 'GET /api/admin/users' --claims '{\"sub\":\"alice\",\"roles\":[\"user\"]}'
  jwtguard explain envoy/envoy.yaml --request 'GET /api/%61dmin//users'
  jwtguard explain plugin.json --request /orders --token \"$TOKEN\" --jwks keys.json
  jwtguard decode --json - < token.txt | jwtguard explain plugin.json --request /orders --claims -")]
pub struct Arguments {
    /// Where the configuration is; - is standard input
    file: String,
    /// Method and path; without a method it is GET
    #[arg(long, value_name = "'GET /path'")]
    request: String,
    /// The host that is asked
    #[arg(long, default_value = "localhost")]
    host: String,
    /// A header of the request
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// A token, with or without Bearer before it; - is standard input. With --claims only its header counts
    #[arg(long)]
    token: Option<String>,
    /// ClaimsInput to make a token of: a JSON object, or what decode --json prints; @ and a name is a file, - standard input
    #[arg(long, value_name = "JSON|@FILE|-")]
    claims: Option<String>,
    /// The issuer's JWKS, to check --token with
    #[arg(long, value_name = "FILE")]
    jwks: Option<String>,
    /// The requirement that Envoy's route carries in its metadata, under jwt_guard
    #[arg(long, value_name = "JSON")]
    route_metadata: Option<String>,
    /// The number of the configuration, where the file has several
    #[arg(long, value_name = "N", default_value_t = 1)]
    configuration: usize,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(['=', ':']).ok_or("expected NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// `explain`
pub fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    match explained(arguments) {
        Ok((request, outcome)) => {
            if arguments.json {
                print_line!("{:#}", report::as_json(&outcome));
            } else {
                report::print(&request, &outcome);
            }
            Ok(if outcome.passes() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Err(sentence) => {
            eprintln!("jwtguard: {sentence}");
            Ok(ExitCode::from(UNREADABLE))
        }
    }
}

fn explained(arguments: &Arguments) -> Result<(TestRequest, SimulationResult), String> {
    let inputs = [Some(&arguments.file), arguments.token.as_ref(), arguments.claims.as_ref()];
    if inputs.iter().flatten().filter(|input| input.as_str() == "-").count() > 1 {
        return Err(
            "standard input can be one of the file, --token and --claims: give the others by name".to_owned()
        );
    }
    let (config, tree) = configuration(&arguments.file, arguments.configuration)?;
    let mut simulator = Simulator::new(&config, &tree, now());
    if let Some(file) = &arguments.jwks {
        simulator.add_keys(&check::text(file)?).map_err(|problem| format!("{file}: {problem}"))?;
    }
    let credential = credential(arguments, &simulator)?;
    let (method, path) = request(&arguments.request)?;
    let request = TestRequest {
        method,
        path,
        host: arguments.host.clone(),
        headers: arguments.headers.clone(),
        route_metadata: arguments.route_metadata.clone(),
    };
    let outcome = simulator.run(&request, &credential)?;
    Ok((request, outcome))
}

fn credential(arguments: &Arguments, simulator: &Simulator<'_>) -> Result<TestCredential, String> {
    let token = match arguments.token.as_deref() {
        Some("-") => Some(check::text("-")?),
        given => given.map(str::to_owned),
    };
    let token = token.as_deref().map(without_scheme);
    let claims = arguments.claims.as_deref().map(ClaimsInput::read).transpose()?;
    match (token, claims) {
        (Some(token), Some(claims)) => match parts(token)? {
            (Value::Object(header), _) => Ok(claims.credential(Some(header))),
            _ => Err("--token: the header is not a JSON object".to_owned()),
        },
        (Some(token), None) => {
            if let Some(issuer) = simulator.lacks_keys_for(token) {
                return Err(format!(
                    "the keys of issuer {issuer} are not in the configuration: give them with --jwks FILE, or give the \
                     token's claims (jwtguard decode shows them) with --claims"
                ));
            }
            Ok(TestCredential::Token(token.to_owned()))
        }
        (None, Some(claims)) => Ok(claims.credential(None)),
        (None, None) => Ok(TestCredential::None),
    }
}

/// The nth configuration of a file.
pub fn configuration(
    file: &str,
    number: usize,
) -> Result<(jwt_guard::config::Config, jwtguard::inspect::tree::Tree), String> {
    let found = jwtguard::inspect::check::configurations(&check::read(file)?);
    let found = found.map_err(|findings| {
        let findings: Vec<_> = findings.iter().map(ToString::to_string).collect();
        format!("the configuration is not valid:\n{}", findings.join("\n"))
    })?;
    let count = found.len();
    if count == 0 {
        return Err(format!("there is no configuration of jwt-guard in {file}"));
    }
    let wanted = found.into_iter().nth(number.wrapping_sub(1));
    let (_, config, tree) =
        wanted.ok_or_else(|| format!("{file} has {count} configurations, and no number {number}"))?;
    Ok((config, tree))
}

/// `GET /path`, or `/path` for GET.
pub fn request(text: &str) -> Result<(String, String), String> {
    match text.trim().split_once(' ') {
        Some((method, path)) if !path.trim().is_empty() => Ok((method.to_owned(), path.trim().to_owned())),
        None if text.trim().starts_with(['/', '*']) => Ok(("GET".to_owned(), text.trim().to_owned())),
        _ => Err(format!("the request is {text:?}; expected a method and a path, such as 'GET /api/orders'")),
    }
}
