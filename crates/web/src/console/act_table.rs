//! Which acts stand on which pages: for a view's rows by their state, and for its list.

use access::{AccessFunction, AccessScope, Principal};
use engine::Command;
use machine::CommandSpec;
use pages::{ActLink, Link, PageRow, PageWords};
use views::ViewSpec;

use crate::problem::kebab;

/// Where the forms of commands are.
pub(super) const ACTS_PATH: &str = "/acts";

/// An act on a page.
struct OfferedAct {
    command: &'static str,
    view: &'static str,
    /// Columns of the row, each with the values with which the act makes sense. `>0` is a number
    /// that is not 0.
    when: &'static [(&'static str, &'static [&'static str])],
    /// Fields of the command, each with the columns of its value, or with `=` and the value itself.
    /// Without any the act stands on the list.
    fields: &'static [(&'static str, &'static str)],
    /// It is what usually comes next.
    is_next: bool,
}

type When = &'static [(&'static str, &'static [&'static str])];
type Fields = &'static [(&'static str, &'static str)];

const fn row(command: &'static str, view: &'static str, when: When, fields: Fields) -> OfferedAct {
    OfferedAct { command, view, when, fields, is_next: false }
}

const fn next(command: &'static str, view: &'static str, when: When, fields: Fields) -> OfferedAct {
    OfferedAct { command, view, when, fields, is_next: true }
}

const fn list(command: &'static str, view: &'static str) -> OfferedAct {
    OfferedAct { command, view, when: &[], fields: &[], is_next: false }
}

const SOME: &[&str] = &[">0"];
const NONE: &[&str] = &[""];
const PARCEL: Fields = &[("parcel", "parcel")];
const PARCELS: Fields = &[("parcels", "parcel")];
const PAYMENT: Fields = &[("payment", "parcel/payment")];
const CHARGEBACK: Fields = &[("payment", "parcel/payment"), ("number", "number")];
const COURIER: Fields = &[("courier", "courier")];
const HAND_OVER: Fields = &[("handover", "hand_over")];
const DEPOSIT: Fields = &[("deposit", "deposit")];
const BREAK: Fields = &[("break_id", "break")];
const PLAN: Fields = &[("plan", "plan")];
const PAYOUT: Fields = &[("payout", "payout")];
const SELLER: Fields = &[("seller", "seller")];
const ACCOUNT: Fields = &[("seller", "seller"), ("currency", "currency")];
const INVOICE: Fields = &[("seller", "seller"), ("currency", "currency"), ("invoice", "number")];
const FIRM: Fields = &[("firm", "firm")];
const NETWORK: Fields = &[("network", "network")];
const TERMINAL: Fields = &[("terminal", "terminal")];
const ENTRY: Fields = &[("bank", "bank"), ("file", "file"), ("line", "line")];
const PERSON: Fields = &[("person", "person")];

const OFFER: Fields = &[("offer", "offer")];
const OFFER_TEXT: Fields = &[("offer", "offer"), ("content", "content")];
const OFFER_OF_SELLER: Fields = &[("offer", "offer"), ("seller", "seller")];
const DECISION: Fields = &[("offer", "offer"), ("decision", "decision")];
const DECISION_OF_SELLER: Fields =
    &[("offer", "offer"), ("decision", "decision"), ("seller", "seller")];
const LIST_OFFER: Fields = &[("offer", "offer"), ("state", "=Listed")];
const VARIANT: Fields = &[("variant", "variant")];
const PROMOTION: Fields = &[("promotion", "promotion")];
const MARKET_ORDER: Fields = &[("order", "market_order")];

