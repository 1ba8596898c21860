//! Before the day: creates the parties and the commands that register them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use books::{
    AnnounceParcel, AssignParcels, AssignedParcel, BankId, BreakSubject, BusinessDate, Command,
    CourierId, FirmId, NetworkId, OpenBooks, PARCELS_PER_COMMAND_MAX, PersonId, PublishTariff,
    RegisterBank, RegisterCourier, RegisterFirm, RegisterNetwork, RegisterPerson, RegisterSeller,
    RegisterTerminal, RegisterWallet, SellerId, SellerKind, SetFirmTerms, SetHoldRule,
    SetOfflineLimit, TariffId, TerminalId, WalletId,
};
use money::Amount;
use tariff::PaymentMethod;

use crate::actors::{APPROVER, PLANNER, cashier_of};
use crate::books::{ParcelLocation, RailBooks};
use crate::chance::{Chance, ChancePurpose};
use crate::clock::VirtualClock;
use crate::counterparty::StatedToday;
use crate::inputs::{DayInputError, DayInputs, DayOptions, PartyFiles, PaymentMix, check_inputs};
use crate::rates::{OFFLINE_TERMINAL_PPM, Rates};
use crate::report::Incidents;
use crate::schedule::Schedule;
use crate::world::{
    CashCustody, CodeKey, DayAdditions, OwnTariff, SimulatedCourier, SimulatedFirm,
    SimulatedParcel, World, WorldTerms, amount,
};

pub(crate) const BANK: &str = "bank-1";
const NETWORKS: [&str; 2] = ["network-1", "network-2"];
const WALLET: &str = "wallet-1";

/// The number of the first terminal; eight digits, as in field 41.
const FIRST_TERMINAL: u64 = 10_000_001;
/// A terminal's total offline limit, as a multiple of its limit per sale.
const OFFLINE_SALES: u64 = 5;

/// One seller in this many is an individual, the others are businesses. Derived from the seller's
/// identifier, so that it is the same every day. An assumption.
const INDIVIDUAL_ONE_IN: u64 = 3;

impl World {
    pub(crate) fn new(inputs: &DayInputs, options: &DayOptions) -> Result<World, DayInputError> {
        check_inputs(inputs, options)?;
        let rates = Rates::of(options);
        let mut world = World {
            cards_are_gone: false,
            day: 1,
            terms: WorldTerms::of(options),
            clock: VirtualClock {
                date: inputs.date,
                utc_offset_minutes: inputs.utc_offset_minutes,
            },
            seed: options.seed,
            rates,
            currency: inputs.currency,
            own_tariff: OwnTariff::read(&inputs.tariff_text, inputs.currency, &inputs.class)?,
            cash_limit: 0,
            cash_only: options.payment_mix == PaymentMix::Only(PaymentMethod::Cash),
            add_statement_line: BankId::derived(BANK),
            bank_statement: Vec::new(),
            own_money: 0,
            rails: rails(),
            cash: CashCustody::default(),
            cash_payments: Vec::new(),
            seller_indexes: BTreeMap::new(),
            sellers: Vec::new(),
            parcel_indexes: BTreeMap::new(),
            parcels: Vec::with_capacity(inputs.parcels.len()),
            firms: (1..=options.firms).map(firm).collect(),
            couriers: Vec::new(),
            schedule: Schedule::new(),
            expected_breaks: Vec::new(),
            lost_lines: Vec::new(),
            incidents: Incidents::default(),
            discrepancies: Vec::new(),
            code_key: CodeKey::of_day(options.seed),
            received_on: BTreeMap::new(),
            released_on: BusinessDate::default(),
            later_changes: BTreeMap::new(),
            today: DayAdditions::default(),
            stated: (options.party_files != PartyFiles::None).then(StatedToday::default),
            leaves_clearing: options.party_files == PartyFiles::Alone,
        };
        world.add_orders(inputs, options);
        world.cash_limit = world.usual_cash_limit(options);
        world.assign_tours(usize::from(options.parcels_per_courier));
        Ok(world)
    }

