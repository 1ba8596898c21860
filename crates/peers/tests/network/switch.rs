//! A scripted switch that speaks the protocol of `docs/door/network.md`.

use iso8583::{ISO87_BINARY, Message, MessageBuilder, Mti};
use keys::tr31;
use keys::{AesKey, Key, MacMethod, PinFormat, TdesKey, mac, pin};
use money::{Amount, Currency, Rate};
use peers::behaviour::{Behaviour, ResponseAction};
use peers::card::EntryMode;
use peers::clearing::{NetworkFee, NetworkFees};
use peers::network::{NetworkLinkId, NetworkOutput, RequestSummary};
use peers::{NetworkSimulator, NetworkSimulatorSettings, TestCard};

/// 2026-11-22 21:18:00 UTC.
pub const NOW_MS: u64 = 1_795_382_280_000;
pub const SENT: u64 = 1_122_211_800;
/// The same time in an RRN: seconds since 2010 in Crockford's base 32.
pub const RRN: &str = "FWC888";

pub const LINK: NetworkLinkId = NetworkLinkId(1);
const MAC_KEY: [u8; 16] = *b"\x01\x23\x45\x67\x89\xAB\xCD\xEF\xFE\xDC\xBA\x98\x76\x54\x32\x10";
const PIN_KEY: [u8; 16] = *b"\x80\x7A\x23\xAD\x32\xB3\x6D\x45\x7A\xE9\x1F\xDF\x92\x75\x70\xEA";
const EXCHANGE_KEY: [u8; 32] = [0x5A; 32];

pub fn settings(behaviour: Behaviour, seed: u64) -> NetworkSimulatorSettings {
    let cost = NetworkFee { rate: Rate::from_ppm(5_500).unwrap(), cap: Some(Amount::of(2_600)) };
    NetworkSimulatorSettings {
        name: "unionpay".to_owned(),
        acquirer: 10_533_104,
        currency: Currency::CNY,
        exchange_key: AesKey::new(&EXCHANGE_KEY).unwrap(),
        mac_key: TdesKey::new(&MAC_KEY).unwrap(),
        pin_key: TdesKey::new(&PIN_KEY).unwrap(),
        behaviour,
        fees: NetworkFees { debit: cost, credit: cost, ranges: Vec::new() },
        seed,
    }
}

pub fn card() -> TestCard {
    TestCard::generate(622_588, 7, EntryMode::Chip)
}

/// The switch's side of one network.
pub struct ScriptedSwitch {
    pub network: NetworkSimulator,
    pub mac_key: TdesKey,
    pub pin_key: TdesKey,
    pub now_ms: u64,
    pub out: Vec<NetworkOutput>,
    stan: u32,
}

/// An answer from the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub mti: String,
    pub fields: Vec<u8>,
    pub code: String,
    pub stan: u64,
    pub authorisation: Option<String>,
    pub balance: Option<String>,
    pub mac_is_right: bool,
    pub link: NetworkLinkId,
}

/// A request that can be repeated and referred to.
#[derive(Clone)]
pub struct SentRequest {
    pub mti: Mti,
    pub stan: u32,
    pub amount: u64,
    pub bytes: Vec<u8>,
}

impl ScriptedSwitch {
    pub fn new(behaviour: Behaviour) -> ScriptedSwitch {
        let mut switch = ScriptedSwitch::unconnected(behaviour, 41);
        switch.network.connected(LINK, NOW_MS, &mut switch.out);
        assert_eq!(switch.manage(1, LINK).unwrap().code, "00");
        switch
    }

    pub fn unconnected(behaviour: Behaviour, seed: u64) -> ScriptedSwitch {
        ScriptedSwitch {
            network: NetworkSimulator::new(settings(behaviour, seed)),
            mac_key: TdesKey::new(&MAC_KEY).unwrap(),
            pin_key: TdesKey::new(&PIN_KEY).unwrap(),
            now_ms: NOW_MS,
            out: Vec::new(),
            stan: 0,
        }
    }

