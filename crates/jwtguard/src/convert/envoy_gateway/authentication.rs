//! `jwt`: the providers of `jwt_authn`, and the requirement of the routes of a policy.

use crate::convert::made::{boolean as boolean_at, list, map, object, text as text_at};
use crate::convert::manifest::{boolean, items, known, optional, required, text, texts};
use crate::convert::names::unique;
use crate::convert::notes::{Fault, Notes};
use crate::inspect::tree::Tree;

/// The claims that Envoy Gateway splits at spaces.
const SPACE_DELIMITED: [&str; 2] = ["scope", "scp"];

/// The `jwt` of one policy.
#[derive(Debug)]
pub struct Authentication<'t> {
    /// The `jwt`.
    pub tree: &'t Tree,
    /// The providers.
    pub providers: Vec<Provider<'t>>,
    /// Whether a request without a valid token passes.
    missing: Missing,
}

/// The providers of the policies of one chain, each of which has one issuer.
#[derive(Debug, Default)]
pub struct Known(Vec<KnownProvider>);

#[derive(Debug)]
struct KnownProvider {
    key: String,
    /// The configuration without name and audiences.
    content: String,
    audiences: Vec<String>,
}

/// A provider. Policies whose providers differ in name and audiences only have one provider in `jwt_authn`.
#[derive(Debug)]
pub struct Provider<'t> {
    /// The name in the policy.
    pub name: &'t str,
    /// The audiences, if the provider in `jwt_authn` has others.
    audiences: Option<Tree>,
    /// The name in `jwt_authn`, under which the provider stores its payload as well.
    pub key: String,
    /// The provider of `jwt_authn`, unless another policy has it already.
    pub config: Option<Tree>,
}

/// Finds the keys in the ConfigMap with a name.
pub type ConfigMaps<'f, 't> = &'f dyn Fn(&str) -> Option<&'t Tree>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Refused,
    /// `optional`
    Allowed,
    /// `failOpen`
    AllowedIfInvalid,
}

impl<'t> Authentication<'t> {
    /// Reads `jwt`. `others` are the providers of other policies.
    ///
    /// # Errors
    /// The first field that is not as expected.
    pub fn read(
        tree: &'t Tree,
        others: &mut Known,
        config_map: ConfigMaps<'_, '_>,
        notes: &mut Notes,
    ) -> Result<Self, Fault> {
        known(tree, &["optional", "failOpen", "providers"])?;
        let is_set = |name| optional(tree, name, boolean).map(|value| value == Some(true));
        let missing = match (is_set("optional")?, is_set("failOpen")?) {
            (_, true) => Missing::AllowedIfInvalid,
            (true, false) => Missing::Allowed,
            (false, false) => Missing::Refused,
        };
        let mut providers: Vec<Provider<'t>> = Vec::new();
        for provider in items(tree, "providers")? {
            let place = required(provider, "name", "the name of the provider")?;
            let name = text(place)?;
            if providers.iter().any(|other| other.name == name) {
                return Err(Fault::at(
                    place,
                    format!("two providers have the name `{name}`: write different names"),
                ));
            }
            let used: Vec<String> = providers.iter().map(|provider| provider.key.clone()).collect();
            providers.push(others.provider(provider, name, &used, config_map, notes)?);
        }
        match providers.is_empty() {
            true => Err(Fault::at(tree, "`providers` is missing: expected at least one provider")),
            false => Ok(Self { tree, providers, missing }),
        }
    }

    /// The name under which a provider stores its payload.
    pub fn key(&self, name: &str) -> Option<String> {
        self.providers.iter().find(|provider| provider.name == name).map(|provider| provider.key.clone())
    }

    /// The requirement: a valid token of one of the providers.
    pub fn requirement(&self) -> Tree {
        let place = self.tree;
        let of = |provider: &Provider<'_>| {
            let name = ("provider_name", text_at(place, provider.key.clone()));
            match &provider.audiences {
                None => object(place, vec![name]),
                Some(audiences) => {
                    let both = object(place, vec![name, ("audiences", audiences.clone())]);
                    object(place, vec![("provider_and_audiences", both)])
                }
            }
        };
        let mut requirements: Vec<Tree> = self.providers.iter().map(of).collect();
        let allowed = |name: &str| object(place, vec![(name, object(place, Vec::new()))]);
        match self.missing {
            Missing::Refused => {}
            Missing::Allowed => requirements.push(allowed("allow_missing")),
            Missing::AllowedIfInvalid => requirements.push(allowed("allow_missing_or_failed")),
        }
        if requirements.len() == 1 {
            return requirements.remove(0);
        }
        let any = object(place, vec![("requirements", list(place, requirements))]);
        object(place, vec![("requires_any", any)])
    }
}

