//! `keygen` and `jwks` write private keys and public key sets in JWK format.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jwt_guard_testkit::mint::{Algorithm, SigningKey, key_set};

use crate::commands::output::print_line;

/// Generate a private key in JWK format.
#[derive(clap::Args)]
#[command(after_help = "\
The key is for development and tests. The file is not encrypted.

Exit status:
  0  The key was written.
  1  The key cannot be generated or written. An existing file is not overwritten.
  2  An argument is wrong.

Examples:
  jwtguard keygen --out key.json
  jwtguard keygen --alg ES256 --kid 2026-01 --out key.json")]
pub struct Arguments {
    /// The algorithm: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, ML-DSA-44, ML-DSA-65 or ML-DSA-87
    #[arg(long, default_value = "RS256")]
    alg: Algorithm,
    /// The length of an RSA key, from 1024 to 8192 bits [default: 2048]. The filter refuses keys below 2048 bits
    #[arg(long)]
    bits: Option<usize>,
    /// The key id [default: the RFC 7638 thumbprint of the key]
    #[arg(long)]
    kid: Option<String>,
    /// The file to create, readable by its owner only [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Print the public keys of private keys as a JWKS, such as for jwks_inline.
#[derive(clap::Args)]
#[command(after_help = "\
Exit status:
  0  The JWKS was printed.
  1  A key cannot be read.
  2  An argument is wrong.

Example:
  jwtguard jwks --key key.json > jwks.json")]
pub struct JwksArguments {
    /// A file with a private JWK from jwtguard keygen; - reads standard input; repeat the option for several keys
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
}

/// Runs `keygen`.
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
    // `create_new` fails if the file exists: overwriting it would destroy another key.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    eprintln!("{} key {} in {}", key.algorithm(), key.kid(), path.display());
    Ok(())
}

/// Runs `jwks`.
pub fn run_jwks(arguments: &JwksArguments) -> Result<(), String> {
    let keys = arguments.keys.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    print_line!("{:#}", key_set(&keys));
    Ok(())
}

/// Reads a private JWK from a file; `-` is standard input.
pub fn read(path: &Path) -> Result<SigningKey, String> {
    let mut text = String::new();
    let read = match path.to_str() {
        Some("-") => std::io::stdin().read_to_string(&mut text).map(drop),
        _ => std::fs::read_to_string(path).map(|read| text = read),
    };
    read.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    SigningKey::from_private_jwk(&text).map_err(|error| format!("{}: {error}", path.display()))
}
