//! Terms of sellers, firms and couriers. Two people change them, with the day from which they hold.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Currency, Rate};
use tariff::{BusinessDate, SellerClassNumber};

use crate::books::{Books, Now, check_date};
use crate::command::{
    RETENTION_DAYS_MAX, SetCourierTerms, SetFirmTerms, SetSellerTerms, SettlementCycle,
    TERMS_WAITING_MAX,
};
use crate::event::{CommandOutcome, Event};
use crate::party::persons::{TwoPeople, check_two_people};
use crate::party::record::TariffVersionRecord;
use crate::payment::record::PaymentRecord;
use crate::refusal::{MissingRecord, Refusal};
use crate::used_numbers::UsedNumbers;

/// The terms of one party, by the day from which they hold.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct DatedTerms<T> {
    /// Those that the party was registered with. They hold before all others.
    registered: T,
    /// With their first days, in order. Those that nobody can ask for are gone.
    later: Vec<(BusinessDate, T)>,
    settings: UsedNumbers<TermsSetting<T>>,
}

/// A change of terms under its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct TermsSetting<T> {
    pub from: BusinessDate,
    pub terms: T,
    pub decided_by: TwoPeople,
}

impl<T: Copy + PartialEq> DatedTerms<T> {
    pub(crate) fn new(registered: T) -> DatedTerms<T> {
        DatedTerms { registered, later: Vec::new(), settings: UsedNumbers::default() }
    }

    /// The number of the last change.
    pub(crate) fn last_number(&self) -> u32 {
        self.settings.last()
    }

    pub(crate) fn registered(&self) -> &T {
        &self.registered
    }

    /// The terms that hold on a day: the latest whose first day is not after it.
    #[inline]
    pub(crate) fn on(&self, day: BusinessDate) -> &T {
        let begun = self.later.iter().rev().find(|(from, _)| *from <= day);
        begun.map_or(&self.registered, |(_, terms)| terms)
    }

    /// Those that hold from a day after `day` on, and who decided them as long as that is
    /// remembered.
    pub(crate) fn after(
        &self,
        day: BusinessDate,
    ) -> impl Iterator<Item = (BusinessDate, &T, Option<TwoPeople>)> {
        let later = self.later.iter().filter(move |(from, _)| *from > day);
        later.map(|(from, terms)| {
            let mut of_day = self.settings.iter().filter(|one| one.from == *from);
            (*from, terms, of_day.next_back().map(|one| one.decided_by))
        })
    }

    /// Checks the next change. Nothing changes before today.
    fn check(
        &self,
        number: u32,
        setting: &TermsSetting<T>,
        today: BusinessDate,
    ) -> Result<(), Refusal> {
        self.settings.check(number, |before| before == setting)?;
        let (first, second) = setting.decided_by;
        check_two_people(first, second, &[])?;
        let from = setting.from;
        check_date(from, today..=BusinessDate::MAX)?;
        let mut waiting = self.later.iter().filter(|(day, _)| *day > today && *day != from);
        let full = from > today && waiting.by_ref().count() >= TERMS_WAITING_MAX;
        if full { Err(Refusal::TooManyTerms) } else { Ok(()) }
    }

    /// Adds a checked change, in place of an earlier one for the same day.
    fn set(&mut self, setting: TermsSetting<T>, today: BusinessDate) {
        let TermsSetting { from, terms, .. } = setting;
        // No payment that is charged now is older.
        let oldest = BusinessDate(today.0.saturating_sub(RETENTION_DAYS_MAX));
        let begun = self.later.partition_point(|(day, _)| *day <= oldest);
        self.later.drain(..begun.saturating_sub(1));
        let place = self.later.partition_point(|(day, _)| *day < from);
        match self.later.get_mut(place) {
            Some((day, before)) if *day == from => *before = terms,
            _ => self.later.insert(place, (from, terms)),
        }
        self.settings.push(setting);
    }
}

/// The terms of a seller's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct SellerTerms {
    pub tariff: u16,
    pub class: SellerClassNumber,
    pub cycle: SettlementCycle,
    pub minimum: Amount,
}

impl Default for SellerTerms {
    fn default() -> Self {
        let (class, cycle, minimum) = (SellerClassNumber(0), SettlementCycle::Daily, Amount::ZERO);
        SellerTerms { tariff: 0, class, cycle, minimum }
    }
}

