//! Arbitrary frames as UnionPay terminals send them: splitting and joining gives the same frame,
//! and every request can be answered.

#![no_main]

use iso8583::packagers::{FIELD_60, FIELD_61, FIELD_62_KEYS, FIELD_63};
use iso8583::{Envelope, MessageBuilder, UNIONPAY_POS};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frame: &[u8]| {
    let Ok((tpdu, header, message)) = Envelope::parse(frame) else { return };
    let envelope = Envelope { tpdu, header };
    let mut written = Vec::new();
    envelope.write(&mut written, message);
    assert_eq!(written, frame);
    assert_eq!(envelope.reply().reply(), envelope);
    let Ok(message) = UNIONPAY_POS.parse(message) else { return };
    for composite in [&FIELD_60, &FIELD_61, &FIELD_63] {
        if let Ok(text) = message.text(composite.field())
            && let Ok(parts) = composite.split(text.as_bytes())
        {
            let values: Vec<_> = (0..8).map_while(|index| parts.get(index)).collect();
            assert_eq!(&*composite.join(&values).expect("it was split"), text.as_bytes());
        }
    }
    if let Ok(keys) = message.bytes(62) {
        let _ = FIELD_62_KEYS.split(keys);
    }
    if let Some(response) = message.mti().response() {
        let echoed = [3, 4, 11, 12, 13, 25, 41, 42, 49, 60];
        let mut answer = MessageBuilder::new(&UNIONPAY_POS, response);
        answer.copy(&message, &echoed).text(39, "00");
        let answer = answer.build_with_mac(|_| Ok::<_, ()>([0; 8])).expect("an answer fits");
        assert_eq!(UNIONPAY_POS.parse(&answer).expect("an answer is read").mti(), response);
    }
});
