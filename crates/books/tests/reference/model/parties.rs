//! The model: parties and their terms.

use books::*;
use money::Amount;
use tariff::{FeeKind, FixedOrShare, PaymentMethod as Means, Terms};

use super::{
    Courier, Firm, Model, ModelRefusal, ModelResult, Numbered, Seller, SellerTerms, Version,
    are_different, ensure,
};

impl Model {
    pub fn apply_registration(&mut self, command: &Command) -> Option<ModelResult> {
        if is_registration(command) && self.was_carried_out(command) {
            return Some(Err(ModelRefusal::Repeated));
        }
        let done = match command {
            Command::RegisterBank(RegisterBank { bank, currency, reference }) => {
                self.new_name(self.banks.contains_key(bank), reference).map(|()| {
                    self.banks.insert(*bank, *currency);
                })
            }
            Command::RegisterNetwork(RegisterNetwork { network, currency, reference }) => {
                let known = self.networks.contains_key(network);
                let fine = self.new_name(known, reference).and(self.has_accounts(*currency));
                fine.map(|()| {
                    self.networks.insert(*network, *currency);
                })
            }
            Command::RegisterWallet(RegisterWallet { wallet, currency, reference }) => {
                let known = self.wallets.contains_key(wallet);
                let fine = self.new_name(known, reference).and(self.has_accounts(*currency));
                fine.map(|()| {
                    self.wallets.insert(*wallet, *currency);
                })
            }
            Command::RegisterFirm(RegisterFirm {
                firm,
                currency,
                guarantee,
                reference,
                proposed_by,
                approved_by,
            }) => {
                let known = self.firms.contains_key(firm);
                let fine = self.new_name(known, reference).and(self.has_accounts(*currency));
                let (currency, guarantee) = (*currency, guarantee.minor());
                fine.and(are_different(&[*proposed_by, *approved_by])).map(|()| {
                    self.firms.insert(*firm, Firm::new(currency, guarantee));
                })
            }
            Command::RegisterCourier(RegisterCourier {
                courier,
                firm,
                cash_limit,
                reference,
                proposed_by,
                approved_by,
            }) => {
                let known = self.couriers.contains_key(courier);
                let persons = [PersonId(courier.0), *proposed_by, *approved_by];
                let fine = self.new_name(known, reference).and(are_different(&persons));
                fine.and(ensure(self.firms.contains_key(firm), "no such firm"))
                    .and_then(|()| self.courier_is_person(*courier))
                    .map(|()| {
                        self.couriers.insert(*courier, Courier::new(*firm, cash_limit.minor()));
                    })
            }
            Command::RegisterTerminal(RegisterTerminal { terminal, courier }) => {
                self.register_terminal(*terminal, *courier)
            }
            Command::HandTerminal(HandTerminal { terminal, courier, number }) => {
                self.hand(*terminal, *courier, *number, command)
            }
            Command::BlockTerminal(BlockTerminal { terminal, blocked, number }) => {
                self.block(*terminal, *blocked, *number, command)
            }
            Command::SetRetention(retention) => self.set_retention(retention, command),
            Command::SetHoldRule(rule) => self.set_hold_rule(rule, command),
            Command::PublishTariff(one) => self.publish(one),
            Command::SetTimeZone(zone) => self.set_time_zone(zone),
            Command::RegisterSeller(_) => self.register_seller(command),
            _ => return None,
        };
        Some(done.and_then(|()| self.push_event(Event::Registered)))
    }

    fn new_name(&self, known: bool, reference: &str) -> ModelResult {
        ensure(!known, "the identifier is taken")?;
        check_reference(reference)
    }

    fn register_terminal(&mut self, terminal: TerminalId, courier: CourierId) -> ModelResult {
        ensure(self.couriers.contains_key(&courier), "no such courier")?;
        ensure(!self.terminals.contains_key(&terminal), "the identifier is taken")?;
        self.is_here(PersonId(courier.0))?;
        self.terminals.insert(terminal, (courier, false));
        Ok(())
    }

