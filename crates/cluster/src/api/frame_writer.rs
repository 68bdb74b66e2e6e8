//! Writing a response straight into its frame, for the APIs that are asked again and again.

use bytes::{BufMut, Bytes};
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::BrokerId;
use kafka_sim_core::wire::{FieldWriter, RequestHead};

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

    /// Where its fields go.
    pub(super) fn fields(&mut self) -> FieldWriter<'_> {
        FieldWriter::new(&mut self.out, self.flexible)
    }

    /// Where what is no field goes, such as the bytes of records.
    pub(super) fn raw(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Begins the tagged fields of a struct, which are fewer than 128.
    pub(super) fn tag_count(&mut self, count: u8) {
        self.out.put_u8(count);
    }

    /// A tagged field, of a flexible version.
    pub(super) fn tagged(&mut self, tag: u8, write: impl FnOnce(&mut FieldWriter<'_>)) {
        let mut field = Vec::new();
        write(&mut FieldWriter::new(&mut field, true));
        self.out.put_u8(tag);
        self.fields().varint(field.len());
        self.out.put_slice(&field);
    }

    /// The end of a flexible response whose only tagged field are the endpoints of brokers to go to instead (KIP-951).
    pub(super) fn endpoints(
        &mut self,
        ids: impl Iterator<Item = BrokerId>,
        address: impl Fn(BrokerId) -> Option<Address>,
    ) {
        let mut ids: Vec<BrokerId> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        let known: Vec<(BrokerId, Address)> = ids.into_iter().filter_map(|id| Some((id, address(id)?))).collect();
        if known.is_empty() {
            return self.tag_count(0);
        }
        self.tag_count(1);
        self.tagged(0, |list| {
            list.count(known.len());
            for (id, (host, port, rack)) in known {
                list.i32(id.0);
                list.nullable_string(Some(&host));
                list.i32(port);
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
