//! The keys of second tokens.

keys! {
    /// The keys of a second token.
    pub mod second_token {
        /// The token sources of the second token. They cannot be token sources of the first token or of another second
        /// token, claim headers, or headers that a claim is compared with.
        TOKEN_FROM: Name("token_from") is ObjectOrList("token_source");

        /// The names of the issuers whose tokens are accepted. Their tokens then do not count as the first token, unless
        /// the issuer has first_token: true.
        ISSUERS: Name("issuers") is Texts;

        /// The headers that the filter sets from the second token, and the claim that each header carries, in the form of
        /// the global claim_headers. They are removed from client requests. No other map can have them. If absent, the
        /// filter sets no headers.
        CLAIM_HEADERS: Name("claim_headers") is ClaimHeaders;

        /// Whether the upstream gets the second token where a requirement asks for it. Where no requirement does, the
        /// filter removes the token.
        FORWARD_TOKEN: Flag("forward_token", false);
    }
}
