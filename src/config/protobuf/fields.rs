//! Walks over a serialized message without decoding it.
//!
//! The metadata of a route can have hundreds of kilobytes, of which the filter reads two values. Decoding all of it
//! would allocate each key and each value of every other filter; here a field is skipped by its length. The cost of a
//! request depends on this file, so that it reads each byte at most once per level.

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

    /// The next field with its number. `None` at the end of the message.
    ///
    /// # Errors
    /// The message is malformed.
    pub fn read_next(&mut self) -> Result<Option<(u64, &'a [u8])>, Malformed> {
        while !self.rest.is_empty() {
            let key = self.varint()?;
            // The wire types of Protocol Buffers; groups are not used by any message of Envoy.
            let length = match key & 7 {
                0 => {
                    self.varint()?;
                    continue;
                }
                1 => 8,
                2 => usize::try_from(self.varint()?).map_err(|_| Malformed)?,
                5 => 4,
                _ => return Err(Malformed),
            };
            let (value, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
            self.rest = rest;
            if key & 7 == 2 {
                return Ok(Some((key >> 3, value)));
            }
        }
        Ok(None)
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        // Ten groups of seven bits are enough for 64 bits.
        for shift in (0..70).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(Malformed)?;
            self.rest = rest;
            number |= u64::from(byte & 0x7F) << shift;
            if *byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }
}

/// The value of this key in the map of texts to messages that is the field `map` of the message. Of two entries with the
/// key the last one counts, as for every map in a protocol buffer.
///
/// # Errors
/// The message is malformed, or an entry has its key or its value twice, which a decoder would merge.
pub fn entry<'a>(message: &'a [u8], map: u64, key: &[u8]) -> Result<Option<&'a [u8]>, Malformed> {
    let (mut found, mut fields) = (None, Fields::of(message));
    while let Some((number, entry)) = fields.read_next()? {
        if number == map
            && let (name, value) = pair(entry)?
            && name == key
        {
            found = Some(value);
        }
    }
    Ok(found)
}

/// The key and the value of an entry of a map.
///
/// # Errors
/// The entry is malformed, or has its key or its value twice.
pub fn pair(entry: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let (mut key, mut value, mut fields) = (None, None, Fields::of(entry));
    while let Some((number, part)) = fields.read_next()? {
        let slot = match number {
            1 => &mut key,
            2 => &mut value,
            _ => continue,
        };
        if slot.replace(part).is_some() {
            return Err(Malformed);
        }
    }
    Ok((key.unwrap_or_default(), value.unwrap_or_default()))
}

/// The value of a field that the message has at most once.
///
/// # Errors
/// The message is malformed, or has the field twice.
pub fn only(message: &[u8], number: u64) -> Result<Option<&[u8]>, Malformed> {
    let (mut found, mut fields) = (None, Fields::of(message));
    while let Some((other, value)) = fields.read_next()? {
        if other == number && found.replace(value).is_some() {
            return Err(Malformed);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_and_others_are_skipped() {
        // A varint, 64 bits, 32 bits, and three fields, of which one has a number and a length of two bytes.
        let long = [b"\xA2\x06\x80\x01".as_slice(), &[7; 128]].concat();
        let message = [b"\x08\x96\x01\x11ABCDEFGH\x1DABCD\x22\x02hi\x0A\x00".as_slice(), &long].concat();
        let mut fields = Fields::of(&message);
        assert_eq!(fields.read_next(), Ok(Some((4, b"hi".as_slice()))));
        assert_eq!(fields.read_next(), Ok(Some((1, b"".as_slice()))));
        assert_eq!(fields.read_next(), Ok(Some((100, [7; 128].as_slice()))));
        assert_eq!(fields.read_next(), Ok(None));
        assert_eq!(only(&message, 4), Ok(Some(b"hi".as_slice())));
        assert_eq!(only(&message, 2), Ok(None), "another wire type");
    }

    #[test]
    fn what_is_cut_off_or_unknown_is_malformed() {
        for message in [
            b"\x0A".as_slice(),
            b"\x0A\x02a",
            b"\x08",
            b"\x08\x80",
            b"\x11ABCDEFG",
            b"\x1DABC",
            b"\x0B",
            b"\x0C",
            b"\x0E",
            b"\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01",
            b"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
        ] {
            assert_eq!(Fields::of(message).read_next(), Err(Malformed), "{message:?}");
        }
    }

    #[test]
    fn the_last_entry_with_a_key_counts() {
        let message =
            b"\x0A\x06\x0A\x01a\x12\x01x\x0A\x06\x0A\x01b\x12\x01y\x0A\x06\x12\x01z\x0A\x01a\x0A\x00";
        assert_eq!(entry(message, 1, b"a"), Ok(Some(b"z".as_slice())));
        assert_eq!(entry(message, 1, b"b"), Ok(Some(b"y".as_slice())));
        assert_eq!(entry(message, 1, b""), Ok(Some(b"".as_slice())), "both parts have a default");
        assert_eq!(entry(message, 1, b"c"), Ok(None));
        assert_eq!(entry(message, 2, b"a"), Ok(None));
        for twice in [b"\x0A\x06\x0A\x01a\x0A\x01a".as_slice(), b"\x0A\x06\x12\x01a\x12\x01a"] {
            assert_eq!(entry(twice, 1, b"a"), Err(Malformed));
        }
        assert_eq!(only(b"\x0A\x01a\x0A\x01b", 1), Err(Malformed));
    }
}
