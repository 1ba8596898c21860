//! Forged messages with a valid MAC.

use iso8583::{
    DOORSTEP_CARD, DOORSTEP_POS, Envelope, ISO87_BINARY, MessageBuilder, Mti, Packager,
    UNIONPAY_POS,
};
use keys::{KeyReference, KeyStore, MacMethod, SessionKeys};
use switch::{TerminalConnection, TerminalDialect};

use super::{World, name, network_index};

/// Fields that a terminal seals.
const CARD_FIELDS: [u8; 5] = [2, 14, 23, 35, 55];

impl World {
    pub fn packager(&self) -> &'static Packager {
        let own = self.terminals[0].dialect == TerminalDialect::DOORSTEP;
        if own { &DOORSTEP_POS } else { &UNIONPAY_POS }
    }

    /// The keys of the terminal of a connection, which the forger has.
    fn stolen_keys(&self, connection: TerminalConnection) -> &SessionKeys {
        let place = usize::try_from(connection.0 % 10).unwrap();
        self.terminals[place].terminal.session().expect("the terminal has a session")
    }

    /// Edits the last message of a terminal and computes its MAC again.
    pub fn forge(
        &mut self,
        mti: Option<u16>,
        without: &[u8],
        edit: impl Fn(&mut MessageBuilder<'_>),
    ) {
        let (connection, bytes) = self.from_terminal.pop_back().expect("a message is pending");
        let (tpdu, header, message) = Envelope::parse(&bytes).unwrap();
        let message = self.packager().parse(message).unwrap();
        let keys = self.stolen_keys(connection);
        let mti = mti.map_or(message.mti(), |mti| Mti::new(mti).unwrap());
        let mut builder = MessageBuilder::new(self.packager(), mti);
        for field in message.fields().filter(|field| !without.contains(&field.id())) {
            match field.id() {
                64 => {}
                57 => {
                    let opened = keys.open_card_data(field.bytes().unwrap()).unwrap();
                    let mut card = MessageBuilder::new(&DOORSTEP_CARD, mti);
                    let opened = DOORSTEP_CARD.parse(&opened).unwrap();
                    for field in opened.fields().filter(|field| !without.contains(&field.id())) {
                        card.copy_field(&field);
                    }
                    if CARD_FIELDS.iter().any(|field| without.contains(field)) {
                        edit(&mut card);
                    }
                    let sealed = keys.seal_card_data(&card.build().unwrap()).unwrap();
                    builder.bytes(57, sealed);
                }
                _ => {
                    builder.copy_field(&field);
                }
            }
        }
        let sealed = message.has(57) && CARD_FIELDS.iter().any(|field| without.contains(field));
        if !sealed {
            edit(&mut builder);
        }
        let own = std::ptr::eq(self.packager(), &DOORSTEP_POS);
        let covered =
            |bytes: &[u8]| if own { [&header.0[..], bytes].concat() } else { bytes.to_vec() };
        let built = builder.build_with_mac(|bytes: &[u8]| keys.mac(&covered(bytes))).unwrap();
        let mut forged = Vec::new();
        Envelope { tpdu, header }.write(&mut forged, &built);
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
        let message = self.packager().parse(message).unwrap();
        let text = |field| message.text(field).map(|text| text.trim_end().to_owned());
        (text(39).unwrap_or_default(), text(44).unwrap_or_default())
    }
}

impl World {
    /// As [`World::forge`] with one field's text, unless the field cannot hold it.
    pub fn forge_field_if_valid(&mut self, mti: Option<u16>, field: u8, text: &str) {
        let packager = if CARD_FIELDS.contains(&field) { &DOORSTEP_CARD } else { self.packager() };
        let spec_takes = |text: &str| {
            let mut builder = MessageBuilder::new(packager, Mti::M0200);
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
