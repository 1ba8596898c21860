//! Before the day: creates the switch, the networks with fees and outages, and the terminals.

use std::collections::{BTreeMap, HashMap};

use books::{BreakSubject, NetworkId, WalletId};
use keys::{AesKey, KeyName};
use money::{Amount, Currency, Rate};
use peers::behaviour::{Outage, OutageClock, OutageMode};
use peers::clearing::NetworkFees;
use peers::network::NetworkLinkId;
use peers::{Behaviour, NetworkSimulator};
use switch::{
    BinRange, LinkId, MerchantSettings, NetworkDialect, NetworkSettings, Settings, Switch,
    TerminalDialect, TerminalSettings, Timing, WalletSettings, WrongPinLimits,
};
use tariff::CappedRate;

use super::cards::BINS;
use super::day_keys::{self, DayKeys, NetworkKeys};
use super::network::{ConnectedNetwork, NetworkScripts, SimulatedLink};
use super::socket_pair::{self, TerminalSockets};
use super::terminal_driver::TerminalDriver;
use super::wallet::WalletSimulation;
use super::{PaymentPath, PaymentPathCounts, PaymentPathError};
use crate::clock::{MINUTE_MS, OUTAGE};
use crate::schedule::Schedule;
use crate::world::World;

/// A network's response time.
const NETWORK_THINKS_MS: u32 = 1_200;
/// The networks' fees for debit and credit cards, in parts per million. They decide the route of a
/// card that both accept. [`DEBIT_CAPS`] caps the debit fee, in main units.
const COSTS_PPM: [(u32, u32); 2] = [(5_000, 7_000), (5_500, 6_500)];
const DEBIT_CAPS: [Option<u64>; 2] = [None, Some(20)];
/// Number of links of each network.
const LINKS: [u8; 2] = [2, 1];
/// Outage of the first network at 100% faults, and its upper limit.
const OUTAGE_MINUTES: u64 = 20;
const OUTAGE_MINUTES_MAX: u64 = 60;

const SECONDS_A_DAY: u64 = 86_400;

const ACQUIRER: u64 = 48_700_000;
/// A terminal's timeout, in seconds.
const TERMINAL_WAITS_S: u32 = 60;

impl PaymentPath {
    /// Creates the payment path of a world; `faults_percent` as in the day's options.
    pub(crate) fn new(world: &World, faults_percent: u32) -> Result<PaymentPath, PaymentPathError> {
        let (networks, wallet) = rails_of(world);
        let numbers = terminal_numbers(world);
        let names: Vec<&str> = networks.iter().map(|(_, name)| *name).collect();
        let secrets = DayKeys::make(world.seed, &names, &numbers)?;
        let settings = settings(world, &networks, wallet)?;
        let qr_ms = settings.timing.qr_ms;
        let mut outages = outages(world, faults_percent);
        let plans = NetworkScripts::default();
        let mut rails = Vec::new();
        for (index, (keys, (id, name))) in secrets.networks.into_iter().zip(networks).enumerate() {
            // Only the first network has outages.
            let outages = std::mem::take(&mut outages);
            let network = network(world, (name, keys), outages, &plans);
            rails.push(rail((id, index), network)?);
        }
        let terminals = numbers.iter().zip(&world.couriers).zip(secrets.terminals);
        let drivers = terminals.map(|((number, courier), link)| {
            let merchant = settings.merchant.of(world.firms[courier.firm].id);
            terminal(world, *number, merchant, link)
        });
        let drivers = drivers.collect();
        Ok(PaymentPath {
            switch: Switch::new(settings, secrets.store)?,
            outputs: Vec::new(),
            terminals: drivers,
            lines: HashMap::new(),
            next_line: 0,
            sockets: TerminalSockets::new()?,
            networks: rails,
            next_link: 0,
            scripts: plans,
            wallet: WalletSimulation::new(wallet.0, world.currency),
            wallet_id: wallet.0,
            qr_ms,
            pending: Schedule::new(),
            commands: Vec::new(),
            queries: Vec::new(),
            outcomes: Vec::new(),
            payments_by_trace: BTreeMap::new(),
            payments_by_reference: HashMap::new(),
            network_of_payment: HashMap::new(),
            counts: PaymentPathCounts::default(),
            discrepancies: Vec::new(),
            key_seed: world.seed,
            withdrawn: Vec::new(),
        })
    }