    pub fn with_policy(
        policy: impl FnMut(&RequestSummary) -> ResponseAction + Send + 'static,
    ) -> ScriptedSwitch {
        let mut switch = ScriptedSwitch::new(Behaviour::default());
        switch.network.set_response_policy(policy);
        switch
    }

    pub fn next_stan(&mut self) -> u32 {
        self.stan += 1;
        self.stan
    }

    pub fn manage(&mut self, code: u64, link: NetworkLinkId) -> Option<Answer> {
        let stan = self.next_stan();
        let mut builder = MessageBuilder::new(&ISO87_BINARY, Mti::M0800);
        builder.number(7, SENT).number(11, u64::from(stan)).number(32, 10_533_104);
        let mut message = self.finish(builder.number(70, code));
        self.network.receive(link, &mut message, self.now_ms, &mut self.out);
        self.received().pop()
    }

    /// Sets the fields of every request; `finish` adds the MAC.
    pub fn builder(
        &mut self,
        mti: Mti,
        processing: &str,
        amount: u64,
    ) -> (u32, MessageBuilder<'static>) {
        let stan = self.next_stan();
        let mut builder = MessageBuilder::new(&ISO87_BINARY, mti);
        builder
            .text(3, processing)
            .number(4, amount)
            .number(7, SENT)
            .number(11, u64::from(stan))
            .text(12, "051800")
            .text(13, "1123")
            .number(18, 4_215)
            .number(25, 0)
            .number(32, 10_533_104)
            .text(37, format!("{RRN}{stan:06}"))
            .text(41, "10000001")
            .text(42, "105331042150001")
            .text(49, "156");
        (stan, builder)
    }

    pub fn put_card(builder: &mut MessageBuilder<'_>, card: &TestCard) {
        builder
            .bytes(2, card.pan().expose())
            .text(14, card.expiry())
            .number(22, 52)
            .number(23, 1)
            .bytes(55, card.chip_data(1, 156, 261_122, 1).unwrap());
    }

    pub fn put_pin(&self, builder: &mut MessageBuilder<'_>, card: &TestCard, typed: &keys::Pin) {
        let block = pin::encrypt_block(typed, PinFormat::Iso0, card.pan(), &self.pin_key);
        builder.number(22, 51).bytes(52, block.unwrap().as_bytes());
    }

    pub fn finish(&self, builder: &mut MessageBuilder<'_>) -> Vec<u8> {
        let made = |covered: &[u8]| mac::compute(MacMethod::X9_19, &self.mac_key, covered);
        builder.build_with_mac(made).unwrap().to_vec()
    }

    pub fn by_card(&mut self, mti: Mti, processing: &str, amount: u64) -> SentRequest {
        let (stan, mut builder) = self.builder(mti, processing, amount);
        ScriptedSwitch::put_card(&mut builder, &card());
        if processing == "030000" {
            builder.number(25, 6);
        }
        if mti == Mti::M0220 {
            builder.text(38, "T00001");
        }
        SentRequest { mti, stan, amount, bytes: self.finish(&mut builder) }
    }

    pub fn sale(&mut self, amount: u64) -> SentRequest {
        self.by_card(Mti::M0200, "000000", amount)
    }

    /// A request that refers to an earlier one.
    pub fn about(
        &mut self,
        mti: Mti,
        processing: &str,
        amount: u64,
        before: &SentRequest,
    ) -> SentRequest {
        let (stan, mut builder) = self.builder(mti, processing, amount);
        let authorisation = self
            .network
            .book()
            .items()
            .find(|item| item.reference.stan == before.stan)
            .and_then(|item| item.authorisation);
        if let Some(authorisation) = authorisation.filter(|_| mti != Mti::M0220) {
            builder.bytes(38, authorisation.bytes());
        }
        if mti == Mti::M0400 {
            builder.remove(18);
        }
        if mti == Mti::M0200 && processing == "000000" {
            builder.number(25, 6);
        }
        builder.text(90, field_90(before));
        SentRequest { mti, stan, amount, bytes: self.finish(&mut builder) }
    }

