//! Forged messages with a valid MAC.

use iso8583::{Envelope, ISO87_BINARY, MessageBuilder, Mti, UNIONPAY_POS};
use keys::{DerivedKey, KeyPurpose, KeyReference, KeyStore, MacMethod};

use super::{World, name, network_index};

/// The terminal of a message, whose key the forger has.
fn terminal_of(builder: &mut MessageBuilder<'_>) -> Option<u64> {
    let message = builder.build().ok()?;
    UNIONPAY_POS.parse(&message).ok()?.text(41).ok()?.parse().ok()
}

impl World {
    /// Edits the last message of a terminal and computes its MAC again.
    pub fn forge(
        &mut self,
        mti: Option<u16>,
        without: &[u8],
        edit: impl Fn(&mut MessageBuilder<'_>),
    ) {
        let (connection, bytes) = self.from_terminal.pop_back().expect("a message is pending");
        let (tpdu, header, message) = Envelope::parse(&bytes).unwrap();
        let message = UNIONPAY_POS.parse(message).unwrap();
        let mti = mti.map_or(message.mti(), |mti| Mti::new(mti).unwrap());
        let mut builder = MessageBuilder::new(&UNIONPAY_POS, mti);
        for field in message.fields().filter(|field| !without.contains(&field.id())) {
            if field.id() != 64 {
                builder.copy_field(&field);
            }
        }
        edit(&mut builder);
        let terminal = terminal_of(&mut builder).unwrap_or(1);
        let key = DerivedKey::new(name("base"), KeyPurpose::Mac, terminal, 0).into();
        let mac = |bytes: &[u8]| self.keys.mac(&key, MacMethod::CupEcb, bytes);
        let sealed = builder.build_with_mac(mac).unwrap();
        let mut forged = Vec::new();
        Envelope { tpdu, header }.write(&mut forged, &sealed);
        self.from_terminal.push_back((connection, forged));
    }

    /// Edits the last response of a network and computes its MAC again.
    pub fn forge_response(&mut self, edit: impl Fn(&mut MessageBuilder<'_>)) {
        let (link, bytes) = self.to_switch.pop_back().expect("a response is pending");
        let message = ISO87_BINARY.parse(&bytes).unwrap();
        let mut builder = MessageBuilder::new(&ISO87_BINARY, message.mti());
        for field in message.fields().filter(|field| field.id() != 64) {
            builder.copy_field(&field);
        }
        edit(&mut builder);
        let key = KeyReference::Stored(name(&format!("network{}/mac", network_index(link))));
        let mac = |bytes: &[u8]| self.keys.mac(&key, MacMethod::X9_19, bytes);
        let sealed = builder.build_with_mac(mac).unwrap();
        self.to_switch.push_back((link, sealed.to_vec()));
    }

    /// Code and text of the last response to a terminal.
    pub fn last_response(&self) -> (String, String) {
        let (_, bytes) = self.to_terminal.back().expect("a response is pending");
        let (_, _, message) = Envelope::parse(bytes).unwrap();
        let message = UNIONPAY_POS.parse(message).unwrap();
        let text = |field| message.text(field).map(|text| text.trim_end().to_owned());
        (text(39).unwrap_or_default(), text(44).unwrap_or_default())
    }
}

impl World {
    /// As [`World::forge`] with one field's text, unless the field cannot hold it.
    pub fn forge_field_if_valid(&mut self, mti: Option<u16>, field: u8, text: &str) {
        let spec_takes = |text: &str| {
            let mut builder = MessageBuilder::new(&UNIONPAY_POS, Mti::M0200);
            builder.text(field, text);
            builder.build().is_ok()
        };
        let digits = matches!(field, 11 | 41);
        if field != 64 && !digits && spec_takes(text) {
            let owned = text.to_owned();
            self.forge(mti, &[field], move |builder| {
                builder.text(field, &owned);
            });
        } else {
            self.forge(mti, &[], |_| {});
        }
    }

    /// Delivers everything pending, but drops the responses to terminals.
    pub fn settle_ignoring_terminals(&mut self) {
        loop {
            let done = self.books_step()
                || self.network_receives()
                || self.switch_receives_from_network()
                || self.switch_receives_from_terminal();
            if !done {
                self.to_terminal.clear();
                return;
            }
        }
    }
}
