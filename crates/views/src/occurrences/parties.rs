//! Who takes part, and what was agreed with them.

use books::{BlockTerminal, CourierId, SellerId, TerminalId};
use books::{
    Command, ErasePayoutAccount, HandTerminal, HoldRule, OpenBooks, PublishTariff, RegisterBank,
    RegisterCourier, RegisterFirm, RegisterNetwork, RegisterPerson, RegisterSeller,
    RegisterTerminal, RegisterWallet, ReinstateNetwork, RemovePerson, SellerKind, SetCourierTerms,
    SetFirmTerms, SetHoldRule, SetOfflineLimit, SetPayoutAccount, SetSellerTerms, SettlementCycle,
    SuspendCourier, SuspendSeller, WithdrawNetwork,
};
use money::Currency;

use super::{EMPTY, Occurrence, amount, currency, day, flag, id, ids, number};
use crate::catalog::ViewName;
use crate::catalog::parties::{CYCLES, HOLD_RULES_OF};
use crate::rows::RowKey;
use crate::value::ViewValue;

fn seller_key(seller: SellerId, currency: Currency) -> RowKey {
    ids([seller.0, RowKey::text(currency.code())])
}

pub(super) fn cycle(of: SettlementCycle) -> ViewValue {
    CYCLES[match of {
        SettlementCycle::Daily => 0,
        SettlementCycle::Weekly => 1,
        SettlementCycle::Monthly => 2,
    }]
    .into()
}

