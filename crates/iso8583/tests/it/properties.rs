//! Properties of every message and of arbitrary bytes.

use iso8583::framing::LengthFraming;
use iso8583::tlv::{self, Tag, TlvWriter};
use iso8583::{Envelope, MessageBuilder, Mti, Packager, UNIONPAY_POS, wipe_sensitive_fields};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{PACKAGERS, Value, set, value, values};

/// Fields with values for one packager, in order, each once.
fn wanted(packager: &'static Packager, noise: &[(u8, u16, Vec<u8>)]) -> Vec<(u8, Value)> {
    let mut wanted: Vec<(u8, Value)> = Vec::new();
    for (field, length, noise) in noise {
        let field = 2 + field % 127;
        if let Some(spec) = packager.spec(field) {
            wanted.push((field, value(spec, *length, noise)));
        }
    }
    wanted.sort_by_key(|(field, _)| *field);
    wanted.dedup_by_key(|(field, _)| *field);
    wanted
}

fn noise() -> impl Strategy<Value = Vec<(u8, u16, Vec<u8>)>> {
    vec((any::<u8>(), any::<u16>(), vec(any::<u8>(), 1..24)), 0..24)
}

fn built(packager: &'static Packager, mti: Mti, wanted: &[(u8, Value)]) -> Vec<u8> {
    let mut builder = MessageBuilder::new(packager, mti);
    wanted.iter().for_each(|(field, value)| set(&mut builder, *field, value));
    builder.build().unwrap().to_vec()
}

fn mti() -> impl Strategy<Value = Mti> {
    (0..=9_999_u16).prop_map(|digits| Mti::new(digits).unwrap())
}

proptest! {
    #[test]
    fn what_is_built_is_read(mti in mti(), noise in noise()) {
        for packager in PACKAGERS {
            let wanted = wanted(packager, &noise);
            let bytes = built(packager, mti, &wanted);
            let message = packager.parse(&bytes).unwrap();
            prop_assert_eq!(message.mti(), mti);
            prop_assert_eq!(&values(&message), &wanted);
            let mut again = MessageBuilder::new(packager, mti);
            message.fields().for_each(|field| { again.copy_field(&field); });
            prop_assert_eq!(&*again.build().unwrap(), &bytes[..]);
        }
    }

    #[test]
    fn a_damaged_message_parses_or_fails_at_a_position_inside_it(
        noise in noise(),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        for packager in PACKAGERS {
            let mut bytes = built(packager, Mti::M0200, &wanted(packager, &noise));
            for (place, flip) in &flips {
                let place = place.index(bytes.len());
                bytes[place] ^= flip;
            }
            let cut = cut.index(bytes.len() + 1);
            for bytes in [&bytes[..], &bytes[..cut]] {
                match packager.parse(bytes) {
                    Ok(message) => drop(format!("{message:?}")),
                    Err(error) => {
                        prop_assert!(error.offset <= bytes.len());
                        prop_assert!(!error.to_string().is_empty());
                    }
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300)) {
        for packager in PACKAGERS {
            if let Ok(message) = packager.parse(&bytes) {
                drop(format!("{message:?}"));
            }
            let mut wiped = bytes.clone();
            wipe_sensitive_fields(packager, &mut wiped);
            prop_assert_eq!(wiped.len(), bytes.len());
        }
        for framing in LengthFraming::ALL {
            if let Ok(Some((payload, end))) = framing.find_frame(&bytes, 64) {
                prop_assert!(payload.end == end && end <= bytes.len() && payload.len() <= 64);
            }
        }
        let _ = Envelope::parse(&bytes);
        let _ = tlv::find(&bytes, Tag::new(0x9F26).unwrap());
    }

    #[test]
    fn arbitrary_fields_after_a_valid_bitmap_parse_or_fail(
        present in any::<u64>(),
        bytes in vec(any::<u8>(), 0..300),
    ) {
        let mut message = vec![0x02, 0x00];
        message.extend((present & !(1 << 63)).to_be_bytes());
        message.extend(bytes);
        if let Ok(message) = UNIONPAY_POS.parse(&message) {
            drop(format!("{message:?}"));
        }
    }

    #[test]
    fn frames_are_found_one_after_the_other(
        payloads in vec(vec(any::<u8>(), 0..40), 0..6),
    ) {
        for framing in LengthFraming::ALL {
            let mut stream = Vec::new();
            for payload in &payloads {
                framing.write(&mut stream, payload).unwrap();
            }
            let mut rest = &stream[..];
            for payload in &payloads {
                let (place, end) = framing.find_frame(rest, 40).unwrap().unwrap();
                prop_assert_eq!(&rest[place], &payload[..]);
                rest = &rest[end..];
            }
            prop_assert_eq!(framing.find_frame(rest, 40), Ok(None));
        }
    }

    #[test]
    fn written_tlv_is_read_back(
        objects in vec((any::<u32>(), vec(any::<u8>(), 0..300)), 0..6),
    ) {
        let objects: Vec<_> = objects
            .into_iter()
            .filter_map(|(tag, value)| Some((Tag::new(tag).or(Tag::new(tag >> 24))?, value)))
            .collect();
        let mut writer = TlvWriter::new();
        for (tag, value) in &objects {
            writer.push(*tag, value).unwrap();
        }
        let read = tlv::TlvReader::new(writer.as_bytes()).map(|object| object.unwrap());
        let read: Vec<_> = read.map(|object| (object.tag, object.value.to_vec())).collect();
        prop_assert_eq!(read, objects);
    }
}
