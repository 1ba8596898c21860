//! An example of every command, with every alternative inside it: for the golden bytes, and to make
//! hostile commands from.

use engine::*;
use money::{Amount, Currency, Rate};
use tariff::{Capped, CardKind, CardRates, Class, ClassNo, FixedOrShare, PerTender, Terms};

use crate::world::*;

/// The name of a command's variant. A new variant does not compile until it is named here; then the
/// golden bytes ask for an example of it.
pub fn variant(command: &Command) -> &'static str {
    use Command as C;
    match command {
        C::OpenBooks { .. } => "OpenBooks",
        C::RegisterBank { .. } => "RegisterBank",
        C::RegisterFirm { .. } => "RegisterFirm",
        C::RegisterCourier { .. } => "RegisterCourier",
        C::RegisterTerminal { .. } => "RegisterTerminal",
        C::HandTerminal { .. } => "HandTerminal",
        C::BlockTerminal { .. } => "BlockTerminal",
        C::RegisterNetwork { .. } => "RegisterNetwork",
        C::RegisterWallet { .. } => "RegisterWallet",
        C::SetHoldRule { .. } => "SetHoldRule",
        C::PublishTariff { .. } => "PublishTariff",
        C::RegisterSeller { .. } => "RegisterSeller",
        C::AnnounceParcel { .. } => "AnnounceParcel",
        C::AssignParcels { .. } => "AssignParcels",
        C::DispatchParcels { .. } => "DispatchParcels",
        C::RecordAttempt { .. } => "RecordAttempt",
        C::AcceptPart { .. } => "AcceptPart",
        C::RefuseParcel { .. } => "RefuseParcel",
        C::ReturnParcel { .. } => "ReturnParcel",
        C::LoseParcel { .. } => "LoseParcel",
        C::BeginCollection { .. } => "BeginCollection",
        C::ResolveCollection { .. } => "ResolveCollection",
        C::ReverseCollection { .. } => "ReverseCollection",
        C::CollectCash { .. } => "CollectCash",
        C::Refund { .. } => "Refund",
        C::ConfirmRefund { .. } => "ConfirmRefund",
        C::ChargeBack { .. } => "ChargeBack",
        C::StartHandOver { .. } => "StartHandOver",
        C::CountHandOver { .. } => "CountHandOver",
        C::RepayShortage { .. } => "RepayShortage",
        C::AnnounceDeposit { .. } => "AnnounceDeposit",
        C::ConfirmDeposit { .. } => "ConfirmDeposit",
        C::ConfirmClearing { .. } => "ConfirmClearing",
        C::ReleaseDue { .. } => "ReleaseDue",
        C::PlanSettlement { .. } => "PlanSettlement",
        C::ApproveSettlement { .. } => "ApproveSettlement",
        C::RejectSettlement { .. } => "RejectSettlement",
        C::ExecuteSettlement { .. } => "ExecuteSettlement",
        C::ConfirmPayout { .. } => "ConfirmPayout",
        C::ReturnPayout { .. } => "ReturnPayout",
        C::RaiseBreak { .. } => "RaiseBreak",
        C::ProposeBreakClosing { .. } => "ProposeBreakClosing",
        C::ApproveBreakClosing { .. } => "ApproveBreakClosing",
        C::ForgetClosed { .. } => "ForgetClosed",
        C::CancelDeposit { .. } => "CancelDeposit",
        C::PayCommission { .. } => "PayCommission",
        C::OpenBatch { .. } => "OpenBatch",
        C::BeginPurchase { .. } => "BeginPurchase",
        C::ResolvePurchase { .. } => "ResolvePurchase",
        C::BeginCompletion { .. } => "BeginCompletion",
        C::ResolveCompletion { .. } => "ResolveCompletion",
        C::EndCompletionReversal { .. } => "EndCompletionReversal",
        C::BeginVoid { .. } => "BeginVoid",
        C::BeginReversal { .. } => "BeginReversal",
        C::UndoVoid { .. } => "UndoVoid",
        C::EndTakingBack { .. } => "EndTakingBack",
        C::TakeAdvice { .. } => "TakeAdvice",
        C::AnswerAdvice { .. } => "AnswerAdvice",
        C::SetOfflineLimit { .. } => "SetOfflineLimit",
        C::TakeCash { .. } => "TakeCash",
        C::BeginRefund { .. } => "BeginRefund",
        C::AnswerRefund { .. } => "AnswerRefund",
        C::CloseBatch { .. } => "CloseBatch",
        C::ReconcileBatch { .. } => "ReconcileBatch",
        C::WithdrawNetwork { .. } => "WithdrawNetwork",
        C::ReinstateNetwork { .. } => "ReinstateNetwork",
        C::ExpirePreAuthorisations { .. } => "ExpirePreAuthorisations",
        C::ReverseUnheard { .. } => "ReverseUnheard",
    }
}

