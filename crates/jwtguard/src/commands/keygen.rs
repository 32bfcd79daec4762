//! `keygen` and `jwks`: keys on disk, as JWKs.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jwt_guard_testkit::mint::{Algorithm, SigningKey, key_set};

use crate::commands::output::print_line;

/// Make a private key, as a JWK.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  jwtguard keygen --out key.json
  jwtguard keygen --alg ES256 --kid 2026-01 --out key.json")]
pub struct Arguments {
    /// RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, ML-DSA-44, ML-DSA-65 or ML-DSA-87
    #[arg(long, default_value = "RS256")]
    alg: Algorithm,
    /// Length of an RSA key, 1024 to 8192 [default: 2048]. The filter refuses keys under 2048
    #[arg(long)]
    bits: Option<usize>,
    /// The key's name [default: its RFC 7638 thumbprint]
    #[arg(long)]
    kid: Option<String>,
    /// A new file, readable by its owner only [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Print the public halves of private keys, as a JWKS for `jwks_inline`.
#[derive(clap::Args)]
pub struct JwksArguments {
    /// Private JWKs made by keygen; - is standard input
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
}

/// `keygen`
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let key = match arguments.bits {
        Some(bits) => SigningKey::generate_rsa(arguments.alg, bits),
        None => SigningKey::generate(arguments.alg),
    };
    let mut key = key.map_err(|error| error.to_string())?;
    if let Some(kid) = &arguments.kid {
        key = key.with_kid(kid);
    }
    let text = format!("{:#}\n", key.private_jwk());
    let Some(path) = &arguments.out else {
        print!("{text}");
        return Ok(());
    };
    // Never over another key: that would be lost.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    eprintln!("{} key {} in {}", key.algorithm(), key.kid(), path.display());
    Ok(())
}

/// `jwks`
pub fn run_jwks(arguments: &JwksArguments) -> Result<(), String> {
    let keys = arguments.keys.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    print_line!("{:#}", key_set(&keys));
    Ok(())
}

/// The private JWK in that file; `-` is standard input.
pub fn read(path: &Path) -> Result<SigningKey, String> {
    let mut text = String::new();
    let read = match path.to_str() {
        Some("-") => std::io::stdin().read_to_string(&mut text).map(drop),
        _ => std::fs::read_to_string(path).map(|read| text = read),
    };
    read.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    SigningKey::from_private_jwk(&text).map_err(|error| format!("{}: {error}", path.display()))
}
