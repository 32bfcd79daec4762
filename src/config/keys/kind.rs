//! The kinds of keys: the constants for the reader, and the descriptions for the schema and the documents.

/// The name of a key. Only the table of keys can create one, so that the reader cannot take a key that is not declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name(&'static str);

/// A key that is `true` or `false`.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// The name.
    pub name: Name,
    /// The value of an absent key.
    pub default: bool,
}

/// A key that is a whole number.
#[derive(Debug, Clone, Copy)]
pub struct Integer {
    /// The name.
    pub name: Name,
    /// The value of an absent key.
    pub default: u64,
    /// The values that are accepted.
    pub bounds: Bounds,
}

/// A key that is a whole number. If the key is absent, there is no limit.
#[derive(Debug, Clone, Copy)]
pub struct OptionalInteger {
    /// The name.
    pub name: Name,
    /// The values that are accepted.
    pub bounds: Bounds,
}

/// A key that is one text and has a default.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// The name.
    pub name: Name,
    /// The value of an absent key.
    pub default: &'static str,
}

/// A key that is one of several words.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// The name.
    pub name: Name,
    /// The words. The first is the value of an absent key.
    pub values: &'static [&'static str],
    /// The words as an error lists them.
    pub listed: &'static str,
}

/// A key that lists claims and has a default.
#[derive(Debug, Clone, Copy)]
pub struct Claims {
    /// The name.
    pub name: Name,
    /// The value of an absent key.
    pub default: &'static [&'static str],
}

/// The least and the greatest value of a number, and its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The least value.
    pub least: u64,
    /// The greatest value. It is far below 2^53, so that a double represents every value within the bounds exactly.
    pub greatest: u64,
    /// The unit, such as `seconds`.
    pub unit: &'static str,
}

/// A key as documents describe it. The reader does not use it, so the wasm module contains no descriptions.
#[derive(Debug, Clone, Copy)]
pub struct DeclaredKey {
    /// The name.
    pub name: &'static str,
    /// The type.
    pub key_type: KeyType,
    /// The value of an absent key.
    pub default: DefaultValue,
    /// The meaning, in full sentences.
    pub description: &'static str,
}

