//! `explain` simulates one request and prints the decision with its reasons.

mod opinion;
mod report;

use std::process::ExitCode;

use jwtguard::inspect::simulation::{SimulationResult, Simulator, TestCredential, TestRequest};
use serde_json::Value;

use crate::commands::check::{self, UNREADABLE};
use crate::commands::output::print_line;
use crate::commands::token_input::{ClaimsInput, certificate_digest, parts, without_scheme};
use jwt_guard::time::UnixTime;
use jwt_guard_testkit::now;
use opinion::Opinions;
pub use report::{condition, unread};

/// Simulate one request and print how the filter decides it, and why.
#[derive(clap::Args)]
#[command(after_help = "\
--claims needs neither an issuer nor its keys. The command signs the claims with a temporary key, uses this key in place
of the issuer's keys, and evaluates the token like any other. It adds iss, aud, iat and exp if they are missing; a claim
with the value null is left out. It also generates a header that the issuer's rules accept. With --token in addition, it
uses the header of that token, so alg, kid and typ are evaluated too. If --claims is the output of jwtguard decode --json,
the command uses exactly that header and those claims, and adds nothing.

--json prints one object with these members:
  readings        the path variants, except those that differ only in letter case
  rules           one object per rule that applies: rule, reading (the path variant that matches the rule, null for the
                  path as sent), reading_classes (the normalizations that produce this variant), who, and conditions;
                  each condition has condition (its description), met, and found (the value in the token, or null)
  less_specific   one object per route that matches but does not apply, because another route is more specific: rule, who
  token           a description of the token
  second_tokens   an object from the name of each second token to its description
  second_opinion  null without a token of --token; otherwise verdict (valid, refuses, or unknown, where jwt-simple cannot
                  verify the token), why, and difference: how jwt-simple and the filter differ, or null
  second_token_opinions
                  an object from the name of each second token that is given as a token to such an object
  token_from      the places where the filter looks for a token
  unread_tokens   the headers, cookies and query parameters that contain a JWT but are not in token_from
  would_deny      the reasons of the denials that report_only or a shadow suppresses
  decision        passes (true or false). If true: upstream (pairs of name and value), set and removed (header names).
                  If false: status, reason and detail (null for a metadata document), headers, body

For a token of --token or --second-token, the command also prints the opinion of another library, jwt-simple. It verifies
the signature, the times, the issuer and the audience, but not the other rules. The exit status does not depend on it.

Exit status:
  0  The filter forwards the request to the upstream.
  1  The filter answers the request: it denies it, or serves a document of resource_metadata.
  2  The request cannot be simulated: an argument, the file or its configuration is wrong, or the keys for the token are
     missing.

Examples:
  jwtguard explain envoy/envoy.yaml --request 'GET /api/admin/users' --claims '{\"sub\":\"alice\",\"roles\":[\"user\"]}'
  jwtguard explain envoy/envoy.yaml --request 'GET /api/%61dmin//users'
  jwtguard explain plugin.json --request /orders --token \"$TOKEN\" --jwks keys.json
  jwtguard explain plugin.json --request 'POST /payments' --claims '{\"scope\":\"pay\"}' --dpop
  jwtguard decode --json - < token.txt | jwtguard explain plugin.json --request /orders --claims -")]