fn terms() -> Terms {
    let share = |ppm| Rate::from_ppm(ppm).unwrap();
    let capped = |ppm, cap| Capped { rate: share(ppm), cap };
    let rates = CardRates {
        issuer: capped(5_500, None),
        network: capped(800, Some(Amount::of(325))),
        acquirer: capped(1_500, None),
        cap: Some(Amount::of(2_600)),
    };
    let credit = CardRates { cap: None, ..rates };
    let class =
        |name: &str| Class { name: name.into(), debit: rates, credit, wallet: capped(6_000, None) };
    let fee = |fixed, ppm| FixedOrShare { fixed: Amount::of(fixed), share: share(ppm) };
    Terms {
        classes: vec![class("general"), class("dining")],
        cod: PerTender { card: fee(0, 0), qr: fee(50, 2_000), cash: fee(200, 10_000) },
        commission: PerTender { card: fee(0, 0), qr: fee(20, 0), cash: fee(100, 5_000) },
        return_fee: Amount::of(400),
    }
}

/// Examples with what tells them apart where a command has several.
pub fn examples() -> Vec<(&'static str, Command)> {
    let mut examples = parties();
    examples.extend(doors());
    examples.extend(cash_and_clearing());
    examples.extend(settlement_and_breaks());
    examples.extend(terminals());
    examples
}

fn parties() -> Vec<(&'static str, Command)> {
    use Command as C;
    let currency = Currency::CNY;
    let reference = |text: &str| text.to_owned();
    let seller = |kind, cycle| C::RegisterSeller {
        seller: SellerId(3),
        kind,
        currency,
        jurisdiction: CHINA,
        tariff: TARIFF,
        class: ClassNo(1),
        cycle,
        minimum: Amount::of(5_000),
        reference: reference("seller 3"),
    };
    let rule = |rule| C::SetHoldRule { jurisdiction: CHINA, rule };
    let tariff = |currency, until| C::PublishTariff {
        tariff: TARIFF,
        version: 2,
        currency,
        from: day("2013-09-01"),
        until,
        terms: Box::new(terms()),
        reference: reference("tariff 2"),
    };
    vec![
        ("", C::OpenBooks { utc_offset_minutes: -180 }),
        ("", C::RegisterBank { bank: BankId(2), currency, reference: reference("bank 2") }),
        (
            "",
            C::RegisterFirm {
                firm: FirmId(3),
                currency: Currency::BRL,
                guarantee: Amount::of(1_000_000),
                reference: reference("firm 3"),
            },
        ),
        (
            "",
            C::RegisterCourier {
                courier: CourierId(4),
                firm: FIRM,
                cash_limit: Amount::MAX,
                reference: reference("courier 四"),
            },
        ),
        ("", C::RegisterTerminal { terminal: TerminalId(3), courier: COURIER }),
        ("", C::HandTerminal { terminal: TERMINAL, courier: COLLEAGUE }),
        ("", C::BlockTerminal { terminal: TERMINAL, blocked: true }),
        ("", C::RegisterNetwork { network: NetworkId(2), currency, reference: reference("net 2") }),
        ("", C::RegisterWallet { wallet: WalletId(2), currency, reference: reference("wallet 2") }),
        ("AtOnce", rule(HoldRule::AtOnce)),
        ("DaysAfterHeld", rule(HoldRule::DaysAfterHeld(2))),
        ("DaysAfterDelivery", rule(HoldRule::DaysAfterDelivery(5))),
        ("AnyCurrency", tariff(None, None)),
        ("OneCurrency", tariff(Some(Currency::TND), Some(day("2014-01-01")))),
        ("BusinessDaily", seller(SellerKind::Business, Cycle::Daily)),
        ("IndividualWeekly", seller(SellerKind::Individual, Cycle::Weekly)),
        ("IndividualMonthly", seller(SellerKind::Individual, Cycle::Monthly)),
    ]
}