impl Known {
    /// A provider of a policy. `used` are the keys of the other providers of the same policy: rules tell its providers apart.
    fn provider<'t>(
        &mut self,
        tree: &'t Tree,
        name: &'t str,
        used: &[String],
        config_map: ConfigMaps<'_, '_>,
        notes: &mut Notes,
    ) -> Result<Provider<'t>, Fault> {
        let content = object(tree, config(tree, "", config_map, notes)?);
        let without: Vec<_> =
            content.members().iter().filter(|(name, _)| name != "audiences").cloned().collect();
        let content = map(tree, without).to_json();
        let audiences: Vec<String> =
            texts(tree, "audiences")?.into_iter().map(|(_, audience)| audience.to_owned()).collect();
        let same = self.0.iter().find(|known| {
            let is_restricted = !known.audiences.is_empty() && !audiences.is_empty();
            known.content == content
                && !used.contains(&known.key)
                && (is_restricted || known.audiences == audiences)
        });
        if let Some(known) = same {
            let own = tree.get_exact("audiences").filter(|_| known.audiences != audiences).cloned();
            return Ok(Provider { name, audiences: own, key: known.key.clone(), config: None });
        }
        let key = unique(name, '_', |name| self.0.iter().any(|known| known.key == name));
        let config = object(tree, config(tree, &key, config_map, notes)?);
        self.0.push(KnownProvider { key: key.clone(), content, audiences });
        Ok(Provider { name, audiences: None, key, config: Some(config) })
    }
}

/// The members of a provider of `jwt_authn`.
fn config(
    tree: &Tree,
    key: &str,
    config_map: ConfigMaps<'_, '_>,
    notes: &mut Notes,
) -> Result<Vec<(&'static str, Tree)>, Fault> {
    const FIELDS: [&str; 8] = [
        "name",
        "issuer",
        "audiences",
        "remoteJWKS",
        "localJWKS",
        "claimToHeaders",
        "recomputeRoute",
        "extractFrom",
    ];
    known(tree, &FIELDS)?;
    let mut members = Vec::new();
    optional(tree, "issuer", text)?;
    members.extend(tree.get_exact("issuer").map(|issuer| ("issuer", issuer.clone())));
    texts(tree, "audiences")?;
    members.extend(tree.get_exact("audiences").map(|audiences| ("audiences", audiences.clone())));
    members.push(keys(tree, key, config_map, notes)?);
    // Envoy Gateway forwards each token.
    members.push(("forward", boolean_at(tree, true)));
    let mut headers = Vec::new();
    for header in items(tree, "claimToHeaders")? {
        known(header, &["header", "claim"])?;
        let name = required(header, "header", "the name of a header")?;
        let claim = required(header, "claim", "the name of a claim")?;
        text(name)?;
        text(claim)?;
        headers.push(object(header, vec![("header_name", name.clone()), ("claim_name", claim.clone())]));
    }
    if let Some(tree) = tree.get_exact("claimToHeaders") {
        members.push(("claim_to_headers", list(tree, headers)));
    }
    if optional(tree, "recomputeRoute", boolean)? == Some(true) {
        members.push(("clear_route_cache", boolean_at(tree, true)));
    }
    if let Some(places) = tree.get_exact("extractFrom") {
        members.extend(self::places(places)?);
    }
    members.push(("payload_in_metadata", text_at(tree, key)));
    let split = SPACE_DELIMITED.iter().map(|claim| text_at(tree, *claim)).collect();
    let normalize = object(tree, vec![("space_delimited_claims", list(tree, split))]);
    members.push(("normalize_payload_in_metadata", normalize));
    Ok(members)
}

