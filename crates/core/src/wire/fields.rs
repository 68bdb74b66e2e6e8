//! The fields of messages, for those that are read or written without the generated types because there are many of them.
//!
//! Reading believes no more than the guard of the generated decoders does, and refuses what they refuse.

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::guard::HARMLESS_VARINT;

/// A field, or what is wrong with it.
type Parsed<T> = Result<T, &'static str>;

/// Bytes that most tagged fields take; more make the buffer grow.
const USUAL_FIELD: usize = 96;

const CUT_OFF: &str = "it ends too early";

/// Takes fields off the front of a message. Errors say what is wrong with a field.
#[derive(Debug)]
pub struct FieldReader<'a> {
    frame: &'a Bytes,
    rest: &'a [u8],
    flexible: bool,
}

impl<'a> FieldReader<'a> {
    /// Reads from the start of `frame`. `flexible`: lengths are variable-length integers, and structs end with tagged
    /// fields (KIP-482).
    pub fn new(frame: &'a Bytes, flexible: bool) -> Self {
        FieldReader {
            frame,
            rest: frame,
            flexible,
        }
    }

    /// Reads `rest`, which is the end of `frame`.
    pub(super) fn of_rest(frame: &'a Bytes, rest: &'a [u8], flexible: bool) -> Self {
        FieldReader { frame, rest, flexible }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Parsed<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(CUT_OFF)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A 16-bit number.
    ///
    /// # Errors
    /// The message ends too early.
    #[inline]
    pub fn i16(&mut self) -> Parsed<i16> {
        self.array().map(i16::from_be_bytes)
    }

    /// A 32-bit number.
    ///
    /// # Errors
    /// The message ends too early.
    #[inline]
    pub fn i32(&mut self) -> Parsed<i32> {
        self.array().map(i32::from_be_bytes)
    }

    /// A 64-bit number.
    ///
    /// # Errors
    /// The message ends too early.
    #[inline]
    pub fn i64(&mut self) -> Parsed<i64> {
        self.array().map(i64::from_be_bytes)
    }

    /// An id.
    ///
    /// # Errors
    /// The message ends too early.
    pub fn uuid(&mut self) -> Parsed<Uuid> {
        self.array().map(Uuid::from_bytes)
    }

    #[inline]
    fn varint(&mut self) -> Parsed<usize> {
        match *self.rest {
            [byte @ 0..0x80, ref rest @ ..] => {
                self.rest = rest;
                Ok(usize::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Parsed<usize> {
        let most = HARMLESS_VARINT.max(self.rest.len() + 1) as u64;
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        // At most one more than what remains, or a small number.
        (value <= most).then_some(value as usize).ok_or("a length exceeds it")
    }

    /// The number of elements of an array, each of which takes at least `least` bytes; `None` is no array.
    #[inline]
    pub(super) fn nullable_count(&mut self, least: usize) -> Parsed<Option<usize>> {
        let count = self.compact_or(|fields| fields.i32().map(i64::from))?;
        match count {
            Some(count) if count > self.rest.len() / least => Err("it counts more elements than fit"),
            count => Ok(count),
        }
    }

    /// The number of elements of an array that has to be there, each of which takes at least `least` bytes.
    ///
    /// # Errors
    /// There is no array, or it claims to have more than fit.
    #[inline]
    pub fn count(&mut self, least: usize) -> Parsed<usize> {
        self.nullable_count(least)?.ok_or("an array is missing")
    }

    /// Bytes with their length, which share the frame's memory.
    ///
    /// # Errors
    /// They are cut off.
    pub fn nullable_bytes(&mut self) -> Parsed<Option<Bytes>> {
        let size = self.compact_or(|fields| fields.i32().map(i64::from))?;
        size.map(|size| Ok(self.frame.slice_ref(self.slice(size)?))).transpose()
    }

    /// An 8-bit number.
    ///
    /// # Errors
    /// The message ends too early.
    pub fn i8(&mut self) -> Parsed<i8> {
        self.array().map(i8::from_be_bytes)
    }

    /// Whether a byte is not 0.
    pub(super) fn boolean(&mut self) -> Parsed<bool> {
        self.array().map(|[byte]| byte != 0)
    }

    /// Text that may be missing.
    ///
    /// # Errors
    /// It is cut off or not UTF-8.
    pub fn nullable_text(&mut self) -> Parsed<Option<&'a str>> {
        let size = self.compact_or(|fields| fields.i16().map(i64::from))?;
        let text = size.map(|size| self.slice(size)).transpose()?;
        text.map(|text| std::str::from_utf8(text).map_err(|_| "text is not UTF-8"))
            .transpose()
    }

    /// Text that has to be there.
    ///
    /// # Errors
    /// It is missing, cut off or not UTF-8.
    pub fn text(&mut self) -> Parsed<&'a str> {
        self.nullable_text()?.ok_or("text is missing")
    }

    /// Text that may be missing, which shares the frame's memory.
    pub(super) fn nullable_string(&mut self) -> Parsed<Option<StrBytes>> {
        let text = self.nullable_text()?;
        text.map(|text| StrBytes::from_utf8(self.frame.slice_ref(text.as_bytes())).map_err(|_| "text is not UTF-8"))
            .transpose()
    }

    /// Text that has to be there, which shares the frame's memory.
    ///
    /// # Errors
    /// It is missing, cut off or not UTF-8.
    pub fn string(&mut self) -> Parsed<StrBytes> {
        self.nullable_string()?.ok_or("text is missing")
    }

    /// A length: in flexible versions one more than it is, and 0 for none; in others as `plain` has it, and -1 for none.
    #[inline]
    fn compact_or(&mut self, plain: impl FnOnce(&mut Self) -> Parsed<i64>) -> Parsed<Option<usize>> {
        if self.flexible {
            return Ok(self.varint()?.checked_sub(1));
        }
        match plain(self)? {
            -1 => Ok(None),
            length => usize::try_from(length).map(Some).map_err(|_| "a length is negative"),
        }
    }

    pub(super) fn skip(&mut self, size: usize) -> Parsed<()> {
        self.slice(size).map(drop)
    }

    fn slice(&mut self, size: usize) -> Parsed<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(size).ok_or(CUT_OFF)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The tagged fields at the end of a struct. `known` takes the value of a field if it knows its tag, and says whether
    /// it did; others are passed over. As the generated decoders do, it goes by what a known field holds rather than by
    /// the size that precedes it.
    ///
    /// # Errors
    /// Those of `known`, and tagged fields that are cut off.
    #[inline]
    pub fn tags(&mut self, mut known: impl FnMut(usize, &mut Self) -> Parsed<bool>) -> Parsed<()> {
        if !self.flexible {
            return Ok(());
        }
        if let [0, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(());
        }
        self.some_tags(&mut known)
    }

    #[cold]
    fn some_tags(&mut self, known: &mut dyn FnMut(usize, &mut Self) -> Parsed<bool>) -> Parsed<()> {
        for _ in 0..self.varint()? {
            let (tag, size) = (self.varint()?, self.varint()?);
            if !known(tag, self)? {
                self.skip(size)?;
            }
        }
        Ok(())
    }

    /// The tagged fields of a struct for which none is of interest.
    ///
    /// # Errors
    /// They are cut off.
    #[inline]
    pub fn no_tags(&mut self) -> Parsed<()> {
        self.tags(|_, _| Ok(false))
    }
}

/// Appends fields to a message.
#[derive(Debug)]
pub struct FieldWriter<'a> {
    out: &'a mut Vec<u8>,
    flexible: bool,
}

impl<'a> FieldWriter<'a> {
    /// Writes to the end of `out`. `flexible`: lengths are variable-length integers, and structs end with tagged fields
    /// (KIP-482).
    pub fn new(out: &'a mut Vec<u8>, flexible: bool) -> Self {
        FieldWriter { out, flexible }
    }

    /// Sees to it that there is room for so many bytes.
    pub fn reserve(&mut self, bytes: usize) {
        self.out.reserve(bytes);
    }

    /// An 8-bit number.
    #[inline]
    pub fn i8(&mut self, value: i8) {
        self.out.push(value.cast_unsigned());
    }

    /// A 16-bit number.
    #[inline]
    pub fn i16(&mut self, value: i16) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// A 32-bit number.
    #[inline]
    pub fn i32(&mut self, value: i32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// A 64-bit number.
    #[inline]
    pub fn i64(&mut self, value: i64) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// An id.
    pub fn uuid(&mut self, id: Uuid) {
        self.out.extend_from_slice(id.as_bytes());
    }

    /// The number of elements of an array, which follow.
    ///
    /// # Panics
    /// More than `i32::MAX` elements.
    #[inline]
    pub fn count(&mut self, count: usize) {
        if self.flexible && count < 0x7f {
            self.out.push(count as u8 + 1);
        } else {
            self.long_count(count);
        }
    }

    fn long_count(&mut self, count: usize) {
        if self.flexible {
            self.varint(count + 1);
        } else {
            self.i32(i32::try_from(count).expect("messages have fewer than 2^31 elements"));
        }
    }

    /// Bytes with their length, or none.
    ///
    /// # Panics
    /// More than `i32::MAX` bytes.
    pub fn nullable_bytes(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => {
                self.count(bytes.len());
                self.out.extend_from_slice(bytes);
            }
            None if self.flexible => self.varint(0),
            None => self.i32(-1),
        }
    }

    /// Text with its length, or none.
    ///
    /// # Panics
    /// More than `i16::MAX` bytes in versions that are not flexible.
    pub fn nullable_string(&mut self, text: Option<&str>) {
        match text {
            Some(text) => {
                if self.flexible {
                    self.varint(text.len() + 1);
                } else {
                    self.i16(i16::try_from(text.len()).expect("names have fewer than 2^15 bytes"));
                }
                self.out.extend_from_slice(text.as_bytes());
            }
            None if self.flexible => self.varint(0),
            None => self.i16(-1),
        }
    }

    /// Where what is no field goes, such as the bytes of records.
    pub fn raw(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// The end of a struct, with as many tagged fields to follow. Nothing in versions that have none.
    #[inline]
    pub fn tags(&mut self, count: usize) {
        if self.flexible {
            self.varint(count);
        }
    }

    /// The end of a struct without tagged fields.
    #[inline]
    pub fn no_tags(&mut self) {
        self.tags(0);
    }

    /// A tagged field. Nothing in versions that have none.
    pub fn tagged(&mut self, tag: usize, write: impl FnOnce(&mut FieldWriter<'_>)) {
        if self.flexible {
            let mut field = Vec::with_capacity(USUAL_FIELD);
            write(&mut FieldWriter::new(&mut field, true));
            self.varint(tag);
            self.varint(field.len());
            self.out.extend_from_slice(&field);
        }
    }

    #[inline]
    fn varint(&mut self, value: usize) {
        match value {
            ..0x80 => self.out.push(value as u8),
            0x80..0x4000 => self.out.extend_from_slice(&[value as u8 | 0x80, (value >> 7) as u8]),
            _ => self.long_varint(value),
        }
    }

    #[cold]
    fn long_varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }
}
