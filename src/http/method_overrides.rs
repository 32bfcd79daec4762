//! The headers by which some frameworks let a request name another method than its own.

/// The request headers that some frameworks take the method from, in their folded form: CGI and WSGI read
/// `X_HTTP_Method_Override` as the first. A client that sends `POST` with one of them could otherwise be judged by the
/// rules of `POST` and served as `DELETE`. So the methods that they name are looked up as well, and none of them is set
/// from a claim, behind the look-up.
pub const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];