    fn hand(
        &mut self,
        terminal: TerminalId,
        to: CourierId,
        number: u32,
        command: &Command,
    ) -> ModelResult {
        let known = self.terminals.get(&terminal).copied();
        let (_, blocked) = known.ok_or(ModelRefusal::Because("no such terminal"))?;
        ensure(self.couriers.contains_key(&to), "no such courier")?;
        self.next_number(Numbered::TerminalChanges(terminal), number, command)?;
        self.is_here(PersonId(to.0))?;
        self.use_number(Numbered::TerminalChanges(terminal), command);
        self.terminals.insert(terminal, (to, blocked));
        Ok(())
    }

    fn block(
        &mut self,
        terminal: TerminalId,
        block: bool,
        number: u32,
        command: &Command,
    ) -> ModelResult {
        let known = self.terminals.get(&terminal).copied();
        let (courier, blocked) = known.ok_or(ModelRefusal::Because("no such terminal"))?;
        self.next_number(Numbered::TerminalChanges(terminal), number, command)?;
        self.use_number(Numbered::TerminalChanges(terminal), command);
        self.terminals.insert(terminal, (courier, block));
        if block && !blocked {
            self.blocks.insert(terminal, (self.now, None));
        } else if blocked && !block {
            self.blocks.get_mut(&terminal).expect("it is blocked").1 = Some(self.now);
        }
        Ok(())
    }

    fn set_retention(&mut self, retention: &SetRetention, command: &Command) -> ModelResult {
        ensure((120..=3_650).contains(&retention.days), "too short or too long")?;
        ensure(retention.proposed_by != retention.approved_by, "one person alone")?;
        self.next_number(Numbered::Retention, retention.number, command)?;
        self.use_number(Numbered::Retention, command);
        Ok(())
    }

    /// How many days closed parcels are kept, as it was set last.
    pub fn retention_days(&self) -> u16 {
        match self.all_of(Numbered::Retention).last() {
            Some(Command::SetRetention(last)) => last.days,
            _ => 180,
        }
    }

    fn set_hold_rule(&mut self, setting: &SetHoldRule, command: &Command) -> ModelResult {
        let SetHoldRule { jurisdiction, number, rule, proposed_by, approved_by } = *setting;
        are_different(&[proposed_by, approved_by])?;
        ensure(jurisdiction.0.iter().all(u8::is_ascii_uppercase), "no jurisdiction")?;
        if let HoldRule::DaysAfterHeld(days) | HoldRule::DaysAfterDelivery(days) = rule {
            ensure(days <= HOLD_DAYS_MAX, "too long a hold")?;
        }
        self.next_number(Numbered::HoldRules(jurisdiction), number, command)?;
        self.use_number(Numbered::HoldRules(jurisdiction), command);
        Ok(())
    }

    fn publish(&mut self, command: &PublishTariff) -> ModelResult {
        let PublishTariff { tariff, version, currency, from, until, terms, .. } = command;
        let (proposed_by, approved_by) = (command.proposed_by, command.approved_by);
        let today = self.today;
        are_different(&[proposed_by, approved_by])?;
        ensure(terms.check(*currency).is_ok(), "terms that cannot hold")?;
        ensure(currency.is_some() || !has_sums(terms), "a sum in no currency")?;
        ensure(until.is_none_or(|until| *from < until), "no day on which it holds")?;
        let versions = self.tariffs.get(tariff).cloned().unwrap_or_default();
        if let Some(known) = versions.iter().find(|known| known.number == *version) {
            let first = &known.published;
            let published =
                PublishTariff { until: *until, proposed_by, approved_by, ..first.clone() };
            ensure(published == *command, "the version is another")?;
            // It ends where the next one begins.
            if known.until == *until {
                let by = known.ended_by.unwrap_or([first.proposed_by, first.approved_by]);
                return self.only_repeats(by == [proposed_by, approved_by]);
            }
            ensure(known.until.is_none() && until.is_some_and(|day| day > today), "another end")?;
            let place = usize::from(*version) - 1;
            let version = &mut self.tariffs.get_mut(tariff).expect("found before")[place];
            (version.until, version.ended_by) = (*until, Some([proposed_by, approved_by]));
            return Ok(());
        }
        ensure(usize::from(*version) == versions.len() + 1, "not the next version")?;
        let versions = self.tariffs.entry(*tariff).or_default();
        if let Some(last) = versions.last_mut() {
            match last.until {
                Some(until) => ensure(until == *from, "a gap or an overlap")?,
                None => ensure(*from > today && *from > last.from, "today's version is in use")?,
            }
            ensure(last.currency == *currency, "a tariff keeps its currency")?;
            for (place, class) in last.terms.classes.iter().enumerate() {
                let still = terms.classes.get(place).map(|class| &class.name);
                ensure(still == Some(&class.name), "a tariff keeps its classes")?;
            }
            last.until = Some(*from);
        }
        versions.push(Version {
            number: *version,
            currency: *currency,
            from: *from,
            until: *until,
            published: command.clone(),
            ended_by: None,
            terms: (**terms).clone(),
        });
        Ok(())
    }

