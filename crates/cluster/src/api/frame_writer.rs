//! Writing a response straight into its frame, for the APIs that are asked again and again.

use bytes::{BufMut, Bytes};
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::BrokerId;
use kafka_sim_core::wire::RequestHead;

/// Advertised host and port of a broker, and its rack.
pub(super) type Address = (StrBytes, i32, Option<StrBytes>);

/// A response frame that is being written, size prefix included.
pub(super) struct FrameWriter {
    out: Vec<u8>,
    flexible: bool,
}

impl FrameWriter {
    /// Begins a response with room for so many bytes. `tagged_head`: its header has tagged fields, as that of every
    /// flexible version has but those of ApiVersions.
    pub(super) fn new(head: &RequestHead, flexible: bool, tagged_head: bool, room: usize) -> FrameWriter {
        let mut out = Vec::with_capacity(room);
        out.put_i32(0);
        out.put_i32(head.correlation_id);
        if tagged_head {
            out.put_u8(0);
        }
        FrameWriter { out, flexible }
    }

    /// Where fixed-size fields and records go.
    pub(super) fn raw(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    pub(super) fn unsigned_varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.out
                .put_u8(u8::try_from(value & 0x7f).expect("seven bits fit") | 0x80);
            value >>= 7;
        }
        self.out.put_u8(u8::try_from(value).expect("seven bits fit"));
    }

    pub(super) fn array_len(&mut self, len: usize) {
        if self.flexible {
            self.unsigned_varint(len + 1);
        } else {
            self.out
                .put_i32(i32::try_from(len).expect("counts of a request that was received"));
        }
    }

    /// The length of bytes that follow.
    pub(super) fn bytes_len(&mut self, len: usize) {
        if self.flexible {
            self.unsigned_varint(len + 1);
        } else {
            self.out
                .put_i32(i32::try_from(len).expect("responses are bounded by fetch.max.bytes"));
        }
    }

    pub(super) fn string(&mut self, text: &str) {
        if self.flexible {
            self.unsigned_varint(text.len() + 1);
        } else {
            self.out
                .put_i16(i16::try_from(text.len()).expect("a name that was received, or a short message"));
        }
        self.out.put_slice(text.as_bytes());
    }

    pub(super) fn nullable_string(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.string(text),
            None if self.flexible => self.out.put_u8(0),
            None => self.out.put_i16(-1),
        }
    }

    /// The end of a struct without tagged fields.
    pub(super) fn no_tags(&mut self) {
        if self.flexible {
            self.out.put_u8(0);
        }
    }

    /// A tagged field.
    pub(super) fn tagged(&mut self, tag: u8, write: impl FnOnce(&mut FrameWriter)) {
        let mut field = FrameWriter {
            out: Vec::new(),
            flexible: true,
        };
        write(&mut field);
        self.out.put_u8(tag);
        self.unsigned_varint(field.out.len());
        self.out.put_slice(&field.out);
    }

    /// The end of a flexible response whose only tagged field are the endpoints of brokers to go to instead (KIP-951).
    pub(super) fn endpoints(
        &mut self,
        ids: impl Iterator<Item = BrokerId>,
        tag: u8,
        address: impl Fn(BrokerId) -> Option<Address>,
    ) {
        let mut ids: Vec<BrokerId> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        let known: Vec<(BrokerId, Address)> = ids.into_iter().filter_map(|id| Some((id, address(id)?))).collect();
        if known.is_empty() {
            return self.out.put_u8(0);
        }
        self.out.put_u8(1);
        self.tagged(tag, |list| {
            list.array_len(known.len());
            for (id, (host, port, rack)) in known {
                list.out.put_i32(id.0);
                list.string(&host);
                list.out.put_i32(port);
                list.nullable_string(rack.as_deref());
                list.no_tags();
            }
        });
    }

    /// The frame.
    pub(super) fn finish(mut self) -> Bytes {
        let size = i32::try_from(self.out.len() - 4).expect("responses are bounded by fetch.max.bytes");
        self.out[..4].copy_from_slice(&size.to_be_bytes());
        self.out.into()
    }
}