/// The terms of a courier firm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct FirmTerms {
    pub guarantee: Amount,
    /// The part of what the firm is paid that is withheld as tax.
    pub withholding: Rate,
}

/// What a payment is charged by: the version of a tariff, and the seller's class in it (M8).
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChargedTerms {
    pub version: u16,
    pub class: SellerClassNumber,
}

impl PaymentRecord {
    pub(crate) fn charged_terms(&self) -> ChargedTerms {
        ChargedTerms { version: self.tariff_version, class: self.class }
    }
}

impl Books {
    /// What a seller's payments of a day are charged by.
    #[inline]
    pub(crate) fn charged_terms(
        &self,
        seller: u32,
        day: BusinessDate,
    ) -> Result<ChargedTerms, Refusal> {
        let SellerTerms { tariff, class, .. } = *self.sellers.get(seller).terms.on(day);
        let version = self.tariff_version_in_force(tariff, day)?;
        Ok(ChargedTerms { version, class })
    }

    /// Checks that the tariff has the currency, and the class from a day on.
    pub(crate) fn check_seller_terms(
        &self,
        terms: &SellerTerms,
        currency: Currency,
        from: BusinessDate,
    ) -> Result<(), Refusal> {
        let tariff = &self.reference_data.tariffs[usize::from(terms.tariff)];
        if let Some(only) = tariff.currency.filter(|only| *only != currency) {
            return Err(Refusal::CurrencyMismatch(only, currency));
        }
        // Versions only add classes, so a class in the first version in force from then on is in
        // all later ones. The last version would not do: it may begin after the first collection.
        let version = |place: &u16| &self.reference_data.versions[usize::from(*place)];
        let holds = |version: &&TariffVersionRecord| version.until.is_none_or(|until| from < until);
        let first = tariff.versions.iter().map(version).find(holds);
        let first = first.or_else(|| tariff.versions.last().map(version));
        let classes = first.expect("a tariff has a version").terms.classes.len();
        let known = usize::from(terms.class.0) < classes;
        if known { Ok(()) } else { Err(Refusal::NotFound(MissingRecord::Class)) }
    }

    pub(crate) fn set_seller_terms(
        &mut self,
        command: &SetSellerTerms,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let SetSellerTerms { seller, currency, number, from, tariff, class, .. } = *command;
        let SetSellerTerms { cycle, minimum, proposed_by, approved_by, .. } = *command;
        let place = self.seller_number(seller, currency)?;
        let missing = Refusal::NotFound(MissingRecord::Tariff(tariff));
        let tariff = self.tariff_index(tariff).ok_or(missing)?;
        let terms = SellerTerms { tariff, class, cycle, minimum };
        let setting = TermsSetting { from, terms, decided_by: (proposed_by, approved_by) };
        self.sellers.get(place).terms.check(number, &setting, now.today)?;
        self.check_seller_terms(&terms, currency, from)?;
        self.sellers.get_mut(place).terms.set(setting, now.today);
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn set_firm_terms(
        &mut self,
        command: &SetFirmTerms,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let SetFirmTerms { firm, number, from, guarantee, withholding, .. } = *command;
        let place = self.firms.number(firm).ok_or(Refusal::NotFound(MissingRecord::Firm(firm)))?;
        let decided_by = (command.proposed_by, command.approved_by);
        let setting =
            TermsSetting { from, terms: FirmTerms { guarantee, withholding }, decided_by };
        self.firms.get(place).terms.check(number, &setting, now.today)?;
        self.firms.get_mut(place).terms.set(setting, now.today);
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn set_courier_terms(
        &mut self,
        command: &SetCourierTerms,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let SetCourierTerms { courier, number, from, cash_limit, proposed_by, approved_by } =
            *command;
        let place = self.courier_number(courier)?;
        let decided_by = (proposed_by, approved_by);
        let setting = TermsSetting { from, terms: cash_limit, decided_by };
        self.couriers.get(place).cash_limit.check(number, &setting, now.today)?;
        self.check_two_others(place, decided_by)?;
        self.couriers.get_mut(place).cash_limit.set(setting, now.today);
        out.events.push(Event::Registered);
        Ok(())
    }
}