    fn set_time_zone(&mut self, zone: &SetTimeZone) -> ModelResult {
        check_reference(&zone.zone)?;
        check_reference(&zone.table_version)?;
        let last = u32::try_from(self.zones.len()).expect("few");
        if zone.number == last {
            return match self.zones.last() {
                Some(before) => self.only_repeats(before == zone),
                None => Err(ModelRefusal::Because("numbers begin with 1")),
            };
        }
        ensure(zone.number == last + 1, "not the next number")?;
        ensure(zone.changes.len() <= UTC_OFFSET_CHANGES_MAX, "too far ahead")?;
        let fits =
            |offset: i16| (-UTC_OFFSET_MINUTES_MAX..=UTC_OFFSET_MINUTES_MAX).contains(&offset);
        let mut offsets = zone.changes.iter().map(|change| change.utc_offset_minutes);
        ensure(fits(zone.utc_offset_minutes) && offsets.all(fits), "no such offset")?;
        for pair in zone.changes.windows(2) {
            ensure(pair[0].from < pair[1].from, "not in order of time")?;
        }
        self.zones.push(zone.clone());
        Ok(())
    }

    fn register_seller(&mut self, command: &Command) -> ModelResult {
        let Command::RegisterSeller(new) = command else {
            unreachable!("only sellers are registered here");
        };
        let RegisterSeller { seller, currency, jurisdiction, tariff, class, reference, .. } = new;
        let account = (*seller, *currency);
        self.new_name(self.sellers.contains_key(&account), reference)?;
        for (_, other) in self.sellers.iter().filter(|((id, _), _)| id == seller) {
            let same = (other.kind, &other.reference) == (new.kind, reference);
            ensure(same && other.jurisdiction == *jurisdiction, "another seller's identifier")?;
        }
        self.has_accounts(*currency)?;
        ensure(self.hold_rule(*jurisdiction).is_some(), "no hold rule")?;
        self.can_be_charged((*tariff, *class), *currency, self.today)?;
        let new = Seller {
            kind: new.kind,
            reference: reference.clone(),
            jurisdiction: *jurisdiction,
            terms: SellerTerms {
                tariff: *tariff,
                class: *class,
                cycle: new.cycle,
                minimum: new.minimum.minor(),
            },
            statement: Vec::new(),
        };
        self.sellers.insert(account, new);
        self.seller_order.push(account);
        Ok(())
    }
}

/// Whether the command is a retry for ever once it was carried out.
fn is_registration(command: &Command) -> bool {
    use Command as C;
    matches!(
        command,
        C::RegisterBank(_)
            | C::RegisterFirm(_)
            | C::RegisterCourier(_)
            | C::RegisterNetwork(_)
            | C::RegisterWallet(_)
            | C::RegisterSeller(_)
            | C::RegisterTerminal(_)
            | C::PublishTariff(_)
    )
}

/// Checks a reference: printable, not blank and not too long.
pub fn check_reference(reference: &str) -> ModelResult {
    let length = !reference.trim().is_empty() && reference.len() <= REFERENCE_BYTES_MAX;
    let hidden = |c: char| c.is_control() || c == '\u{202E}';
    ensure(length && !reference.contains(hidden), "no name")
}

/// Whether any fee is a sum, or limited by one.
fn has_sums(terms: &Terms) -> bool {
    let card = |rates: tariff::CardRates| {
        let parts = [rates.issuer, rates.network, rates.acquirer];
        rates.cap.is_some() || parts.iter().any(|part| part.cap.is_some())
    };
    let fees = [terms.cod, terms.commission];
    terms.return_fee.minor() + terms.freight.minor() > 0
        || fees.iter().flat_map(|fee| [fee.card, fee.qr, fee.cash]).any(|fee| fee.fixed.minor() > 0)
        || terms
            .classes
            .iter()
            .any(|class| card(class.debit) || card(class.credit) || class.wallet.cap.is_some())
}

