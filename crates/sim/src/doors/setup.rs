//! Before the day: the switch with its settings, networks with their costs and outages, terminals.

use std::collections::{BTreeMap, HashMap};

use engine::{BreakSubject, FirmId, NetworkId, WalletId};
use keys::KeyName;
use money::{Amount, Currency, Rate};
use peers::behaviour::{Dark, Outage, Since};
use peers::clearing::Costs;
use peers::network::Link;
use peers::{Behaviour, Network};
use switch::{
    BinRange, LinkId, MerchantSettings, NetworkSettings, Settings, Switch, TerminalSettings,
    Timing, WalletSettings,
};
use tariff::Capped;

use super::cards::BINS;
use super::rail::{Cable, Plans, Rail};
use super::secrets::{self, NetworkKeys, Secrets};
use super::till::Till;
use super::wallet::Wallet;
use super::{DoorCounts, DoorError, Doors, wires};
use crate::agenda::Agenda;
use crate::clock::{MINUTE_MS, OUTAGE};
use crate::world::World;

/// A network answers after this time.
const NETWORK_THINKS_MS: u32 = 1_200;
/// What the networks charge Doorstep, debit and credit, in parts per million: it decides who gets
/// a card that several take. The second is capped for debit cards, in main units.
const COSTS_PPM: [(u32, u32); 2] = [(5_000, 7_000), (5_500, 6_500)];
const DEBIT_CAPS: [Option<u64>; 2] = [None, Some(20)];
/// Links of each network.
const LINKS: [u8; 2] = [2, 1];
/// How long the first network is away at the usual rate of faults, and at the most.
const OUTAGE_MINUTES: u64 = 20;
const OUTAGE_MINUTES_MAX: u64 = 60;

const SECONDS_A_DAY: u64 = 86_400;

const ACQUIRER: u64 = 48_700_000;
const GENERATION: u32 = 1;
/// Terminals wait so long for an answer, in seconds.
const TERMINAL_WAITS_S: u32 = 60;

impl Doors {
    /// The doors of a world; `faults_percent` as in the day's options.
    pub(crate) fn new(world: &World, faults_percent: u32) -> Result<Doors, DoorError> {
        let rails = world.rails.iter().filter_map(|rail| match rail.subject {
            BreakSubject::Network(id) => Some((id, rail.reference.as_str())),
            _ => None,
        });
        let networks: Vec<(NetworkId, &str)> = rails.collect();
        let wallet = world.rails.iter().find_map(|rail| match rail.subject {
            BreakSubject::Wallet(id) => Some((id, rail.reference.as_str())),
            _ => None,
        });
        let (wallet_id, wallet_name) = wallet.unwrap_or((WalletId(0), ""));
        let numbers = world.couriers.iter().map(|courier| {
            u32::try_from(courier.terminal.0).expect("terminals are numbered by eight digits")
        });
        let numbers: Vec<u32> = numbers.collect();
        let names: Vec<&str> = networks.iter().map(|(_, name)| *name).collect();
        let secrets = Secrets::make(world.seed, &names, &numbers)?;
        let firms: Vec<FirmId> = world.firms.iter().map(|firm| firm.id).collect();
        let settings = settings(world, &networks, (wallet_id, wallet_name), &firms)?;
        let merchants: Vec<[u8; 15]> =
            firms.iter().map(|firm| settings.merchant.of(*firm)).collect();
        let qr_ms = settings.timing.qr_ms;
        let mut outages = outages(world, faults_percent);
        let plans = Plans::default();
        let mut rails = Vec::new();
        for (place, (keys, (id, name))) in secrets.networks.into_iter().zip(networks).enumerate() {
            // Only the first one is away.
            let outages = std::mem::take(&mut outages);
            let network = network(world, (name, keys), outages, &plans);
            rails.push(rail((id, place), network)?);
        }
        let terminals = numbers.iter().zip(&world.couriers).zip(secrets.terminals);
        let tills = terminals.map(|((number, courier), master)| {
            let merchant = merchants[courier.firm];
            Till::new(peers::TerminalSettings {
                currency: world.currency,
                utc_offset_minutes: world.clock.utc_offset_minutes,
                ..peers::TerminalSettings::new(*number, merchant, master)
            })
        });
        let tills = tills.collect();
        Ok(Doors {
            switch: Switch::new(settings, secrets.store)?,
            out: Vec::new(),
            tills,
            lines: HashMap::new(),
            next_line: 0,
            listener: wires::listener()?,
            wires: Vec::new(),
            rails,
            next_link: 0,
            plans,
            wallet: Wallet::new(wallet_id, world.currency),
            wallet_id,
            qr_ms,
            due: Agenda::new(),
            commands: Vec::new(),
            questions: Vec::new(),
            outcomes: Vec::new(),
            tenders: BTreeMap::new(),
            sent: HashMap::new(),
            over: HashMap::new(),
            begun: Vec::new(),
            counts: DoorCounts::default(),
            disagreements: Vec::new(),
        })
    }
}

