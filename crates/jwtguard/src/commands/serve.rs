//! `serve`: an issuer to develop against.

use std::net::SocketAddr;
use std::path::PathBuf;

use jwt_guard_testkit::issuer::{self, JWKS_PATH};
use jwt_guard_testkit::mint::{AUDIENCE, Algorithm, ISSUER, SigningKey};
use jwt_guard_testkit::server::listen;
use jwt_guard_testkit::signer::Signer;

use crate::commands::keygen;

/// Run a mock issuer: a JWKS, tokens on demand, key rotation.
#[derive(clap::Args)]
#[command(after_help = "\
  GET  /api/v1/auth/jwks                   the public keys (--jwks-path), with ETag and Cache-Control
  GET  /.well-known/openid-configuration   where the keys are
  POST /token                              a token; the body is a JSON object of claims, null leaves one out
  POST /rotate                             a new key signs from now on; ?keep=false drops the others
  GET  /stats                              how often the keys were fetched

Examples:
  jwtguard serve
  jwtguard serve --listen 0.0.0.0:8090 --issuer https://issuer.example --key key.json
  curl -X POST http://127.0.0.1:8090/token -d '{\"sub\":\"alice\",\"roles\":[\"admin\"]}'")]
pub struct Arguments {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// The claim iss of its tokens, and the base of the URLs it names
    #[arg(long, value_name = "URL", default_value = ISSUER)]
    issuer: String,
    /// The claim aud of its tokens
    #[arg(long, default_value = AUDIENCE)]
    audience: String,
    /// Private JWKs made by keygen; the first signs [default: a new RS256 key]
    #[arg(long = "key", value_name = "FILE")]
    keys: Vec<PathBuf>,
    /// Where the JWKS is
    #[arg(long, value_name = "PATH", default_value = JWKS_PATH)]
    jwks_path: String,
    /// Cache-Control of the JWKS, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    max_age: u32,
}

/// `serve`
pub async fn run(arguments: Arguments) -> Result<(), String> {
    if !arguments.jwks_path.starts_with('/') || arguments.jwks_path.contains(['?', '#']) {
        return Err(format!("--jwks-path is {:?}; it must be a plain path", arguments.jwks_path));
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
    issuer::serve(listener, signer).await;
    Ok(())
}
