//! Whatever a client writes into headers that look like tokens or claims, the upstream receives verified identities only.

use std::sync::OnceLock;

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 12] = [
    PLACE,
    "x_agent_authorization",
    "x.agent-authorization",
    "grpc-metadata-x-agent-authorization",
    "authorization",
    "grpc_metadata.authorization",
    "x-agent-sub",
    "x_agent.sub",
    "grpc-metadata-x_agent_sub",
    "x-auth-sub",
    "x~auth~sub",
    "dpop",
];

/// `<S>` is the token of the service, and `<A>` that of the agent.
const VALUES: [&str; 14] = [
    "Bearer <S>",
    "Bearer <A>",
    "bearer <A>",
    "Bearer  <S>",
    "Bearer\tA",
    "Bearer <A>, Bearer <S>",
    "Bearer <S>,Bearer <A>",
    "Bearer",
    "Bearer x.y.z",
    "Basic <A>",
    "DPoP <S>",
    "<A>",
    "root",
    "",
];

fn tokens() -> &'static (String, String) {
    static TOKENS: OnceLock<(String, String)> = OnceLock::new();
    TOKENS.get_or_init(|| (service(), agent()))
}

fn written(value: &str) -> String {
    let (service, agent) = tokens();
    value.replace("<S>", service).replace("<A>", agent)
}

/// The name as an upstream may read it.
fn folded(name: &str) -> String {
    let fold = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let folded: String = name.chars().map(fold).collect();
    folded.strip_prefix("grpc-metadata-").map(str::to_owned).unwrap_or(folded)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn only_verified_identities_reach_the_upstream(
        path in 0_usize..6,
        authorization in proptest::option::weighted(0.8, proptest::bool::weighted(0.9)),
        place in proptest::option::weighted(0.8, proptest::bool::weighted(0.1)),
        more in proptest::collection::vec((0_usize..NAMES.len(), 0_usize..VALUES.len()), 0..3),
    ) {
        let config = config();
        let (path, asks) = [
            ("/pay", true), ("/a/../pay", true), ("/PAY", true), ("/optional", true), ("/", false), ("/open", false),
        ][path];
        let value = |is_service: bool| if is_service { VALUES[0] } else { VALUES[1] };
        let headers = [("authorization", authorization), (PLACE, place)].into_iter();
        let headers = headers.filter_map(|(name, is_service)| Some((name, value(is_service?))));
        let headers = headers.chain(more.into_iter().map(|(name, value)| (NAMES[name], VALUES[value])));
        let headers: Vec<(&str, String)> = headers.map(|(name, value)| (name, written(value))).collect();
        let request = headers.iter().fold(get(path), |request, (name, value)| request.header(name, value));
        let sent = |name: &str, token: &str| {
            headers.iter().any(|(header, value)| *header == name && value.ends_with(&format!(" {token}")))
        };
        let (service, agent) = tokens();
        if let Outcome::Forward(forward) = request.decide_with_keys(&config) {
            let upstream = request.upstream(&forward);
            let of = |name: &str| -> Vec<&(String, String)> {
                upstream.iter().filter(|(header, _)| folded(header) == name).collect()
            };
            prop_assert!(of(PLACE).is_empty(), "{path} {headers:?}");
            match of("x-agent-sub").as_slice() {
                [] => prop_assert!(!path.ends_with("pay") && !path.ends_with("PAY"), "{path} {headers:?}"),
                [(name, value)] => {
                    prop_assert_eq!((name.as_str(), value.as_str()), ("x-agent-sub", "agent-1"));
                    prop_assert!(asks && sent(PLACE, agent), "{path} {headers:?}");
                }
                several => prop_assert!(false, "{several:?}"),
            }
            match of("x-auth-sub").as_slice() {
                [] => prop_assert_eq!(path, "/open"),
                [(name, value)] => {
                    prop_assert_eq!((name.as_str(), value.as_str()), ("x-auth-sub", "user-1"));
                    prop_assert!(path != "/open" && sent("authorization", service), "{path} {headers:?}");
                    prop_assert!(of("authorization").is_empty(), "{path} {headers:?}");
                }
                several => prop_assert!(false, "{several:?}"),
            }
        }
    }
}