const fn is(states: &'static [&'static str]) -> (&'static str, &'static [&'static str]) {
    ("state", states)
}

const STANDS: When = &[is(&["approved", "held", "released"])];
const BY_NETWORK: When =
    &[is(&["approved", "held", "released"]), ("method", &["debit card", "credit card", "QR"])];
const DISPUTED: When = &[("kind", &["chargeback"]), is(&["contested"])];
const OPEN: When = &[is(&["open"])];
const ACTIVE: When = &[("suspended", &["false"])];
const STANDING_OFFER: When = &[is(&["draft", "listed", "paused"])];
const HELD_TEXT: When = &[is(&["stands"]), ("verdict", &["held"])];
const SHOWN_TEXT: When = &[is(&["stands"]), ("verdict", &["published", "labelled", "refused"])];
const APPEALABLE: When = &[
    is(&["stands", "text replaced"]),
    ("verdict", &["labelled", "refused"]),
    ("appealed", &["false"]),
];
const PUBLISHED: When = &[is(&["published"])];
const COUPON_PROMOTION: When = &[is(&["published"]), ("by_coupon", &["true"])];
const FLASH_PROMOTION: When = &[is(&["published"]), ("rule", &["flash"])];
const SUSPENDED: When = &[("suspended", &["true"])];

const ACTS: &[OfferedAct] = &[
    list("AnnounceParcel", "parcels"),
    list("AssignParcels", "parcels"),
    list("DispatchParcels", "parcels"),
    next("AssignParcels", "parcels", &[is(&["announced"])], PARCELS),
    next("DispatchParcels", "parcels", &[is(&["assigned"])], PARCELS),
    row("AssignParcels", "parcels", &[is(&["assigned"])], PARCELS),
    row("RecordAttempt", "parcels", &[is(&["out"])], PARCEL),
    row("AcceptPart", "parcels", &[is(&["out"])], PARCEL),
    row("RefuseParcel", "parcels", &[is(&["out", "assigned"])], PARCEL),
    next("ReturnParcel", "parcels", &[is(&["refused"])], PARCEL),
    row("AmendDue", "parcels", &[is(&["announced", "assigned"]), ("attempts", &["0"])], PARCEL),
    row("CancelParcel", "parcels", &[is(&["announced", "assigned"]), ("attempts", &["0"])], PARCEL),
    row("LoseParcel", "parcels", &[is(&["announced", "assigned", "out", "refused"])], PARCEL),
    row("CompensateSeller", "parcels", &[is(&["lost", "refused", "returned"])], PARCEL),
    row("Refund", "payments", STANDS, PAYMENT),
    row("RefundByTwoPersons", "payments", STANDS, PAYMENT),
    row("ConfirmRefund", "payments", &[("refunded", SOME)], PAYMENT),
    row("ChargeBack", "payments", BY_NETWORK, PAYMENT),
    row("ReverseCollection", "payments", &[is(&["begun", "unknown", "approved"])], PAYMENT),
    next("ResolveSuspendedSale", "payments", &[is(&["in suspense"])], PAYMENT),
    list("ReleaseDue", "payments"),
    list("ExpirePreAuthorisations", "payments"),
    next("ContestChargeback", "refunds", &[("kind", &["chargeback"]), is(&["booked"])], CHARGEBACK),
    row("WinChargebackByTwoPersons", "refunds", DISPUTED, CHARGEBACK),
    row("LoseChargeback", "refunds", DISPUTED, CHARGEBACK),
    row("ChargebackFee", "refunds", &[("kind", &["chargeback"])], CHARGEBACK),
    row("TakeBackWonChargeback", "refunds", &[("kind", &["chargeback"]), is(&["won"])], CHARGEBACK),
    list("SetChargebackFee", "refunds"),
    list("SetRefundLimit", "refunds"),
    next("StartHandOver", "custody", &[("in_hand", SOME)], COURIER),
    row("RepayShortage", "custody", &[("shortage", SOME)], COURIER),
    row("DeductShortage", "custody", &[("shortage", SOME)], COURIER),
    row("CoverShortage", "custody", &[("shortage", SOME)], COURIER),
    row("WriteOffShortage", "custody", &[("shortage", SOME)], COURIER),
    next("CountHandOver", "hand_overs", &[is(&["started"])], HAND_OVER),
    row("CountHandOverBySupervisor", "hand_overs", &[is(&["started"])], HAND_OVER),
    row("CancelHandOver", "hand_overs", &[is(&["started"])], HAND_OVER),
    list("StartHandOver", "hand_overs"),
    next("ConfirmDeposit", "deposits", &[is(&["announced"])], DEPOSIT),
    row("CancelDeposit", "deposits", &[is(&["announced"])], DEPOSIT),
    list("AnnounceDeposit", "deposits"),
    list("ClearLine", "clearing_lines"),
    list("BeginFile", "files"),
    row("EndFile", "files", &[is(&["begun"])], &[("file", "file")]),
    list("TakeEntry", "bank_entries"),
    next("MatchEntry", "bank_entries", &[is(&["expected"])], ENTRY),
    next("ProposeBreakResolution", "breaks", OPEN, BREAK),
    next("ApproveBreakResolution", "breaks", &[is(&["proposed"])], BREAK),
    row("ProposeBreakResolution", "breaks", &[is(&["proposed"])], BREAK),
    row("AssignBreak", "breaks", OPEN, BREAK),
    row("ReclassifyBreak", "breaks", OPEN, BREAK),
    row("WithdrawBreak", "breaks", OPEN, BREAK),
    list("RaiseBreak", "breaks"),
    next("CloseOpenItem", "open_items", OPEN, &[("item", "item")]),
    next("ApproveSettlement", "plans", &[is(&["planned"]), ("planned_by", SOME)], PLAN),
    next("ApproveCyclePlan", "plans", &[is(&["planned"]), ("planned_by", NONE)], PLAN),
    next("ExecuteSettlement", "plans", &[is(&["approved"])], PLAN),
    row("RejectSettlement", "plans", &[is(&["planned", "approved"])], PLAN),
    list("PlanSettlement", "plans"),
    list("PlanCycle", "plans"),
    next("ConfirmPayout", "payouts", &[is(&["sent"])], PAYOUT),
    row("ReturnPayout", "payouts", &[is(&["sent", "confirmed"])], PAYOUT),
    row("RecordSellerPayment", "invoices", OPEN, INVOICE),
    row("CancelInvoice", "invoices", OPEN, INVOICE),
    list("PayCommission", "commissions"),
    list("PostAdjustment", "adjustments"),
    list("PayTax", "adjustments"),
    list("ClosePeriod", "periods"),
    list("PublishTariff", "tariffs"),
    list("SetHoldRule", "hold_rules"),
    row("SetHoldRule", "hold_rules", &[], &[("jurisdiction", "jurisdiction")]),
    list("RegisterSeller", "sellers"),
    row("SetSellerTerms", "sellers", &[], ACCOUNT),
    row("SetPayoutAccount", "sellers", &[], ACCOUNT),
    row("ErasePayoutAccount", "sellers", &[("payout_account", &["true"])], ACCOUNT),
    row("InvoiceSeller", "sellers", &[], ACCOUNT),
    row("SuspendSeller", "sellers", ACTIVE, &[("seller", "seller"), ("suspended", "=true")]),
    row("SuspendSeller", "sellers", SUSPENDED, &[("seller", "seller"), ("suspended", "=false")]),
    row("EraseSubject", "sellers", &[], &[("subject", "=Seller"), ("subject.Seller", "seller")]),
    row("AnnounceParcel", "sellers", ACTIVE, SELLER),
    list("RegisterFirm", "firms"),
    row("RegisterCourier", "firms", &[], FIRM),
    row("AnnounceDeposit", "firms", &[], FIRM),
    row("PayCommission", "firms", &[], FIRM),
    row("SetFirmTerms", "firms", &[], FIRM),
    list("RegisterCourier", "couriers"),
    row("StartHandOver", "couriers", &[], COURIER),
    row("RegisterTerminal", "couriers", ACTIVE, COURIER),
    row("SetCourierTerms", "couriers", &[], COURIER),
    row("SuspendCourier", "couriers", ACTIVE, &[("courier", "courier"), ("suspended", "=true")]),
    row(
        "SuspendCourier",
        "couriers",
        SUSPENDED,
        &[("courier", "courier"), ("suspended", "=false")],
    ),
    list("RegisterBank", "banks"),
    list("RegisterNetwork", "networks"),
    row("WithdrawNetwork", "networks", &[("withdrawn_from", NONE)], NETWORK),
    row("ReinstateNetwork", "networks", &[("withdrawn_from", SOME)], NETWORK),
    list("RegisterWallet", "wallets"),
    list("RegisterTerminal", "terminals"),
    row("HandTerminal", "terminals", &[], TERMINAL),
    row("SetOfflineLimit", "terminals", &[], TERMINAL),
    row(
        "BlockTerminal",
        "terminals",
        &[("blocked", &["false"])],
        &[("terminal", "terminal"), ("blocked", "=true")],
    ),
    row(
        "BlockTerminal",
        "terminals",
        &[("blocked", &["true"])],
        &[("terminal", "terminal"), ("blocked", "=false")],
    ),
    list("RegisterPerson", "persons"),
    list("IssueApiKey", "persons"),
    list("RevokeApiKey", "persons"),
    row("GrantAccess", "persons", &[("removed", &["false"])], PERSON),
    row("RevokeAccess", "persons", &[("removed", &["false"])], PERSON),
    row("ResetSecondFactor", "persons", &[("removed", &["false"])], PERSON),
    row("RemovePerson", "persons", &[("removed", &["false"])], PERSON),
    list("SetTimeZone", "commands"),
    list("SetRetention", "commands"),
    list("ForgetClosed", "commands"),
    list("EraseSubject", "commands"),
    list("RecordDisclosure", "commands"),
    list("RetryNotices", "notices"),
    list("DraftOffer", "offers"),
    next("SetOfferState", "offers", &[is(&["draft", "paused"])], LIST_OFFER),
    row("SetOfferState", "offers", &[is(&["listed"])], OFFER),
    row("ReviseOffer", "offers", STANDING_OFFER, OFFER),
    row("AddVariant", "offers", STANDING_OFFER, OFFER),
    row("SetPrice", "variants", &[], VARIANT),
    row("AdjustStock", "variants", &[], VARIANT),
    row("AllotFlashStock", "variants", &[], VARIANT),
    list("PublishPromotion", "promotions"),
    row("PublishPromotion", "promotions", PUBLISHED, PROMOTION),
    row("IssueCoupons", "promotions", COUPON_PROMOTION, PROMOTION),
    row("AllotFlashStock", "promotions", FLASH_PROMOTION, PROMOTION),
    row("EndPromotion", "promotions", PUBLISHED, PROMOTION),
    list("PublishMarketProfile", "offers"),
    row("AdmitSeller", "sellers", ACTIVE, ACCOUNT),
    list("Checkout", "market_orders"),
    list("ReserveUnits", "market_orders"),
    list("CancelReservation", "market_orders"),
    list("EndReservations", "market_orders"),
    row("CancelOrder", "market_orders", &[("units_kept", SOME)], MARKET_ORDER),
    row("ReceiveUnits", "market_orders", &[], MARKET_ORDER),
    row("ReturnUnits", "market_orders", &[("units_kept", SOME)], MARKET_ORDER),
    row("AcceptUnits", "market_parcels", &[is(&["under way"])], PARCEL),
    row("AcceptAppeal", "market_parcels", &[is(&["refused", "returned"])], PARCEL),
    row("DecideText", "offers", STANDING_OFFER, OFFER_TEXT),
    next("DecideText", "text_decisions", HELD_TEXT, OFFER_TEXT),
    row("DecideText", "text_decisions", SHOWN_TEXT, OFFER_TEXT),
    next("AppealText", "text_decisions", APPEALABLE, DECISION_OF_SELLER),
    next("JudgeAppeal", "text_appeals", OPEN, DECISION),
    row("AppealText", "offers", &[], OFFER_OF_SELLER),
    row("JudgeAppeal", "offers", &[], OFFER),
    list("ActivatePolicy", "offers"),
    list("SuspendRule", "offers"),
    list("DrawSample", "offers"),
    list("JudgeSample", "offers"),
];

/// Whether a principal may give a command, once the second factor is given again.
pub(super) fn may(principal: &Principal, command: &str) -> bool {
    let function = AccessFunction::GiveNamed(command);
    principal.may(function) != AccessScope::Nothing || principal.lacks_step_up(function)
}

/// The declaration of a command that has a form, by the end of its address.
pub(super) fn named(kebab_name: &str) -> Option<&'static CommandSpec> {
    let offered = |spec: &&CommandSpec| ACTS.iter().any(|act| act.command == spec.name);
    Command::specs().filter(offered).find(|spec| kebab(spec.name) == kebab_name)
}