pub struct Arguments {
    /// The file with the configuration; - reads standard input
    file: String,
    /// The method and the path of the request; the default method is GET
    #[arg(long, value_name = "'GET /path'")]
    request: String,
    /// The host of the request
    #[arg(long, default_value = "localhost")]
    host: String,
    /// A header of the request; repeat the option for several headers
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// The token, with or without the prefix Bearer; - reads standard input. With --claims, only its header is used
    #[arg(long)]
    token: Option<String>,
    /// The claims of a token to generate: a JSON object, or the output of decode --json; @FILE reads a file, - standard
    /// input
    #[arg(long, value_name = "JSON|@FILE|-")]
    claims: Option<String>,
    /// A second token, by its name in second_tokens: a token, or the claims of a token to generate as a JSON object;
    /// repeat the option for several
    #[arg(long = "second-token", value_name = "NAME=TOKEN|NAME=JSON", value_parser = second_token)]
    second_tokens: Vec<(String, String)>,
    /// The issuer's JWKS, to verify --token with
    #[arg(long, value_name = "FILE")]
    jwks: Option<String>,
    /// The SHA-256 digest of the client's certificate: 64 hexadecimal digits, or base64url as in cnf x5t#S256
    #[arg(long, value_name = "DIGEST", value_parser = certificate_digest, allow_hyphen_values = true)]
    client_certificate: Option<String>,
    /// Bind the token of --claims to a new DPoP key and send it with a proof
    #[arg(long, requires = "claims")]
    dpop: bool,
    /// The requirement in the metadata of the Envoy route, under the key jwt_guard
    #[arg(long, value_name = "JSON")]
    route_metadata: Option<String>,
    /// The annotation gateway.envoyproxy.io/jwt-guard of the HTTPRoute or GRPCRoute
    #[arg(long, value_name = "JSON")]
    route_annotation: Option<String>,
    /// The annotation gateway.envoyproxy.io/jwt-guard of the Gateway
    #[arg(long, value_name = "JSON")]
    gateway_annotation: Option<String>,
    /// The time of the request, in seconds since 1970; the default is the current time
    #[arg(long, value_name = "SECONDS")]
    now: Option<u64>,
    /// The number of the configuration to use, if the file contains several
    #[arg(long, value_name = "N", default_value_t = 1)]
    configuration: usize,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(['=', ':']).ok_or("expected NAME=VALUE, such as x-request-id=1")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn second_token(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=TOKEN, such as agent=eyJ…")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Runs `explain`.
pub fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    match simulate(arguments) {
        Ok((request, outcome, opinions)) => {
            if arguments.json {
                print_line!("{:#}", report::as_json(&outcome, &opinions));
            } else {
                report::print(&request, &outcome, &opinions);
            }
            Ok(if outcome.passes() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Err(sentence) => {
            eprintln!("jwtguard: {sentence}");
            Ok(ExitCode::from(UNREADABLE))
        }
    }
}

fn simulate(arguments: &Arguments) -> Result<(TestRequest, SimulationResult, Opinions), String> {
    let inputs = [Some(&arguments.file), arguments.token.as_ref(), arguments.claims.as_ref()];
    if inputs.iter().flatten().filter(|input| input.as_str() == "-").count() > 1 {
        return Err(
            "only one of the file, --token and --claims can be standard input (-); write the others as a file or a value"
                .to_owned()
        );
    }
    let (config, tree) = configuration(&arguments.file, arguments.configuration)?;
    let mut simulator = Simulator::new(&config, &tree, arguments.now.map_or_else(now, UnixTime::from_secs));
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
        client_certificate: arguments.client_certificate.clone(),
        dpop: arguments.dpop,
        route_metadata: arguments.route_metadata.clone(),
        route_annotation: arguments.route_annotation.clone(),
        gateway_annotation: arguments.gateway_annotation.clone(),
        second_tokens: second_tokens(arguments, &simulator)?,
    };
    let outcome = simulator.run(&request, &credential)?;
    let opinions = Opinions::of(&simulator, (&credential, &request), &outcome);
    Ok((request, outcome, opinions))
}

fn credential(arguments: &Arguments, simulator: &Simulator<'_>) -> Result<TestCredential, String> {
    let token = match arguments.token.as_deref() {
        Some("-") => Some(check::text("-")?),
        token => token.map(str::to_owned),
    };
    let token = token.as_deref().map(without_scheme);
    let claims = arguments.claims.as_deref().map(ClaimsInput::read).transpose()?;
    match (token, claims) {
        (Some(token), Some(claims)) => match parts(token)? {
            (Value::Object(header), _) => Ok(claims.credential(Some(header))),
            _ => Err("--token: the header of the token is not a JSON object".to_owned()),
        },
        (Some(token), None) => match simulator.lacks_keys_for(token) {
            Some(issuer) => Err(format!(
                "the configuration does not contain the keys of issuer {issuer}; add --jwks FILE, or replace --token by \
                 --claims with the token's claims, which jwtguard decode prints"
            )),
            None => Ok(TestCredential::Token(token.to_owned())),
        },
        (None, Some(claims)) => Ok(claims.credential(None)),
        (None, None) => Ok(TestCredential::None),
    }
}

fn second_tokens(
    arguments: &Arguments,
    simulator: &Simulator<'_>,
) -> Result<Vec<(String, TestCredential)>, String> {
    let credential = |(name, value): &(String, String)| {
        let value = value.as_str();
        if value.starts_with(['{', '@']) {
            return Ok((name.clone(), ClaimsInput::read(value)?.credential(None)));
        }
        let token = without_scheme(value);
        match simulator.lacks_keys_for(token) {
            Some(issuer) => Err(format!(
                "the configuration does not contain the keys of issuer {issuer}; add --jwks FILE, or write the claims of the \
                 token: --second-token '{name}={{…}}'"
            )),
            None => Ok((name.clone(), TestCredential::Token(token.to_owned()))),
        }
    };
    arguments.second_tokens.iter().map(credential).collect()
}

/// Reads the configuration with that number, counted from 1, from a file.
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
        return Err(format!("no configuration of jwt-guard in {file}"));
    }
    let wanted = found.into_iter().nth(number.wrapping_sub(1));
    let (_, config, tree) = wanted
        .ok_or_else(|| format!("no configuration number {number} in {file}; the file contains {count}"))?;
    Ok((config, tree))
}

/// Parses `GET /path`, or `/path` with the method GET.
pub fn request(text: &str) -> Result<(String, String), String> {
    match text.trim().split_once(' ') {
        Some((method, path)) if !path.trim().is_empty() => Ok((method.to_owned(), path.trim().to_owned())),
        None if text.trim().starts_with(['/', '*']) => Ok(("GET".to_owned(), text.trim().to_owned())),
        _ => Err(format!("the request is {text:?}; expected a method and a path, such as 'GET /api/orders'")),
    }
}
