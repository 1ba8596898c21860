//! The door of a demonstration: the switch with simulated networks, a wallet and a terminal, so
//! that the courier's phone can show codes and have the terminal ask for cards.
//!
//! The simulated buyer pays a code, and puts a card in, after a few seconds. Nothing is registered
//! before the phone asks for the first time.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, anyhow};
use bench::{
    InteractiveTerminal, NetworkSimulatorServer, TerminalKeys, TerminalSocket, WalletClient,
};
use books::{
    CourierId, FirmId, NetworkId, PHONE_TERMINALS, RailId, RegisterTerminal, TerminalId, WalletId,
};
use engine::{Actor, Engine, Submission};
use host::{
    Host, HostPlan, ListenerPlan, NetworkLink, PhoneRequests, Stopper, TerminalListener,
    WalletCredentials,
};
use keys::{AesKey, Algorithm, Key, KeyName, KeyPurpose, SoftwareStore, TdesKey};
use money::{Currency, Rate};
use node::{Clock, Node, NodeClient, SystemClock};
use peers::card::EntryMode;
use peers::clearing::NetworkFees;
use peers::wallet::{WalletResult, WalletSimulator, WalletTask};
use peers::{
    Behaviour, NetworkSimulator, NetworkSimulatorSettings, TerminalOutcome, TerminalSimulator,
    TerminalSimulatorSettings, TerminalTask, TestCard,
};
use sim::PLANNER;
use switch::{
    BinRange, LinkId, MerchantSettings, NetworkDialect, NetworkSettings, PhoneAnswer, PhoneRequest,
    Settings, Switch, TerminalDialect, TerminalSettings, Timing, Unfinished, WalletSettings,
    WrongPinLimits,
};
use tariff::{CappedRate, CardKind};
use web::AskSwitch;
use zeroize::Zeroizing;

/// How long the simulated buyer takes.
const BUYER_TAKES: Duration = Duration::from_secs(5);
const NETWORK_POLL: Duration = Duration::from_millis(200);
/// The card has too little for an amount that ends in 51, so that a visitor can see it declined.
const NETWORK_BEHAVIOUR: &str = r#"
delay_ms = 800
[[rule]]
kinds = ["sale"]
amount_ends = "51"
action = "decline"
code = "51"
"#;
/// The courier's terminal beside the phone. The simulated days have smaller numbers.
const TERMINAL: u32 = 80_000_001;
const ACQUIRER: u64 = 48_700_000;
const FIRST_DIGITS: u32 = 622_588;
const SECONDS_A_DAY: u64 = 86_400;

/// What the books of the demonstration have.
struct Setup {
    currency: Currency,
    firm: FirmId,
    utc_offset_minutes: i16,
    networks: Vec<(NetworkId, String)>,
    wallet: Option<(WalletId, String)>,
}

impl Setup {
    fn of(engine: &Engine, courier: CourierId) -> Option<Setup> {
        let books = engine.books();
        let firm = books.courier_firm(courier)?;
        let currency = books.firm_currency(firm)?;
        let rails = books.rail_views().filter(|rail| rail.currency == currency);
        let (mut networks, mut wallet) = (Vec::new(), None);
        for rail in rails {
            match rail.id {
                RailId::Network(id) => networks.push((id, rail.reference.to_owned())),
                RailId::Wallet(id) => wallet = Some((id, rail.reference.to_owned())),
            }
        }
        let utc_offset_minutes = books.utc_offset_minutes_at(SystemClock.now())?;
        Some(Setup { currency, firm, utc_offset_minutes, networks, wallet })
    }
}

/// The switch and the simulated parties, until [`DemoDoor::stop`].
pub struct DemoDoor {
    stopper: Stopper,
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    pub ask: AskSwitch,
}

/// The simulated buyer, with the courier's terminal.
struct Buyer {
    phones: PhoneRequests,
    client: Mutex<NodeClient>,
    terminal: Mutex<InteractiveTerminal>,
    wallet: Mutex<WalletClient>,
    card: TestCard,
    /// The codes and the requests for cards that were taken up.
    taken_up: Mutex<Vec<String>>,
    registered: AtomicBool,
}