    /// Before a later day the switch is started again, all lines and links are closed, and new
    /// couriers get terminals. Networks, wallet and terminals keep their books.
    pub(crate) fn begin_day(&mut self, world: &World) -> Result<(), PaymentPathError> {
        let (networks, wallet) = rails_of(world);
        let numbers = terminal_numbers(world);
        let names: Vec<&str> = networks.iter().map(|(_, name)| *name).collect();
        let secrets = DayKeys::make(self.key_seed, &names, &numbers)?;
        let settings = settings(world, &networks, wallet)?;
        for courier in 0..self.terminals.len() {
            if self.terminals[courier].line.take().is_some() {
                self.sockets.close(courier);
            }
        }
        self.lines.clear();
        for rail in &mut self.networks {
            for simulated_link in &mut rail.links {
                simulated_link.socket = None;
                rail.network.closed(simulated_link.network_link);
            }
        }
        let known = self.terminals.len();
        let terminals = numbers.iter().zip(&world.couriers).zip(secrets.terminals);
        for ((number, courier), link) in terminals.skip(known) {
            let merchant = settings.merchant.of(world.firms[courier.firm].id);
            self.terminals.push(terminal(world, *number, merchant, link));
        }
        self.switch = Switch::new(settings, secrets.store)?;
        for (network, from) in &self.withdrawn {
            self.switch.network_withdrawn(*network, Some(*from));
        }
        Ok(())
    }
}

/// The networks, and the wallet, with their references.
type Rails<'w> = (Vec<(NetworkId, &'w str)>, (WalletId, &'w str));

fn rails_of(world: &World) -> Rails<'_> {
    let (mut networks, mut wallet) = (Vec::new(), (WalletId(0), ""));
    for rail in &world.rails {
        match rail.subject {
            BreakSubject::Network(id) => networks.push((id, rail.reference.as_str())),
            BreakSubject::Wallet(id) => wallet = (id, rail.reference.as_str()),
            BreakSubject::Bank(_) | BreakSubject::FirmCash(_) => {}
        }
    }
    (networks, wallet)
}

fn terminal_numbers(world: &World) -> Vec<u32> {
    let numbers = world.couriers.iter().map(|courier| {
        u32::try_from(courier.terminal.0).expect("terminals are numbered by eight digits")
    });
    numbers.collect()
}

fn terminal(world: &World, number: u32, merchant: [u8; 15], link: AesKey) -> TerminalDriver {
    TerminalDriver::new(peers::TerminalSimulatorSettings {
        currency: world.currency,
        utc_offset_minutes: world.clock.utc_offset_minutes,
        ..peers::TerminalSimulatorSettings::new(number, merchant, link)
    })
}

fn rail(
    (id, index): (NetworkId, usize),
    network: NetworkSimulator,
) -> Result<ConnectedNetwork, PaymentPathError> {
    let simulated_link = |number| {
        let id = LinkId { network: id, number };
        SimulatedLink { id, network_link: NetworkLinkId(0), socket: None }
    };
    let links = (0..LINKS[index % LINKS.len()]).map(simulated_link).collect();
    Ok(ConnectedNetwork { id, network, listener: socket_pair::listener()?, links })
}

fn network(
    world: &World,
    (name, keys): (&str, NetworkKeys),
    outages: Vec<Outage>,
    plans: &NetworkScripts,
) -> NetworkSimulator {
    let behaviour = Behaviour { delay_ms: NETWORK_THINKS_MS, outages, ..Behaviour::default() };
    let mut network = NetworkSimulator::new(peers::NetworkSimulatorSettings {
        name: name.to_owned(),
        acquirer: ACQUIRER,
        currency: world.currency,
        exchange_key: keys.exchange,
        mac_key: keys.mac,
        pin_key: keys.pin,
        behaviour,
        fees: NetworkFees::default(),
        seed: world.seed,
    });
    network.set_response_policy(plans.clone());
    network
}