    /// Gives each firm the couriers that its parcels at the hub need, with tours of equal length.
    /// A courier who still has a parcel visits its buyer first.
    pub(crate) fn assign_tours(&mut self, parcels_per_courier: usize) {
        let offline_limit = self.offline_limit();
        for firm in 0..self.firms.len() {
            let theirs = (0..self.parcels.len()).filter(|&index| self.parcels[index].firm == firm);
            let at_hub = |index: &usize| self.parcels[*index].location == ParcelLocation::AtHub;
            let theirs: Vec<usize> = theirs.filter(at_hub).collect();
            let count = theirs.len().div_ceil(parcels_per_courier);
            if count == 0 {
                continue;
            }
            let own = (0..self.couriers.len()).filter(|&index| self.couriers[index].firm == firm);
            let own: Vec<usize> = own.collect();
            for (number, tour) in (1..).zip(theirs.chunks(theirs.len().div_ceil(count))) {
                let stops = tour.iter().copied().collect();
                if let Some(&courier) = own.get(number - 1) {
                    self.couriers[courier].stops = stops;
                } else {
                    let courier = self.make_courier(firm, number, stops, offline_limit);
                    self.couriers.push(courier);
                }
            }
        }
        for (index, parcel) in self.parcels.iter().enumerate() {
            if let (ParcelLocation::WithCourier, Some(courier)) = (parcel.location, parcel.courier)
            {
                self.couriers[courier].stops.push_front(index);
            }
        }
    }

    fn make_courier(
        &self,
        firm: usize,
        number: usize,
        stops: VecDeque<usize>,
        offline_limit: u64,
    ) -> SimulatedCourier {
        let reference = format!("{}-courier-{number:03}", self.firms[firm].reference);
        let id = CourierId::derived(&reference);
        let mut chance = Chance::new(self.seed, ChancePurpose::Courier, id.0);
        let loses_memory = chance.happens(self.rates.memory_loss);
        let offline = chance.happens(OFFLINE_TERMINAL_PPM);
        let offline = if offline { offline_limit } else { 0 };
        SimulatedCourier {
            id,
            firm,
            terminal: TerminalId(FIRST_TERMINAL + self.couriers.len() as u64),
            current_payment: None,
            offline_limit: offline,
            loses_memory,
            reference,
            stops,
            retry_parcels: Vec::new(),
            chance,
            was_at_hub: false,
            expected_cash: 0,
            hand_overs: 0,
            repayments: 0,
            // The offline limit is the first.
            terminal_changes: u32::from(offline > 0),
        }
    }

    /// A terminal's offline limit per sale: two average parcels.
    fn offline_limit(&self) -> u64 {
        2 * self.mean_due()
    }

    fn mean_due(&self) -> u64 {
        let sum: u64 = self.parcels.iter().map(|parcel| parcel.due).sum();
        sum / self.parcels.len() as u64
    }

    fn usual_cash_limit(&self, options: &DayOptions) -> u64 {
        let usual = self.mean_due().saturating_mul(DayOptions::CASH_LIMIT_PARCELS);
        options.cash_limit.map_or(usual.clamp(1, Amount::ENTRY_MAX.minor()), Amount::minor)
    }

    /// Registers all parties that the books do not have, except the sellers. The first day opens
    /// the books.
    pub(crate) fn registrations(&self, inputs: &DayInputs, options: &DayOptions) -> Vec<Command> {
        let mut commands = Vec::new();
        if self.day == 1 {
            commands = opening_commands(inputs, options);
            commands.retain(|command| !is_given_by(&inputs.others, command));
        }
        commands.extend(self.courier_registrations());
        commands
    }

