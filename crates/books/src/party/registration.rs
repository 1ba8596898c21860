//! Registration of banks, firms, couriers, terminals, networks, wallets, sellers and tariffs.

use machine::UTC_OFFSET_MINUTES_MAX;
use money::{Currency, Rate};
use tariff::FeeKind;

use crate::books::{Books, Now, check_identifier, check_text, used_identifier};
use crate::chart::AccountKind as A;
use crate::command::{
    BlockTerminal, HOLD_DAYS_MAX, HandTerminal, HoldRule, OpenBooks, PublishTariff, RegisterBank,
    RegisterCourier, RegisterFirm, RegisterNetwork, RegisterSeller, RegisterTerminal,
    RegisterWallet, SetHoldRule,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{CourierId, PersonId, SellerId, TariffId, TerminalId};
use crate::party::access::FIRST_GRANTS;
use crate::party::persons::{Person, check_two_people};
use crate::party::record::{
    Bank, Courier, Firm, HoldRuleSetting, Rail, RailId, Seller, TariffRecord, TariffVersionRecord,
    Terminal, TerminalChange,
};
use crate::party::terms::{DatedTerms, FirmTerms, SellerTerms};
use crate::reference_data::{CurrencyAccounts, TaxAccount};
use crate::refusal::{MissingRecord, Refusal, TextFault};
use crate::used_numbers::UsedNumbers;

const CURRENCIES_MAX: usize = 200;
/// Limit on networks and wallets together.
const RAILS_MAX: u32 = 60_000;
/// Limit on the versions of all tariffs together.
const VERSIONS_MAX: usize = 60_000;

impl Books {
    pub(crate) fn open_books(
        &mut self,
        command: &OpenBooks,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let OpenBooks { utc_offset_minutes: offset, first_person, second_person, trial } = *command;
        let first_persons = [first_person, second_person];
        if let Some(before) = self.reference_data.utc_offset_minutes {
            let same = before == offset
                && trial == self.reference_data.trial
                && self.persons.iter().map(|one| one.id).take(2).eq(first_persons);
            return Err(if same { Refusal::Repeated } else { Refusal::BooksNotOpen });
        }
        if offset.unsigned_abs() > UTC_OFFSET_MINUTES_MAX.unsigned_abs() {
            return Err(Refusal::OffsetOutOfRange);
        }
        Books::check_first_persons(command)?;
        self.reference_data.utc_offset_minutes = Some(offset);
        self.reference_data.trial = trial;
        for id in first_persons {
            let grants = FIRST_GRANTS.to_vec();
            self.persons.add(Person { id, grants, ..Person::default() });
        }
        self.reference_data.next_payout = 1;
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn register_terminal(
        &mut self,
        command: &RegisterTerminal,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RegisterTerminal { terminal, courier: id } = *command;
        let courier = self.courier_number(id)?;
        if let Some(before) = self.terminals.find(terminal) {
            return Err(used_identifier(before.registered_to == courier));
        }
        self.check_working(id)?;
        self.terminals.add(Terminal {
            id: terminal,
            courier,
            registered_to: courier,
            ..Terminal::default()
        });
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn hand_terminal(
        &mut self,
        command: &HandTerminal,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let HandTerminal { terminal, courier: id, number } = *command;
        let courier = self.courier_number(id)?;
        let change = TerminalChange::HandedTo(courier);
        let place = self.terminal_number(terminal)?;
        self.terminals.get(place).changes.check(number, |before| *before == change)?;
        self.check_working(id)?;
        self.change_terminal(terminal, number, change)?.courier = courier;
        out.events.push(Event::Registered);
        Ok(())
    }

    /// The terminal, if this is its next change.
    pub(crate) fn change_terminal(
        &mut self,
        terminal: TerminalId,
        number: u32,
        change: TerminalChange,
    ) -> Result<&mut Terminal, Refusal> {
        let place = self.terminal_number(terminal)?;
        self.terminals.get(place).changes.check(number, |before| *before == change)?;
        let terminal = self.terminals.get_mut(place);
        terminal.changes.push(change);
        Ok(terminal)
    }

    pub(crate) fn block_terminal(
        &mut self,
        command: &BlockTerminal,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let BlockTerminal { terminal, blocked, number } = *command;
        let change = TerminalChange::Blocked(blocked);
        let record = self.change_terminal(terminal, number, change)?;
        // A block that is given again has begun before.
        if blocked && !record.blocked {
            (record.blocked_at, record.unblocked_at) = (Some(now.at), None);
        } else if record.blocked && !blocked {
            record.unblocked_at = Some(now.at);
        }
        record.blocked = blocked;
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn register_network(
        &mut self,
        command: &RegisterNetwork,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RegisterNetwork { network, currency, reference } = command;
        self.register_rail(RailId::Network(*network), *currency, reference)?;
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn register_wallet(
        &mut self,
        command: &RegisterWallet,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RegisterWallet { wallet, currency, reference } = command;
        self.register_rail(RailId::Wallet(*wallet), *currency, reference)?;
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn set_hold_rule(
        &mut self,
        command: &SetHoldRule,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let SetHoldRule { jurisdiction, number, rule, proposed_by, approved_by } = *command;
        check_two_people(proposed_by, approved_by, &[])?;
        if let HoldRule::DaysAfterHeld(days) | HoldRule::DaysAfterDelivery(days) = rule
            && days > HOLD_DAYS_MAX
        {
            return Err(Refusal::HoldTooLong);
        }
        if !jurisdiction.0.iter().all(u8::is_ascii_uppercase) {
            return Err(Refusal::BadText("jurisdiction", TextFault::NotACountry));
        }
        let setting = HoldRuleSetting { rule, decided_by: (proposed_by, approved_by) };
        let before = self.reference_data.hold_rules.get(&jurisdiction);
        before.unwrap_or(&UsedNumbers::default()).check(number, |before| *before == setting)?;
        self.reference_data.hold_rules.entry(jurisdiction).or_default().push(setting);
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn courier_number(&self, courier: CourierId) -> Result<u32, Refusal> {
        self.couriers.number(courier).ok_or(Refusal::NotFound(MissingRecord::Courier(courier)))
    }

    pub(crate) fn register_bank(
        &mut self,
        command: &RegisterBank,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RegisterBank { bank: id, currency, reference } = command;
        let (id, currency) = (*id, *currency);
        check_text("reference", reference)?;
        if let Some(before) = self.banks.find(id) {
            let same = self.currency_at(before.currency) == currency;
            return Err(used_identifier(same && before.reference == *reference));
        }
        if self.currency_index(currency).is_err() {
            if self.reference_data.currencies.len() >= CURRENCIES_MAX {
                return Err(Refusal::OutOfRange(200));
            }
            self.open_currency_accounts(currency);
        }
        let place = self.currency_index(currency)?;
        let account = self.ledger.open(currency, A::Bank, id.0);
        self.banks.add(Bank { id, currency: place, account, reference: reference.to_owned() });
        out.events.push(Event::Registered);
        Ok(())
    }

    fn open_currency_accounts(&mut self, currency: Currency) {
        let mut open = |kind: A| self.ledger.open(currency, kind, 0);
        let tax = |account| TaxAccount { account, made: 0, paid: 0 };
        let accounts = CurrencyAccounts {
            currency,
            suspense: open(A::Suspense),
            payout_in_flight: open(A::PayoutInFlight),
            buyer_refunds: open(A::BuyerRefunds),
            fees: FeeKind::ALL.map(|kind| match A::of_fee(kind) {
                // Each firm has its own account; VAT is a tax. These entries are unused.
                A::FirmCommission | A::VatPayable => ledger::AccountNumber(u32::MAX),
                kind => open(kind),
            }),
            taxes: [tax(open(A::VatPayable)), tax(open(A::WithholdingPayable))],
            clearing_cost: open(A::ClearingCost),
            write_offs: open(A::WriteOffs),
            other_income: open(A::OtherIncome),
            other_expenses: open(A::OtherExpenses),
        };
        self.reference_data.currencies.push(accounts);
    }

    pub(crate) fn register_firm(
        &mut self,
        command: &RegisterFirm,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RegisterFirm { firm, currency, guarantee, reference, proposed_by, approved_by } =
            command;
        check_text("reference", reference)?;
        check_two_people(*proposed_by, *approved_by, &[])?;
        let registered_by = (*proposed_by, *approved_by);
        let place = self.currency_index(*currency)?;
        if let Some(before) = self.firms.find(*firm) {
            let same =
                before.currency == place && before.terms.registered().guarantee == *guarantee;
            let same = same && before.registered_by == registered_by;
            return Err(used_identifier(same && before.reference == *reference));
        }
        let (cash, commission) = (
            self.ledger.open(*currency, A::FirmCash, firm.0),
            self.ledger.open(*currency, A::FirmCommission, firm.0),
        );
        self.firms.add(Firm {
            id: *firm,
            currency: place,
            registered_by,
            terms: DatedTerms::new(FirmTerms { guarantee: *guarantee, withholding: Rate::ZERO }),
            cash,
            commission,
            reference: reference.clone(),
            ..Firm::default()
        });
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn register_courier(
        &mut self,
        command: &RegisterCourier,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RegisterCourier { courier, firm, cash_limit, reference, proposed_by, approved_by } =
            command;
        check_text("reference", reference)?;
        check_two_people(PersonId(courier.0), *proposed_by, &[])?;
        check_two_people(*proposed_by, *approved_by, &[PersonId(courier.0)])?;
        let registered_by = (*proposed_by, *approved_by);
        let number =
            self.firms.number(*firm).ok_or(Refusal::NotFound(MissingRecord::Firm(*firm)))?;
        if let Some(before) = self.couriers.find(*courier) {
            let same = before.firm == number && before.cash_limit.registered() == cash_limit;
            let same = same && before.registered_by == registered_by;
            return Err(used_identifier(same && before.reference == *reference));
        }
        self.check_new_courier(*courier)?;
        self.add_courier_person(*courier);
        let currency = self.currency_at(self.firms.get(number).currency);
        let cash = self.ledger.open(currency, A::CourierCash, courier.0);
        let shortage = self.ledger.open(currency, A::CourierShortage, courier.0);
        self.couriers.add(Courier {
            id: *courier,
            firm: number,
            registered_by,
            cash_limit: DatedTerms::new(*cash_limit),
            cash,
            shortage,
            reference: reference.clone(),
            ..Courier::default()
        });
        out.events.push(Event::Registered);
        Ok(())
    }

    fn register_rail(
        &mut self,
        id: RailId,
        currency: Currency,
        reference: &str,
    ) -> Result<(), Refusal> {
        check_text("reference", reference)?;
        let place = self.currency_index(currency)?;
        if let Some(before) = self.rails.find(id) {
            return Err(used_identifier(before.currency == place && before.reference == reference));
        }
        if self.rails.len() >= RAILS_MAX {
            return Err(Refusal::OutOfRange(RAILS_MAX));
        }
        let receivable = match id {
            RailId::Network(id) => self.ledger.open(currency, A::NetworkReceivable, id.0),
            RailId::Wallet(id) => self.ledger.open(currency, A::WalletReceivable, id.0),
        };
        let reference = reference.to_owned();
        self.rails.add(Rail { id, currency: place, receivable, reference, ..Rail::default() });
        Ok(())
    }

    pub(crate) fn tariff_index(&self, id: TariffId) -> Option<u16> {
        let place = self.reference_data.tariffs.iter().position(|tariff| tariff.id == id)?;
        Some(u16::try_from(place).expect("fewer tariffs than versions"))
    }

    /// The names of the classes in a tariff's last version, in the order of their numbers.
    #[must_use]
    pub fn tariff_classes(&self, tariff: TariffId) -> Vec<&str> {
        let of_tariff = |one: &&TariffVersionRecord| one.tariff == tariff;
        let last =
            self.reference_data.versions.iter().filter(of_tariff).max_by_key(|one| one.number);
        last.iter().flat_map(|one| &one.terms.classes).map(|class| &*class.name).collect()
    }

    /// Whether the books have this version of a tariff, whoever published it.
    #[must_use]
    pub fn has_tariff_version(&self, command: &PublishTariff) -> bool {
        let PublishTariff { tariff, version, currency, from, until, terms, reference, .. } =
            command;
        let number = |one: &TariffVersionRecord| (one.tariff, one.number) == (*tariff, *version);
        let record = self.tariff_index(*tariff).map(|place| {
            let record = &self.reference_data.tariffs[usize::from(place)];
            record.currency == *currency && record.reference == *reference
        });
        let version = self.reference_data.versions.iter().find(|one| number(one));
        version.is_some_and(|one| {
            let same_end = one.until == *until || (one.published_open && until.is_none());
            record == Some(true) && one.from == *from && one.terms == **terms && same_end
        })
    }

    pub(crate) fn publish_tariff(
        &mut self,
        command: &PublishTariff,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let PublishTariff { tariff: id, version: number, currency, from, until, .. } = *command;
        let PublishTariff { terms, reference, proposed_by, approved_by, .. } = command;
        let decided_by = (*proposed_by, *approved_by);
        let today = now.today;
        check_text("reference", reference)?;
        terms.check(currency).map_err(Refusal::BadTerms)?;
        check_two_people(decided_by.0, decided_by.1, &[])?;
        if until.is_some_and(|until| until <= from) {
            return Err(Refusal::BadVersion);
        }
        let place = self.tariff_index(id);
        if let Some(place) = place {
            let tariff = &self.reference_data.tariffs[usize::from(place)];
            let version = |number: u16| {
                let place = tariff.versions.get(usize::from(number).checked_sub(1)?)?;
                Some(&self.reference_data.versions[usize::from(*place)])
            };
            if let Some(before) = version(number) {
                let same = before.terms == **terms
                    && before.from == from
                    && tariff.reference == *reference
                    && tariff.currency == currency;
                let ends_it = before.until.is_none() && until.is_some_and(|until| until > today);
                if same && ends_it {
                    let place = tariff.versions[usize::from(number) - 1];
                    let version = &mut self.reference_data.versions[usize::from(place)];
                    (version.until, version.ended_by) = (until, Some(decided_by));
                    out.events.push(Event::Registered);
                    return Ok(());
                }
                if same && before.until.is_none() && until.is_some() {
                    return Err(Refusal::BadVersion);
                }
                let same_end = match until {
                    None => before.published_open && before.published_by == decided_by,
                    Some(_) => {
                        let by = before.ended_by.unwrap_or(before.published_by);
                        before.until == until && by == decided_by
                    }
                };
                return Err(used_identifier(same && same_end));
            }
            let last = version(number.wrapping_sub(1)).ok_or(Refusal::BadVersion)?;
            let follows = match last.until {
                Some(end) => end == from,
                None => from > today && from > last.from,
            };
            let keeps_classes = last.terms.classes.len() <= terms.classes.len()
                && last.terms.classes.iter().zip(&terms.classes).all(|(a, b)| a.name == b.name);
            let same_tariff = tariff.currency == currency && tariff.reference == *reference;
            if !follows || !keeps_classes || !same_tariff {
                return Err(Refusal::BadVersion);
            }
        } else if number != 1 {
            return Err(Refusal::BadVersion);
        }
        let versions = self.reference_data.versions.len();
        let global = u16::try_from(versions).ok().filter(|_| versions < VERSIONS_MAX);
        let global = global.ok_or(Refusal::OutOfRange(60_000))?;
        self.reference_data.versions.push(TariffVersionRecord {
            tariff: id,
            number,
            from,
            until,
            published_open: until.is_none(),
            published_by: decided_by,
            ended_by: None,
            terms: (**terms).clone(),
        });
        match place {
            Some(place) => {
                let tariff = &mut self.reference_data.tariffs[usize::from(place)];
                let last = usize::from(*tariff.versions.last().expect("a tariff has a version"));
                tariff.versions.push(global);
                self.reference_data.versions[last].until = Some(from);
            }
            None => {
                let (reference, versions) = (reference.to_owned(), vec![global]);
                self.reference_data.tariffs.push(TariffRecord {
                    id,
                    currency,
                    versions,
                    reference,
                });
            }
        }
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn register_seller(
        &mut self,
        command: &RegisterSeller,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RegisterSeller {
            seller: id,
            kind,
            currency,
            jurisdiction,
            tariff,
            class,
            cycle,
            minimum,
            reference,
        } = command;
        check_identifier("reference", reference)?;
        let currency_place = self.currency_index(*currency)?;
        let missing = Refusal::NotFound(MissingRecord::Tariff(*tariff));
        let tariff = self.tariff_index(*tariff).ok_or(missing)?;
        let terms = SellerTerms { tariff, class: *class, cycle: *cycle, minimum: *minimum };
        let seller = Seller {
            id: *id,
            kind: *kind,
            currency: currency_place,
            jurisdiction: *jurisdiction,
            terms: DatedTerms::new(terms),
            reference: reference.clone(),
            ..Seller::default()
        };
        if let Some(before) = self.sellers.find((*id, currency_place)) {
            return Err(used_identifier(seller.is_same_account(before)));
        }
        if self.any_account_of(*id).is_some_and(|other| !seller.is_same_party(other)) {
            return Err(Refusal::IdentifierTaken);
        }
        self.check_seller_terms(&terms, *currency, now.today)?;
        if !self.reference_data.hold_rules.contains_key(jurisdiction) {
            return Err(Refusal::NotFound(MissingRecord::HoldRule));
        }
        let held = self.ledger.open(*currency, A::SellerHeld, id.0);
        let payable = self.ledger.open(*currency, A::SellerPayable, id.0);
        self.sellers.add(Seller { held, payable, ..seller });
        out.events.push(Event::Registered);
        Ok(())
    }
}

impl Books {
    /// The seller's account in a currency that it has.
    pub(crate) fn seller_number(&self, id: SellerId, currency: Currency) -> Result<u32, Refusal> {
        let place = self.currency_index(currency)?;
        self.sellers.number((id, place)).ok_or(match self.any_account_of(id) {
            Some(_) => Refusal::CurrencyWithoutAccount(currency),
            None => Refusal::NotFound(MissingRecord::Seller(id)),
        })
    }

    /// The seller's account in the currency that got accounts first.
    pub(crate) fn any_account_of(&self, id: SellerId) -> Option<&Seller> {
        let places = 0..self.reference_data.currencies.len();
        let places = places.map(|place| u8::try_from(place).expect("limited by CURRENCIES_MAX"));
        places.into_iter().find_map(|place| self.sellers.find((id, place)))
    }
}

impl Seller {
    fn is_same_account(&self, other: &Seller) -> bool {
        self.is_same_party(other)
            && self.currency == other.currency
            && self.terms.registered() == other.terms.registered()
    }

    /// What all accounts of a seller have in common.
    fn is_same_party(&self, other: &Seller) -> bool {
        self.kind == other.kind
            && self.jurisdiction == other.jurisdiction
            && self.reference == other.reference
    }
}