fn rail((id, place): (NetworkId, usize), network: Network) -> Result<Rail, DoorError> {
    let cable = |number| {
        let id = LinkId { network: id, number };
        Cable { id, link: Link(0), wire: None }
    };
    let cables = (0..LINKS[place % LINKS.len()]).map(cable).collect();
    Ok(Rail { id, network, listener: wires::listener()?, cables })
}

fn network(
    world: &World,
    (name, keys): (&str, NetworkKeys),
    outages: Vec<Outage>,
    plans: &Plans,
) -> Network {
    let behaviour = Behaviour { delay_ms: NETWORK_THINKS_MS, outages, ..Behaviour::default() };
    let mut network = Network::new(peers::NetworkSettings {
        name: name.to_owned(),
        acquirer: ACQUIRER,
        currency: world.currency,
        exchange_key: keys.exchange,
        mac_key: keys.mac,
        pin_key: keys.pin,
        behaviour,
        costs: Costs::default(),
        seed: world.seed,
    });
    network.set_fate(plans.clone());
    network
}

/// When the first network is away: it says nothing first, then it hangs up.
fn outages(world: &World, faults_percent: u32) -> Vec<Outage> {
    let minutes = (OUTAGE_MINUTES * u64::from(faults_percent) / 100).min(OUTAGE_MINUTES_MAX);
    let begins = world.clock.today(OUTAGE);
    let second = |minute: u64| {
        let at = begins.plus_ms(minute * MINUTE_MS);
        u32::try_from(at.0 / 1_000 % SECONDS_A_DAY).expect("less than a day has")
    };
    let part = |(from, to, link): (u64, u64, Dark)| {
        let (from_s, to_s) = (second(from), second(to));
        Outage { from_s, to_s, since: Since::Midnight, link }
    };
    let parts = [(0, minutes / 2, Dark::Silent), (minutes / 2, minutes, Dark::Closes)];
    // Where midnight in UTC is in one of them, that one is left out.
    parts.map(part).into_iter().filter(|outage| outage.from_s < outage.to_s).collect()
}

fn settings(
    world: &World,
    networks: &[(NetworkId, &str)],
    (wallet, wallet_name): (WalletId, &str),
    firms: &[FirmId],
) -> Result<Settings, DoorError> {
    let mut of_networks = Vec::new();
    for (place, (id, name)) in networks.iter().enumerate() {
        let (debit, credit) = COSTS_PPM[place % COSTS_PPM.len()];
        let cap = DEBIT_CAPS[place % DEBIT_CAPS.len()];
        of_networks.push(NetworkSettings {
            network: *id,
            name: (*name).to_owned(),
            currency: world.currency,
            links: LINKS[place % LINKS.len()],
            acquirer: ACQUIRER.to_string(),
            debit: capped(debit, cap, world.currency),
            credit: capped(credit, None, world.currency),
            mac_key: secrets::of_network(name, "mac")?,
            pin_key: secrets::of_network(name, "pin")?,
            exchange_key: secrets::of_network(name, "exchange")?,
        });
    }
    let bins = BINS.iter().map(|(first, kind, places)| BinRange {
        first_digits: first.to_string(),
        kind: *kind,
        networks: places.iter().filter_map(|place| Some(networks.get(*place)?.0)).collect(),
    });
    Ok(Settings {
        utc_offset_minutes: world.clock.utc_offset_minutes,
        currency: world.currency,
        country: *b"CN",
        shown_as: ("DOORSTEP".into(), "SHANGHAI".into()),
        merchant: MerchantSettings {
            acquirer: *b"898",
            region: *b"3100",
            category: *b"4215",
            firms: firms.iter().copied().zip(1..).collect(),
        },
        terminals: TerminalSettings {
            base_key: KeyName::new(secrets::BASE)?,
            generation: GENERATION,
            answer_s: TERMINAL_WAITS_S,
            reversals: 3,
            echo_s: 600,
        },
        networks: of_networks,
        bins: bins.collect(),
        wallet: Some(WalletSettings {
            wallet,
            guid: wallet_name.to_owned(),
            merchant: "DOORSTEP".into(),
            currency: world.currency,
        }),
        token_key: KeyName::new(secrets::TOKEN)?,
        timing: Timing::default(),
    })
}

fn capped(ppm: u32, main_units: Option<u64>, currency: Currency) -> Capped {
    let rate = Rate::from_ppm(ppm).expect("less than the whole");
    let minor = |units: u64| Amount::of(units * 10_u64.pow(currency.exponent()));
    Capped { rate, cap: main_units.map(minor) }
}