    fn courier_registrations(&self) -> Vec<Command> {
        let (proposed_by, approved_by) = (PLANNER, APPROVER);
        let mut commands = Vec::new();
        for courier in &self.couriers[self.today.first_courier..] {
            commands.push(Command::RegisterCourier(RegisterCourier {
                courier: courier.id,
                firm: self.firms[courier.firm].id,
                cash_limit: amount(self.cash_limit),
                reference: courier.reference.clone(),
                proposed_by,
                approved_by,
            }));
            let (terminal, limit, courier) = (courier.terminal, courier.offline_limit, courier.id);
            commands.push(Command::RegisterTerminal(RegisterTerminal { terminal, courier }));
            if limit > 0 {
                let (each, total) = (amount(limit), amount(OFFLINE_SALES * limit));
                commands.push(Command::SetOfflineLimit(SetOfflineLimit {
                    terminal,
                    number: 1,
                    each,
                    total,
                    proposed_by,
                    approved_by,
                }));
            }
        }
        commands
    }

    pub(crate) fn seller_registrations(
        &self,
        inputs: &DayInputs,
        options: &DayOptions,
    ) -> Vec<Command> {
        let register =
            |seller: &usize| seller_registration(&self.sellers[*seller].reference, inputs, options);
        self.today.sellers.iter().map(register).collect()
    }

    pub(crate) fn announcements(&self) -> Vec<Command> {
        let announce = |parcel: &SimulatedParcel| {
            Command::AnnounceParcel(AnnounceParcel {
                parcel: parcel.id,
                seller: self.sellers[parcel.seller].id,
                currency: self.currency,
                due: amount(parcel.due),
                reference: parcel.order_reference.clone(),
                shipment: 1,
            })
        };
        self.today.announced.iter().map(|index| announce(&self.parcels[*index])).collect()
    }

    /// Assigns the parcels to the firms.
    pub(crate) fn assignments(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        for (index, firm) in self.firms.iter().enumerate() {
            let new = self.today.assigned.iter().map(|index| &self.parcels[*index]);
            let theirs = new.filter(|parcel| parcel.firm == index);
            let first = |parcel: &SimulatedParcel| AssignedParcel { parcel: parcel.id, number: 1 };
            let ids: Vec<_> = theirs.map(first).collect();
            let parts = ids.chunks(PARCELS_PER_COMMAND_MAX);
            commands.extend(parts.map(|part| {
                Command::AssignParcels(AssignParcels { firm: firm.id, parcels: part.to_vec() })
            }));
        }
        commands
    }
}

/// Who acts for offices in simulated books, with a name for each.
#[must_use]
pub fn office_persons(options: &DayOptions) -> Vec<(PersonId, String)> {
    let cashiers = (1..=options.firms).map(firm).map(|firm| cashier_of(&firm.reference));
    [(PLANNER, "planner".to_owned()), (APPROVER, "approver".to_owned())]
        .into_iter()
        .chain(cashiers)
        .collect()
}