/// The keys of a provider.
fn keys(
    tree: &Tree,
    key: &str,
    config_map: ConfigMaps<'_, '_>,
    notes: &mut Notes,
) -> Result<(&'static str, Tree), Fault> {
    match (tree.get_exact("remoteJWKS"), tree.get_exact("localJWKS")) {
        (Some(remote), None) => Ok(("remote_jwks", self::remote(remote, key, notes)?)),
        (None, Some(local)) => Ok(("local_jwks", self::local(local, config_map)?)),
        (Some(_), Some(both)) => Err(Fault::at(
            both,
            "expected remoteJWKS or localJWKS, got both; Envoy Gateway refuses the object",
        )),
        (None, None) => Err(Fault::at(tree, "expected remoteJWKS or localJWKS, got neither")),
    }
}

fn remote(tree: &Tree, key: &str, notes: &mut Notes) -> Result<Tree, Fault> {
    const FIELDS: [&str; 6] =
        ["uri", "cacheDuration", "failedRefetchDuration", "backendRef", "backendRefs", "backendSettings"];
    known(tree, &FIELDS)?;
    let uri = required(tree, "uri", "the URL of the keys")?;
    text(uri)?;
    if let Some(settings) = tree.get_exact("backendSettings") {
        let text = "configures a cluster that Envoy Gateway makes for jwt_authn, not the one of jwks_cluster: configure that \
                    cluster where you define it";
        notes.dropped(settings, text);
    }
    let http_uri = vec![
        ("uri", uri.clone()),
        // Envoy Gateway's own cluster belongs to the route. The name of the provider stands for one of the bootstrap.
        ("cluster", text_at(tree, key)),
        ("timeout", text_at(tree, "10s")),
    ];
    let mut members = vec![("http_uri", object(tree, http_uri))];
    optional(tree, "cacheDuration", text)?;
    let duration = tree.get_exact("cacheDuration").cloned().unwrap_or_else(|| text_at(tree, "300s"));
    members.push(("cache_duration", duration));
    let mut fetch = Vec::new();
    optional(tree, "failedRefetchDuration", text)?;
    fetch.extend(
        tree.get_exact("failedRefetchDuration").map(|wait| ("failed_refetch_duration", wait.clone())),
    );
    members.push(("async_fetch", object(tree, fetch)));
    Ok(object(tree, members))
}

fn local<'t>(tree: &Tree, config_map: ConfigMaps<'_, 't>) -> Result<Tree, Fault> {
    known(tree, &["type", "inline", "valueRef"])?;
    let kind = optional(tree, "type", text)?.unwrap_or("Inline");
    match (kind, tree.get_exact("inline"), tree.get_exact("valueRef")) {
        ("Inline", Some(inline), None) => {
            text(inline)?;
            Ok(object(tree, vec![("inline_string", inline.clone())]))
        }
        ("ValueRef", None, Some(reference)) => {
            known(reference, &["group", "kind", "name"])?;
            let name = text(required(reference, "name", "the name of a ConfigMap")?)?;
            let keys = config_map(name).ok_or_else(|| {
                let problem =
                    format!("the ConfigMap {name} with the keys is not in the files: add it to the files");
                Fault::at(reference, problem)
            })?;
            Ok(object(tree, vec![("inline_string", keys.clone())]))
        }
        ("Inline" | "ValueRef", ..) => {
            Err(Fault::at(tree, "expected inline with type Inline, or valueRef with type ValueRef"))
        }
        (other, ..) => Err(Fault::at(tree, format!("expected type Inline or ValueRef, got `{other}`"))),
    }
}

/// The places of a token.
fn places(tree: &Tree) -> Result<Vec<(&'static str, Tree)>, Fault> {
    known(tree, &["headers", "cookies", "params"])?;
    let mut places = Vec::new();
    let mut headers = Vec::new();
    for header in items(tree, "headers")? {
        known(header, &["name", "valuePrefix"])?;
        let name = required(header, "name", "the name of a header")?;
        text(name)?;
        let mut members = vec![("name", name.clone())];
        members.extend(header.get_exact("valuePrefix").map(|prefix| ("value_prefix", prefix.clone())));
        headers.push(object(header, members));
    }
    if let Some(tree) = tree.get_exact("headers") {
        places.push(("from_headers", list(tree, headers)));
    }
    for (name, envoy_name) in [("cookies", "from_cookies"), ("params", "from_params")] {
        texts(tree, name)?;
        places.extend(tree.get_exact(name).map(|tree| (envoy_name, tree.clone())));
    }
    Ok(places)
}