/// Outages of the first network: first it stays silent, then it closes its links.
fn outages(world: &World, faults_percent: u32) -> Vec<Outage> {
    let minutes = (OUTAGE_MINUTES * u64::from(faults_percent) / 100).min(OUTAGE_MINUTES_MAX);
    let begins = world.clock.today(OUTAGE);
    let second = |minute: u64| {
        let at = begins.plus_ms(minute * MINUTE_MS);
        u32::try_from(at.0 / 1_000 % SECONDS_A_DAY).expect("less than a day has")
    };
    let part = |(from, to, link): (u64, u64, OutageMode)| {
        let (from_s, to_s) = (second(from), second(to));
        Outage { from_s, to_s, clock: OutageClock::Midnight, mode: link }
    };
    let parts = [(0, minutes / 2, OutageMode::Silent), (minutes / 2, minutes, OutageMode::Closes)];
    // A part that spans midnight UTC is left out.
    parts.map(part).into_iter().filter(|outage| outage.from_s < outage.to_s).collect()
}

fn settings(
    world: &World,
    networks: &[(NetworkId, &str)],
    (wallet, wallet_name): (WalletId, &str),
) -> Result<Settings, PaymentPathError> {
    let mut of_networks = Vec::new();
    for (index, (id, name)) in networks.iter().enumerate() {
        let (debit, credit) = COSTS_PPM[index % COSTS_PPM.len()];
        let cap = DEBIT_CAPS[index % DEBIT_CAPS.len()];
        of_networks.push(NetworkSettings {
            network: *id,
            name: (*name).to_owned(),
            dialect: NetworkDialect::UNIONPAY,
            currency: world.currency,
            links: LINKS[index % LINKS.len()],
            acquirer: ACQUIRER.to_string(),
            debit: capped(debit, cap, world.currency),
            credit: capped(credit, None, world.currency),
            mac_key: day_keys::network_key_name(name, "mac")?,
            pin_key: day_keys::network_key_name(name, "pin")?,
            exchange_key: day_keys::network_key_name(name, "exchange")?,
        });
    }
    let bins = BINS.iter().map(|(first, kind, places)| BinRange {
        first_digits: first.to_string(),
        kind: *kind,
        networks: places.iter().filter_map(|index| Some(networks.get(*index)?.0)).collect(),
    });
    Ok(Settings {
        utc_offset_minutes: world.clock.utc_offset_minutes,
        utc_offset_changes: Vec::new(),
        currencies: vec![world.currency],
        country: *b"CN",
        shown_as: ("DOORSTEP".into(), "SHANGHAI".into()),
        merchant: MerchantSettings {
            acquirer: *b"898",
            region: *b"3100",
            category: *b"4215",
            firms: world.firms.iter().map(|firm| firm.id).zip(1..).collect(),
        },
        terminals: TerminalSettings {
            base_key: KeyName::new(day_keys::BASE_KEY_NAME)?,
            derived_dialect: TerminalDialect::DOORSTEP,
            answer_s: TERMINAL_WAITS_S,
            reversal_attempts_max: 3,
            echo_s: 600,
            wrong_pins: WrongPinLimits::default(),
        },
        networks: of_networks,
        bins: bins.collect(),
        wallet: Some(WalletSettings {
            wallet,
            guid: wallet_name.to_owned(),
            merchant: "DOORSTEP".into(),
            currency: world.currency,
        }),
        token_key: KeyName::new(day_keys::TOKEN_KEY_NAME)?,
        timing: Timing::default(),
    })
}

fn capped(ppm: u32, main_units: Option<u64>, currency: Currency) -> CappedRate {
    let rate = Rate::from_ppm(ppm).expect("less than the whole");
    let minor = |units: u64| Amount::of(units * 10_u64.pow(currency.exponent()));
    CappedRate { rate, cap: main_units.map(minor) }
}