/// What the first day opens the books with: the bank, the tariff, networks, wallet and firms.
/// Whoever gives something to the books before the first day gives these commands first.
#[must_use]
pub fn opening_commands(inputs: &DayInputs, options: &DayOptions) -> Vec<Command> {
    let currency = inputs.currency;
    let (proposed_by, approved_by) = (PLANNER, APPROVER);
    let mut commands = vec![Command::OpenBooks(OpenBooks {
        utc_offset_minutes: inputs.utc_offset_minutes,
        first_person: PLANNER,
        second_person: APPROVER,
        trial: true,
    })];
    commands.extend(inputs.time_zone.clone().map(Command::SetTimeZone));
    commands.extend([
        Command::RegisterBank(RegisterBank {
            bank: BankId::derived(BANK),
            currency,
            reference: BANK.to_owned(),
        }),
        Command::SetHoldRule(SetHoldRule {
            jurisdiction: options.jurisdiction,
            number: 1,
            rule: options.hold_rule,
            proposed_by,
            approved_by,
        }),
    ]);
    let tariff = TariffId::derived(&inputs.tariff.key());
    commands.extend(inputs.tariff.versions.iter().map(|version| {
        Command::PublishTariff(PublishTariff {
            tariff,
            version: version.number,
            currency: inputs.tariff.currency,
            from: version.from,
            until: version.until,
            terms: Box::new(version.terms.clone()),
            reference: inputs.tariff.name.clone(),
            proposed_by,
            approved_by,
        })
    }));
    commands.extend(rails().into_iter().map(|rail| {
        let reference = rail.reference;
        match rail.subject {
            BreakSubject::Network(network) => {
                Command::RegisterNetwork(RegisterNetwork { network, currency, reference })
            }
            BreakSubject::Wallet(wallet) => {
                Command::RegisterWallet(RegisterWallet { wallet, currency, reference })
            }
            _ => unreachable!("payments go to networks and wallets"),
        }
    }));
    let firms: Vec<_> = (1..=options.firms).map(firm).collect();
    commands.extend(firms.iter().map(|firm| {
        Command::RegisterFirm(RegisterFirm {
            firm: firm.id,
            currency,
            guarantee: options.guarantee,
            reference: firm.reference.clone(),
            proposed_by,
            approved_by,
        })
    }));
    let guarantee = options.guarantee;
    let terms = |firm: FirmId, withholding| {
        let (number, from) = (1, inputs.date);
        Command::SetFirmTerms(SetFirmTerms {
            firm,
            number,
            from,
            guarantee,
            withholding,
            proposed_by,
            approved_by,
        })
    };
    let withheld = options.withholding.into_iter();
    commands.extend(withheld.flat_map(|rate| firms.iter().map(move |firm| terms(firm.id, rate))));
    commands.extend(firms.iter().map(|firm| {
        let (person, _) = cashier_of(&firm.reference);
        Command::RegisterPerson(RegisterPerson { person, proposed_by, approved_by })
    }));
    commands
}

/// Whether others gave what a command of the opening is for.
fn is_given_by(others: &[Command], command: &Command) -> bool {
    others.iter().any(|other| match (other, command) {
        (Command::SetTimeZone(_), Command::SetTimeZone(_)) => true,
        (Command::PublishTariff(one), Command::PublishTariff(own)) => {
            (one.tariff, one.version) == (own.tariff, own.version)
        }
        _ => other == command,
    })
}

/// Registers a seller on the terms of the day.
///
/// # Panics
/// If the inputs were not [checked](crate::check_inputs).
#[must_use]
pub fn seller_registration(reference: &str, inputs: &DayInputs, options: &DayOptions) -> Command {
    let version = inputs.tariff.in_force(inputs.date).expect("the tariff was checked");
    let seller = SellerId::derived(reference);
    Command::RegisterSeller(RegisterSeller {
        seller,
        kind: seller_kind(seller),
        currency: inputs.currency,
        jurisdiction: options.jurisdiction,
        tariff: TariffId::derived(&inputs.tariff.key()),
        class: version.terms.class(&inputs.class).expect("the class was checked"),
        cycle: WorldTerms::of(options).cycle_of(seller),
        minimum: options.minimum_payout,
        reference: reference.to_owned(),
    })
}

fn firm(number: u8) -> SimulatedFirm {
    let reference = format!("firm-{number}");
    let id = FirmId::derived(&reference);
    SimulatedFirm {
        id,
        reference,
        deposits: Vec::new(),
        deposit_count: 0,
        payments: 0,
        paid: 0,
        withheld: 0,
    }
}

/// The networks first, then the wallet.
fn rails() -> Vec<RailBooks> {
    let books = |subject: BreakSubject, reference: &str| RailBooks {
        subject,
        reference: reference.to_owned(),
        items: BTreeMap::new(),
        unbooked: BTreeMap::new(),
        decided: BTreeSet::new(),
    };
    let networks =
        NETWORKS.map(|name| books(BreakSubject::Network(NetworkId::derived(name)), name));
    let wallet = books(BreakSubject::Wallet(WalletId::derived(WALLET)), WALLET);
    networks.into_iter().chain([wallet]).collect()
}

fn seller_kind(seller: SellerId) -> SellerKind {
    if seller.0.is_multiple_of(INDIVIDUAL_ONE_IN) {
        SellerKind::Individual
    } else {
        SellerKind::Business
    }
}
