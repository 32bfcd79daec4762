//! The headers that make some frameworks use a method other than the request's own.

/// The normalized names of the method-override headers; CGI and WSGI read `X_HTTP_Method_Override` as the first
/// one. Otherwise a client could send `POST` with such a header and be evaluated by the rules of `POST` but
/// served as `DELETE`. So the methods in these headers are looked up as well, and no claim may set such a
/// header, because that would happen after the look-up.
pub const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];
