//! The model: terms that change on a day, and suspensions. The commands that were carried out say
//! what holds.

use books::*;
use money::{Amount, Currency};
use tariff::SellerClassNumber;

use super::{
    Model, ModelRefusal, ModelResult, Numbered, PayoutState, SellerAccount, Version, are_different,
    ensure,
};

/// The terms of a seller's account.
#[derive(Clone, Copy, Debug)]
pub struct SellerTerms {
    pub tariff: TariffId,
    pub class: SellerClassNumber,
    pub cycle: SettlementCycle,
    pub minimum: u64,
}

/// What a payment is charged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    pub tariff: TariffVersion,
    pub class: SellerClassNumber,
}

impl Model {
    pub fn apply_terms_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match *command {
            Command::SetSellerTerms(ref change) => self.set_seller_terms(change, command),
            Command::SetFirmTerms(SetFirmTerms {
                firm,
                number,
                from,
                proposed_by,
                approved_by,
                ..
            }) => {
                let known = ensure(self.firms.contains_key(&firm), "no such firm");
                known.and(are_different(&[proposed_by, approved_by])).and_then(|()| {
                    self.change_terms(Numbered::FirmTerms(firm), (number, from), command)
                })
            }
            Command::SetCourierTerms(SetCourierTerms {
                courier,
                number,
                from,
                proposed_by,
                approved_by,
                ..
            }) => {
                let known = ensure(self.couriers.contains_key(&courier), "no such courier");
                let persons = [PersonId(courier.0), proposed_by, approved_by];
                known.and(are_different(&persons)).and_then(|()| {
                    self.change_terms(Numbered::CashLimits(courier), (number, from), command)
                })
            }
            Command::SetPayoutAccount(ref one) => self.set_payout_account(one, command),
            Command::ErasePayoutAccount(ref one) => self.erase_payout_account(one, command),
            Command::SuspendSeller(SuspendSeller {
                seller,
                number,
                suspended,
                proposed_by,
                approved_by,
            }) => {
                let known = self.sellers.keys().any(|(id, _)| *id == seller);
                let what = Numbered::SellerSuspensions(seller);
                let persons = [Some(proposed_by), approved_by, None];
                ensure(known, "no such seller")
                    .and_then(|()| self.set_suspended((what, number), suspended, &persons, command))
            }
            Command::SuspendCourier(SuspendCourier {
                courier,
                number,
                suspended,
                proposed_by,
                approved_by,
            }) => {
                let known = self.couriers.contains_key(&courier);
                let what = Numbered::CourierSuspensions(courier);
                let persons = [Some(proposed_by), approved_by, Some(PersonId(courier.0))];
                ensure(known, "no such courier")
                    .and_then(|()| self.set_suspended((what, number), suspended, &persons, command))
            }
            _ => return None,
        };
        Some(done.and_then(|()| self.push_event(Event::Registered)))
    }

    /// The day from which a command's terms hold.
    fn first_day(command: &Command) -> BusinessDate {
        match command {
            Command::SetSellerTerms(one) => one.from,
            Command::SetFirmTerms(one) => one.from,
            Command::SetCourierTerms(one) => one.from,
            _ => unreachable!("only changes of terms have a first day"),
        }
    }

    fn change_terms(
        &mut self,
        what: Numbered,
        (number, from): (u32, BusinessDate),
        command: &Command,
    ) -> ModelResult {
        self.next_number(what, number, command)?;
        ensure(from >= self.today, "the past stays as it was")?;
        let mut days: Vec<_> = self.all_of(what).iter().map(Model::first_day).collect();
        days.push(from);
        days.retain(|day| *day > self.today);
        days.sort();
        days.dedup();
        // What replaces, or holds today, adds none that waits.
        let replaces = self.all_of(what).iter().any(|one| Model::first_day(one) == from);
        let fits = days.len() <= TERMS_WAITING_MAX || replaces || from == self.today;
        ensure(fits, "too many wait for their day")?;
        self.use_number(what, command);
        Ok(())
    }

    /// The last command given for the latest day that has come.
    fn in_force(&self, what: Numbered, day: BusinessDate) -> Option<&Command> {
        let mut found: Option<&Command> = None;
        for one in self.all_of(what) {
            let from = Model::first_day(one);
            if from <= day && found.is_none_or(|before| Model::first_day(before) <= from) {
                found = Some(one);
            }
        }
        found
    }

    pub fn seller_terms(&self, account: SellerAccount, day: BusinessDate) -> SellerTerms {
        match self.in_force(Numbered::SellerTerms(account), day) {
            Some(Command::SetSellerTerms(one)) => SellerTerms {
                tariff: one.tariff,
                class: one.class,
                cycle: one.cycle,
                minimum: one.minimum.minor(),
            },
            _ => self.sellers[&account].terms,
        }
    }

    /// What a seller's payments of a day are charged by.
    pub fn charge_on(&self, account: SellerAccount, day: BusinessDate) -> ModelResult<Charge> {
        let SellerTerms { tariff, class, .. } = self.seller_terms(account, day);
        let version = self.version_on(tariff, day)?.number;
        Ok(Charge { tariff: TariffVersion { tariff, version }, class })
    }

    pub fn guarantee(&self, firm: FirmId) -> u64 {
        match self.in_force(Numbered::FirmTerms(firm), self.today) {
            Some(Command::SetFirmTerms(one)) => one.guarantee.minor(),
            _ => self.firms[&firm].guarantee,
        }
    }

    /// The tax withheld from what a firm is paid today, in parts per million.
    pub fn withholding(&self, firm: FirmId) -> u32 {
        match self.in_force(Numbered::FirmTerms(firm), self.today) {
            Some(Command::SetFirmTerms(one)) => one.withholding.ppm(),
            _ => 0,
        }
    }

    pub fn cash_limit(&self, courier: CourierId) -> u64 {
        match self.in_force(Numbered::CashLimits(courier), self.today) {
            Some(Command::SetCourierTerms(one)) => one.cash_limit.minor(),
            _ => self.couriers[&courier].limit,
        }
    }

    /// Whether an account can have a tariff and one of its classes from a day on.
    pub fn can_be_charged(
        &self,
        (tariff, class): (TariffId, SellerClassNumber),
        currency: Currency,
        from: BusinessDate,
    ) -> ModelResult {
        let versions = self.tariffs.get(&tariff).ok_or(ModelRefusal::Because("no such tariff"))?;
        let last = versions.last().expect("a tariff has a version");
        let allowed = last.currency.is_none_or(|only| only == currency);
        ensure(allowed, "a tariff in another currency")?;
        let holds = |version: &&Version| version.until.is_none_or(|until| from < until);
        let first = versions.iter().find(holds).unwrap_or(last);
        ensure(usize::from(class.0) < first.terms.classes.len(), "no such class")
    }

    fn set_seller_terms(&mut self, change: &SetSellerTerms, command: &Command) -> ModelResult {
        let SetSellerTerms { seller, currency, number, from, tariff, class, .. } = *change;
        let account = (seller, currency);
        ensure(self.sellers.contains_key(&account), "no such account of a seller")?;
        ensure(self.tariffs.contains_key(&tariff), "no such tariff")?;
        self.next_number(Numbered::SellerTerms(account), number, command)?;
        are_different(&[change.proposed_by, change.approved_by])?;
        self.can_be_charged((tariff, class), currency, from)?;
        self.change_terms(Numbered::SellerTerms(account), (number, from), command)
    }

    /// Two people say which account a seller is paid to in a currency.
    fn set_payout_account(&mut self, one: &SetPayoutAccount, command: &Command) -> ModelResult {
        let account = (one.seller, one.currency);
        ensure(self.sellers.contains_key(&account), "no such account of a seller")?;
        self.next_number(Numbered::PayoutAccounts(account), one.number, command)?;
        are_different(&[one.proposed_by, one.approved_by])?;
        self.use_number(Numbered::PayoutAccounts(account), command);
        Ok(())
    }

    /// Two people say that the account in force is no more. Nothing may be on its way to it.
    fn erase_payout_account(&mut self, one: &ErasePayoutAccount, command: &Command) -> ModelResult {
        let account = (one.seller, one.currency);
        ensure(self.sellers.contains_key(&account), "no such account of a seller")?;
        self.next_number(Numbered::PayoutAccounts(account), one.number, command)?;
        are_different(&[one.proposed_by, one.approved_by])?;
        let in_force = self.payout_account(account).map(|(_, digest)| digest);
        ensure(in_force == Some(one.digest), "not the account in force")?;
        let on_its_way = self.payouts.values().any(|(line, state)| {
            (line.seller, line.currency) == account && matches!(state, PayoutState::Sent(_))
        });
        ensure(!on_its_way, "a payout is on its way to it")?;
        self.use_number(Numbered::PayoutAccounts(account), command);
        Ok(())
    }

    /// The last account that two people set, and its number. Nothing after two people erased it.
    pub fn payout_account(&self, account: SellerAccount) -> Option<(u32, Sha256Digest)> {
        match self.all_of(Numbered::PayoutAccounts(account)).last() {
            Some(Command::SetPayoutAccount(one)) => Some((one.number, one.digest)),
            _ => None,
        }
    }

    fn set_suspended(
        &mut self,
        (what, number): (Numbered, u32),
        suspended: bool,
        persons: &[Option<PersonId>; 3],
        command: &Command,
    ) -> ModelResult {
        self.next_number(what, number, command)?;
        let [_, second, _] = persons;
        ensure(suspended || second.is_some(), "one person alone")?;
        let suspender = match self.all_of(what).last() {
            Some(Command::SuspendSeller(one)) if one.suspended => Some(one.proposed_by),
            Some(Command::SuspendCourier(one)) if one.suspended => Some(one.proposed_by),
            _ => None,
        };
        let had_a_part = !suspended && suspender.is_some() && *second == suspender;
        ensure(!had_a_part, "the second person suspended")?;
        are_different(&persons.iter().copied().flatten().collect::<Vec<_>>())?;
        if suspender.is_some() == suspended {
            return Err(ModelRefusal::Repeated);
        }
        self.use_number(what, command);
        Ok(())
    }

    pub fn is_seller_suspended(&self, seller: SellerId) -> bool {
        let last = self.all_of(Numbered::SellerSuspensions(seller)).last();
        matches!(last, Some(Command::SuspendSeller(SuspendSeller { suspended: true, .. })))
    }

    pub fn is_courier_suspended(&self, courier: CourierId) -> bool {
        let last = self.all_of(Numbered::CourierSuspensions(courier)).last();
        matches!(last, Some(Command::SuspendCourier(SuspendCourier { suspended: true, .. })))
    }

    pub fn hold_rule(&self, jurisdiction: Jurisdiction) -> Option<HoldRule> {
        match self.all_of(Numbered::HoldRules(jurisdiction)).last() {
            Some(Command::SetHoldRule(one)) => Some(one.rule),
            _ => None,
        }
    }

    // Before a parcel is first dispatched.

    fn was_never_out(&self, id: ParcelId) -> ModelResult {
        use books::view::ParcelState as S;
        let parcel = self.parcel(id)?;
        ensure(matches!(parcel.state, S::Announced | S::Assigned), "not at a hub")?;
        ensure(parcel.attempts == 0, "it was out before")?;
        ensure(parcel.standing() == 0, "something is paid")
    }

    pub fn amend(
        &mut self,
        id: ParcelId,
        number: u8,
        due: Amount,
        command: &Command,
    ) -> ModelResult {
        ensure(!due.is_zero(), "nothing due")?;
        ensure(self.parcel(id)?.is_open(), "it has ended")?;
        self.next_number(Numbered::Amendments(id), number.into(), command)?;
        self.was_never_out(id)?;
        let parcel = self.parcel_mut(id);
        let before = Amount::of(std::mem::replace(&mut parcel.due, due.minor()));
        self.use_number(Numbered::Amendments(id), command);
        self.push_event(Event::DueAmended { parcel: id, before, due })
    }

    pub fn cancel_parcel(&mut self, id: ParcelId) -> ModelResult {
        use books::view::ParcelState as S;
        if self.parcel(id)?.state == S::Cancelled {
            return Err(ModelRefusal::Repeated);
        }
        self.was_never_out(id)?;
        self.close(id, S::Cancelled);
        self.push_event(Event::ParcelCancelled { parcel: id })
    }
}
