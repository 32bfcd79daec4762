//! The JSON document of a revocation list.
//!
//! The document is parsed item by item, and each item becomes a hash at once. A tree of 50,000 objects would need many
//! megabytes, and the memory of a wasm module never shrinks.

use std::fmt::Formatter;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::error::ListError;
use super::list::{HashKey, ListBuilder, NAMES, RevocationList};
use super::{MAX_ITEMS, MAX_LIST_BYTES};
use crate::jose::json::without_byte_order_mark;

const ISSUED_BEFORE: &str = "issued_before";

impl RevocationList {
    /// Parses the document `{"items": [...]}`, or an array of `jti` strings. Unknown members are ignored.
    ///
    /// # Errors
    /// The first mistake in the document. No part of such a document is used.
    pub fn parse(body: &[u8], key: HashKey) -> Result<Self, ListError> {
        if body.len() > MAX_LIST_BYTES {
            return Err(ListError::TooLarge);
        }
        let text = std::str::from_utf8(without_byte_order_mark(body)).map_err(|_| ListError::Json)?;
        // Items are separated by commas, so there are not more items than commas and one.
        let commas = text.bytes().filter(|byte| *byte == b',').count();
        let list = ListBuilder::new(key, MAX_ITEMS.min(commas + 1));
        let mut reader = ListReader { list, error: None };
        let mut json = serde_json::Deserializer::from_str(text);
        let parsed = json.deserialize_any(Document(&mut reader)).and_then(|()| json.end());
        match parsed {
            Ok(()) => Ok(reader.list.build()),
            // A value of a type that no visitor expects has an error of serde, which can contain the value.
            Err(error) if error.classify() == Category::Data => {
                Err(reader.error.unwrap_or(ListError::NotAList))
            }
            // A number that is too large for a double is JSON, but serde_json calls it a mistake of syntax.
            Err(_) if serde_json::from_str::<IgnoredAny>(text).is_ok() => {
                Err(reader.error.unwrap_or(ListError::NotAList))
            }
            Err(_) => Err(ListError::Json),
        }
    }
}

/// The list that is being read, and its first mistake.
struct ListReader {
    list: ListBuilder,
    error: Option<ListError>,
}

impl ListReader {
    /// Records the mistake for which the value that is read next would be refused.
    fn expect(&mut self, error: ListError) {
        self.error = Some(error);
    }

    fn refuse<E: Error>(&mut self, error: ListError) -> E {
        self.error = Some(error);
        E::custom("refused")
    }

    fn check_length<E: Error>(&mut self) -> Result<(), E> {
        if self.list.len() >= MAX_ITEMS { Err(self.refuse(ListError::TooManyItems)) } else { Ok(()) }
    }
}

/// The whole document.
struct Document<'r>(&'r mut ListReader);

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("a revocation list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_items = false;
        while let Some(is_items) = map.next_key_seed(MemberIs("items"))? {
            if !is_items {
                map.next_value::<IgnoredAny>()?;
            } else if std::mem::replace(&mut has_items, true) {
                return Err(self.0.refuse(ListError::RepeatedItems));
            } else {
                self.0.expect(ListError::NotAList);
                map.next_value_seed(Items(self.0))?;
            }
        }
        if has_items { Ok(()) } else { Err(self.0.refuse(ListError::NotAList)) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut jti = String::new();
        loop {
            self.0.expect(ListError::EntryType { index: self.0.list.len() });
            jti.clear();
            if entries.next_element_seed(Text(&mut jti))?.is_none() {
                return Ok(());
            }
            self.0.check_length()?;
            self.0.list.push([Some(&jti), None, None], None);
        }
    }
}

/// Whether the name of a member is this one. The name is compared without its escapes.
struct MemberIs(&'static str);

impl<'de> DeserializeSeed<'de> for MemberIs {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for MemberIs {
    type Value = bool;

    fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

/// The array `items`.
struct Items<'r>(&'r mut ListReader);

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut values = Values::default();
        loop {
            let index = self.0.list.len();
            self.0.expect(ListError::ItemType { index });
            values.clear();
            if items.next_element_seed(Item { reader: &mut *self.0, index, values: &mut values })?.is_none() {
                return Ok(());
            }
        }
    }
}

/// The values of one item. The buffers are used again for the next item.
#[derive(Default)]
struct Values {
    texts: [String; NAMES.len()],
    is_present: [bool; NAMES.len()],
    issued_before: Option<f64>,
}

impl Values {
    fn clear(&mut self) {
        self.texts.iter_mut().for_each(String::clear);
        self.is_present = [false; NAMES.len()];
        self.issued_before = None;
    }
}

/// One item.
struct Item<'r> {
    reader: &'r mut ListReader,
    index: usize,
    values: &'r mut Values,
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Item<'_> {
    type Value = ();

    fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("an item")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { reader, index, values } = self;
        while let Some(name) = map.next_key_seed(ItemMember)? {
            let place = NAMES.iter().position(|known| Some(*known) == name);
            let slot = place
                .and_then(|place| Some((values.texts.get_mut(place)?, values.is_present.get_mut(place)?)));
            match (name, slot) {
                (Some(member), Some((text, is_present))) => {
                    if std::mem::replace(is_present, true) {
                        return Err(reader.refuse(ListError::RepeatedMember { index, member }));
                    }
                    reader.expect(ListError::MemberType { index, member, expected: "a string" });
                    map.next_value_seed(Text(text))?;
                }
                (Some(member), None) => {
                    if values.issued_before.is_some() {
                        return Err(reader.refuse(ListError::RepeatedMember { index, member }));
                    }
                    let expected = "a number of seconds since 1970";
                    reader.expect(ListError::MemberType { index, member, expected });
                    values.issued_before = Some(map.next_value::<f64>()?);
                }
                (None, _) => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        reader.check_length()?;
        let mut present = values.is_present.iter().zip(&values.texts);
        let members = NAMES.map(|_| present.next().and_then(|(is, text)| is.then_some(text.as_str())));
        if members.iter().all(Option::is_none) && values.issued_before.is_none() {
            return Err(reader.refuse(ListError::NamesNothing { index }));
        }
        reader.list.push(members, values.issued_before);
        Ok(())
    }
}

/// The name of a member of an item, if the filter knows the member.
struct ItemMember;

impl<'de> DeserializeSeed<'de> for ItemMember {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for ItemMember {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(NAMES.into_iter().chain([ISSUED_BEFORE]).find(|known| *known == name))
    }
}

/// A string, which is appended to a buffer.
struct Text<'b>(&'b mut String);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Text<'_> {
    type Value = ();

    fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