fn aes(algorithm: Algorithm) -> anyhow::Result<AesKey> {
    Ok(AesKey::new(Key::random(algorithm)?.expose())?)
}

fn tdes() -> anyhow::Result<TdesKey> {
    Ok(TdesKey::new(Key::random(Algorithm::Tdes2)?.expose())?)
}

impl DemoDoor {
    /// Starts it for a courier.
    pub fn start(node: &Node, courier: CourierId) -> anyhow::Result<DemoDoor> {
        let (setup, _) = node.client().query(move |engine| Setup::of(engine, courier))?;
        let setup = setup.context("the courier is not known")?;
        let ids: Vec<_> = setup.networks.iter().map(|(id, _)| *id).collect();
        let (unfinished, _) =
            node.client().query(move |engine| Unfinished::of(engine.books(), &ids))?;
        let base = aes(Algorithm::Aes256)?;
        let mut keys = vec![
            (KeyName::new("base")?, KeyPurpose::Base, Key::Aes(base.clone())),
            (KeyName::new("token")?, KeyPurpose::Token, Key::Aes(aes(Algorithm::Aes256)?)),
        ];
        let stopping = Arc::new(AtomicBool::new(false));
        let (mut threads, mut links, mut networks) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (id, reference)) in setup.networks.iter().enumerate() {
            let name = |what: &str| KeyName::new(&format!("network-{place}/{what}"));
            let (exchange, mac, pin) = (aes(Algorithm::Aes128)?, tdes()?, tdes()?);
            let names = (name("exchange")?, name("mac")?, name("pin")?);
            keys.push((names.0, KeyPurpose::Exchange, Key::Aes(exchange.clone())));
            keys.push((names.1, KeyPurpose::Mac, Key::Tdes(mac.clone())));
            keys.push((names.2, KeyPurpose::PinEncryption, Key::Tdes(pin.clone())));
            let simulator = NetworkSimulator::new(NetworkSimulatorSettings {
                name: reference.clone(),
                acquirer: ACQUIRER,
                currency: setup.currency,
                exchange_key: exchange,
                mac_key: mac,
                pin_key: pin,
                behaviour: Behaviour::parse(NETWORK_BEHAVIOUR)?,
                fees: NetworkFees::default(),
                seed: SystemClock.now().0,
            });
            let mut server = NetworkSimulatorServer::open(simulator, local(), None)?;
            let link = LinkId { network: *id, number: 0 };
            let (address, name) = (server.address(), reference.clone());
            links.push(NetworkLink { link, name, address, tls: None });
            let over = stopping.clone();
            let serve = move || {
                while !over.load(Ordering::Acquire) && server.poll(NETWORK_POLL).is_ok() {}
            };
            threads.push(thread::Builder::new().name("demo-network".into()).spawn(serve)?);
            networks.push(network_settings(&setup, *id, reference, names));
        }
        let secret = Zeroizing::new(Key::random(Algorithm::Aes256)?.expose().to_vec());
        let wallet = setup.wallet.clone().context("the books have no wallet")?;
        let settings = settings(&setup, networks, &wallet)?;
        let merchant = settings.merchant.of(setup.firm);
        let mut switch = Switch::new(settings, Arc::new(SoftwareStore::in_memory(keys)?))?;
        let mut begin = Vec::new();
        switch.resume(unfinished, SystemClock.now(), &mut begin)?;
        let plan = HostPlan {
            terminals: vec![TerminalListener {
                address: local(),
                tls: None,
                certified: false,
                dialect: TerminalDialect::DOORSTEP,
            }],
            wallet_listeners: vec![ListenerPlan { address: local(), tls: None }],
            wallets: vec![WalletCredentials {
                name: "demo".into(),
                wallet: wallet.0,
                secret: secret.clone(),
            }],
            links,
            trial: true,
            stop_wait: Duration::ZERO,
            ..HostPlan::default()
        };
        let mut host = Host::open(switch, node, plan, Box::new(SystemClock))?;
        host.queue_outputs(begin);
        let terminals = host.addresses().terminals.clone();
        let at_wallet = *host.addresses().wallets.first().context("no address for the wallet")?;
        let (stopper, phones) = (host.stopper(), host.phone_requests());
        let serve = move || {
            if let Err(error) = host.run() {
                tracing::warn!(target: "demo", %error, "the switch of the demonstration ended");
            }
        };
        threads.push(thread::Builder::new().name("demo-switch".into()).spawn(serve)?);
        let key = TerminalKeys::derived(base, KeyPurpose::TerminalLink)?.for_terminal(TERMINAL)?;
        let terminal = TerminalSimulator::new(&TerminalSimulatorSettings {
            currency: setup.currency,
            utc_offset_minutes: setup.utc_offset_minutes,
            // After another run the batch is still open: its numbers are used.
            last_stan: u32::try_from(SystemClock.now().0 / 1_000 % SECONDS_A_DAY).unwrap_or(0),
            ..TerminalSimulatorSettings::new(TERMINAL, merchant, key)
        });
        let buyer = Arc::new(Buyer {
            phones,
            client: Mutex::new(node.client()),
            terminal: Mutex::new(InteractiveTerminal::new(
                terminal,
                TerminalSocket::new(terminals, None)?,
            )),
            wallet: Mutex::new(WalletClient::new(
                WalletSimulator::new("demo".into(), secret, setup.currency),
                at_wallet,
            )),
            card: TestCard::generate(FIRST_DIGITS, SystemClock.now().0, EntryMode::Chip),
            taken_up: Mutex::default(),
            registered: AtomicBool::new(false),
        });
        let ask: AskSwitch = Arc::new(move |request| Buyer::ask(&buyer, request));
        Ok(DemoDoor { stopper, stopping, threads, ask })
    }

    pub fn stop(self) {
        self.stopping.store(true, Ordering::Release);
        self.stopper.stop();
        self.stopper.stop();
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

fn local() -> SocketAddr {
    SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)
}

