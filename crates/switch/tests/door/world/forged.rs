//! Messages that no well-behaved terminal sends, with a right MAC.

use iso8583::{Builder, Envelope, Mti, UNIONPAY_POS};
use keys::{Derived, KeyStore, MacMethod, Purpose};

use super::{World, name};

/// Whose message it is: whoever forges it has that terminal's key.
fn terminal_of(builder: &mut Builder<'_>) -> Option<u64> {
    let message = builder.build().ok()?;
    UNIONPAY_POS.parse(&message).ok()?.text(41).ok()?.parse().ok()
}

impl World {
    /// Changes the last message that is on its way from a terminal, and seals it anew.
    pub fn forge(&mut self, mti: Option<u16>, without: &[u8], edit: impl Fn(&mut Builder<'_>)) {
        let (line, bytes) = self.from_terminal.pop_back().expect("a message is on its way");
        let (tpdu, header, message) = Envelope::parse(&bytes).unwrap();
        let message = UNIONPAY_POS.parse(message).unwrap();
        let mti = mti.map_or(message.mti(), |mti| Mti::new(mti).unwrap());
        let mut builder = Builder::new(&UNIONPAY_POS, mti);
        for field in message.fields().filter(|field| !without.contains(&field.id())) {
            if field.id() != 64 {
                builder.copy_field(&field);
            }
        }
        edit(&mut builder);
        let terminal = terminal_of(&mut builder).unwrap_or(1);
        let key = Derived::new(name("base"), Purpose::Mac, terminal, 0).into();
        let mac = |bytes: &[u8]| self.keys.mac(&key, MacMethod::CupEcb, bytes);
        let sealed = builder.build_with_mac(mac).unwrap();
        let mut forged = Vec::new();
        Envelope { tpdu, header }.write(&mut forged, &sealed);
        self.from_terminal.push_back((line, forged));
    }

    /// The code and text of the last answer that is on its way to a terminal.
    pub fn told(&self) -> (String, String) {
        let (_, bytes) = self.to_terminal.back().expect("an answer is on its way");
        let (_, _, message) = Envelope::parse(bytes).unwrap();
        let message = UNIONPAY_POS.parse(message).unwrap();
        let text = |field| message.text(field).map(|text| text.trim_end().to_owned());
        (text(39).unwrap_or_default(), text(44).unwrap_or_default())
    }
}

impl World {
    /// As [`World::forge`] with one field's text; as it was where the field cannot hold it.
    pub fn forge_if_it_can_be(&mut self, mti: Option<u16>, field: u8, text: &str) {
        let spec_takes = |text: &str| {
            let mut builder = Builder::new(&UNIONPAY_POS, Mti::M0200);
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

    /// Everything that is pending happens; what terminals cannot read does not matter.
    pub fn settle_whatever_is_heard(&mut self) {
        loop {
            let done = self.book()
                || self.network_hears()
                || self.switch_hears_network()
                || self.switch_hears_terminal();
            if !done {
                self.to_terminal.clear();
                return;
            }
        }
    }
}
