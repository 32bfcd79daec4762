//! `serve` runs a mock issuer for development.

use std::net::SocketAddr;
use std::path::PathBuf;

use jwt_guard_testkit::issuer::JWKS_PATH;
use jwt_guard_testkit::mint::{AUDIENCE, Algorithm, ISSUER, SigningKey};
use jwt_guard_testkit::server::listen;
use jwt_guard_testkit::signer::{self, Signer};

use crate::commands::keygen;

/// Run a mock issuer that serves a JWKS, issues tokens on request and rotates keys.
#[derive(clap::Args)]
#[command(after_help = "\
The issuer is for development and tests. It runs until it is stopped, and answers these requests:
  GET  /api/v1/auth/jwks                   returns the JWKS with ETag and Cache-Control; --jwks-path sets the path
  GET  /.well-known/openid-configuration   returns the metadata with the URL of the JWKS
  POST /token                              returns a token with the claims of the JSON body; null leaves a claim out
  POST /rotate                             signs with a new key from now on; ?keep=false removes the other keys
  POST /revoke                             revokes an item such as {\"sub\":\"alice\"}, or {\"token\":\"...\"} by its jti
  GET  /revocations                        returns the revocation list; items are kept until the token's exp
  GET  /stats                              returns how often the JWKS was fetched

Exit status:
  0  The issuer was stopped.
  1  A key cannot be read, or the address is in use.
  2  An argument is wrong.

Examples:
  jwtguard serve
  jwtguard serve --listen 0.0.0.0:8090 --issuer https://issuer.example --key key.json
  curl -X POST http://127.0.0.1:8090/token -d '{\"sub\":\"alice\",\"roles\":[\"admin\"]}'
  curl -X POST http://127.0.0.1:8090/revoke -d '{\"sub\":\"alice\",\"issued_before\":1900000000}'")]
pub struct Arguments {
    /// The address and port to listen on
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// The claim iss of the tokens, and the base of the URLs in the metadata
    #[arg(long, value_name = "URL", default_value = ISSUER)]
    issuer: String,
    /// The claim aud of the tokens
    #[arg(long, default_value = AUDIENCE)]
    audience: String,
    /// A file with a private JWK from jwtguard keygen; repeat the option for several keys; the first one signs
    /// [default: a new RS256 key]
    #[arg(long = "key", value_name = "FILE")]
    keys: Vec<PathBuf>,
    /// The path of the JWKS
    #[arg(long, value_name = "PATH", default_value = JWKS_PATH)]
    jwks_path: String,
    /// The max-age in the Cache-Control header of the JWKS
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    max_age: u32,
}

/// Runs `serve`.
pub async fn run(arguments: Arguments) -> Result<(), String> {
    if !arguments.jwks_path.starts_with('/') || arguments.jwks_path.contains(['?', '#']) {
        return Err(format!(
            "--jwks-path is {:?}; expected a path without ? and #, such as /keys",
            arguments.jwks_path
        ));
    }
    let mut keys = arguments.keys.iter().map(|path| keygen::read(path)).collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() {
        keys.push(SigningKey::generate(Algorithm::Rs256).map_err(|error| error.to_string())?);
    }
    let signer = Signer::new(&arguments.issuer, arguments.audience, keys)
        .publishing(arguments.jwks_path.clone(), arguments.max_age);
    let (listener, address) = listen(arguments.listen).await?;
    println!("issuer {} on http://{address}", signer.url());
    println!("keys   http://{address}{}", arguments.jwks_path);
    signer::serve(listener, signer).await;
    Ok(())
}
