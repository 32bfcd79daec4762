//! Walks over a serialized message without decoding it.
//!
//! The metadata of a route can have hundreds of kilobytes, of which the filter reads two values. Decoding all of it
//! would allocate each key and each value of every other filter; here a field is skipped by its length.

use prost::encoding::{WireType, decode_key, decode_varint};

/// The message has a field that is cut off, or of a wire type that no message of Envoy has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// The length-delimited fields of a message in their order, each with its number.
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of a serialized message.
    pub fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field, of any wire type.
    fn next_field(&mut self) -> Result<Option<(u32, &'a [u8])>, Malformed> {
        let (number, wire_type) = decode_key(&mut self.rest).map_err(|_| Malformed)?;
        let length = match wire_type {
            WireType::LengthDelimited => {
                let length = decode_varint(&mut self.rest).map_err(|_| Malformed)?;
                usize::try_from(length).map_err(|_| Malformed)?
            }
            WireType::Varint => {
                decode_varint(&mut self.rest).map_err(|_| Malformed)?;
                return Ok(None);
            }
            WireType::SixtyFourBit => 8,
            WireType::ThirtyTwoBit => 4,
            WireType::StartGroup | WireType::EndGroup => return Err(Malformed),
        };
        let (value, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok((wire_type == WireType::LengthDelimited).then_some((number, value)))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            match self.next_field() {
                Ok(None) => {}
                Ok(Some(field)) => return Some(Ok(field)),
                Err(Malformed) => {
                    self.rest = &[];
                    return Some(Err(Malformed));
                }
            }
        }
        None
    }
}

/// The value of this key in a map of texts to messages: the field `map` of `message`. Of two entries with the key the
/// last one counts, as for every map in a protocol buffer.
///
/// # Errors
/// The message is malformed, or an entry has its key or its value twice, which a decoder would merge.
pub fn entry<'a>(message: &'a [u8], map: u32, key: &[u8]) -> Result<Option<&'a [u8]>, Malformed> {
    let mut found = None;
    for field in Fields::of(message) {
        let (number, entry) = field?;
        if number == map {
            let (name, value) = (only(entry, 1)?, only(entry, 2)?);
            if name.unwrap_or_default() == key {
                found = Some(value.unwrap_or_default());
            }
        }
    }
    Ok(found)
}

/// The value of a field that the message has at most once.
///
/// # Errors
/// The message is malformed, or has the field twice.
pub fn only(message: &[u8], number: u32) -> Result<Option<&[u8]>, Malformed> {
    let mut found = None;
    for field in Fields::of(message) {
        let (other, value) = field?;
        if other == number && found.replace(value).is_some() {
            return Err(Malformed);
        }
    }
    Ok(found)
}
