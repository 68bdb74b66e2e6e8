//! Comparing the decoders that do without the generated types with the generated ones they stand for.

use std::fmt::Debug;
use std::ops::RangeInclusive;

/// Two decoders of the same requests. `None`: the bytes are refused.
pub(super) struct Decoders<T> {
    pub(super) versions: RangeInclusive<i16>,
    /// A body in which every field says something.
    pub(super) encoded: fn(i16) -> Vec<u8>,
    pub(super) read: fn(i16, &[u8]) -> Option<T>,
    pub(super) by_generated: fn(i16, &[u8]) -> Option<T>,
}

impl<T: PartialEq + Debug> Decoders<T> {
    fn bodies(&self) -> impl Iterator<Item = (i16, Vec<u8>)> {
        self.versions.clone().map(|version| (version, (self.encoded)(version)))
    }

    pub(super) fn agree_on_every_version(&self) {
        for (version, body) in self.bodies() {
            let read = (self.read)(version, &body);
            assert!(read.is_some(), "version {version}");
            assert_eq!(read, (self.by_generated)(version, &body), "version {version}");
        }
    }

    pub(super) fn refuse_what_ends_too_early(&self) {
        for (version, body) in self.bodies() {
            for size in 0..body.len() {
                let read = (self.read)(version, &body[..size]);
                assert_eq!(read, None, "version {version}, {size} bytes");
            }
        }
    }

    pub(super) fn agree_on_changed_bytes(&self) {
        for (version, body) in self.bodies() {
            for at in 0..body.len() {
                for value in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut changed = body.clone();
                    changed[at] = value;
                    let (read, generated) = ((self.read)(version, &changed), (self.by_generated)(version, &changed));
                    assert_eq!(read, generated, "version {version}, byte {at} is {value}");
                }
            }
        }
    }
}