impl Occurrence<'_> {
    pub(super) fn party(&mut self) {
        match self.given {
            Command::OpenBooks(OpenBooks { first_person, second_person, .. }) => {
                for person in [first_person, second_person] {
                    self.begin(ViewName::Persons, ids([person.0]), [flag(false)]);
                }
            }
            Command::RegisterPerson(RegisterPerson { person, .. }) => {
                self.begin(ViewName::Persons, ids([person.0]), [flag(false)]);
            }
            Command::RemovePerson(RemovePerson { person, .. }) => {
                self.change(ViewName::Persons, ids([person.0]), [("removed", flag(true))]);
            }
            Command::RegisterBank(RegisterBank { bank, currency: of, reference }) => {
                let row =
                    [id(bank.0), ViewValue::text(reference), currency(*of), number(self.batch)];
                self.rows.add(ViewName::Banks, row);
            }
            Command::RegisterWallet(RegisterWallet { wallet, currency: of, reference }) => {
                let row =
                    [id(wallet.0), ViewValue::text(reference), currency(*of), number(self.batch)];
                self.rows.add(ViewName::Wallets, row);
            }
            Command::RegisterNetwork(RegisterNetwork { network, currency: of, reference }) => {
                let row = [ViewValue::text(reference), currency(*of), EMPTY];
                self.begin(ViewName::Networks, ids([network.0]), row);
            }
            Command::WithdrawNetwork(WithdrawNetwork { network, .. })
            | Command::ReinstateNetwork(ReinstateNetwork { network, .. }) => {
                let from = self.books.network_view(*network).and_then(|one| one.withdrawn_from);
                let from = from.map(|from| from.0).into();
                self.change(ViewName::Networks, ids([network.0]), [("withdrawn_from", from)]);
            }
            Command::PublishTariff(published) => self.tariff(published),
            Command::SetHoldRule(SetHoldRule { jurisdiction, rule, number: of, .. }) => {
                let (rule, days) = match *rule {
                    HoldRule::AtOnce => (0, 0),
                    HoldRule::DaysAfterHeld(days) => (1, days),
                    HoldRule::DaysAfterDelivery(days) => (2, days),
                };
                let key = ids([RowKey::text(&jurisdiction.to_string())]);
                let row = Some([HOLD_RULES_OF[rule].into(), number(days)]);
                self.rows.hold(ViewName::HoldRules, key, self.batch, *of == 1, row);
            }
            _ => self.terms(),
        }
    }

    fn tariff(&mut self, published: &PublishTariff) {
        let PublishTariff { tariff, version, currency: of, from, until, terms, reference, .. } =
            published;
        let terms = serde_json::to_string(terms).expect("terms are JSON");
        let row = [
            id(tariff.0),
            number(*version),
            number(self.batch),
            ViewValue::text(reference),
            of.map(|of| of.code()).into(),
            day(*from),
            until.map(day).into(),
            ViewValue::text(terms),
        ];
        self.rows.add(ViewName::Tariffs, row);
    }

    fn terms(&mut self) {
        match self.given {
            Command::RegisterSeller(seller) => self.seller(seller),
            Command::SetSellerTerms(terms) => {
                let SetSellerTerms { seller, currency: of, from, tariff, class, .. } = terms;
                let changes = [
                    ("tariff", id(tariff.0)),
                    ("class", number(class.0)),
                    ("cycle", cycle(terms.cycle)),
                    ("minimum", amount(terms.minimum)),
                    ("terms_from", day(*from)),
                ];
                self.change(ViewName::Sellers, seller_key(*seller, *of), changes);
            }
            Command::SuspendSeller(SuspendSeller { seller, suspended, .. }) => {
                let accounts = self.books.seller_accounts();
                let own = accounts.filter(|(one, _)| one == seller).map(|(_, of)| of);
                for of in own.collect::<Vec<_>>() {
                    let changes = [("suspended", flag(*suspended))];
                    self.change(ViewName::Sellers, seller_key(*seller, of), changes);
                }
            }
            Command::SetPayoutAccount(SetPayoutAccount { seller, currency: of, .. }) => {
                let changes = [("payout_account", flag(true))];
                self.change(ViewName::Sellers, seller_key(*seller, *of), changes);
            }
            Command::ErasePayoutAccount(ErasePayoutAccount { seller, currency: of, .. }) => {
                let known = self.books.payout_account(*seller, *of).is_some();
                let changes = [("payout_account", flag(known))];
                self.change(ViewName::Sellers, seller_key(*seller, *of), changes);
            }
            Command::RegisterFirm(RegisterFirm {
                firm,
                currency: of,
                guarantee,
                reference,
                ..
            }) => {
                let reference = ViewValue::text(reference);
                let row = [reference, currency(*of), amount(*guarantee), number(0), EMPTY];
                self.begin(ViewName::Firms, ids([firm.0]), row);
            }
            Command::SetFirmTerms(SetFirmTerms { firm, from, guarantee, withholding, .. }) => {
                let changes = [
                    ("guarantee", amount(*guarantee)),
                    ("withholding", number(withholding.ppm())),
                    ("terms_from", day(*from)),
                ];
                self.change(ViewName::Firms, ids([firm.0]), changes);
            }
            Command::RegisterCourier(courier) => self.courier(courier),
            Command::SetCourierTerms(SetCourierTerms { courier, from, cash_limit, .. }) => {
                let changes = [("cash_limit", amount(*cash_limit)), ("terms_from", day(*from))];
                self.change(ViewName::Couriers, ids([courier.0]), changes);
            }
            Command::SuspendCourier(SuspendCourier { courier, suspended, .. }) => {
                let changes = [("suspended", flag(*suspended))];
                self.change(ViewName::Couriers, ids([courier.0]), changes);
            }
            Command::RegisterTerminal(RegisterTerminal { terminal, courier }) => {
                self.terminal(*terminal, *courier, true);
            }
            Command::HandTerminal(HandTerminal { terminal, courier, .. }) => {
                self.terminal(*terminal, *courier, false);
            }
            Command::BlockTerminal(BlockTerminal { terminal, blocked, .. }) => {
                let changes = [("blocked", flag(*blocked))];
                self.change(ViewName::Terminals, ids([terminal.0]), changes);
            }
            Command::SetOfflineLimit(SetOfflineLimit { terminal, each, total, .. }) => {
                let changes = [("offline_each", amount(*each)), ("offline_total", amount(*total))];
                self.change(ViewName::Terminals, ids([terminal.0]), changes);
            }
            _ => {}
        }
    }

    fn seller(&mut self, registered: &RegisterSeller) {
        let RegisterSeller { seller, kind, currency: of, jurisdiction, tariff, class, .. } =
            registered;
        let kind = match kind {
            SellerKind::Individual => "individual",
            SellerKind::Business => "business",
        };
        let row = [
            ViewValue::text(&registered.reference),
            kind.into(),
            ViewValue::text(jurisdiction.to_string()),
            id(tariff.0),
            number(class.0),
            cycle(registered.cycle),
            amount(registered.minimum),
            EMPTY,
            flag(self.books.is_seller_suspended(*seller)),
            flag(false),
        ];
        self.begin(ViewName::Sellers, seller_key(*seller, *of), row);
    }

    fn courier(&mut self, registered: &RegisterCourier) {
        let RegisterCourier { courier, firm, cash_limit, reference, .. } = registered;
        let of = self.books.firm_currency(*firm).map(|of| of.code());
        let row = [
            ViewValue::text(reference),
            id(firm.0),
            of.into(),
            amount(*cash_limit),
            EMPTY,
            flag(false),
        ];
        self.begin(ViewName::Couriers, ids([courier.0]), row);
        let nothing = [id(firm.0), of.into(), number(0), number(0)];
        self.begin(ViewName::Custody, ids([courier.0]), nothing);
    }

    fn terminal(&mut self, terminal: TerminalId, courier: CourierId, is_new: bool) {
        let view = self.books.terminal_view(terminal).expect("the terminal is registered");
        let key = ids([terminal.0]);
        let row = [
            id(courier.0),
            id(view.firm.0),
            currency(view.currency),
            flag(view.blocked),
            amount(view.offline_each),
            amount(view.offline_total),
        ];
        self.rows.hold(ViewName::Terminals, key, self.batch, is_new, Some(row));
    }
}