/// The address of a command's form.
pub(super) fn act_path(command: &str) -> String {
    format!("{ACTS_PATH}/{}", kebab(command))
}

/// What an act is called. One that is ended has a name of its own.
pub(super) fn title(words: PageWords, command: &str, ends: bool) -> &'static str {
    let end = words.entry("act_end", command).filter(|_| ends);
    end.or_else(|| words.entry("act", command)).unwrap_or_default()
}

fn fits(view: &ViewSpec, row: &PageRow, when: When) -> bool {
    when.iter().all(|(column, values)| {
        let raw = row.raw_of(view, column).unwrap_or_default();
        values.iter().any(|value| match *value {
            ">0" => !matches!(raw, "" | "0") && !raw.ends_with("_0"),
            value => value == raw,
        })
    })
}

/// What a person can do with a row as it stands. `own` is the person's identifier.
pub(super) fn of_row(
    words: PageWords,
    principal: &Principal,
    (view, row): (&'static ViewSpec, &PageRow),
    own: &str,
    back: &str,
) -> Vec<ActLink> {
    let offered = ACTS.iter().filter(|act| act.view == view.name && !act.fields.is_empty());
    let offered = offered.filter(|act| fits(view, row, act.when) && may(principal, act.command));
    // Who planned does not approve.
    let is_own = row.raw_of(view, "planned_by") == Some(own);
    let offered = offered.filter(|act| !(is_own && act.command == "ApproveSettlement"));
    let links = offered.filter_map(|act| {
        let mut link = Link::to(&act_path(act.command));
        for (field, from) in act.fields {
            let value = match from.strip_prefix('=') {
                Some(value) => value.to_owned(),
                None => {
                    let parts = from.split('/').map(|column| row.raw_of(view, column));
                    parts.collect::<Option<Vec<_>>>()?.join("/")
                }
            };
            link = link.with(field, &value);
        }
        let ends = act.fields.iter().any(|(_, from)| *from == "=false");
        Some(ActLink {
            text: title(words, act.command, ends).to_owned(),
            about: String::new(),
            href: link.with("back", back).text(),
            is_next: act.is_next,
        })
    });
    links.collect()
}

fn link(words: PageWords, act: &OfferedAct, about: &dyn Fn(&str) -> String, back: &str) -> ActLink {
    ActLink {
        text: title(words, act.command, false).to_owned(),
        about: about(act.command),
        href: Link::to(&act_path(act.command)).with("back", back).text(),
        is_next: false,
    }
}

/// What a person can do on a list.
pub(super) fn of_list(words: PageWords, principal: &Principal, view: &ViewSpec) -> Vec<ActLink> {
    let offered = ACTS.iter().filter(|act| act.view == view.name && act.fields.is_empty());
    let offered = offered.filter(|act| may(principal, act.command));
    let back = pages::list_path(view.name);
    offered.map(|act| link(words, act, &|_| String::new(), &back)).collect()
}

/// All acts of a person, by the view that they are about, each once.
pub(super) fn all(
    words: PageWords,
    principal: &Principal,
    about: impl Fn(&str) -> String,
) -> Vec<(&'static str, Vec<ActLink>)> {
    let mut groups: Vec<(&'static str, Vec<ActLink>)> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for act in ACTS {
        if seen.contains(&act.command) || !may(principal, act.command) {
            continue;
        }
        seen.push(act.command);
        let title = words.entry("view", act.view).unwrap_or_default();
        let act = link(words, act, &about, ACTS_PATH);
        match groups.iter_mut().find(|(one, _)| *one == title) {
            Some((_, acts)) => acts.push(act),
            None => groups.push((title, vec![act])),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use machine::ActorKind;
    use office::Language;
    use office::fields;

    use super::*;

    #[test]
    fn every_command_of_a_person_has_a_form_with_a_name() {
        let offered: BTreeSet<&str> = ACTS.iter().map(|act| act.command).collect();
        let given = Command::specs();
        let given = given.filter(|spec| spec.given_by.contains(&ActorKind::Person));
        // Books are opened once, before anybody can sign in; cash at the door is the phone's.
        let elsewhere = ["OpenBooks", "TakeCashByPhone"];
        let given = given.map(|spec| spec.name).filter(|name| !elsewhere.contains(name));
        assert_eq!(offered, given.collect());
        for words in [PageWords(Language::En), PageWords(Language::Zh)] {
            for command in &offered {
                assert!(!title(words, command, false).is_empty(), "{command}");
            }
        }
    }

    #[test]
    fn what_an_act_takes_from_a_row_is_there() {
        for act in ACTS {
            // Notices are no view of the books.
            let view = ViewSpec::find(act.view).unwrap_or(crate::notice_rows::spec());
            let of = fields::declared().of(act.command).unwrap();
            for (column, _) in act.when {
                assert!(view.column(column).is_some(), "{} {column}", act.view);
            }
            for (field, from) in act.fields {
                let field = field.split('.').next().unwrap();
                assert!(of.field(field).is_some(), "{} {field}", act.command);
                for column in from.split('/').filter(|from| !from.starts_with('=')) {
                    assert!(view.column(column).is_some(), "{} {column}", act.view);
                }
            }
        }
    }
}