/// A share of an amount, rounded half up.
pub fn share(amount: u64, ppm: u32) -> u64 {
    let millionths = u128::from(amount) * u128::from(ppm);
    let whole = millionths / 1_000_000;
    let up = millionths % 1_000_000 >= 500_000;
    u64::try_from(whole).unwrap() + u64::from(up)
}

fn capped(amount: u64, terms: tariff::CappedRate) -> u64 {
    let share = share(amount, terms.rate.ppm());
    terms.cap.map_or(share, |cap| share.min(cap.minor()))
}

/// Splits a sum by weights: round down first, then one unit each to the largest remainders.
fn cut(sum: u64, weights: [u64; 3]) -> [u64; 3] {
    let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    if total == 0 {
        return [sum, 0, 0];
    }
    let exact = weights.map(|weight| u128::from(sum) * u128::from(weight));
    let mut parts = exact.map(|part| u64::try_from(part / total).unwrap());
    let mut order = [0, 1, 2];
    order.sort_by_key(|place: &usize| std::cmp::Reverse(exact[*place] % total));
    let left = sum - parts.iter().sum::<u64>();
    for place in order.iter().take(usize::try_from(left).unwrap()) {
        parts[*place] += 1;
    }
    parts
}

/// The fees that bear VAT: those that the service itself charges.
pub fn bearing_vat(fees: &[(FeeKind, u64)]) -> u64 {
    let own = |kind: &FeeKind| matches!(kind, FeeKind::Commission | FeeKind::Cod);
    fees.iter().filter(|(kind, _)| own(kind)).map(|(_, fee)| fee).sum()
}

/// The terms of the commission, the COD fee or VAT.
pub fn fixed_or_share(terms: &Terms, kind: FeeKind, means: Means) -> FixedOrShare {
    if kind == FeeKind::Vat {
        return FixedOrShare { fixed: Amount::ZERO, share: terms.vat };
    }
    let per = if kind == FeeKind::Commission { terms.commission } else { terms.cod };
    match means {
        Means::Card(_) => per.card,
        Means::Qr => per.qr,
        Means::Cash => per.cash,
    }
}

/// The fees of a collection. Each part is rounded by itself and taken from what the parts before
/// left. `rest` says what the payment bears of a fee that its parcel pays once, by what it is a
/// share of.
pub fn fees(
    terms: &Terms,
    class: tariff::SellerClassNumber,
    means: Means,
    amount: u64,
    rest: impl Fn(FeeKind, FixedOrShare, u64) -> u64,
) -> Option<Vec<(FeeKind, u64)>> {
    let class = terms.classes.get(usize::from(class.0))?;
    let mut parts = Vec::new();
    match means {
        Means::Card(kind) => {
            let rates = if kind == tariff::CardKind::Debit { class.debit } else { class.credit };
            let three = [rates.issuer, rates.network, rates.acquirer];
            let mut fees = three.map(|part| capped(amount, part));
            let sum: u128 = fees.iter().map(|fee| u128::from(*fee)).sum();
            if let Some(cap) = rates.cap.filter(|cap| sum > u128::from(cap.minor())) {
                fees = cut(cap.minor(), fees);
            }
            parts.push((FeeKind::Issuer, fees[0]));
            parts.push((FeeKind::Network, fees[1]));
            parts.push((FeeKind::Acquirer, fees[2]));
        }
        Means::Qr => parts.push((FeeKind::Wallet, capped(amount, class.wallet))),
        Means::Cash => {}
    }
    for kind in [FeeKind::Commission, FeeKind::Cod] {
        parts.push((kind, rest(kind, fixed_or_share(terms, kind, means), amount)));
    }
    let mut left = amount;
    for (_, fee) in &mut parts {
        *fee = (*fee).min(left);
        left -= *fee;
    }
    let vat = fixed_or_share(terms, FeeKind::Vat, means);
    parts.push((FeeKind::Vat, rest(FeeKind::Vat, vat, bearing_vat(&parts)).min(left)));
    parts.retain(|(_, fee)| *fee > 0);
    Some(parts)
}
