//! The tokens. They are minted in advance and kept under target/bench, because an RSA signature takes two milliseconds.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jwt_guard::time::UnixTime;
use jwt_guard_testkit::mint::{Algorithm, SigningKey, Token, key_set};
use serde_json::{Value, json};

/// The folder name. Change the number with the format of keys or tokens.
const FORMAT: &str = "tokens-2";
/// The lifetime of the tokens. The files are used for one day less.
const LIFETIME: Duration = Duration::from_secs(30 * 86_400);
/// The number of tokens of [`super::plan::Order::Repeated`]; they fit into each cache.
pub const REPEATED: usize = 100;

pub const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::Rs256, Algorithm::Es256, Algorithm::Ps256, Algorithm::Ed25519];

/// The tokens of a scenario. A set with more tokens than a cache has entries is sent in turn, so that a token has been
/// evicted long before it is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenSet {
    /// No Authorization header.
    None,
    /// About 500 bytes (more with RSA, whose signature is longer), with seven claims that become headers.
    Small(AlgorithmIndex),
    /// About 4 KB, with 100 groups.
    Large(AlgorithmIndex),
    /// Small, RS256, expired one hour ago.
    Expired,
    /// Small, RS256, with one changed character in the signature.
    Forged,
    /// Small, RS256, without the role.
    Roleless,
}

/// The index of an algorithm in [`ALGORITHMS`].
pub type AlgorithmIndex = usize;

pub const RS256: AlgorithmIndex = 0;
pub const ES256: AlgorithmIndex = 1;
pub const PS256: AlgorithmIndex = 2;
pub const EDDSA: AlgorithmIndex = 3;

/// The keys and all token sets.
pub struct Tokens {
    pub key_set: Value,
    token_sets: Vec<(TokenSet, Vec<String>)>,
}

/// The number of distinct tokens in each set.
const TOKEN_SETS: [(TokenSet, usize); 8] = [
    (TokenSet::Small(RS256), 50_000),
    (TokenSet::Small(ES256), 50_000),
    (TokenSet::Small(PS256), 4_000),
    (TokenSet::Small(EDDSA), 50_000),
    (TokenSet::Large(RS256), 4_000),
    (TokenSet::Expired, 2_500),
    (TokenSet::Forged, 2_500),
    (TokenSet::Roleless, 100),
];

impl Tokens {
    /// Reads the files of an earlier run, or mints new tokens.
    pub fn load_or_mint(folder: &Path) -> Self {
        let folder = folder.join(FORMAT);
        if !is_fresh(&folder) {
            let _ = fs::remove_dir_all(&folder);
            let staging = folder.with_extension(std::process::id().to_string());
            mint(&staging);
            fs::rename(&staging, &folder).unwrap();
        }
        let read = |name: String| fs::read_to_string(folder.join(name)).unwrap();
        let token_sets = TOKEN_SETS
            .map(|(token_set, _)| (token_set, read(file(token_set)).lines().map(str::to_owned).collect()));
        Self {
            key_set: serde_json::from_str(&read("keys.json".to_owned())).unwrap(),
            token_sets: token_sets.into(),
        }
    }

    /// Without tokens, for callers that send their own.
    pub fn none() -> Self {
        Self { key_set: json!({ "keys": [] }), token_sets: Vec::new() }
    }

    /// The tokens of a set; empty for [`TokenSet::None`].
    pub fn of(&self, token_set: TokenSet) -> &[String] {
        self.token_sets.iter().find(|(other, _)| *other == token_set).map_or(&[], |(_, tokens)| tokens)
    }
}

fn is_fresh(folder: &Path) -> bool {
    let age = fs::metadata(folder).and_then(|folder| folder.modified()).ok();
    age.and_then(|modified| modified.elapsed().ok()).is_some_and(|age| age < LIFETIME / 30 * 29)
}

fn file(token_set: TokenSet) -> String {
    format!("{token_set:?}.txt").replace(['(', ')'], "-").to_lowercase()
}

fn mint(folder: &Path) {
    println!("minting tokens; the next runs use them for a month");
    fs::create_dir_all(folder).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = UnixTime::from_secs(now.as_secs());
    let rsa = SigningKey::generate(Algorithm::Rs256).unwrap();
    let keys = ALGORITHMS.map(|algorithm| {
        let key = match algorithm {
            Algorithm::Ps256 => rsa.clone().with_algorithm(algorithm).unwrap(),
            Algorithm::Rs256 => rsa.clone(),
            other => SigningKey::generate(other).unwrap(),
        };
        key.with_kid(algorithm.name().to_lowercase())
    });
    fs::write(folder.join("keys.json"), key_set(&keys).to_string()).unwrap();
    for (token_set, count) in TOKEN_SETS {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let numbers: Vec<usize> = (0..count).collect();
        let sign = |number: &usize| token(token_set, *number, now, &keys);
        let tokens: Vec<String> = std::thread::scope(|scope| {
            let chunks = numbers.chunks(count.div_ceil(threads));
            let signers: Vec<_> =
                chunks.map(|chunk| scope.spawn(move || chunk.iter().map(sign).collect())).collect();
            signers.into_iter().flat_map(|signer| signer.join().unwrap_or_else(|_| Vec::new())).collect()
        });
        assert_eq!(tokens.len(), count);
        println!("  {count} of {token_set:?}, {} bytes each", tokens[0].len());
        fs::write(folder.join(file(token_set)), tokens.join("\n")).unwrap();
    }
}

fn token(token_set: TokenSet, number: usize, now: UnixTime, keys: &[SigningKey]) -> String {
    let person = Token::new(now)
        .lifetime(LIFETIME)
        .subject(&format!("user-{number:06}"))
        .claim("email", format!("user-{number:06}@example.com"))
        .claim("roles", vec!["admin", "editor"])
        .claim("scope", "orders:read orders:write")
        .claim("org_id", "org-1")
        .claim("jti", format!("{token_set:?}{number:06}"));
    match token_set {
        TokenSet::None => String::new(),
        TokenSet::Small(algorithm) => person.sign(&keys[algorithm]).unwrap(),
        TokenSet::Large(algorithm) => {
            let groups: Vec<String> = (0..100).map(|group| format!("group-{group:03}-of-the-orgs")).collect();
            person.claim("groups", json!(groups)).sign(&keys[algorithm]).unwrap()
        }
        TokenSet::Expired => person.expired_for(Duration::from_secs(3600)).sign(&keys[RS256]).unwrap(),
        TokenSet::Roleless => person.claim("roles", vec!["viewer"]).sign(&keys[RS256]).unwrap(),
        TokenSet::Forged => {
            let mut token = person.sign(&keys[RS256]).unwrap().into_bytes();
            // Not the first character: a signature above the modulus is rejected without any RSA arithmetic.
            let changed = token.len() - 100;
            token[changed] = if token[changed] == b'A' { b'B' } else { b'A' };
            String::from_utf8(token).unwrap()
        }
    }
}
