use super::*;
use crate::Seed;

const CODECS: [Codec; 4] = [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

/// Nothing, a byte, text, more than one block of every format, and noise.
fn samples() -> Vec<Vec<u8>> {
    let mut rng = Seed(1).stream("samples", 0);
    let noise = (0..200_000).map(|_| rng.next_u32() as u8).collect();
    let text = (0..20_000u32)
        .flat_map(|n| format!("record {n}, ").into_bytes())
        .collect();
    vec![
        vec![],
        vec![7],
        b"hello hello hello".to_vec(),
        vec![0; 300_000],
        text,
        noise,
    ]
}

#[test]
fn every_codec_gives_back_what_it_was_given() {
    for codec in Codec::ALL {
        for plain in samples() {
            let compressed = compress(codec, &plain).unwrap();
            assert_eq!(
                decompress(codec, &compressed, plain.len()).unwrap(),
                plain,
                "{codec}, {}",
                plain.len()
            );
        }
    }
}

#[test]
fn no_limit_is_a_limit_too() {
    for codec in Codec::ALL {
        let compressed = compress(codec, b"plain").unwrap();
        assert_eq!(
            decompress(codec, &compressed, usize::MAX).unwrap(),
            &b"plain"[..],
            "{codec}"
        );
    }
}

#[test]
fn the_limit_is_exact_for_every_codec() {
    for codec in Codec::ALL {
        for plain in samples().into_iter().filter(|plain| !plain.is_empty()) {
            let compressed = compress(codec, &plain).unwrap();
            let limit = plain.len() - 1;
            assert_eq!(
                decompress(codec, &compressed, limit),
                Err(BatchError::TooLarge { limit }),
                "{codec}"
            );
        }
    }
}

#[test]
fn decompression_bombs_stop_at_the_limit() {
    let bomb = vec![0u8; 64 << 20];
    for codec in CODECS {
        let compressed = compress(codec, &bomb).unwrap();
        let error = decompress(codec, &compressed, 10_000).unwrap_err();
        assert_eq!(error, BatchError::TooLarge { limit: 10_000 }, "{codec}");
        assert_eq!(error.error_code(), crate::ErrorCode::MESSAGE_TOO_LARGE);
    }
}

#[test]
fn bytes_that_are_not_compressed_are_refused() {
    for codec in CODECS {
        let error = decompress(codec, b"\xff\xff\xff\xffthis is not compressed", 1 << 20).unwrap_err();
        assert!(
            matches!(error, BatchError::Undecompressable { .. } | BatchError::TooLarge { .. }),
            "{codec}"
        );
    }
}

#[test]
fn snappy_is_read_bare_and_in_xerial_framing() {
    let plain = samples().remove(4);
    let framed = compress(Codec::Snappy, &plain).unwrap();
    assert!(framed.starts_with(b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01"));
    assert_eq!(decompress(Codec::Snappy, &framed, 1 << 20).unwrap(), plain);
    let bare = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
    assert_eq!(decompress(Codec::Snappy, &bare, 1 << 20).unwrap(), plain);
}

#[test]
fn a_snappy_block_that_lies_about_its_size_reserves_nothing() {
    // Claims 4 GiB and holds nothing.
    let lie = [0xff, 0xff, 0xff, 0xff, 0x0f];
    assert!(decompress(Codec::Snappy, &lie, usize::MAX).is_err());
    let mut framed = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
    framed.extend_from_slice(&[0x7f, 0xff, 0xff, 0xff, 1]);
    assert!(decompress(Codec::Snappy, &framed, 1 << 20).is_err());
}

#[test]
fn streams_of_several_members_or_frames_are_read_to_their_end() {
    for codec in [Codec::Gzip, Codec::Zstd] {
        let twice = [compress(codec, b"one, ").unwrap(), compress(codec, b"two").unwrap()].concat();
        assert_eq!(decompress(codec, &twice, 100).unwrap(), &b"one, two"[..], "{codec}");
        assert_eq!(
            decompress(codec, &twice, 7),
            Err(BatchError::TooLarge { limit: 7 }),
            "{codec}"
        );
    }
    let skippable = [
        &[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3],
        &compress(Codec::Zstd, b"x").unwrap()[..],
    ];
    assert_eq!(decompress(Codec::Zstd, &skippable.concat(), 100).unwrap(), &b"x"[..]);
}

#[test]
fn codecs_have_the_names_and_numbers_of_kafka() {
    for (id, name) in ["none", "gzip", "snappy", "lz4", "zstd"].into_iter().enumerate() {
        let codec = Codec::from_id(id as u8).unwrap();
        assert_eq!((codec.id(), codec.name()), (id as u8, name));
        assert_eq!(Codec::from_name(name), Some(codec));
    }
    assert_eq!(Codec::from_name("uncompressed"), Some(Codec::None));
    assert_eq!(Codec::from_name("producer"), None);
    for id in 5..=7 {
        assert_eq!(Codec::from_id(id), Err(BatchError::UnknownCodec(id)));
    }
}

#[test]
fn batches_of_every_codec_hold_the_same_records() {
    let build = |codec| {
        let options = BatchOptions {
            codec,
            producer_id: 4,
            ..BatchOptions::default()
        };
        let mut builder = BatchBuilder::with_capacity(options, 1_000);
        for index in 0..100i64 {
            builder.append(
                index,
                Some(&index.to_be_bytes()),
                Some(b"the same value over and over"),
                &[],
            );
        }
        builder.build_batch().unwrap()
    };
    let plain = build(Codec::None);
    for codec in CODECS {
        let batch = build(codec);
        assert!(batch.check_crc() && batch.size() < plain.size() / 2, "{codec}");
        assert_eq!(batch.header.codec(), Ok(codec));
        assert_eq!(batch.records(1 << 20), plain.records(1 << 20));
        assert_eq!(batch.records(100), Err(BatchError::TooLarge { limit: 100 }));
        assert_eq!(batch.recompressed(Codec::None, 1 << 20).unwrap(), plain);
        let other = plain.recompressed(codec, 1 << 20).unwrap();
        assert!(other.check_crc());
        assert_eq!(other, batch);
    }
}