    pub fn reversal(&mut self, before: &SentRequest) -> SentRequest {
        self.about(Mti::M0400, "000000", before.amount, before)
    }

    /// Repeats a request: another message type and MAC, everything else unchanged.
    pub fn repeat(&self, asked: &SentRequest) -> SentRequest {
        let message = ISO87_BINARY.parse(&asked.bytes).unwrap();
        let mut builder = MessageBuilder::new(&ISO87_BINARY, asked.mti.repeat());
        for field in message.fields().filter(|field| !matches!(field.id(), 64 | 128)) {
            builder.copy_field(&field);
        }
        SentRequest { bytes: self.finish(&mut builder), ..asked.clone() }
    }

    pub fn send(&mut self, asked: &SentRequest) -> Vec<Answer> {
        self.send_by(LINK, asked)
    }

    pub fn send_by(&mut self, link: NetworkLinkId, asked: &SentRequest) -> Vec<Answer> {
        self.network.receive(link, &mut asked.bytes.clone(), self.now_ms, &mut self.out);
        self.received()
    }

    /// The response code of the only answer.
    #[track_caller]
    pub fn code(&mut self, asked: &SentRequest) -> String {
        let answers = self.send(asked);
        assert_eq!(answers.len(), 1, "{answers:?}");
        let answer = &answers[0];
        assert!(answer.mac_is_right, "{answer:?}");
        assert_eq!(answer.mti, asked.mti.response().unwrap().to_string());
        assert_eq!(answer.stan, u64::from(asked.stan));
        answer.code.clone()
    }

    pub fn wait(&mut self, ms: u64) -> Vec<Answer> {
        self.now_ms += ms;
        self.network.tick(self.now_ms, &mut self.out);
        self.received()
    }

    fn received(&mut self) -> Vec<Answer> {
        let out = std::mem::take(&mut self.out);
        out.iter()
            .filter_map(|output| match output {
                NetworkOutput::Send { link, message } => Some(self.read(*link, message)),
                NetworkOutput::Close { .. } => None,
            })
            .collect()
    }

    fn read(&self, link: NetworkLinkId, bytes: &[u8]) -> Answer {
        let message = ISO87_BINARY.parse(bytes).unwrap();
        let text = |field| message.text(field).ok().map(|text| text.as_str().to_owned());
        Answer {
            mti: message.mti().to_string(),
            fields: message.fields().map(|field| field.id()).collect(),
            code: text(39).unwrap_or_default(),
            stan: message.number(11).unwrap(),
            authorisation: text(38),
            balance: text(54),
            mac_is_right: self.mac_is_right(&message),
            link,
        }
    }

    fn mac_is_right(&self, message: &Message<'_>) -> bool {
        let (Some(covered), Some(found)) = (message.mac_input(), message.mac()) else {
            return false;
        };
        mac::check(MacMethod::X9_19, &self.mac_key, covered, &found).unwrap()
    }

    /// Reads the network's key change: kind, key, and the answer to it.
    pub fn key_change(&mut self) -> (char, TdesKey, Vec<u8>) {
        let out = std::mem::take(&mut self.out);
        let [NetworkOutput::Send { message, .. }] = &out[..] else { panic!("{out:?}") };
        let message = ISO87_BINARY.parse(message).unwrap();
        assert_eq!(message.number(70).unwrap(), 101);
        let text = message.text(48).unwrap();
        let (kind, block) = text.split_at(1);
        let exchange = AesKey::new(&EXCHANGE_KEY).unwrap();
        let (header, key) = tr31::unwrap(&exchange, block).unwrap();
        let Key::Tdes(key) = key else { panic!("{header:?}") };
        assert!(self.mac_is_right(&message));
        let mut answer = MessageBuilder::new(&ISO87_BINARY, Mti::M0810);
        let answer = self.finish(answer.copy(&message, &[7, 11, 70]).text(39, "00"));
        (kind.chars().next().unwrap(), key, answer)
    }
}

pub fn field_90(before: &SentRequest) -> String {
    format!("{}{:06}{SENT:010}{:011}{:011}", before.mti, before.stan, 10_533_104, 0)
}