fn network_settings(
    setup: &Setup,
    network: NetworkId,
    reference: &str,
    (exchange_key, mac_key, pin_key): (KeyName, KeyName, KeyName),
) -> NetworkSettings {
    let cost = CappedRate { rate: Rate::from_ppm(5_000).unwrap_or_default(), cap: None };
    NetworkSettings {
        network,
        name: reference.to_owned(),
        dialect: NetworkDialect::UNIONPAY,
        currency: setup.currency,
        links: 1,
        acquirer: ACQUIRER.to_string(),
        debit: cost,
        credit: cost,
        mac_key,
        pin_key,
        exchange_key,
    }
}

fn settings(
    setup: &Setup,
    networks: Vec<NetworkSettings>,
    wallet: &(WalletId, String),
) -> anyhow::Result<Settings> {
    Ok(Settings {
        utc_offset_minutes: setup.utc_offset_minutes,
        utc_offset_changes: Vec::new(),
        currencies: vec![setup.currency],
        country: *b"CN",
        shown_as: ("DOORSTEP".into(), "SHANGHAI".into()),
        merchant: MerchantSettings {
            acquirer: *b"898",
            region: *b"3100",
            category: *b"4215",
            firms: vec![(setup.firm, 1)],
        },
        terminals: TerminalSettings {
            base_key: KeyName::new("base")?,
            derived_dialect: TerminalDialect::DOORSTEP,
            answer_s: 60,
            reversal_attempts_max: 3,
            echo_s: 600,
            wrong_pins: WrongPinLimits::default(),
        },
        bins: vec![BinRange {
            first_digits: FIRST_DIGITS.to_string(),
            kind: CardKind::Debit,
            networks: networks.iter().map(|one| one.network).collect(),
        }],
        networks,
        wallet: Some(WalletSettings {
            wallet: wallet.0,
            guid: wallet.1.clone(),
            merchant: "DOORSTEP".into(),
            currency: setup.currency,
        }),
        token_key: KeyName::new("token")?,
        timing: Timing::default(),
    })
}