fn doors() -> Vec<(&'static str, Command)> {
    use Command as C;
    let parcel = ParcelId::derived(SELLER, "o-1");
    let other = ParcelId::derived(SELLER, "o-2");
    let tender = TenderId { parcel, number: 1 };
    let (kind, network) = (CardKind::Credit, NETWORK);
    let attempt = |reason| C::RecordAttempt { parcel, number: 1, reason };
    let refuse = |reason| C::RefuseParcel { parcel, reason };
    vec![
        ("", announce(SELLER, "o-1", 10_000)),
        ("", C::AssignParcels { firm: FIRM, parcels: vec![parcel, other] }),
        ("", C::DispatchParcels { courier: COURIER, parcels: vec![parcel] }),
        ("NobodyHome", attempt(AttemptReason::NobodyHome)),
        ("AddressWrong", attempt(AttemptReason::AddressWrong)),
        ("AnotherDay", attempt(AttemptReason::AnotherDay)),
        ("CannotPay", attempt(AttemptReason::CannotPay)),
        ("OutOfTime", attempt(AttemptReason::OutOfTime)),
        ("", accept_part(parcel, 6_000)),
        ("NotWanted", refuse(RefuseReason::NotWanted)),
        ("NotAsOrdered", refuse(RefuseReason::NotAsOrdered)),
        ("Damaged", refuse(RefuseReason::Damaged)),
        ("AmountDisputed", refuse(RefuseReason::AmountDisputed)),
        ("AttemptsUsedUp", refuse(RefuseReason::AttemptsUsedUp)),
        ("", C::ReturnParcel { parcel }),
        ("", C::LoseParcel { parcel }),
        ("Debit", card(tender, 10_000)),
        ("Credit", begin(tender, Method::Card { network, kind }, 10_000)),
        ("Qr", qr(tender, 10_000)),
        ("Approved", approve(tender)),
        ("Declined", decline(tender)),
        ("Unknown", unknown(tender)),
        ("", reverse(tender)),
        ("", cash(tender, 10_000)),
        ("", refund(tender, 1, 400)),
        ("", confirm_refund(tender, 1, 400)),
        ("", charge_back(tender, 2, 500)),
    ]
}

fn cash_and_clearing() -> Vec<(&'static str, Command)> {
    let tender = TenderId { parcel: ParcelId::derived(SELLER, "o-1"), number: 1 };
    vec![
        ("", start_hand_over(1)),
        ("", count(1, 9_900)),
        ("", repay(COURIER, 1, 100)),
        ("", deposit(1, 9_900)),
        ("", confirm_deposit(1, 9_000)),
        ("", cancel_deposit(1)),
        ("", pay_commission(1, 120)),
        ("", clear(tender, 10_000, 63)),
        ("", release("2013-08-28")),
    ]
}

