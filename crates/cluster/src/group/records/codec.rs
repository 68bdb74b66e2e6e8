//! Texts, bytes and lists inside of keys and values: the plain forms of old versions and the compact ones of flexible
//! versions, which end in tagged fields.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};

use crate::group::words::Text;

pub(in crate::group) fn put_text(buf: &mut Vec<u8>, text: &str) {
    // Everything here came out of a length of at most int16, or of a compact string that a frame limits.
    let text = &text[..text.floor_char_boundary(i16::MAX as usize)];
    buf.put_i16(i16::try_from(text.len()).expect("cut above"));
    buf.put_slice(text.as_bytes());
}

pub(super) fn put_maybe_text(buf: &mut Vec<u8>, text: Option<&Text>) {
    match text {
        Some(text) => put_text(buf, text),
        None => buf.put_i16(-1),
    }
}

pub(in crate::group) fn put_bytes(buf: &mut Vec<u8>, bytes: &Bytes) {
    buf.put_i32(i32::try_from(bytes.len()).expect("a frame is smaller than 2 GiB"));
    buf.put_slice(bytes);
}

pub(in crate::group) fn text(buf: &mut Bytes) -> Option<Text> {
    maybe_text(buf)?
}

/// Outer `None`: unreadable.
pub(super) fn maybe_text(buf: &mut Bytes) -> Option<Option<Text>> {
    let len = buf.try_get_i16().ok()?;
    let Ok(len) = usize::try_from(len) else {
        return Some(None);
    };
    if buf.remaining() < len {
        return None;
    }
    let bytes = buf.split_to(len);
    Some(Some(Arc::from(std::str::from_utf8(&bytes).ok()?)))
}

pub(in crate::group) fn blob(buf: &mut Bytes) -> Option<Bytes> {
    let len = usize::try_from(buf.try_get_i32().ok()?).ok()?;
    (buf.remaining() >= len).then(|| buf.split_to(len))
}

/// An unsigned number in groups of seven bits, lowest first.
pub(super) fn put_varint(buf: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        buf.put_u8((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    buf.put_u8(value as u8);
}

pub(super) fn varint(buf: &mut Bytes) -> Option<u32> {
    let mut value = 0_u32;
    for shift in (0..35).step_by(7) {
        let byte = buf.try_get_u8().ok()?;
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Length of a compact text, blob or list: one more than it is, 0 for null.
pub(super) fn put_len(buf: &mut Vec<u8>, len: usize) {
    put_varint(buf, u32::try_from(len + 1).expect("a frame is smaller than 2 GiB"));
}

/// Outer `None`: unreadable. Inner `None`: null.
pub(super) fn len(buf: &mut Bytes) -> Option<Option<usize>> {
    let raw = varint(buf)?;
    Some(usize::try_from(raw).ok()?.checked_sub(1))
}

pub(super) fn put_compact(buf: &mut Vec<u8>, bytes: &[u8]) {
    put_len(buf, bytes.len());
    buf.put_slice(bytes);
}

pub(super) fn put_maybe_compact(buf: &mut Vec<u8>, text: Option<&Text>) {
    match text {
        Some(text) => put_compact(buf, text.as_bytes()),
        None => put_varint(buf, 0),
    }
}

pub(super) fn compact_blob(buf: &mut Bytes) -> Option<Bytes> {
    let len = len(buf)??;
    (buf.remaining() >= len).then(|| buf.split_to(len))
}

pub(super) fn compact(buf: &mut Bytes) -> Option<Text> {
    maybe_compact(buf)?
}

/// Outer `None`: unreadable.
pub(super) fn maybe_compact(buf: &mut Bytes) -> Option<Option<Text>> {
    let Some(len) = len(buf)? else { return Some(None) };
    if buf.remaining() < len {
        return None;
    }
    let bytes = buf.split_to(len);
    Some(Some(Arc::from(std::str::from_utf8(&bytes).ok()?)))
}

/// The end of a flexible struct without tagged fields.
pub(super) fn put_no_tags(buf: &mut Vec<u8>) {
    put_varint(buf, 0);
}

/// One tagged field at the end of a flexible struct.
pub(super) fn put_tag(buf: &mut Vec<u8>, tag: u32, content: &[u8]) {
    put_varint(buf, 1);
    put_varint(buf, tag);
    put_varint(
        buf,
        u32::try_from(content.len()).expect("a frame is smaller than 2 GiB"),
    );
    buf.put_slice(content);
}

/// The tagged fields at the end of a flexible struct.
pub(super) fn tags(buf: &mut Bytes) -> Option<Vec<(u32, Bytes)>> {
    let mut found = Vec::new();
    for _ in 0..varint(buf)? {
        let tag = varint(buf)?;
        let len = usize::try_from(varint(buf)?).ok()?;
        if buf.remaining() < len {
            return None;
        }
        found.push((tag, buf.split_to(len)));
    }
    Some(found)
}
