//! `dpop` makes a DPoP proof for one request.

use std::path::PathBuf;

use jwt_guard::time::UnixTime;
use jwt_guard_testkit::mint::Proof;
use serde_json::Value;

use crate::commands::mint::named_value;
use crate::commands::output::print_line;
use crate::commands::token_input::without_scheme;
use crate::commands::{check, keygen};

/// Make a DPoP proof (RFC 9449) for a request and print it.
#[derive(clap::Args)]
#[command(after_help = "\
The proof is valid for one request, for as long as max_age_seconds of the filter allows. Send it in the header DPoP, and
the token as Authorization: DPoP. The token must be bound to the key: see jwtguard mint --cnf-jkt.

Exit status:
  0  The proof was printed.
  1  The key or the token cannot be read.
  2  An argument is wrong.

Example:
  jwtguard keygen --alg ES256 --out client.json
  TOKEN=$(jwtguard mint --key key.json --cnf-jkt client.json)
  PROOF=$(jwtguard dpop --key client.json --token \"$TOKEN\" --uri https://api.example.com/orders)
  curl https://api.example.com/orders -H \"Authorization: DPoP $TOKEN\" -H \"DPoP: $PROOF\"")]
pub struct Arguments {
    /// The file with the private JWK of the client, from jwtguard keygen; - reads standard input
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The access token; - reads standard input
    #[arg(long)]
    token: String,
    /// The URI of the request, as the client sees it: the claim htu
    #[arg(long)]
    uri: String,
    /// The method of the request: the claim htm
    #[arg(long, default_value = "GET")]
    method: String,
    /// A claim, in place of the usual one; repeat the option for several claims
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = named_value)]
    claims: Vec<(String, Value)>,
    /// A header parameter, in place of the usual one; repeat the option for several parameters
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = named_value)]
    headers: Vec<(String, Value)>,
}

/// Runs `dpop`.
pub fn run(arguments: &Arguments, now: UnixTime) -> Result<(), String> {
    let key = keygen::read(&arguments.key)?;
    let token = match arguments.token.as_str() {
        "-" => check::text("-")?,
        token => token.to_owned(),
    };
    let token = without_scheme(&token).trim();
    let uri = arguments.uri.split(['?', '#']).next().unwrap_or_default();
    let mut proof =
        Proof::new(&arguments.method, uri, token, &key, now).map_err(|error| error.to_string())?;
    for (name, value) in &arguments.claims {
        proof = proof.claim(name, value.clone());
    }
    for (name, value) in &arguments.headers {
        proof = proof.header(name, value.clone());
    }
    print_line!("{}", proof.sign(&key).map_err(|error| error.to_string())?);
    Ok(())
}