/// The default of a key, for documents.
#[derive(Debug, Clone, Copy)]
pub enum DefaultValue {
    /// The key has no default.
    None,
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Integer(u64),
    /// A text.
    Text(&'static str),
    /// A list of texts.
    Texts(&'static [&'static str]),
    /// Any other value, as JSON text.
    Json(&'static str),
}

/// The type of a key.
#[derive(Debug, Clone, Copy)]
pub enum KeyType {
    /// `true` or `false`
    Boolean,
    /// `true`
    True,
    /// A text that is not blank.
    NonBlank,
    /// One text, or a list of texts.
    Texts,
    /// One text that matches this regular expression, or a list of such texts.
    TextsMatching(&'static str),
    /// One text, or a list of at most this many texts.
    TextsUpTo(usize),
    /// A text that matches this regular expression.
    Matching(&'static str),
    /// One of these texts.
    Enum(&'static [&'static str]),
    /// One of these texts, or a list of them.
    EnumList(&'static [&'static str]),
    /// A whole number within these bounds.
    Number(Bounds),
    /// The object with this name.
    Object(&'static str),
    /// The object with this name, or a list of such objects.
    ObjectOrList(&'static str),
    /// A list of objects with this name. The list may be empty.
    List(&'static str),
    /// A list of objects with this name, with at least one entry.
    Alternatives(&'static str),
    /// An object whose members are objects with this name. The operator chooses the names of the members.
    Map(&'static str),
    /// An object from header names to claims.
    ClaimHeaders,
    /// One claim or a list of claims, each with or without a prefix.
    ClaimSources,
    /// One claim, or a list of claims.
    ClaimList,
    /// One class of path variants, or a list of them.
    VariantClasses,
    /// One `kid`, or a list that may be empty.
    Kids,
    /// A JWKS, as an object or as text.
    Jwks,
    /// An object from claims to the values that are refused.
    RefusedClaims,
    /// This text, or the object with this name.
    WordOrObject(&'static str, &'static str),
    /// One text, a list of texts, or `{all: […]}`.
    AnyOrAll,
    /// One tenant, a list of tenants, or `{any: true}`.
    Tenants,
    /// One scope, `{any: […]}` or `{all: […]}`.
    Scopes,
    /// One JSON value, or a list of values.
    Values,
    /// Any number.
    AnyNumber,
}

/// An RFC 9110 token.
pub(super) const TOKEN: KeyType = KeyType::Matching("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$");

impl Name {
    pub(super) const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name as a text.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    pub(super) const fn name(self) -> Self {
        self
    }

    pub(super) const fn key(self, description: &'static str) -> DeclaredKey {
        DeclaredKey { name: self.0, key_type: KeyType::NonBlank, default: DefaultValue::None, description }
    }
}

impl Flag {
    pub(super) const fn new(name: &'static str, default: bool) -> Self {
        Self { name: Name(name), default }
    }

    pub(super) const fn name(self) -> Name {
        self.name
    }

    pub(super) const fn key(self, description: &'static str) -> DeclaredKey {
        let default = DefaultValue::Flag(self.default);
        DeclaredKey { key_type: KeyType::Boolean, default, ..self.name.key(description) }
    }
}

impl Integer {
    pub(super) const fn new(name: &'static str, default: u64, bounds: Bounds) -> Self {
        Self { name: Name(name), default, bounds }
    }

    pub(super) const fn name(self) -> Name {
        self.name
    }

    pub(super) const fn key(self, description: &'static str) -> DeclaredKey {
        let default = DefaultValue::Integer(self.default);
        DeclaredKey { key_type: KeyType::Number(self.bounds), default, ..self.name.key(description) }
    }
}

impl OptionalInteger {
    pub(super) const fn new(name: &'static str, bounds: Bounds) -> Self {
        Self { name: Name(name), bounds }
    }

    pub(super) const fn name(self) -> Name {
        self.name
    }

    pub(super) const fn key(self, description: &'static str) -> DeclaredKey {
        DeclaredKey { key_type: KeyType::Number(self.bounds), ..self.name.key(description) }
    }
}

impl Text {
    pub(super) const fn new(name: &'static str, default: &'static str) -> Self {
        Self { name: Name(name), default }
    }

    pub(super) const fn name(self) -> Name {
        self.name
    }

    pub(super) const fn key(self, description: &'static str) -> DeclaredKey {
        DeclaredKey { default: DefaultValue::Text(self.default), ..self.name.key(description) }
    }
}

impl Choice {
    pub(super) const fn new(
        name: &'static str,
        values: &'static [&'static str],
        listed: &'static str,
    ) -> Self {
        Self { name: Name(name), values, listed }
    }

    /// The value of an absent key.
    pub const fn default(self) -> &'static str {
        match self.values {
            [first, ..] => first,
            [] => "",
        }
    }

    pub(super) const fn name(self) -> Name {
        self.name
    }

    pub(super) const fn key(self, description: &'static str) -> DeclaredKey {
        let default = DefaultValue::Text(self.default());
        DeclaredKey { key_type: KeyType::Enum(self.values), default, ..self.name.key(description) }
    }
}

impl Claims {
    pub(super) const fn new(name: &'static str, default: &'static [&'static str]) -> Self {
        Self { name: Name(name), default }
    }

    pub(super) const fn name(self) -> Name {
        self.name
    }

    pub(super) const fn key(self, description: &'static str) -> DeclaredKey {
        DeclaredKey { default: DefaultValue::Texts(self.default), ..self.name.key(description) }
    }
}

impl Bounds {
    pub(super) const fn new(least: u64, greatest: u64, unit: &'static str) -> Self {
        Self { least, greatest, unit }
    }
}

impl DeclaredKey {
    pub(super) const fn of_type(self, key_type: KeyType) -> Self {
        Self { key_type, ..self }
    }

    pub(super) const fn or(self, json: &'static str) -> Self {
        Self { default: DefaultValue::Json(json), ..self }
    }
}
