//! Maps of issuers: each replaces the global map for its tokens, and the headers of all maps are removed.

use super::*;

const SECOND: IssuerIndex = IssuerIndex(1);

fn identity_from(issuer: IssuerIndex) -> Rc<Identity> {
    Rc::new(Identity::new(VerifiedClaims::unchecked(issuer, CLAIMS, &[]), &ClaimSources::default()))
}

/// A global map with `x-user` and `x-only-global`, and a map of the second issuer with `x-user` and `x-kind`.
fn two_maps() -> ClaimHeaders {
    let mut maps = map(&[("x-user", claim(&["email"])), ("x-only-global", claim(&["jti"]))]).unwrap();
    let own = [("X-User", claim(&["sub"])), ("x-kind", HeaderSource::Value("partner".to_owned()))];
    maps.add_issuer(SECOND, own.map(|(name, source)| (name.to_owned(), source)).into()).unwrap();
    maps
}

#[test]
fn each_issuer_has_its_own_map() {
    let maps = two_maps();
    for (issuer, expected) in [
        (IssuerIndex(0), [("x-user", "ada@example.com"), ("x-only-global", "j1")]),
        (SECOND, [("x-user", "u1"), ("x-kind", "partner")]),
        (IssuerIndex(2), [("x-user", "ada@example.com"), ("x-only-global", "j1")]),
    ] {
        let expected = expected.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        assert_eq!(maps.encode(&identity_from(issuer)), expected, "{issuer:?}");
    }
    assert_eq!(maps.names().collect::<Vec<_>>(), ["x-user", "x-only-global", "x-kind"]);
    assert_eq!(maps.of_issuer(IssuerIndex(0)).map(Iterator::count), None);
    assert_eq!(maps.of_issuer(SECOND).map(Iterator::count), Some(2));
}

#[test]
fn headers_of_every_map_are_removed_whatever_token_a_request_has() {
    let maps = two_maps();
    for name in
        ["x-user", "x_user", "x-only-global", "x.only.global", "x-kind", "x_kind", "grpc-metadata-x-kind"]
    {
        let request = headers(&[(name, "forged"), ("x-other", "1")]);
        assert_eq!(shown(&maps.strip(&request)), [format!("{name} -")]);
        assert_eq!(shown(&maps.strip_trailers(&request, |_| false)), [format!("{name} -")]);
        for issuer in [IssuerIndex(0), SECOND] {
            let edits = maps.plan(&request, &permit_for(&identity_from(issuer)), LIMIT).unwrap();
            let is_edited = shown(&edits).iter().any(|line| line.starts_with(&format!("{name} ")));
            assert!(is_edited, "{name} of {issuer:?}: {:?}", shown(&edits));
        }
    }
}

#[test]
fn two_maps_spell_a_header_in_the_same_way() {
    let add = |name: &str| {
        let mut maps = map(&[("x-auth-a", HeaderSource::Roles)]).unwrap();
        maps.add_issuer(SECOND, vec![(name.to_owned(), HeaderSource::Groups)])
    };
    for same in ["x-auth-a", "X-Auth-A", "x-auth-b"] {
        assert_eq!(add(same), Ok(()), "{same}");
    }
    for other in ["x-auth_a", "x.auth.a", "X_AUTH_A"] {
        let same = HeaderMapError::Same { first: "x-auth-a".to_owned(), second: other.to_owned() };
        assert_eq!(add(other), Err(same), "{other}");
    }
    let mut maps = two_maps();
    let third = vec![("x_kind".to_owned(), HeaderSource::Nothing)];
    assert!(maps.add_issuer(IssuerIndex(2), third).is_err(), "the maps of two issuers are compared too");
    let twice = vec![("x-a".to_owned(), HeaderSource::Roles), ("X-A".to_owned(), HeaderSource::Roles)];
    assert!(maps.add_issuer(IssuerIndex(2), twice).is_err(), "a name is in one map once");
}