impl Buyer {
    fn ask(this: &Arc<Buyer>, request: PhoneRequest) -> PhoneAnswer {
        if let Err(error) = this.register(request.courier) {
            tracing::warn!(target: "demo", %error, "the phone was not registered");
        }
        let answer = this.phones.ask(request);
        let buyer = this.clone();
        match &answer {
            PhoneAnswer::Code { text, .. } if this.takes_up(text.clone()) => {
                let text = text.clone();
                after_a_while(move || buyer.pay(&text));
            }
            PhoneAnswer::CardAsked { until } if this.takes_up(format!("{}", until.0)) => {
                after_a_while(move || buyer.put_card_in());
            }
            _ => {}
        }
        answer
    }

    /// Whether nobody has taken this up before.
    fn takes_up(&self, what: String) -> bool {
        let mut taken_up = self.taken_up.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !taken_up.contains(&what);
        if is_new {
            taken_up.push(what);
        }
        is_new
    }

    /// Registers the phone and the terminal of the courier, once.
    fn register(&self, courier: CourierId) -> anyhow::Result<()> {
        if self.registered.load(Ordering::Acquire) {
            return Ok(());
        }
        let terminals = [TerminalId(*PHONE_TERMINALS.start()), TerminalId(TERMINAL.into())];
        let commands = terminals.map(|terminal| {
            let command = books::Command::RegisterTerminal(RegisterTerminal { terminal, courier });
            (None, Submission::new(Actor::Person(PLANNER), command))
        });
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        for answer in client.execute(commands.to_vec())? {
            match answer.map_err(engine::Refusal::into_books) {
                Ok(_) | Err(books::Refusal::Repeated) => {}
                Err(refusal) => return Err(anyhow!("{refusal}")),
            }
        }
        self.registered.store(true, Ordering::Release);
        Ok(())
    }

    /// The buyer pays a code. What came too late, the wallet gives back.
    fn pay(&self, text: &str) -> anyhow::Result<()> {
        let mut wallet = self.wallet.lock().unwrap_or_else(PoisonError::into_inner);
        let order = wallet.wallet().scan(text)?;
        let reference = order.reference.clone();
        if let WalletResult::MustRefund = wallet.perform(WalletTask::Pay(order))? {
            wallet.perform(WalletTask::Refund(reference))?;
        }
        Ok(())
    }

    /// The terminal takes the request up, and the buyer puts the card in.
    fn put_card_in(&self) -> anyhow::Result<()> {
        let mut terminal = self.terminal.lock().unwrap_or_else(PoisonError::into_inner);
        // Before its first sign-on a terminal sends nothing else.
        if terminal.terminal().must_sign_on() {
            terminal.perform(TerminalTask::SignOn, &mut |_| {})?;
        }
        let listed = terminal.perform(TerminalTask::Parcels { from: 0 }, &mut |_| {})?;
        let Some(TerminalOutcome::Parcels { asked: Some(asked), .. }) = listed else {
            return Ok(());
        };
        let pin = self.card.pin();
        let sale = TerminalTask::Sale {
            waybill: &asked.waybill,
            card: &self.card,
            amount: asked.amount,
            pin: Some(&pin),
        };
        terminal.perform(sale, &mut |_| {})?;
        terminal.send_pending(&mut |_| {})?;
        Ok(())
    }
}

fn after_a_while(act: impl FnOnce() -> anyhow::Result<()> + Send + 'static) {
    let run = move || {
        thread::sleep(BUYER_TAKES);
        if let Err(error) = act() {
            tracing::warn!(target: "demo", %error, "the simulated buyer failed");
        }
    };
    if let Err(error) = thread::Builder::new().name("demo-buyer".into()).spawn(run) {
        tracing::warn!(target: "demo", %error, "no simulated buyer");
    }
}
