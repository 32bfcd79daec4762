//! The keys of the objects that only bound tokens have.

keys! {
    /// The key of a header with the client's certificate.
    pub mod certificate_header {
        /// The header that the proxy in front of this Envoy sets. Its only element must have its Hash before Subject, URI
        /// and DNS, as Envoy writes it.
        HEADER: Name("header") is Enum(&[crate::confirmation::FORWARDED_CERTIFICATE]);
    }

    /// The keys of the rules for DPoP proofs (RFC 9449).
    pub mod dpop {
        /// The origins at which clients reach the service: scheme, host and, unless it is the default, port. The htu of a
        /// proof must be the URI of the request at one of them. The Host of the request does not count, because the client
        /// chooses it.
        ORIGIN: Name("origin") is TextsMatching("^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@]+/?$");

        /// The signature algorithms of proofs, by their alg. Of RSA keys, those up to 4096 bits are accepted.
        ALGORITHMS: Name("algorithms") is EnumList(&crate::dpop::ALGORITHM_NAMES),
            default "[\"ES256\",\"EdDSA\"]";

        /// The longest time between the iat of a proof and now, in both directions. The clock skew of issuers is not added.
        /// A proof is remembered for this time, so that it passes once.
        MAX_AGE_SECONDS: Integer("max_age_seconds", 60, Bounds::new(1, 600, "seconds"));
    }
}