fn settlement_and_breaks() -> Vec<(&'static str, Command)> {
    use BreakSide::{Excess, Shortfall};
    vec![
        ("", plan(1, ANNA)),
        ("", approve_plan(1, BO)),
        ("", reject_plan(1, BO)),
        ("", execute(1)),
        ("", confirm_payout(1)),
        ("", return_payout(2)),
        ("BankExcess", raise(1, BreakSubject::Bank(BANK), Excess, 500)),
        ("NetworkShortfall", raise(2, BreakSubject::Network(NETWORK), Shortfall, 500)),
        ("WalletExcess", raise(3, BreakSubject::Wallet(WALLET), Excess, 500)),
        ("FirmCashShortfall", raise(4, BreakSubject::FirmCash(FIRM), Shortfall, 500)),
        ("WriteOff", propose(BreakId(1), Closing::WriteOff, ANNA)),
        ("ThroughBank", propose(BreakId(2), Closing::ThroughBank(BANK), ANNA)),
        ("WriteOff", approve_closing(BreakId(1), Closing::WriteOff, BO)),
        ("ThroughBank", approve_closing(BreakId(2), Closing::ThroughBank(BANK), BO)),
        ("", Command::ForgetClosed { before: day("2013-02-25"), limit: 1_000 }),
    ]
}

fn terminals() -> Vec<(&'static str, Command)> {
    use Command as C;
    let parcel = ParcelId::derived(SELLER, "o-1");
    let tender = first(parcel);
    let totals = BatchTotals {
        card_debits: sums(2, 12_000),
        card_credits: sums(1, 2_000),
        other_debits: sums(1, 500),
        other_credits: sums(0, 0),
    };
    let verdicts = [
        Verdict::Chosen,
        Verdict::Dearer,
        Verdict::Down,
        Verdict::Withdrawn,
        Verdict::NotForCard,
        Verdict::Full,
        Verdict::WrongCurrency,
    ];
    let considered = (1..).zip(verdicts).map(|(network, verdict)| {
        let (network, cost) = (NetworkId(network), Amount::of(60 + network));
        Considered { network, cost, verdict }
    });
    let (kind, network) = (CardKind::Credit, NETWORK);
    let mut pre_authorisation = pre_authorise(8, parcel, 9_000);
    if let C::BeginPurchase { considered: list, method, .. } = &mut pre_authorisation {
        (*list, *method) = (considered.collect(), Method::Card { network, kind });
    }
    let declined = Resolution::Declined { code: *b"51" };
    vec![
        ("", open_batch(1)),
        ("Sale", sell(7, parcel, 10_000)),
        ("PreAuthorisation", pre_authorisation),
        ("Qr", sell_by_qr(9, parcel, 10_000)),
        ("Approved", approved(tender)),
        ("Declined", answer(tender, declined)),
        ("Unknown", no_answer(tender)),
        ("", complete(10, tender, 8_000)),
        ("Approved", answer_completion(tender, Resolution::Approved)),
        ("Declined", answer_completion(tender, declined)),
        ("Unknown", answer_completion(tender, Resolution::Unknown)),
        ("", C::EndCompletionReversal { tender }),
        ("", void(11, tender)),
        ("", must_not_stand(tender)),
        ("", undo_void(tender)),
        ("Done", taken_back(tender)),
        ("NotDone", stands(tender, *b"12")),
        ("", advise(12, parcel, 3_000)),
        ("", answer_advice(tender, *b"00")),
        ("", offline_limit(5_000, 20_000)),
        ("", take_cash(13, parcel, 4_500, 5_000)),
        ("", give_back(14, tender, 1_000)),
        ("", answer_refund(14, *b"00")),
        ("", close_batch(1, totals)),
        ("", reconcile(1, vec![debit(7, 10_000), credit(14, 1_000)])),
        ("", withdraw(Timestamp(1_377_651_600_000))),
        ("", reinstate()),
        ("", expire("2013-08-28")),
        ("", reverse_unheard(7)),
    ]
}
