//! Zigzag variable-length integers, the numbers records are made of.

/// Takes a 32-bit integer off the front. `None` if the bytes end inside it or it has more than five.
#[inline]
pub(super) fn take_i32(buf: &mut &[u8]) -> Option<i32> {
    let raw = take_raw(buf, 5)?;
    let raw = u32::try_from(raw).ok()?;
    Some((raw >> 1) as i32 ^ -((raw & 1) as i32))
}

/// Takes a 64-bit integer off the front. `None` if the bytes end inside it or it has more than ten.
#[inline]
pub(super) fn take_i64(buf: &mut &[u8]) -> Option<i64> {
    let raw = take_raw(buf, 10)?;
    Some((raw >> 1) as i64 ^ -((raw & 1) as i64))
}

/// Nearly all numbers in records take one byte, and the lengths of records and values one or two.
#[inline]
fn take_raw(buf: &mut &[u8], longest: usize) -> Option<u64> {
    match **buf {
        [first, ref rest @ ..] if first < 0x80 => {
            *buf = rest;
            Some(u64::from(first))
        }
        [first, second, ref rest @ ..] if second < 0x80 => {
            *buf = rest;
            Some(u64::from(first & 0x7f) | u64::from(second) << 7)
        }
        _ => take_long(buf, longest),
    }
}

#[cold]
fn take_long(buf: &mut &[u8], longest: usize) -> Option<u64> {
    let mut value = 0u64;
    for (at, byte) in buf.iter().take(longest).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if *byte < 0x80 {
            *buf = &buf[at + 1..];
            return Some(value);
        }
    }
    None
}

/// Appends a 32-bit integer. It has the same bytes as the 64-bit integer of that value.
#[inline]
pub(super) fn put_i32(value: i32, buf: &mut Vec<u8>) {
    put_i64(i64::from(value), buf);
}

/// Appends a 64-bit integer.
#[inline]
pub(super) fn put_i64(value: i64, buf: &mut Vec<u8>) {
    match zigzag(value) {
        raw @ ..0x80 => buf.push(raw as u8),
        raw @ 0x80..0x4000 => buf.extend_from_slice(&[raw as u8 | 0x80, (raw >> 7) as u8]),
        raw => put_long(raw, buf),
    }
}

#[cold]
fn put_long(mut raw: u64, buf: &mut Vec<u8>) {
    while raw >= 0x80 {
        buf.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    buf.push(raw as u8);
}

/// Bytes an integer takes.
pub(super) const fn size(value: i64) -> usize {
    let bits = 64 - (zigzag(value) | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

const fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back_as_they_went_in_and_take_the_size_announced() {
        let edges = (0..63).flat_map(|bit| [1i64 << bit, (1i64 << bit) - 1, -(1i64 << bit)]);
        for value in edges.chain([0, -1, i64::MIN, i64::MAX]) {
            let mut buf = Vec::new();
            put_i64(value, &mut buf);
            assert_eq!(buf.len(), size(value), "{value}");
            let mut rest = buf.as_slice();
            assert_eq!(take_i64(&mut rest), Some(value));
            assert!(rest.is_empty());
            let narrow = i32::try_from(value).ok();
            assert_eq!(take_i32(&mut buf.as_slice()), narrow, "{value}");
        }
    }

    #[test]
    fn integers_that_do_not_end_are_refused() {
        assert_eq!(take_i64(&mut [0x80; 12].as_slice()), None);
        assert_eq!(take_i32(&mut [0x80, 0x80, 0x80, 0x80, 0x80, 0x01].as_slice()), None);
        assert_eq!(take_i32(&mut [0x80].as_slice()), None);
        assert_eq!(take_i32(&mut [].as_slice()), None);
    }
}
